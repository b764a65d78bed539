#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Everything that reads the sources without running them. Needs the generated skeletons below BUILD/bpf.
#
# usage: scripts/lint.sh [BUILD]
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/report.bash
. scripts/report.bash

build=${1:-build}

# sources FOLDER... -- PATTERN...: the files of these folders that have one of these names.
sources() {
  local folders=() names=()
  while [[ $1 != -- ]]; do
    [[ ! -d $1 ]] || folders+=("$1")
    shift
  done
  shift
  ((${#folders[@]})) || return 0
  printf -v names -- '-o|-name|%s|' "$@"
  IFS='|' read -ra names <<<"${names#-o|}"
  find "${folders[@]}" -type f \( "${names[@]}" \) | sort
}

mapfile -t all_c < <(sources include bpf user tests -- '*.[ch]')
mapfile -t user_c < <(sources user tests -- '*.c' | grep -v '\.bpf\.c$')
mapfile -t bpf_c < <(sources bpf user tests -- '*.bpf.c')
mapfile -t shell < <(sources scripts tests .ci -- '*.sh' '*.bash' '*.bats' run)

user_flags=(-std=gnu11 -D_GNU_SOURCE '-DCV_VERSION="lint"' -Iinclude -Iuser -Ibpf -Itests -isystem "$build/bpf")
# clang for BPF looks in no host directory by itself; the asm/ headers are in the multiarch one.
bpf_flags=(-target bpf -std=gnu11 -Iinclude -Ibpf -Itests -idirafter "/usr/include/$(gcc -print-multiarch)")

check_format() {
  clang-format --dry-run -Werror "${all_c[@]}"
}

# tidy FLAG... -- FILE...: two at a time. Standard error is only the count of warnings in system headers.
tidy() {
  local flags=()
  while [[ $1 != -- ]]; do
    flags+=("$1")
    shift
  done
  shift
  (($# == 0)) || printf '%s\0' "$@" | xargs -0 -P 2 -I FILE clang-tidy --quiet FILE -- "${flags[@]}" 2>/dev/null
}

check_cppcheck() {
  cppcheck --quiet --std=c11 --enable=warning,performance,portability --inline-suppr --error-exitcode=1 -j 2 \
    --suppress=missingInclude --suppress=missingIncludeSystem --suppress=unmatchedSuppression \
    --include=scripts/cppcheck.h -D_GNU_SOURCE -Iinclude -Iuser -Ibpf -Itests "${user_c[@]}"
}

check_shell() {
  shellcheck -x "${shell[@]}"
}

# Prints to the trace pipe cost a microsecond a packet and belong to nobody's production.
check_debug() {
  ! grep -rnE 'bpf_printk|bpf_trace_printk' "${all_c[@]}"
}

check_spdx() {
  local file bad=0
  for file in "${all_c[@]}" "${shell[@]}"; do
    head -n 3 "$file" | grep -q 'SPDX-License-Identifier: GPL-2.0-only' || {
      echo "$file: no SPDX line"
      bad=1
    }
  done
  return "$bad"
}

main() {
  report_step clang-format check_format
  report_step 'clang-tidy, user side' tidy "${user_flags[@]}" -- "${user_c[@]}"
  report_step 'clang-tidy, BPF side' tidy "${bpf_flags[@]}" -- "${bpf_c[@]}"
  report_step cppcheck check_cppcheck
  report_step shellcheck check_shell
  report_step 'folder dependencies' scripts/check-deps.sh
  report_step 'no debug prints in BPF' check_debug
  report_step 'SPDX lines' check_spdx
  report_end
}

main
