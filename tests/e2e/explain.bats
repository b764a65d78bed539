#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# culvert explain: what it says of a connection is what becomes of it, and saying it changes nothing. And culvert top.

load helper

setup_file() {
  fixture_balanced routed 3
}

# explained 4|6 CLIENT-PORT EXPRESSION: of the document, `d`, about a connection of the client to port 80.
explained() {
  local client=$LAB_CLIENT4 vip=$LAB_VIP4
  (($1 == 4)) || client="[$LAB_CLIENT6]" vip="[$LAB_VIP6]"
  ask explain tcp "$client:$2" "$vip:80" --json | json_get "$3"
}

# agrees 4|6 FIRST: explain, and then the server that answers, for 8 new connections from port FIRST on.
agrees() {
  local port said got
  for ((port = $2; port < $2 + 8; port++)); do
    said=$(explained "$1" "$port" 'd["verdict"], d["packet"], d["source"], d["backend"]')
    got=$(lab_in client curl -fsS -m 5 --local-port "$port" "$(http_url "$1" 80 /whoami)")
    is "port $port" "$said" "('tx', 'syn', 'maglev', '$(lab_backend "$1" "${got#b}")')"
  done
}

# Ten connections of each family that stay, from ports 22000 on.
hold() {
  lab_spawn hold client python3 -c "
import socket, time
held = [socket.create_connection((vip, 80), 5, (client, 22000 + i)) for i in range(10)
        for vip, client in (('$LAB_VIP4', '$LAB_CLIENT4'), ('$LAB_VIP6', '$LAB_CLIENT6'))]
time.sleep(600)"
  wait_for 10 held
}

held() {
  [[ $(ask flows --json --state open | grep -c '"client_port":220') == 20 ]]
}

@test 'new connections go where explain said' {
  agrees 4 21000
  agrees 6 21200
}

@test 'so they do when a backend drains, and its flows stay: explain says that, too' {
  local family port table
  hold
  ask drain pool4 "$(lab_backend 4 2)"
  ask drain pool6 "$(lab_backend 6 2)"
  wait_for 5 backend_is "$(lab_backend 4 2)" draining
  wait_for 5 backend_is "$(lab_backend 6 2)" draining
  agrees 4 21100
  agrees 6 21300
  table=$(ask flows --json --state open | jq -sc 'map({key: "\(.client) \(.client_port)", value: .backend}) | from_entries')
  contains "$table" "$(lab_backend 4 2)"
  for family in 4 6; do
    for ((port = 22000; port < 22010; port++)); do
      is "the flow from port $port" "$(explained "$family" "$port" 'd["source"], d["packet"], d["backend"]')" \
        "('flow', 'ack', '$(client=LAB_CLIENT$family && jq -r ".\"${!client} $port\"" <<<"$table")')"
    done
  done
}

@test 'asking changes no counter and no flow' {
  local before after port
  before=$(ask listeners --json | jq -c '[.listeners[] | {packets, bytes, new_flows, rejected_flows}]')
  before+=$(ask flows --json | jq -sc 'map([.client, .client_port, .state, .backend, .packets]) | sort')
  for ((port = 22000; port < 22020; port++)); do
    ask explain tcp "$LAB_CLIENT4:$port" "$LAB_VIP4:80" --flags rst >/dev/null
  done
  after=$(ask listeners --json | jq -c '[.listeners[] | {packets, bytes, new_flows, rejected_flows}]')
  after+=$(ask flows --json | jq -sc 'map([.client, .client_port, .state, .backend, .packets]) | sort')
  is 'counters and flows' "$after" "$before"
}

@test 'the header, its bytes and the way are those of the packet' {
  run -0 ask explain tcp "$LAB_CLIENT4:22000" "$LAB_VIP4:80" --size 1400
  contains "$output" 'of 1400 bytes'
  contains "$output" "header    $(lab_lb 4) → 10.0."
  contains "$output" '1400 + 20 = 1420 bytes'
  contains "$output" 'way       by eth0, from '
  contains "$output" 'verdict   tx: '
}

@test 'what is not balanced, and what cannot be asked, is said' {
  run -0 ask explain udp "$LAB_CLIENT4:1" "$LAB_VIP4:999"
  contains "$output" 'pass no_listener'
  run -2 ask explain tcp "$LAB_CLIENT4" "$LAB_VIP4:80"
  contains "$output" "$LAB_CLIENT4: not ADDRESS:PORT"
  run -2 ask explain tcp "$LAB_CLIENT4:1" "[$LAB_VIP6]:80"
  contains "$output" 'two address families'
  run -1 ask explain tcp "$LAB_CLIENT4:1" "$LAB_VIP4:80" --interface lo
  contains "$output" 'not attached to lo'
  run -1 culvert --pin-dir "$LAB_DIR/bpf/none" explain tcp "$LAB_CLIENT4:1" "$LAB_VIP4:80"
  contains "$output" 'nothing is attached'
}

@test 'a pool of which nobody takes flows: who does not, and why' {
  ask disable pool4 "$(lab_backend 4 1)"
  ask disable pool4 "$(lab_backend 4 2)"
  ask weight pool4 "$(lab_backend 4 3)" 0
  run -0 ask explain tcp "$LAB_CLIENT4:23000" "$LAB_VIP4:80"
  contains "$output" "backend   none: none of the pool's 3 takes new flows; 2 disabled; 1 of weight 0"
  contains "$output" 'verdict   drop no_backend'
  is 'why' "$(explained 4 23000 'd["reason"], d["backend"], d["why"]')" \
    "('no_backend', None, \"none of the pool's 3 takes new flows; 2 disabled; 1 of weight 0\")"
  ask weight pool4 "$(lab_backend 4 3)" 100
  ask enable pool4 "$(lab_backend 4 2)"
  ask enable pool4 "$(lab_backend 4 1)"
  wait_for 5 backend_is "$(lab_backend 4 1)" up
}

# --- culvert top, in the same network ---

# top_is_quiet: the last report has no packets.
top_is_quiet() {
  tail -n 1 "$LAB_DIR/top" | jq -e '.packets_per_s == 0'
}

@test 'top: packets, bits and flows a second by listener and backend are those of the traffic' {
  local out
  ask top --json >"$LAB_DIR/top" &
  wait_for 10 top_is_quiet
  for _ in 1 2 3 4 5 6; do http_ask 20 "$(http_url 4 80 /whoami)" >/dev/null; sleep 0.5; done
  wait_for 10 top_is_quiet
  kill $!
  wait $! || true
  out=$(jq -sc '[.[] | .listeners[] | select(.name == "tcp-4-4")] | max_by(.new_flows_per_s) |
    .new_flows_per_s > 5 and .packets_per_s > 4 * .new_flows_per_s and .bits_per_s > 300 * .packets_per_s' "$LAB_DIR/top")
  is 'the busiest interval of the listener' "$out" true
  # a packet between the looks at the one and at the other is in the next report of the one
  out=$(jq -sc 'map(.interval_s * (([.listeners[].packets_per_s] | add) - ([.backends[].packets_per_s] | add))) |
    add | fabs < 0.001' "$LAB_DIR/top")
  is 'backends do what listeners do, in sum' "$out" true
}

@test 'top: one report for a pipe' {
  run -0 ask top --once --interval 1s
  contains "${lines[0]}" 'culvert top: eth0 (native), every 1s'
  contains "${lines[1]}" 'forwarded '
  contains "$output" 'LISTENER'
  contains "$output" 'POOL'
}

# terminal KEY: top in a terminal, ended by that key.
terminal() {
  lab_in lb python3 "$SERVERS_TOOLS/in_terminal.py" "$1" 'POOL' "$BALANCER_BUILD/culvert" \
    --pin-dir "$LAB_DIR/bpf/culvert" top --interval 1s
}

@test 'top: q and Ctrl-C give the terminal back as it was' {
  is 'after q' "$(terminal q)" '0 True True'
  is 'after Ctrl-C' "$(terminal '\x03')" '0 True True'
}
