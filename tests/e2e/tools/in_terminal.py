#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""in_terminal.py KEY TEXT COMMAND...: runs a command in a terminal of its own, of 30 lines, until TEXT has appeared; then
presses KEY. Prints the command's exit status, whether the terminal got back its first screen and its cursor, and whether
its settings are what they were."""
import os
import pty
import select
import sys
import termios
import time


def main(key, text, command):
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, (30, 100))
    before = termios.tcgetattr(theirs)
    pid = os.fork()
    if pid == 0:
        os.login_tty(theirs)
        os.execvp(command[0], command)
    shown, pressed, deadline = b"", False, time.monotonic() + 30
    done = 0
    while not done and time.monotonic() < deadline:
        if select.select([ours], [], [], 0.1)[0]:
            shown += os.read(ours, 65536)
        if not pressed and text.encode() in shown:
            os.write(ours, key.encode().decode("unicode_escape").encode())
            pressed = True
        done, status = os.waitpid(pid, os.WNOHANG)
    if not done:
        os.kill(pid, 9)
        sys.exit(f"it did not end; shown so far: {shown[-2000:]!r}")
    while select.select([ours], [], [], 0)[0]:
        shown += os.read(ours, 65536)
    is_back = shown.endswith(b"\x1b[?7h\x1b[?25h\x1b[?1049l")
    print(os.waitstatus_to_exitcode(status), is_back, termios.tcgetattr(theirs) == before)


main(sys.argv[1], sys.argv[2], sys.argv[3:])
