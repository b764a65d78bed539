#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Builds everything and runs every test there is, all layers even when one fails. The last line is
# "N passed, N failed, N skipped"; the exit status is 1 if any failed. Can run several times at once.
#
# usage: sudo scripts/test.sh
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/build.bash
. scripts/build.bash
# shellcheck source=scripts/report.bash
. scripts/report.bash

CULVERT_TEST_TOTALS=$(mktemp)
export CULVERT_TEST_TOTALS
running=

# limited SECONDS COMMAND...: ends the command, and what it started, when time is up or when we are interrupted.
limited() {
  timeout -k 20 "$@" &
  running=$!
  wait "$running"
}

# layer NAME SECONDS COMMAND...: a command that counts for itself, in CULVERT_TEST_TOTALS. One that failed without
# counting a failure died: that counts.
layer() {
  local before status=0
  printf '\n%s\n' "$1"
  before=$(failures)
  limited "${@:2}" || status=$?
  if ((status && $(failures) == before)); then
    report_line FAIL "$1" "$( ((status == 124 || status == 137)) && echo "not done in $2 s" || echo "exit status $status")"
    echo '0 1 0' >>"$CULVERT_TEST_TOTALS"
  fi
}

# single NAME SECONDS COMMAND...: a command that is one test.
single() {
  report_step "$1" limited "${@:2}"
}

failures() {
  awk '{ n += $2 } END { print n + 0 }' "$CULVERT_TEST_TOTALS"
}

main() {
  if ((EUID != 0)); then
    echo 'test.sh: needs root, for namespaces and XDP: sudo scripts/test.sh' >&2
    exit 1
  fi
  trap 'rm -f "$CULVERT_TEST_TOTALS"' EXIT
  trap '[[ -z $running ]] || kill "$running" 2>/dev/null; exit 130' INT TERM HUP

  scripts/deps.sh test
  echo 'build'
  single 'gcc' 600 bash -c '. scripts/build.bash; build all tests'
  single 'clang, user side' 600 bash -c '. scripts/build.bash; build CC=clang BUILD=build/clang all'
  layer 'lint' 1800 make -s lint
  layer 'unit tests' 600 make -s check-unit
  layer 'packets through the programs' 600 make -s check-bpf
  layer 'fuzzers, a few seconds each' 600 make -s fuzz FUZZ_SECONDS="${FUZZ_SECONDS:-6}"
  layer 'end to end' 3600 make -s check-e2e
  echo
  echo 'demo'
  single 'scripts/demo.sh' 300 scripts/demo.sh
  report_end >/dev/null || true

  echo
  awk '{ p += $1; f += $2; s += $3 } END { printf "%d passed, %d failed, %d skipped\n", p, f, s; exit f > 0 }' \
    "$CULVERT_TEST_TOTALS"
}

main "$@"
