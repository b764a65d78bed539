#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""notify_hear.py PATH: a service manager's ear. Prints what is sent to the datagram socket PATH, line by line."""

import socket
import sys


def main():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
        sock.bind(sys.argv[1])
        while True:
            print(sock.recv(4096).decode())


if __name__ == '__main__':
    main()
