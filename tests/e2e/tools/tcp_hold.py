#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Holds many TCP connections open and shows on command that each still works.

    tcp_hold.py server --name b1 --port 7000 --port 7001 192.0.2.10 2001:db8::10
    tcp_hold.py client --connections 500 192.0.2.10 7000

The server greets each connection with a line, its name, and then sends every byte back. It prints "ready" and
runs until it is killed.

The client opens all connections, then obeys lines on its standard input. Each may end in a number: then it is
for so many of the connections only, those that were opened first of those that are still open.

    echo    sends one byte on each connection and awaits it
    close   closes them; without a number, or at the end of the input, that ends the program
    reset   resets them

For the opening and for each command it prints one JSON object on a line:

    command      "open", "echo", "close" or "reset"
    ok, failed   numbers of connections that the command was for
    failures     [{"connection": 17, "reason": "connection reset by peer"}, ...]
    by_server    {name: connections that worked}

A connection that failed once is given up, and fails every command without a number from then on. The exit status
is 0 only if there were connections and none failed, from the opening to the close.
"""

import argparse
import asyncio
import collections
import json
import os
import resource
import socket
import struct
import sys


class Connection:
    def __init__(self, number):
        self.number = number
        self.name = None
        self.writer = None
        self.failure = None
        self.is_open = False

    async def open(self, host, port):
        self.reader, self.writer = await asyncio.open_connection(host, port)
        greeting = await self.reader.readuntil(b"\n")
        self.name = greeting.decode("utf-8", "replace").strip()
        self.is_open = True

    async def echo(self):
        self.writer.write(b".")
        if await self.reader.readexactly(1) != b".":
            raise OSError("another byte came back")

    async def close(self):
        self.is_open = False
        self.writer.close()
        await self.writer.wait_closed()

    async def reset(self):
        self.is_open = False
        no_linger = struct.pack("ii", 1, 0)
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, no_linger)
        self.writer.transport.abort()

    async def attempt(self, action, timeout):
        """Runs one of the above; what goes wrong is this connection's end."""
        if self.failure:
            return
        try:
            await asyncio.wait_for(action(self), timeout)
        except TimeoutError:
            self.failure = f"timeout after {timeout:g} s"
        except asyncio.IncompleteReadError:
            self.failure = "closed by peer"
        except OSError as error:
            self.failure = os.strerror(error.errno).lower() if error.errno else str(error)
        if self.failure:
            self.is_open = False
            if self.writer:
                self.writer.transport.abort()


def report(command, connections):
    good = [connection for connection in connections if not connection.failure]
    bad = [connection for connection in connections if connection.failure]
    summary = {
        "command": command,
        "ok": len(good),
        "failed": len(bad),
        "failures": [{"connection": c.number, "reason": c.failure} for c in bad],
        "by_server": dict(sorted(collections.Counter(c.name for c in good).items())),
    }
    print(json.dumps(summary), flush=True)


COMMANDS = {"echo": Connection.echo, "close": Connection.close, "reset": Connection.reset}


def parse_command(line):
    """Returns the command's name and number, None for all connections; raises ValueError."""
    name, *numbers = line.split() or ["close"]
    if name not in COMMANDS or len(numbers) > 1:
        raise ValueError(f"no such command: {line.strip()!r}; there are: {', '.join(COMMANDS)}")
    return name, int(numbers[0]) if numbers else None


async def hold(args):
    loop = asyncio.get_running_loop()
    connections = [Connection(i) for i in range(args.connections)]
    command, number, chosen = "open", None, connections

    def action(connection):
        return connection.open(args.address, args.port)

    while True:
        await asyncio.gather(*(c.attempt(action, args.timeout) for c in chosen))
        report(command, chosen)
        if command == "close" and number is None:
            return 0 if connections and not any(c.failure for c in connections) else 1
        # In a thread, because standard input may be a file, which an event loop cannot wait for.
        line = await loop.run_in_executor(None, sys.stdin.readline)
        try:
            command, number = parse_command(line)
        except ValueError as error:
            print(f"tcp_hold.py: {error}", file=sys.stderr)
            return 2
        action = COMMANDS[command]
        still_open = [c for c in connections if c.is_open]
        chosen = still_open[:number] if number is not None else still_open + [c for c in connections if c.failure]


async def serve(args):
    async def serve_one(reader, writer):
        try:
            writer.write(args.name.encode() + b"\n")
            while data := await reader.read(4096):
                writer.write(data)
                await writer.drain()
        except OSError:
            pass  # the client went away: its affair
        finally:
            writer.close()

    for port in args.port:
        await asyncio.start_server(serve_one, args.address, port, backlog=4096)
    print("ready", flush=True)
    await asyncio.get_running_loop().create_future()


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    modes = parser.add_subparsers(required=True)
    server = modes.add_parser("server", help="echo")
    server.add_argument("--name", required=True)
    server.add_argument("--port", type=int, required=True, action="append")
    server.add_argument("address", nargs="+")
    server.set_defaults(run=serve)
    client = modes.add_parser("client", help="hold connections")
    client.add_argument("--connections", type=int, default=1, help="how many (default %(default)s)")
    client.add_argument("--timeout", type=float, default=5, help="seconds a command (default %(default)s)")
    client.add_argument("address")
    client.add_argument("port", type=int)
    client.set_defaults(run=hold)
    args = parser.parse_args()
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    return asyncio.run(args.run(args))


if __name__ == "__main__":
    sys.exit(main())
