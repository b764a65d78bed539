#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Connections that are silent for a while, and what becomes of them when they go on.

    pauses.py <<<'[{"name": "late", "protocol": "tcp", "address": "192.0.2.10", "port": 7000, "pauses": [6.5]}]'

Reads a list of cases and runs them all at the same time. Each case opens some connections (sockets, for UDP) and
exchanges a byte on each; then, for each pause, it is silent for so many seconds and exchanges another. The servers are
those of tcp_hold.py and udp_echo.py. More members of a case:

    connections   how many (3)
    keepalive     seconds between the keepalive probes that the kernel sends; none if not given
    wait          seconds for an answer (2)

Prints "open" once all connections are open and have had their first answer, and at the end one JSON object, by the
names of the cases:

    ok          connections that were answered after every pause
    reset       connections that were reset instead
    other       [what happened to the rest]
    after_ms    the median time from sending to that end or the last answer
    moved       connections that were answered by more than one server
"""

import asyncio
import collections
import json
import socket
import statistics
import sys
import time


class Outcome:
    def __init__(self):
        self.servers = set()
        self.end = "ok"
        self.after_ms = 0.0


async def receive(sock, protocol):
    """The server's name, if this is where it says it; None at the end of the stream."""
    data = await asyncio.get_running_loop().sock_recv(sock, 4096)
    if protocol == "udp":
        return data.partition(b" ")[0]
    if not data:
        raise OSError("closed by peer")
    return data.partition(b"\n")[0] if b"\n" in data else b""


async def exchange(sock, case, outcome):
    started = time.monotonic()
    try:
        async with asyncio.timeout(case.get("wait", 2)):
            await asyncio.get_running_loop().sock_sendall(sock, b".")
            name = await receive(sock, case["protocol"])
            if name:
                outcome.servers.add(name)
    finally:
        outcome.after_ms = (time.monotonic() - started) * 1000


async def connect(case, outcome):
    family, kind, *_, address = socket.getaddrinfo(
        case["address"], case["port"], type=socket.SOCK_STREAM if case["protocol"] == "tcp" else socket.SOCK_DGRAM
    )[0]
    sock = socket.socket(family, kind)
    sock.setblocking(False)
    if case.get("keepalive"):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, case["keepalive"])
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, case["keepalive"])
    async with asyncio.timeout(10):
        await asyncio.get_running_loop().sock_connect(sock, address)
        if case["protocol"] == "tcp":
            outcome.servers.add(await receive(sock, "tcp"))  # the greeting
        await exchange(sock, case, outcome)
        if case["protocol"] == "udp":
            await exchange(sock, case, outcome)  # the second datagram opens the flow
    return sock


async def run_one(case, opened):
    outcome = Outcome()
    sock = None
    try:
        try:
            sock = await connect(case, outcome)
        finally:
            opened.set()
        for pause in case["pauses"]:
            await asyncio.sleep(pause)
            await exchange(sock, case, outcome)
    except ConnectionResetError:
        outcome.end = "reset"
    except TimeoutError:
        outcome.end = "timeout"
    except OSError as error:
        outcome.end = str(error)
    if sock:
        sock.close()
    return outcome


def summary(outcomes):
    ends = collections.Counter(outcome.end for outcome in outcomes)
    return {
        "ok": ends.pop("ok", 0),
        "reset": ends.pop("reset", 0),
        "other": sorted(ends.elements()),
        "after_ms": round(statistics.median(outcome.after_ms for outcome in outcomes), 1),
        "moved": sum(len(outcome.servers) > 1 for outcome in outcomes),
    }


async def main():
    cases = json.load(sys.stdin)
    tasks, opened = {}, []
    for case in cases:
        opened += [asyncio.Event() for _ in range(case.get("connections", 3))]
        events = opened[-case.get("connections", 3) :]
        tasks[case["name"]] = [asyncio.create_task(run_one(case, event)) for event in events]
    for event in opened:
        await event.wait()
    print("open", flush=True)
    print(json.dumps({name: summary(await asyncio.gather(*group)) for name, group in tasks.items()}), flush=True)


if __name__ == "__main__":
    asyncio.run(main())
