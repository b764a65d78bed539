#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""UDP echo over IPv4 and IPv6: a server that signs what it sends back, and a client that counts.

    udp_echo.py server --name b1 --port 5353 192.0.2.10 2001:db8::10
    udp_echo.py client --flows 50 --packets 10 --interval 0.1 192.0.2.10 5353

The server answers each datagram with its name, a space and the datagram. It listens on the addresses given,
so that an answer leaves from the address that was asked. It prints "ready" and runs until it is killed.

The client has one socket, that is one flow, for each of --flows, and sends --packets on each, one every
--interval seconds. Prints one JSON object:

    sent, received, lost   numbers of datagrams
    by_server              {name: answers}
    moved                  flows that were answered by more than one server

The exit status is 0 only if every datagram was answered.
"""

import argparse
import asyncio
import collections
import json
import sys


class EchoServer(asyncio.DatagramProtocol):
    def __init__(self, name):
        self.prefix = name.encode() + b" "

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, addr):
        self.transport.sendto(self.prefix + data, addr)


class Flow(asyncio.DatagramProtocol):
    """One client socket. Answers are matched by number; one that comes late or twice counts once."""

    def __init__(self, number):
        self.number = number
        self.waiting = set()
        self.servers = collections.Counter()
        self.all_answered = asyncio.Event()

    def connection_made(self, transport):
        self.transport = transport

    def send(self, i):
        payload = b"%d.%d" % (self.number, i)
        self.waiting.add(payload)
        self.all_answered.clear()
        self.transport.sendto(payload)

    def datagram_received(self, data, addr):
        name, _, payload = data.partition(b" ")
        if payload in self.waiting:
            self.waiting.remove(payload)
            self.servers[name.decode("utf-8", "replace")] += 1
        if not self.waiting:
            self.all_answered.set()

    def error_received(self, exc):
        """An ICMP error: the datagram stays unanswered, and that is counted."""


async def serve(args):
    loop = asyncio.get_running_loop()
    for address in args.address:
        await loop.create_datagram_endpoint(lambda: EchoServer(args.name), local_addr=(address, args.port))
    print("ready", flush=True)
    await loop.create_future()


async def ask(args):
    loop = asyncio.get_running_loop()
    flows = [
        (await loop.create_datagram_endpoint(lambda i=i: Flow(i), remote_addr=(args.address, args.port)))[1]
        for i in range(args.flows)
    ]
    for i in range(args.packets):
        if i:
            await asyncio.sleep(args.interval)
        for flow in flows:
            flow.send(i)
    waits = [asyncio.create_task(flow.all_answered.wait()) for flow in flows]
    _, late = await asyncio.wait(waits, timeout=args.timeout)
    for wait in late:
        wait.cancel()
    lost = sum(len(flow.waiting) for flow in flows)
    sent = args.flows * args.packets
    summary = {
        "sent": sent,
        "received": sent - lost,
        "lost": lost,
        "by_server": dict(sorted(sum((flow.servers for flow in flows), collections.Counter()).items())),
        "moved": sum(len(flow.servers) > 1 for flow in flows),
    }
    for flow in flows:
        flow.transport.close()
    print(json.dumps(summary))
    return 0 if sent and not lost else 1


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(required=True)
    server = modes.add_parser("server", help="answer datagrams")
    server.add_argument("--name", required=True)
    server.add_argument("--port", type=int, required=True)
    server.add_argument("address", nargs="+")
    server.set_defaults(run=serve)
    client = modes.add_parser("client", help="send datagrams and count the answers")
    client.add_argument("--flows", type=int, default=1, help="sockets (default %(default)s)")
    client.add_argument("--packets", type=int, default=1, help="datagrams a flow (default %(default)s)")
    client.add_argument("--interval", type=float, default=0.1, help="seconds between (default %(default)s)")
    client.add_argument("--timeout", type=float, default=2, help="seconds at the end (default %(default)s)")
    client.add_argument("address")
    client.add_argument("port", type=int)
    client.set_defaults(run=ask)
    args = parser.parse_args()
    return asyncio.run(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
