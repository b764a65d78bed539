#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs every micro benchmark that was built, or those named, and writes what they measured to BUILD/bench.json, one object a
# line, for bench-compare. Called by `make bench`.
#
# usage: tests/bench/bench.sh BUILD [NAME...]
set -euo pipefail

build=${1:?usage: bench.sh BUILD [NAME...]}
shift
cpu=$(sed -n 's/^model name[[:space:]]*: //p' /proc/cpuinfo | head -n 1)
export BENCH_JSON=$build/bench.json

printf 'kernel %s, %s\n' "$(uname -r)" "$cpu"
printf '{"kernel": "%s", "cpu": "%s", "commit": "%s"}\n' "$(uname -r)" "$cpu" \
  "$(git describe --always --dirty 2>/dev/null || true)" >"$BENCH_JSON"
for program in "$build"/bench/bench_*; do
  name=${program##*/bench_}
  [[ -x $program && $name != *.* ]] || continue
  (($# == 0)) || [[ " $* " == *" $name "* ]] || continue
  printf '\n%s\n' "$name"
  "$program"
done
printf '\nwritten to %s\n' "$BENCH_JSON"
