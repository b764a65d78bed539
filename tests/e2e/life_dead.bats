#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A daemon that is dead for longer than the idle timeout, with the shortcut past the flow table: nobody sweeps and most
# packets do not visit the table, and yet it knows who lives.

load helper
load life

BUSY=(busy4 busy6)
SILENT=(silent4 silent6)

setup_file() {
  life_up 2
  life_start "$(config)"
}

# The least idle timeout with a shortcut.
config() {
  local family listeners=()
  for family in 4 6; do
    listeners+=("$(life_listener "busy$family" $family tcp 7000 'idle_timeout: 64s')"
      "$(life_listener "silent$family" $family tcp 7001 'idle_timeout: 64s')")
  done
  life_config 'max_flows: 65536' "${listeners[@]}"
}

# echoed LISTENER...: a byte on each of the connections of these works.
echoed() {
  local name
  for name in "$@"; do
    held "$name: a byte on each" 8 "$(hold_tell "$name" echo)"
  done
}

# has_shortcut LISTENER: after another byte on each connection.
has_shortcut() {
  echoed "$1"
  (($(listener_get "$1" shortcut_packets) > 0))
}

# busy_packets: those of the busy listeners, and how many of them passed the table by.
busy_packets() {
  status_get "' '.join(str(sum(l[k] for l in d['listeners'] if 'busy' in l['name']))
    for k in ('packets', 'shortcut_packets'))"
}

# entries 4|6: in the table itself, whether they are over or not.
entries() {
  bpftool -j map dump pinned "$LAB_DIR/bpf/culvert/cv_flows${1/4/}" | json_get 'len(d)'
}

# four_are_late 4|6: of the silent connections.
four_are_late() {
  is "IPv$1: late packets" "$(hold_tell "silent$1" 'echo 4' |
    json_get 'd["ok"], d["failed"], {f["reason"] for f in d["failures"]}')" "(0, 4, {'connection reset by peer'})"
}

shortcut_is_on() {
  [[ ${CULVERT_TEST_SHORTCUT:-on} == on ]]
}

silence_is_over() {
  (($(flow_count --listener silent4) + $(flow_count --listener silent6) == 0))
}

@test 'connections are opened, and their packets pass the table by' {
  local name
  hold_start busy4 8 "$LAB_VIP4" 7000
  hold_start busy6 8 "$LAB_VIP6" 7000
  hold_start silent4 8 "$LAB_VIP4" 7001
  hold_start silent6 8 "$LAB_VIP6" 7001
  for name in "${BUSY[@]}" "${SILENT[@]}"; do
    held "$name: connections" 8 "$(hold_said "$name")"
  done
  if shortcut_is_on; then
    wait_for 20 status_says 'd["flow_table"]["unsettled_slots"] == 0'
    for name in "${BUSY[@]}" "${SILENT[@]}"; do
      wait_for 20 has_shortcut "$name"
    done
  fi
  busy_packets >"$LAB_DIR/packets"
  for name in "${BUSY[@]}"; do
    flow_backends --listener "$name" >"$LAB_DIR/before.$name"
  done
}

@test 'while the daemon is dead, those that send every second stay, on their backends' {
  local name start round idle
  balancer_stop KILL
  for ((round = 0; round < 120; round++)); do
    start=$SECONDS
    echoed "${BUSY[@]}"
    ! silence_is_over || break
    sleep 1
  done
  silence_is_over
  for name in "${BUSY[@]}"; do
    is "$name: flows that moved or ended" "$(flow_backends --listener "$name" | diff "$LAB_DIR/before.$name" -)" ''
    # the table knows the epoch of 8 s in which the last byte came
    idle=$(ask flows --json --listener "$name" --sort idle --limit 1 | json_get 'd["idle_s"]')
    holds "$name: the longest idle" "$idle <= 8 + $SECONDS - $start"
  done
}

@test 'those that are silent are late, though nobody swept' {
  local family
  for family in 4 6; do
    is "IPv$family: entries" "$(entries $family)" 16
    four_are_late $family
    is "IPv$family: entries that are left" "$(entries $family)" 12
  done
}

# counts LISTENER: new, active, expired and closed flows, resets sent.
counts() {
  status_get "[[l[k] for k in ('new_flows', 'active_flows', 'expired_flows', 'closed_flows', 'resets_sent')]
    for l in d['listeners'] if l['name'] == '$1'][0]"
}

@test 'after its return a sweep removes the rest of them, and every one is counted' {
  local family before now
  balancer_start
  for family in 4 6; do
    wait_for 10 listener_is "silent$family" expired_flows 8
    is "IPv$family: silent" "$(counts "silent$family")" '[8, 0, 8, 0, 4]'
    is "IPv$family: busy" "$(counts "busy$family")" '[8, 8, 0, 0, 0]'
    is "IPv$family: entries" "$(entries $family)" 8
    four_are_late $family
    is "IPv$family: resets sent" "$(listener_get "silent$family" resets_sent)" 8
  done
  read -ra before <"$LAB_DIR/packets"
  read -ra now < <(busy_packets)
  ! shortcut_is_on || holds 'packets past the table' "2 * (${now[1]} - ${before[1]}) > ${now[0]} - ${before[0]}"
  echoed "${BUSY[@]}"
}
