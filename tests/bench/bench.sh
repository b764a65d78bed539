#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs every micro benchmark that was built: bench.sh BUILD [--json]. Called by `make bench`.
set -euo pipefail

build=${1:?usage: bench.sh BUILD [--json]}
shift
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)

if [ "${1-}" = --json ]; then
  printf '{"kernel": "%s", "cpu": "%s"}\n' "$(uname -r)" "$cpu"
else
  printf 'kernel %s, %s\n' "$(uname -r)" "$cpu"
fi
for program in "$build"/bench/bench_*; do
  if [ -x "$program" ]; then
    "$program" "$@"
  fi
done
