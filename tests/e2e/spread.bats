#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Connections spread over the backends as the weights say.
#
# The balancer's hash is keyed by the configuration's seed, and the client opens 2,000 connections at once from a
# range of 2,000 ports, so it uses them all: the outcome is the same in every run.

load helper

setup_file() {
  local n
  fixture routed 3
  WEIGHTS='100 100 200' balancer_config | sed '/protocol: tcp/s/port: 80,/port: 7000,/' >"$LAB_DIR/culvert.yaml"
  for n in 1 2 3; do
    lab_spawn "hold-b$n" "b$n" python3 "$SERVERS_TOOLS/tcp_hold.py" server --name "b$n" --port 7000 \
      "$LAB_VIP4" "$LAB_VIP6"
    wait_for 10 grep -q ready "$LAB_DIR/log/hold-b$n"
  done
  lab_in client sysctl -qw net.ipv4.ip_local_port_range='20000 21999'
  balancer_attach eth0
  balancer_start
  wait_for 10 status_says 'all(b["forwardable"] for p in d["pools"] for b in p["backends"])'
}

# spread VIP: each backend's share of 2,000 connections is within 3 percent points of its weight's.
spread() {
  local answer name
  answer=$(lab_in client python3 "$SERVERS_TOOLS/tcp_hold.py" client --connections 2000 "$1" 7000 </dev/null | head -n 1)
  is 'connections' "$(json_get 'd["ok"], d["failed"]' <<<"$answer")" '(2000, 0)'
  echo "$answer"
  for name in b1 b2; do
    holds "connections of $name" "$(json_get "d['by_server']['$name']" <<<"$answer") >= 440"
    holds "connections of $name" "$(json_get "d['by_server']['$name']" <<<"$answer") <= 560"
  done
  holds 'connections of b3' "$(json_get "d['by_server']['b3']" <<<"$answer") >= 940"
  holds 'connections of b3' "$(json_get "d['by_server']['b3']" <<<"$answer") <= 1060"
}

@test '2,000 IPv4 connections over weights 100, 100, 200 come out within 3 % of 25, 25, 50' { spread "$LAB_VIP4"; }
@test '2,000 IPv6 connections over weights 100, 100, 200 come out within 3 % of 25, 25, 50' { spread "$LAB_VIP6"; }

@test 'the slots of the backends have the same shares, within 1 %' {
  is 'slots' "$(status_get '[round(100 * b["slots"] / p["table_size"]) for p in d["pools"] for b in p["backends"]]')" \
    '[25, 25, 50, 25, 25, 50]'
}

@test 'the counters know of every connection' {
  is 'new flows of the listeners' "$(listener_sum new_flows)" 4000
  is 'new flows of the backends' "$(status_get 'sum(b["new_flows"] for p in d["pools"] for b in p["backends"])')" 4000
}
