#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Asks an HTTP server once from each of a range of client ports, and prints who answered: "PORT NAME" a line.

    by_port.py 192.0.2.10 80 30000 30099

The name is the first line of the body of GET /whoami. The server closes first, so that every port can be used again
at once. A request that fails ends the program with exit status 1.
"""

import socket
import sys


def ask(address, port, client_port):
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as sock:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.settimeout(5)
        sock.bind(("", client_port))
        sock.connect((address, port))
        sock.sendall(b"GET /whoami HTTP/1.0\r\n\r\n")
        answer = b""
        while piece := sock.recv(4096):
            answer += piece
    head, _, body = answer.partition(b"\r\n\r\n")
    if head.split()[1:2] != [b"200"]:
        raise OSError(f"answered {head[:40]!r}")
    return body.decode().partition("\n")[0]


def main():
    address, port, first, last = sys.argv[1], *map(int, sys.argv[2:5])
    for client_port in range(first, last + 1):
        try:
            print(client_port, ask(address, port, client_port))
        except OSError as error:
            print(f"by_port.py: port {client_port}: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
