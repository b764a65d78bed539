#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# `bpftool map dump` of every pinned map shows named fields that a person can read.

load helper

setup_file() {
  fixture_balanced routed 2
  download_spawn held4 4
  download_spawn held6 6
  wait_for 5 listeners_have_flows
}

listeners_have_flows() {
  [[ -n $(ask flows --listener tcp-4-4 --state open --json) && -n $(ask flows --listener tcp-6-6 --state open --json) ]]
}

maps() {
  find "$LAB_DIR/bpf/culvert" -maxdepth 1 -name 'cv_*' | sort
}

# dump MAP: its first part; some maps have an entry for each of 16,384 backends.
dump() {
  bpftool map dump pinned "$LAB_DIR/bpf/culvert/$1" 2>&1 | head -n "${2:-400}" || true
}

# inner MAP: the id of the first map inside a map of maps, in which most entries may be empty.
inner() {
  bpftool -j map dump pinned "$1" |
    json_get 'int.from_bytes(next(bytes(int(b, 16) for b in e["value"]) for e in d if isinstance(e["value"], list)), "little")'
}

@test 'every pinned map has BTF for its key and value' {
  local map
  holds 'pinned maps' "$(maps | wc -l) >= 10"
  for map in $(maps); do
    contains "$(bpftool -j map show pinned "$map")" '"btf_id":'
  done
  # the kernel takes none for maps of maps, but the maps inside have it
  for map in cv_directory cv_maglev; do
    contains "$(bpftool -j map show id "$(inner "$LAB_DIR/bpf/culvert/tables/$map")")" '"btf_id":'
  done
}

@test 'no dump falls back to bytes' {
  local map
  for map in $(maps); do
    run dump "$(basename "$map")"
    if grep -E '^key:$|^key: ([0-9a-f]{2} )+ *value:' <<<"$output"; then
      echo "$(basename "$map") is dumped as bytes"
      return 1
    fi
  done
}

@test 'flows show their addresses, ports in host order, and their state by name' {
  local field
  run dump cv_flows
  for field in '"client": [198,51,100,2' '"address": [192,0,2,10' '"port": 80' '"protocol": "CV_PROTOCOL_TCP"' \
    '"state": "CV_FLOW_OPEN"' '"idle_timeout_s": 350' '"last_seen_s": ' '"packets": ' '"backend": '; do
    contains "$(tr -s ' \n' ' ' <<<"$output" | sed 's/\[ /[/g; s/, \([0-9]\)/,\1/g')" "$field"
  done
  run dump cv_flows6
  contains "$output" '"state": "CV_FLOW_OPEN"'
}

@test 'listeners, pools and backends show their names' {
  contains "$(dump cv_listeners)" '"name": "tcp-4-4"'
  contains "$(dump cv_listeners)" '"forward": "CV_FORWARD_IPIP"'
  contains "$(dump cv_pools)" '"name": "pool4"'
  contains "$(dump cv_backends)" '"state": "CV_BACKEND_UP"'
}
