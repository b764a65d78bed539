#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# README and manual pages say what the sources do: verdicts, metrics, commands, maps, keys of the
# configuration. TAP.
#
# usage: [CULVERT_BUILD=build] tests/unit/docs.sh
# shellcheck disable=SC2016 # backquotes are Markdown's
set -euo pipefail
cd "$(dirname "$0")/../.."
build=${CULVERT_BUILD:-build}
dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
nr=0 failed=0

# check NAME COMMAND...: a test; what the command prints says why it fails.
check() {
  nr=$((nr + 1))
  if "${@:2}" >"$dir/why" 2>&1; then
    echo "ok $nr - $1"
  else
    echo "not ok $nr - $1"
    sed 's/^/# /' "$dir/why"
    failed=1
  fi
}

# same SOURCE: what README says is what the source says.
same() {
  diff --label README --label "$1" -U 0 "$dir/readme" "$dir/source"
}

# rows HEAD: the rows of README's table with this head.
rows() {
  awk -v head="$1" 'index($0, head) == 1 { on = 1; next } on && !/^\|/ { exit } on && !/^\|---/' README.md
}

verdicts() {
  rows '| verdict | class |' >"$dir/readme"
  scripts/man.sh --verdicts | tail -n +3 >"$dir/source"
  same include/cv_verdict.h
}

# Names of metrics are whole literals in metrics.c.
metrics() {
  rows '| metric | labels |' | cut -d '|' -f 2 | grep -o 'culvert_[a-z_]*' | sort -u >"$dir/readme"
  grep -oh '"culvert_[a-z_]*"' user/daemon/metrics.c | tr -d '"' | sort -u >"$dir/source"
  same user/daemon/metrics.c
}

commands() {
  rows '| command | |' | sed -e 's/^| *//' -e 's/\\|/ /g' -e 's/|.*//' -e 's/`, `/\n`/g' |
    sed -n 's/^`\([a-z]*\).*/\1/p' | sort -u >"$dir/readme"
  scripts/man.sh --commands "$build" | sort -u >"$dir/source"
  same 'culvert --help'
}

# The last part of every key that has a value.
keys() {
  rows '| key | default |' | cut -d '|' -f 2 | grep -o '`[^`]*`' | tr -d '`' | sed 's/.*\.//' | sort -u >"$dir/readme"
  sed -n 's/^.*[ {]KEY("\([a-z0-9_]*\)".*/\1/p; s/^.*\.name = "\([a-z0-9_]*\)", \.parse.*/\1/p' user/config/schema.c | sort -u >"$dir/source"
  same user/config/schema.c
}

# Those that are pinned.
maps() {
  rows '| map | key |' | cut -d '|' -f 2 | grep -o 'cv_[a-z0-9_]*' | sort -u >"$dir/readme"
  sed -n '/^#define DP_MAPS_/,/^$/p' user/dataplane/dp_internal.h | grep -o '\bX([a-z][a-z0-9_]*)' |
    sed 's/X(\(.*\))/cv_\1/' | sort -u >"$dir/source"
  same user/dataplane/dp_internal.h
}

# page NAME: the page is made, mandoc finds nothing to say about it, nor does man.
page() {
  scripts/man.sh "$build" "scripts/man/$1.in" >"$dir/$1"
  # pages refer to each other before they are installed
  mandoc -Tlint "$dir/$1" | grep -v 'referenced manual not found' >"$dir/warnings" || true
  LC_ALL=C.UTF-8 man --warnings -E UTF-8 -l -Tutf8 "$dir/$1" 2>>"$dir/warnings" >/dev/null
  cat "$dir/warnings"
  [[ ! -s $dir/warnings ]]
}

main() {
  local name
  check 'README has all verdicts, with meaning and remedy' verdicts
  check 'README has all metrics' metrics
  check 'README has all commands' commands
  check 'README has all keys of the configuration' keys
  check 'README has all pinned maps' maps
  for name in culvert.8 culvertd.8 culvert.yaml.5; do
    if command -v mandoc >/dev/null && command -v man >/dev/null; then
      check "$name is a clean manual page" page "$name"
    else
      nr=$((nr + 1))
      echo "ok $nr - $name # SKIP no mandoc, no man"
    fi
  done
  echo "1..$nr"
  return "$failed"
}

main
