#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""UDP datagrams in fragments, in any order, to an echo that signs its answers (udp_echo.py).

    fragments.py --datagrams 20 --size 8000 --order shuffled --from 198.51.100.2 --from 198.51.100.3 192.0.2.10 7

Makes the fragments itself and sends them by a raw socket, those of all datagrams mixed; a UDP socket on each port takes
the answers, which the kernel puts together. Prints one JSON object:

    sent, answered         numbers of datagrams
    by_server              {name: answers}

The exit status is 0 only if every datagram was answered, to the byte.
"""

import argparse
import collections
import json
import random
import select
import socket
import struct
import sys
import time

IPV6_HDRINCL = 36
PAUSE = 0.0005  # between fragments: the queues on the way are short


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


class Datagram:
    def __init__(self, family, source, to, port, number, size):
        self.family, self.source, self.to, self.number = family, source, to, number
        self.socket = socket.socket(family, socket.SOCK_DGRAM)
        self.socket.bind((source, 0))
        own = self.socket.getsockname()[1]
        self.payload = random.Random(number).randbytes(size)
        addresses = socket.inet_pton(family, source) + socket.inet_pton(family, to)
        header = struct.pack("!HHHH", own, port, 8 + size, 0)
        pseudo = addresses + struct.pack("!II", 8 + size, socket.IPPROTO_UDP)
        summed = checksum(pseudo + header + self.payload) or 0xFFFF
        self.udp = header[:6] + struct.pack("!H", summed) + self.payload
        self.addresses = addresses
        self.server = None

    def header(self, at, more, length):
        """The IP header of a fragment; number 0 would be filled in by the kernel."""
        if self.family == socket.AF_INET:
            place = at // 8 | (0x2000 if more else 0)
            return struct.pack("!BBHHHBBH", 0x45, 0, 0, self.number, place, 64, socket.IPPROTO_UDP, 0) + self.addresses
        start = struct.pack("!IHBB", 6 << 28, 8 + length, socket.IPPROTO_FRAGMENT, 64) + self.addresses
        return start + struct.pack("!BBHI", socket.IPPROTO_UDP, 0, at | more, self.number)

    def fragments(self, bytes_each, order):
        if len(self.udp) <= bytes_each and self.family == socket.AF_INET:
            parts = [self.header(0, False, len(self.udp)) + self.udp]
        else:
            parts = []
            for at in range(0, len(self.udp), bytes_each):
                part = self.udp[at : at + bytes_each]
                parts.append(self.header(at, at + len(part) < len(self.udp), len(part)) + part)
        if order == "reversed":
            parts.reverse()
        elif order == "shuffled":
            random.Random(self.number).shuffle(parts)
        return parts

    def take_answer(self):
        name, _, payload = self.socket.recv(65535).partition(b" ")
        if payload == self.payload:
            self.server = name.decode()


def raw_socket(family):
    raw = socket.socket(family, socket.SOCK_RAW, socket.IPPROTO_RAW)
    if family == socket.AF_INET6:
        raw.setsockopt(socket.IPPROTO_IPV6, IPV6_HDRINCL, 1)
    return raw


def send(datagrams, args):
    """Round and round: one fragment of each datagram."""
    raw = raw_socket(datagrams[0].family)
    queues = [collections.deque(d.fragments(args.bytes, args.order)) for d in datagrams]
    while any(queues):
        for datagram, queue in zip(datagrams, queues):
            if queue:
                raw.sendto(queue.popleft(), (datagram.to, 0))
                time.sleep(PAUSE)


def receive(datagrams, timeout):
    waiting = {d.socket: d for d in datagrams}
    end = time.monotonic() + timeout
    while waiting and time.monotonic() < end:
        for ready in select.select(list(waiting), [], [], 0.1)[0]:
            waiting[ready].take_answer()
            if waiting[ready].server:
                del waiting[ready]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--datagrams", type=int, default=20)
    parser.add_argument("--size", type=int, default=8000, help="of the payload")
    parser.add_argument("--bytes", type=int, default=1400, help="of each fragment, a multiple of 8")
    parser.add_argument("--order", choices=["sent", "reversed", "shuffled"], default="sent")
    parser.add_argument("--first-number", type=int, default=random.randrange(1, 60000), help="identification")
    parser.add_argument("--timeout", type=float, default=3)
    parser.add_argument("--from", dest="sources", action="append", required=True)
    parser.add_argument("address")
    parser.add_argument("port", type=int)
    args = parser.parse_args()
    family = socket.AF_INET6 if ":" in args.address else socket.AF_INET
    datagrams = [
        Datagram(family, args.sources[i % len(args.sources)], args.address, args.port, args.first_number + i, args.size)
        for i in range(args.datagrams)
    ]
    send(datagrams, args)
    receive(datagrams, args.timeout)
    servers = collections.Counter(d.server for d in datagrams if d.server)
    answered = sum(servers.values())
    print(json.dumps({"sent": len(datagrams), "answered": answered, "by_server": dict(sorted(servers.items()))}))
    return 0 if answered == len(datagrams) else 1


if __name__ == "__main__":
    sys.exit(main())
