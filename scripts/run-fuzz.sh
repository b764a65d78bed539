#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs each fuzzer for some seconds on its seeds, tests/fuzz/corpus/NAME, and on the words of tests/fuzz/NAME.dict
# where there are any. An input that broke a fuzzer is kept beside it.
#
# usage: scripts/run-fuzz.sh SECONDS FUZZER...
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/report.bash
. scripts/report.bash

fuzz() {
  local seconds=$1 fuzzer=$2 name dir options=()
  name=$(basename "$fuzzer")
  dir=$(mktemp -d)
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -rf '$dir'" RETURN
  if [[ -f tests/fuzz/$name.dict ]]; then
    options+=("-dict=tests/fuzz/$name.dict")
  fi
  mkdir "$dir/found"
  options+=("$dir/found") # new inputs go to the first folder; the seeds stay as they are
  if [[ -d tests/fuzz/corpus/$name ]]; then
    options+=("tests/fuzz/corpus/$name")
  fi
  timeout --foreground $((seconds + 60)) "$fuzzer" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 \
    -verbosity=0 -artifact_prefix="$fuzzer." "${options[@]}"
}

main() {
  local seconds=$1 fuzzer
  shift
  for fuzzer in "$@"; do
    report_step "$(basename "$fuzzer")" fuzz "$seconds" "$fuzzer"
  done
  report_end
}

main "$@"
