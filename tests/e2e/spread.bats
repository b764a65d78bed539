#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Connections spread over the backends as the weights say.

load helper

setup_file() {
  WEIGHTS='100 100 200' fixture_balanced routed 3
}

# spread 4|6: of 2,000 connections, the shares in per mille.
spread() {
  local name count
  http_ask 2000 "$(http_url "$1" 80 /whoami)" >"$BATS_TEST_TMPDIR/answers"
  is 'answers' "$(wc -l <"$BATS_TEST_TMPDIR/answers")" 2000
  while read -r count name; do
    case $name in
      b1 | b2) holds "share of $name, per mille" "$((count / 2)) >= 220 && $((count / 2)) <= 280" ;;
      b3) holds "share of $name, per mille" "$((count / 2)) >= 470 && $((count / 2)) <= 530" ;;
      *) is 'who answered' "$name" 'b1, b2 or b3' ;;
    esac
  done < <(sort "$BATS_TEST_TMPDIR/answers" | uniq -c)
}

@test '2,000 IPv4 connections over weights 100, 100, 200 come out within 3 % of 25, 25, 50' { spread 4; }
@test '2,000 IPv6 connections over weights 100, 100, 200 come out within 3 % of 25, 25, 50' { spread 6; }

@test 'the slots of the backends have the same shares, within 1 %' {
  is 'slots' "$(status_get '[round(100 * b["slots"] / p["table_size"]) for p in d["pools"] for b in p["backends"]]')" \
    '[25, 25, 50, 25, 25, 50]'
}

@test 'the counters know of every connection' {
  is 'new flows' "$(status_get 'sum(l["new_flows"] for l in d["listeners"] if l["port"] == 80) >= 4000')" True
  is 'flows of listeners and of backends' \
    "$(status_get 'sum(l["new_flows"] for l in d["listeners"]) == sum(b["new_flows"] for p in d["pools"] for b in p["backends"])')" True
}
