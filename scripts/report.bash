# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# How every test script counts and reports: one line for what passed, everything for what failed, and the totals
# in the file CULVERT_TEST_TOTALS names, from where scripts/test.sh adds them up. Sourced, never run.

report_passed=0
report_failed=0
report_skipped=0

# report_line WORD WHAT [DETAIL]: one aligned line.
report_line() {
  printf '  %-5s %-44s %s\n' "$1" "$2" "${3:-}"
}

# report_step WHAT COMMAND...: runs one thing that passes or fails as a whole. Its output shows only if it failed.
report_step() {
  local what=$1 log start=$SECONDS
  shift
  log=$(mktemp)
  if "$@" >"$log" 2>&1; then
    report_passed=$((report_passed + 1))
    report_line ok "$what" "$((SECONDS - start)) s"
  else
    report_failed=$((report_failed + 1))
    report_line FAIL "$what" "$((SECONDS - start)) s"
    sed 's/^/    /' "$log"
  fi
  rm -f "$log"
}

# Hands the counts over; false if anything failed. The last thing a script does.
report_end() {
  if [[ -n ${CULVERT_TEST_TOTALS:-} ]]; then
    echo "$report_passed $report_failed $report_skipped" >>"$CULVERT_TEST_TOTALS"
  fi
  printf '  %d passed, %d failed, %d skipped\n' "$report_passed" "$report_failed" "$report_skipped"
  ((report_failed == 0))
}
