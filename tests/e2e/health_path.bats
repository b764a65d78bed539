#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Health checks take the path of what they check: a backend whose server is well but which takes no tunnels off is down,
# and the balancer says what keeps a check from being made.

load helper

setup_file() {
  fixture routed 3
}

setup() {
  path_config 4 4 native >"$LAB_DIR/culvert.yaml"
  balancer_start
  wait_for 10 checks_done
}

teardown() {
  [[ -n ${BATS_TEST_COMPLETED:-} ]] || tail -n 30 "$LAB_DIR/log/culvertd"
  balancer_stop
  balancer_detach --all
}

# path_config FROM TO MODE [VIA]: one listener in family FROM, backends in family TO.
path_config() {
  local vip=$LAB_VIP4 n
  [[ $1 == 4 ]] || vip=$LAB_VIP6
  cat <<EOT
interfaces: [{ name: eth0, mode: $3 }]
flow_table: { max_flows: 4096 }
listeners: [{ name: web, address: '$vip', protocol: tcp, port: 80, pool: web }]
pools:
  - name: web
    health: { type: http, via: ${4:-tunnel}, path: /healthz, interval: 200ms, timeout: 200ms, rise: 2, fall: 2 }
    backends:
$(for ((n = 1; n <= LAB_BACKENDS; n++)); do echo "      - { address: '$(lab_backend "$2" "$n")' }"; done)
EOT
}

# configured FROM TO MODE [VIA]: and in force, with a first result of every check.
configured() {
  path_config "$@" >"$LAB_DIR/culvert.yaml"
  ask reload
  is 'mode' "$(status_get 'd["interfaces"][0]["mode"]')" "$3"
  wait_for 10 checks_done
}

checks_done() {
  backends_all 'b["health"] == "healthy"'
}

# backends_all EXPRESSION: of each backend `b`.
backends_all() {
  [[ $(ask backends --json | json_get "all($1 for b in d['backends'])") == True ]]
}

# backend_get ADDRESS KEY
backend_get() {
  ask backends --json | json_get "[b['$2'] for b in d['backends'] if b['address'] == '$1'][0]"
}

# reason_has ADDRESS TEXT
reason_has() {
  [[ $(backend_get "$1" reason) == *"$2"* ]]
}

# filters: the program names of the egress filters on the balancer's port.
filters() {
  lab_in lb tc filter show dev eth0 egress | grep -oE 'name cv_probe|flowid 1:1' || true
}

decap() {
  CULVERT_NS=$1 culvert decap "$2" eth0 --pin-dir "$LAB_DIR/bpf/$1"
}

has_filter() {
  [[ $(filters) == *cv_probe* ]]
}

# path FROM TO MODE
path() {
  local b2
  configured "$@"
  b2=$(lab_backend "$2" 2)
  # a whole HTTP exchange; the very first packets may meet a neighbour that is not resolved yet
  wait_for 5 backends_all 'b["probe_packets"] >= 4 and b["probe_bytes"] > 0'

  decap b2 detach
  wait_for 5 backend_is "$b2" down
  is 'reason' "$(backend_get "$b2" reason)" 'timeout after 200 ms'
  is 'its server, asked directly' "$(lab_in lb curl -gfsS -m 2 "http://$([[ $2 == 4 ]] && echo "$b2" || echo "[$b2]")/healthz")" ok
  is 'who answers' "$(http_ask 60 "$(http_url "$1" 80 /whoami)" | sort -u | xargs)" 'b1 b3'

  decap b2 attach
  wait_for 5 backend_is "$b2" up
  is 'who answers' "$(http_ask 60 "$(http_url "$1" 80 /whoami)" | sort -u | xargs)" 'b1 b2 b3'
}

@test 'native, IPv4 VIP, IPv4 backends: a backend that takes no tunnels off is down' { path 4 4 native; }
@test 'native, IPv6 VIP, IPv6 backends: a backend that takes no tunnels off is down' { path 6 6 native; }
@test 'native, IPv4 VIP, IPv6 backends: a backend that takes no tunnels off is down' { path 4 6 native; }
@test 'native, IPv6 VIP, IPv4 backends: a backend that takes no tunnels off is down' { path 6 4 native; }
@test 'generic, IPv4 VIP, IPv4 backends: a backend that takes no tunnels off is down' { path 4 4 generic; }
@test 'generic, IPv6 VIP, IPv6 backends: a backend that takes no tunnels off is down' { path 6 6 generic; }

@test 'via: direct does not notice, puts no filter on the port, and counts no probe' {
  configured 4 4 native direct
  is 'filters' "$(filters)" ''
  decap b2 detach
  sleep 1
  backend_is "$(lab_backend 4 2)" up
  decap b2 attach
  configured 4 4 native tunnel
  is 'filters' "$(filters)" 'name cv_probe'
}

# The kernel's answer to what comes after the end of a check is a reset without a mark: it harms nobody.
@test 'every packet of a check is in the tunnel: none leaves for the VIP itself' {
  local before after
  lab_spawn bare router tcpdump -ni lb "src $(lab_lb 4) and dst $LAB_VIP4 and tcp[tcpflags] & tcp-rst == 0"
  wait_for 5 grep -q listening "$LAB_DIR/log/bare"
  before=$(backend_get "$(lab_backend 4 1)" checks)
  sleep 2
  after=$(backend_get "$(lab_backend 4 1)" checks)
  lab_kill bare
  holds 'checks made' "$after > $before + 4"
  contains "$(<"$LAB_DIR/log/bare")" '0 packets captured'
}

@test 'a VIP that is an address of the balancer: no check, a word of advice, and recovery' {
  local b1
  b1=$(lab_backend 4 1)
  lab_ip lb address add "$LAB_VIP4/32" dev lo
  wait_for 5 reason_has "$b1" "ip address del $LAB_VIP4 dev lo"
  is 'health' "$(backend_get "$b1" health)" unknown
  backend_is "$b1" up
  contains "$(<"$LAB_DIR/log/culvertd")" 'health checks not possible'
  lab_ip lb address del "$LAB_VIP4/32" dev lo
  wait_for 5 checks_done
  contains "$(<"$LAB_DIR/log/culvertd")" 'health checks possible again'
}

@test 'a route that leads elsewhere: the advice is a command that mends it' {
  local b1 advice
  b1=$(lab_backend 4 1)
  lab_ip lb link add aside type veth peer name beyond
  lab_ip lb link set beyond up
  lab_ip lb link set aside up
  lab_ip lb route add "$LAB_VIP4" dev aside
  wait_for 5 reason_has "$b1" 'ip route replace'
  advice=$(backend_get "$b1" reason | grep -o 'route replace.*')
  # shellcheck disable=SC2086 # words
  lab_ip lb $advice
  wait_for 5 checks_done
  lab_ip lb route del "$LAB_VIP4" || true
  lab_ip lb link del aside
}

@test "others' filters stay; ours comes back when it is taken off, and goes with the programs" {
  lab_in lb tc filter add dev eth0 egress pref 2 bpf bytecode '1,6 0 0 4294967295,' flowid 1:1 # ends it for all packets
  is 'filters' "$(filters | xargs)" 'name cv_probe flowid 1:1'
  decap b2 detach
  wait_for 5 backend_is "$(lab_backend 4 2)" down
  decap b2 attach
  wait_for 5 backend_is "$(lab_backend 4 2)" up
  lab_in lb tc filter del dev eth0 egress pref 1
  wait_for 8 has_filter
  balancer_stop KILL
  balancer_start
  is 'filters of ours' "$(filters | grep -c cv_probe)" 1
  balancer_detach --all
  is 'filters' "$(filters)" 'flowid 1:1'
  lab_in lb tc qdisc del dev eth0 clsact
}
