#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-only
"""Compares two results of `make bench`: compare.py OLD.json NEW.json

For each figure that both have: the median of each, and how many times as fast (or small) the new one is. A figure whose ranges do
not overlap is marked. Both should come from the same machine; what differs is said.
"""

import json
import sys


def read(path):
    facts, figures = {}, {}
    try:
        with open(path) as file:
            for line in file:
                entry = json.loads(line)
                if "bench" not in entry:
                    facts = entry
                    continue
                unit = next(unit for unit in ("ns", "ms", "bytes") if f"median_{unit}" in entry)
                name = " | ".join(filter(None, (entry["bench"], entry.get("subject"))))
                figures[name] = (unit, *(entry[f"{part}_{unit}"] for part in ("median", "min", "max")))
    except (OSError, ValueError, KeyError, StopIteration) as error:
        sys.exit(f"compare.py: {path}: not a result of make bench: {error}")
    return facts, figures


def main():
    if len(sys.argv) != 3:
        sys.exit("usage: compare.py OLD.json NEW.json")
    (old_facts, old), (new_facts, new) = map(read, sys.argv[1:])
    for key in sorted(old_facts.keys() | new_facts.keys()):
        if old_facts.get(key) != new_facts.get(key):
            print(f"{key}: {old_facts.get(key)} -> {new_facts.get(key)}")
    print(f"{'':62} {'old':>10} {'new':>10}    times as fast")
    for name in old:
        if name not in new:
            continue
        unit, before, before_min, before_max = old[name]
        _, after, after_min, after_max = new[name]
        apart = after_max < before_min or after_min > before_max
        ratio = f"{before / after:.2f}" if after > 0 else "-"
        print(f"{name:62} {before:10.1f} {after:10.1f} {unit} {ratio:>8}{' *' if apart else ''}")
    print("* beyond the range of all rounds")


if __name__ == "__main__":
    main()
