#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs test programs (cmocka) and .bats files, counts what their TAP says, and shows in full only what failed. A
# program that dies, runs no test, or ends before its plan is done has failed. The .bats files need root; without it
# they are skipped.
#
# usage: scripts/run-tap.sh PROGRAM|FILE.bats...
set -euo pipefail
# shellcheck source=scripts/report.bash
. "$(dirname "$0")/report.bash"

# For one program, and for one test of a .bats file, in seconds.
limit=${CULVERT_TEST_LIMIT:-300}

# tap_count FILE STATUS: prints "passed failed skipped". cmocka of Debian 12 writes "not ok N # SKIP".
tap_count() {
  awk -v status="$2" '
    /^1\.\.[0-9]+/ { sub(/^1\.\./, ""); plan += $1; next }
    /^(not )?ok .*# *[Ss][Kk][Ii][Pp]/ { skipped++; next }
    /^ok / { passed++ }
    /^not ok / { failed++ }
    END {
      if (!failed && (status || passed + skipped < plan || passed + skipped == 0))
        failed = 1
      print passed + 0, failed + 0, skipped + 0
    }' "$1"
}

run() {
  case $1 in
    *.bats) BATS_TEST_TIMEOUT=$limit bats --formatter tap "$1" ;;
    *) CMOCKA_MESSAGE_OUTPUT=TAP timeout --foreground "$limit" "$1" ;;
  esac
}

main() {
  local test log start status passed failed skipped
  log=$(mktemp)
  # shellcheck disable=SC2064 # the name is wanted as it is now
  trap "rm -f '$log'" EXIT
  trap 'exit 130' INT TERM HUP
  for test in "$@"; do
    if [[ $test == *.bats ]] && ((EUID != 0)); then
      report_line skip "$(basename "$test")" 'needs root'
      report_skipped=$((report_skipped + $(bats --count "$test")))
      continue
    fi
    start=$SECONDS status=0
    run "$test" >"$log" 2>&1 || status=$?
    read -r passed failed skipped < <(tap_count "$log" "$status")
    report_passed=$((report_passed + passed))
    report_failed=$((report_failed + failed))
    report_skipped=$((report_skipped + skipped))
    if ((failed)); then
      report_line FAIL "$(basename "$test")" "$passed passed, $failed failed, $skipped skipped, exit status $status"
      sed 's/^/    /' "$log"
    else
      report_line ok "$(basename "$test")" "$passed passed, $skipped skipped, $((SECONDS - start)) s"
      grep -E '# *skip' -i "$log" | sed 's/^/    /' || true
    fi
  done
  report_end
}

main "$@"
