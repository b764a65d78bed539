#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""A balancer and a backend in miniature, for decap.bats.

tunnel.py serve ADDRESS...
    answers every UDP packet to port 7 of these addresses with "ECN LENGTH", as the kernel delivered it.

tunnel.py ask CLIENT VIP FROM TO [--tos OUTER INNER] [--size BYTES] [--count N] [--every SECONDS] [--gue ...]
    sends N UDP packets CLIENT -> VIP inside IP packets FROM -> TO, one after the other, and prints the answer to
    each, or "nothing" after half a second. The kernel makes the outer header; the answer comes back directly.
    With --gue 0|1 [--port PORT] [--checksum] they go in GUE of that variant.
"""

import argparse
import select
import socket
import struct
import time

PORT = 7
SO_NO_CHECK = 11  # linux/socket.h, linux/udp.h; Python has no names for them
UDP_NO_CHECK6_TX = 101


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def packed(address):
    return socket.inet_pton(family(address), address)


def checksum(data):
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def inner_packet(client, client_port, vip, tos, payload):
    addresses = packed(client) + packed(vip)
    length = 8 + len(payload)
    udp = struct.pack("!HHHH", client_port, PORT, length, 0) + payload
    pseudo = addresses + struct.pack("!II", length, socket.IPPROTO_UDP)
    udp = udp[:6] + struct.pack("!H", checksum(pseudo + udp) or 0xFFFF) + udp[8:]
    if family(client) == socket.AF_INET6:
        return struct.pack("!IHBB", 6 << 28 | tos << 20, length, socket.IPPROTO_UDP, 64) + addresses + udp
    start = struct.pack("!BBHHHBB", 0x45, tos, 20 + length, 1, 0x4000, 64, socket.IPPROTO_UDP)
    return start + struct.pack("!H", checksum(start + b"\0\0" + addresses)) + addresses + udp


def inner_protocol(args):
    return socket.IPPROTO_IPIP if family(args.client) == socket.AF_INET else socket.IPPROTO_IPV6


def outer_socket(args):
    if args.gue is None:
        raw = socket.socket(family(args.source), socket.SOCK_RAW, inner_protocol(args))
    else:
        raw = socket.socket(family(args.source), socket.SOCK_DGRAM)
        if not args.checksum:
            raw.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
            raw.setsockopt(socket.IPPROTO_UDP, UDP_NO_CHECK6_TX, 1)
    raw.bind((args.source, 0))
    if family(args.source) == socket.AF_INET:
        raw.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, args.tos[0])
    else:
        raw.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, args.tos[0])
    return raw


def ask(args):
    raw = outer_socket(args)
    answers = socket.socket(family(args.client), socket.SOCK_DGRAM)
    answers.bind((args.client, 0))
    answers.settimeout(0.5)
    port = answers.getsockname()[1]
    inner = inner_packet(args.client, port, args.vip, args.tos[1], bytes(args.size))
    if args.gue == 0:
        inner = bytes([0, inner_protocol(args), 0, 0]) + inner
    for _ in range(args.count):
        raw.sendto(inner, (args.destination, args.port if args.gue is not None else 0))
        try:
            print(answers.recv(64).decode(), flush=True)
        except TimeoutError:
            print("nothing", flush=True)
        time.sleep(args.every)


def serve_one(server):
    data, ancillary, _, peer = server.recvmsg(65536, 64)
    tos = [struct.unpack("i" if len(value) == 4 else "B", value)[0] for _, _, value in ancillary]
    server.sendto(f"{tos[0] & 3} {len(data)}".encode(), peer)


def serve(args):
    servers = []
    for address in args.addresses:
        server = socket.socket(family(address), socket.SOCK_DGRAM)
        server.bind((address, PORT))
        if family(address) == socket.AF_INET:
            server.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
        else:
            server.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
        servers.append(server)
    print("ready", flush=True)
    while True:
        for server in select.select(servers, [], [])[0]:
            serve_one(server)


def main():
    parser = argparse.ArgumentParser()
    commands = parser.add_subparsers(required=True)
    command = commands.add_parser("serve")
    command.add_argument("addresses", nargs="+")
    command.set_defaults(run=serve)
    command = commands.add_parser("ask")
    for name in "client", "vip", "source", "destination":
        command.add_argument(name)
    command.add_argument("--tos", nargs=2, type=int, default=(0, 0))
    command.add_argument("--size", type=int, default=32)
    command.add_argument("--count", type=int, default=1)
    command.add_argument("--every", type=float, default=0)
    command.add_argument("--gue", type=int, choices=(0, 1))
    command.add_argument("--port", type=int, default=6080)
    command.add_argument("--checksum", action="store_true")
    command.set_defaults(run=ask)
    args = parser.parse_args()
    args.run(args)


main()
