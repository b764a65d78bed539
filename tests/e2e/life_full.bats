#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Full tables: with when_full: reject, and with quotas of listeners, new flows are refused without a word and counted,
# and nobody else notices.

load helper
load life

setup_file() {
  life_up 3
  life_start "$(config 'max_flows: 10000, when_full: reject')"
}

config() {
  life_config "$1" "$(life_listener all 4 tcp 7000)" "$(life_listener all6 6 tcp 7000)" "$(life_listener quota 4 tcp 7001 'max_flows: 100')" \
    "$(life_listener quota6 6 udp 7 'max_flows: 10, idle_timeout: 2s')" \
    "$(life_listener brief 4 tcp 7002 'max_flows: 3, idle_timeout: 2s')"
}

# refused NAME COUNT ADDRESS PORT SECONDS: so many connections are tried for so long, and all end in silence.
refused() {
  local answer
  hold_start "$1" "$2" "$3" "$4" --timeout "$5"
  answer=$(hold_said "$1")
  is 'refused, how' "$(json_get 'd["ok"], len([f for f in d["failures"] if f["reason"] == "timeout after '"$5"' s"])' \
    <<<"$answer")" "(0, $2)"
  lab_kill "$1"
}

has_room() {
  (($(status_get 'd["flow_table"]["used"]') <= 10000 - $1))
}

has_quota() {
  status_says "[l['active_flows'] + l['closing_flows'] for l in d['listeners'] if l['name'] == 'quota'][0] <= 100 - $1"
}

@test 'a listener with max_flows 100: 20 connections more are refused and counted, the 100 go on' {
  hold_start a 100 "$LAB_VIP4" 7001
  held '100 connections' 100 "$(hold_said a)"
  refused b 20 "$LAB_VIP4" 7001 4
  is 'refused' "$(listener_get quota rejected_flows)" 20
  is 'dropped SYNs, retransmissions too' "$(status_get '40 <= d["drops"]["listener_full"] <= 80')" True
  is 'refused elsewhere' "$(status_get 'sum(l["rejected_flows"] for l in d["listeners"])')" 20
  held 'the 100, a byte on each' 100 "$(hold_tell a echo)"
}

@test 'when some of them end, new ones fit' {
  held '10 resets' 10 "$(hold_tell a 'reset 10')"
  wait_for 15 has_quota 10
  hold_start c 10 "$LAB_VIP4" 7001
  held '10 new connections' 10 "$(hold_said c)"
  held 'the other 90' 90 "$(hold_tell a echo)"
  is 'refused' "$(listener_get quota rejected_flows)" 20
  hold_end a
  hold_end c
}

@test 'a quota for UDP: flows beyond it are counted once, however many datagrams they send' {
  feed "$LAB_VIP6" 7 0-9 udp,udp
  is 'refused' "$(feed "$LAB_VIP6" 7 10-14 udp,udp,udp | json_get 'd["dropped"]')" 15
  is 'counted' "$(listener_get quota6 rejected_flows)" 5
  is 'the ten' "$(feed "$LAB_VIP6" 7 0-9 udp | json_get 'd["forwarded"]')" 10
}

@test 'an idle timeout below the time between SYNs does not make one flow count twice' {
  pauses three <<<"[{\"name\": \"held\", \"protocol\": \"tcp\", \"address\": \"$LAB_VIP4\", \"port\": 7002, \"pauses\": [11],
    \"keepalive\": 1}]"
  wait_for 20 grep -q open "$LAB_DIR/log/three"
  refused d 5 "$LAB_VIP4" 7002 12
  is 'refused' "$(listener_get brief rejected_flows)" 5
  wait_for 20 lab_is_gone three
  is 'the three' "$(tail -n 1 "$LAB_DIR/log/three" | json_get 'd["held"]["ok"]')" 3
}

@test '10,000 connections in a table for 10,000' {
  wait_for 30 has_room 10000
  hold_start many 10000 "$LAB_VIP4" 7000
  held '10,000 connections' 10000 "$(hold_said many)"
  is 'table' "$(status_get 'd["flow_table"]["used"]')" 10000
}

@test 'the next 1,000 are refused without a word, and counted; none of the 10,000 is disturbed' {
  refused more 1000 "$LAB_VIP4" 7000 4
  is 'refused' "$(listener_get all rejected_flows)" 1000
  is 'table' "$(status_get 'd["flow_table"]["used"]')" 10000
  held 'the 10,000, a byte on each' 10000 "$(hold_tell many echo)"
}

@test 'when 500 end, 500 fit' {
  held '500 resets' 500 "$(hold_tell many 'reset 500')"
  wait_for 15 has_room 500
  hold_start new 500 "$LAB_VIP4" 7000
  held '500 new connections' 500 "$(hold_said new)"
  is 'refused' "$(listener_get all rejected_flows)" 1000
  hold_end new
}

# is_switched FLOW_TABLE: a reload to it under traffic: no datagram is lost, every held connection and every flow stays.
is_switched() {
  flow_backends --listener all --state open >"$LAB_DIR/before"
  lab_spawn load client python3 "$LIFE_TOOLS/udp_echo.py" client --flows 8 --packets 100 --interval 0.03 "$LAB_VIP6" 7
  wait_for 5 has_flows 8 --listener quota6 --state open
  life_reload "$(config "$1")"
  is 'still under traffic' "$(lab_is_alive load && echo yes)" yes
  wait_for 20 lab_is_gone load
  is 'datagrams lost, flows moved' "$(json_get 'd["lost"], d["moved"]' <"$LAB_DIR/log/load")" '(0, 0)'
  rm "$LAB_DIR/log/load"
  held 'a byte on each' 9500 "$(hold_tell many echo)"
  is 'flows that are gone or moved' "$(flow_backends --listener all --state open | comm -13 - "$LAB_DIR/before" | wc -l)" 0
  is 'table' "$(status_get 'd["flow_table"]["used"] >= 9500')" True
}

has_flows() {
  (($(flow_count "${@:2}") >= $1))
}

@test 'from reject to evict, under traffic: the flows stay' {
  wait_for 15 has_room 500
  is_switched 'max_flows: 10000, when_full: evict'
}

@test 'from 10,000 to 20,000, under traffic: the flows stay' { is_switched 'max_flows: 20000, when_full: evict'; }
@test 'from evict to reject, under traffic: the flows stay' { is_switched 'max_flows: 9600, when_full: reject'; }

@test 'and the room that is left is counted right: the next 100 fit, then 50 are refused' {
  wait_for 15 has_room 500
  hold_start last 100 "$LAB_VIP4" 7000
  held '100 connections' 100 "$(hold_said last)"
  # over IPv6: a tuple that was refused within the last minute would not be counted again
  refused beyond 50 "$LAB_VIP6" 7000 4
  is 'refused' "$(listener_get all6 rejected_flows)" 50
  held 'all others' 9500 "$(hold_tell many echo)"
}
