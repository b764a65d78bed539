#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Up, down, draining, disabled: who gets what then, seen from a real client; and that nothing of it is forgotten when
# the daemon is killed.

load helper

setup_file() {
  fixture_balanced routed 3
}

setup() {
  wait_for 10 all_up
}

all_up() {
  status_says '{b["health"] for p in d["pools"] for b in p["backends"]} == {"healthy"}' &&
    status_says '{b["state"] for p in d["pools"] for b in p["backends"]} == {"up"}'
}

all_down() {
  status_says '{b["state"] for b in d["pools"][0]["backends"]} == {"down"}'
}

answerers() {
  http_ask "$1" "$(http_url 4 80 /whoami)" | sort -u | xargs
}

# backend_get ADDRESS KEY: in pool4.
backend_get() {
  status_get "[b.get('$2') for b in d['pools'][0]['backends'] if b['address'] == '$1'][0]"
}

# mapped: who answers on each of 300 client ports, one "PORT NAME" a line.
mapped() {
  lab_in client python3 "$SERVERS_TOOLS/by_port.py" "$LAB_VIP4" 80 30001 30300
}

# policy NAME: what becomes of pool4's new flows when nobody is up.
policy() {
  balancer_config | sed "s/  - name: pool4/&\n    all_down: $1/" >"$LAB_DIR/culvert.yaml"
  ask reload
}

# healthz STATUS: what all servers answer to health checks.
healthz() {
  sed -i "s/healthz { return ... /healthz { return $1 /" "$LAB_DIR"/b*/nginx.conf
  for n in 1 2 3; do
    lab_signal "nginx-b$n" HUP
  done
}

@test 'all down, open: clients are sent to all, as if all were up' {
  policy open
  healthz 503
  wait_for 10 all_down
  is 'reason' "$(backend_get "$(lab_backend 4 1)" reason)" 'HTTP 503'
  is 'who answers' "$(answerers 100)" 'b1 b2 b3'
  healthz 200
}

@test 'all down, reject: clients get no answer, and it is counted' {
  local drops refused
  healthz 503
  wait_for 10 all_down
  policy reject
  drops=$(status_get 'd["drops"]["no_backend"]')
  refused=$(status_get 'd["listeners"][0]["rejected_flows"]')
  run -28 lab_in client curl -sS -m 2 "$(http_url 4 80 /whoami)"
  holds 'drops of one SYN, sent twice' "$(status_get 'd["drops"]["no_backend"]') > $drops + 1"
  is 'flows refused' "$(status_get 'd["listeners"][0]["rejected_flows"]')" $((refused + 1))
  http_ask 10 "$(http_url 6 80 /whoami)" # of the other pool, which is down and open
  healthz 200
  wait_for 10 all_up
  is 'who answers' "$(answerers 100)" 'b1 b2 b3'
}

@test 'a server that dies is out; its share goes to the others, and comes back' {
  local before during moved b2
  b2=$(lab_backend 4 2)
  before=$(mapped)
  server_stop b2
  wait_for 10 backend_is "$b2" down
  is 'reason' "$(backend_get "$b2" reason)" 'connection refused'
  during=$(mapped)
  is 'who answers' "$(cut -d ' ' -f 2 <<<"$during" | sort -u | xargs)" 'b1 b3'
  moved=$(join <(grep -v b2 <<<"$before") <(echo "$during") | awk '$2 != $3' | wc -l)
  holds 'ports of others that moved' "$moved <= 15" # Maglev moves some percent beside those of the one that left
  server_start b2
  wait_for 10 backend_is "$b2" up
  is 'who answers on which port' "$(mapped)" "$before"
}

@test 'drain with a deadline: flows before, during and after' {
  local b n held
  for n in 1 2 3 4 5 6 7 8 9; do
    download_spawn "held$n" 4
  done
  wait_for 5 status_says 'd["listeners"][0]["active_flows"] == 9'
  b=$(ask flows --listener tcp-4-4 --state open --json | head -n 1 | json_get 'd["backend"]')
  held=$(backend_get "$b" active_flows)
  holds 'flows before' "$held >= 1"

  ask drain pool4 "$b" --deadline 4s
  is 'state' "$(backend_get "$b" state)" draining
  http_ask 60 "$(http_url 4 80 /whoami)" >/dev/null
  is 'flows left' "$(backend_get "$b" flows_left)" "$held"
  holds 'seconds left' "$(backend_get "$b" drain_left_s) >= 1 && $(backend_get "$b" drain_left_s) <= 4"

  wait_for 6 backend_is "$b" disabled
  wait_for 5 status_says "[x['active_flows'] for x in d['pools'][0]['backends'] if x['address'] == '$b'] == [0]"
  holds 'flows placed anew' "$(listener_sum moved_flows) >= $held"
  is 'flows of the others' "$(status_get 'd["listeners"][0]["active_flows"] + d["listeners"][0]["closing_flows"] >= 9 - '"$held")" True
  ask undrain pool4 "$b"
  wait_for 5 backend_is "$b" up
  for n in 1 2 3 4 5 6 7 8 9; do
    lab_kill "held$n" || true
  done
}

@test 'drains, weights, disabled backends and health survive kill -9' {
  local b1 b2 b3
  b1=$(lab_backend 4 1) b2=$(lab_backend 4 2) b3=$(lab_backend 4 3)
  ask weight pool4 "$b1" 250
  ask drain pool4 "$b2" --deadline 60s
  server_stop b3
  wait_for 10 backend_is "$b3" down
  ask disable pool6 "$(lab_backend 6 1)"
  sleep 1.5 # what checks found is written within a second
  balancer_stop KILL
  balancer_start
  is 'weight' "$(backend_get "$b1" weight)" 250
  is 'state' "$(backend_get "$b2" state)" draining
  holds 'seconds left' "$(backend_get "$b2" drain_left_s) >= 40 && $(backend_get "$b2" drain_left_s) <= 60"
  is 'state' "$(backend_get "$b3" state)" down
  backend_is "$(lab_backend 6 1)" disabled
  is 'who answers' "$(answerers 20)" b1
  server_start b3
  ask undrain pool4 "$b2"
  ask enable pool6 "$(lab_backend 6 1)"
  ask weight pool4 "$b1" 100
}
