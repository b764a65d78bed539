#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Keeps many HTTP connections busy with requests that never end.

    slow_http.py --connections 32 --seconds 60 127.0.0.1 9469

Every connection sends one byte of its request a second, so it is never idle and never done. Ends when the server
has cut all of them off, or after the time given. Prints one JSON object:

    opened   connections
    cut      those that the server ended
    last_s   seconds until it ended the last one of them
"""

import argparse
import json
import select
import socket
import sys
import time


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--connections", type=int, default=32, help="default %(default)s")
    parser.add_argument("--seconds", type=float, default=60, help="default %(default)s")
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    args = parser.parse_args()

    start = time.monotonic()
    waiting = [socket.create_connection((args.address, args.port), timeout=5) for _ in range(args.connections)]
    request = iter("GET /metrics HTTP/1.1\r\nX-Slow: ".ljust(4096, "x").encode())
    last = 0.0
    while waiting and time.monotonic() - start < args.seconds:
        byte = bytes([next(request)])
        for client in select.select([], waiting, [], 0)[1]:
            try:
                client.send(byte)
            except OSError:
                pass  # the server has ended it: the next lines see that too
        for client in select.select(waiting, [], [], 0)[0]:
            client.close()
            waiting.remove(client)
            last = time.monotonic() - start
        time.sleep(1)
    print(json.dumps({"opened": args.connections, "cut": args.connections - len(waiting), "last_s": round(last)}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
