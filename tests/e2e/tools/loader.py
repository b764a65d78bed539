#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Sends HTTP requests at a fixed rate and tells whether one was lost.

    loader.py --url http://192.0.2.10:80/ --rate 200 --seconds 10

Requests start on schedule whether or not earlier ones have been answered, so a stall shows as clients would
see it. Each has a connection of its own, or with --no-new-connection-each one that an earlier request left.
Prints one JSON object:

    sent, ok, failed   numbers of requests
    failures           [{"at_s": seconds after the start, "reason": "connection refused"}, ...]
    by_server          {name: answers}, the name from the header X-Backend, else from the body's first line

SIGTERM and SIGINT end it early: no more requests start, and the summary follows. The exit status is 0 only if
requests were sent and none failed.
"""

import argparse
import asyncio
import collections
import json
import os
import signal
import sys
import time
import urllib.parse


class BadAnswer(Exception):
    """The server answered, but not with a complete 2xx."""


class Loader:
    def __init__(self, url, rate, seconds, timeout, new_connection_each):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme != "http" or not parts.hostname:
            raise ValueError(f"not an http URL: {url}")
        self.host, self.port = parts.hostname, parts.port or 80
        path = urllib.parse.urlunsplit(("", "", parts.path or "/", parts.query, ""))
        connection = "close" if new_connection_each else "keep-alive"
        lines = (f"GET {path} HTTP/1.1", f"Host: {parts.netloc}", f"Connection: {connection}", "", "")
        self.request = "\r\n".join(lines).encode()
        self.rate, self.seconds, self.timeout = rate, seconds, timeout
        self.keep = not new_connection_each
        self.idle = []
        self.ok = 0
        self.failures = []
        self.by_server = collections.Counter()
        self.stopping = asyncio.Event()

    async def exchange(self, reader, writer):
        """One request and its answer. Returns the server's name, and if the connection may be used again."""
        writer.write(self.request)
        status_line, *lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        pairs = (line.partition(":") for line in lines)
        fields = {name.strip().lower(): value.strip() for name, _, value in pairs}
        words = status_line.split()
        if len(words) < 2 or not words[0].startswith("HTTP/"):
            raise BadAnswer("not an HTTP answer")
        if not words[1].startswith("2"):
            raise BadAnswer(f"HTTP {words[1]}")
        length = fields.get("content-length")
        body = await (reader.read() if length is None else reader.readexactly(int(length)))
        name = fields.get("x-backend") or body.decode("utf-8", "replace").partition("\n")[0].strip()
        reusable = length is not None and fields.get("connection", "keep-alive").lower() != "close"
        return name, reusable

    async def request_once(self):
        stream = None
        try:
            async with asyncio.timeout(self.timeout):
                stream = self.idle.pop() if self.idle else await asyncio.open_connection(self.host, self.port)
                name, reusable = await self.exchange(*stream)
        except BaseException:
            if stream:
                stream[1].transport.abort()
            raise
        if self.keep and reusable:
            self.idle.append(stream)
        else:
            stream[1].close()
        return name

    async def request_and_count(self, started):
        at_s = time.monotonic() - started
        try:
            name = await self.request_once()
        except TimeoutError:
            reason = f"timeout after {self.timeout:g} s"
        except asyncio.IncompleteReadError:
            reason = "closed before the answer was complete"
        except BadAnswer as error:
            reason = str(error)
        except (OSError, ValueError, asyncio.LimitOverrunError) as error:
            reason = os.strerror(error.errno).lower() if getattr(error, "errno", None) else str(error)
        else:
            self.ok += 1
            self.by_server[name] += 1
            return
        self.failures.append({"at_s": round(at_s, 3), "reason": reason})

    async def stopped_within(self, seconds):
        try:
            await asyncio.wait_for(self.stopping.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def run(self):
        for number in (signal.SIGTERM, signal.SIGINT):
            asyncio.get_running_loop().add_signal_handler(number, self.stopping.set)
        running = set()
        started = time.monotonic()
        for i in range(round(self.rate * self.seconds)):
            delay = started + i / self.rate - time.monotonic()
            # A turn of the loop is due even when late, or nothing would ever be read.
            if await self.stopped_within(max(delay, 0.0001)):
                break
            task = asyncio.create_task(self.request_and_count(started))
            running.add(task)
            task.add_done_callback(running.discard)
        if running:
            await asyncio.wait(running)
        for _, writer in self.idle:
            writer.close()

    def summary(self):
        failed = len(self.failures)
        return {
            "sent": self.ok + failed,
            "ok": self.ok,
            "failed": failed,
            "failures": self.failures,
            "by_server": dict(sorted(self.by_server.items())),
        }


async def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--url", required=True)
    parser.add_argument("--rate", type=float, default=100, help="requests a second (default %(default)s)")
    parser.add_argument("--seconds", type=float, default=10, help="how long (default %(default)s)")
    parser.add_argument("--timeout", type=float, default=5, help="seconds a request (default %(default)s)")
    parser.add_argument("--new-connection-each", action=argparse.BooleanOptionalAction, default=True)
    args = parser.parse_args()
    try:
        loader = Loader(args.url, args.rate, args.seconds, args.timeout, args.new_connection_each)
    except ValueError as error:
        parser.error(str(error))
    await loader.run()
    print(json.dumps(loader.summary()))
    return 0 if loader.ok and not loader.failures else 1


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
