#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What the control side does to flows, which is nothing: reloads in the middle of handshakes, and a daemon that is dead.

load helper
load life

setup_file() {
  life_up 3
  life_start "$(config)"
}

config() {
  life_config 'max_flows: 65536' "$(life_listener tcp4 4 tcp 7000)" "$(life_listener tcp6 6 tcp 7000)" \
    "$(life_listener brief 4 tcp 7001 'idle_timeout: 2s')"
}

# backends_are LIST: a reload; prints how many slots moved.
backends_are() {
  LIFE_BACKENDS=$1 config >"$LAB_DIR/culvert.yaml"
  ask reload --json | json_get 'd["slots_moved"]'
}

has_half_open() {
  (($(flow_count --state half-open --listener "$1") == $2))
}

# clients_move LISTENER CLIENT: a line for each flow that is open now and was half-open elsewhere before.
moved_since() {
  flow_backends --listener "$1" --client "$2" --state open | comm -13 "$LAB_DIR/before" -
}

# handshakes LISTENER ADDRESS CLIENT: the SYNs of 1,000 flows, a backend comes in between, then the ACKs.
handshakes() {
  backends_are '1 2'
  feed "$2" 7000 0-999 syn
  flow_backends --listener "$1" --client "$3" --state half-open >"$LAB_DIR/before"
  is 'half-open' "$(wc -l <"$LAB_DIR/before")" 1000
  holds 'slots that moved' "$(backends_are '1 2 3') > 20000"
  feed "$2" 7000 0-999 ack
  is 'open' "$(flow_count --listener "$1" --client "$3" --state open)" 1000
  is 'flows that went elsewhere' "$(moved_since "$1" "$3")" ''
}

@test 'IPv4: a reload between SYN and ACK: 1,000 flows stay where their SYN went' { handshakes tcp4 "$LAB_VIP4" 198.18.0.0/15; }
@test 'IPv6: a reload between SYN and ACK: 1,000 flows stay where their SYN went' { handshakes tcp6 "$LAB_VIP6" 2001:db8:f::/64; }

@test 'the same with the handshakes of 1,000 real connections, which a router holds up' {
  backends_are '1 2'
  lab_ip router route add blackhole "$LAB_CLIENT4" # no answer gets through
  hold_start held 1000 "$LAB_VIP4" 7000
  wait_for 10 has_half_open tcp4 1000
  flow_backends --listener tcp4 --client "$LAB_CLIENT4" --state half-open >"$LAB_DIR/before"
  holds 'slots that moved' "$(backends_are '1 2 3') > 20000"
  lab_ip router route del blackhole "$LAB_CLIENT4"
  held '1,000 connections' 1000 "$(hold_said held)"
  is 'connections that went elsewhere' "$(moved_since tcp4 "$LAB_CLIENT4")" ''
  held 'a byte on each' 1000 "$(hold_tell held echo)"
}

@test 'without the daemon flows go on, and idle timeouts hold' {
  local clients
  clients=$(feed "$LAB_VIP4" 7001 0-99 syn,ack | json_get 'd["forwarded"]')
  is 'packets of 100 flows' "$clients" 200
  balancer_stop KILL
  held 'a byte on each of 1,000' 1000 "$(hold_tell held echo)"
  # nothing sweeps: the table has what ended, and nobody is shown it or sent by it
  wait_for 10 is_over brief
  is 'late packets, answered with a reset' "$(feed "$LAB_VIP4" 7001 0-99 data | json_get 'd["answered"]')" 100
}

is_over() {
  (($(flow_count --listener "$1") == 0))
}

@test 'after its return the counts are right' {
  balancer_start
  is 'the 1,000' "$(listener_get tcp4 active_flows)" 2000
  is 'those that idled out meanwhile' "$(status_get "[[l[k] for k in ('new_flows', 'expired_flows', 'active_flows', 'resets_sent')]
    for l in d['listeners'] if l['name'] == 'brief'][0]")" '[100, 100, 0, 100]'
  held 'a byte on each' 1000 "$(hold_tell held echo)"
  hold_end held
}
