#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Requests come in by one port and leave by another, when the backends lie behind that.

load helper

setup_file() {
  fixture twoarm 3
  servers_up_udp
  PORTS='eth0 eth1' balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0
  balancer_attach eth1
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

# whole FROM PORT
whole() {
  local want
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  is 'downloaded' "$(http_download "$(http_url "$1" "$2" /big)")" "$want"
  is 'uploaded' "$(http_upload "$(http_url "$1" "$2" '')")" "$want"
}

# forwards True|False: whether packets can be sent to backends, which is the same for all of them.
forwards() {
  status_says "{b['forwardable'] for p in d['pools'] for b in p['backends']} == {$1}"
}

@test 'redirect, IPv4 client, IPv4 backends: 20 MB down and up' { whole 4 80; }
@test 'redirect, IPv6 client, IPv6 backends: 20 MB down and up' { whole 6 80; }
@test 'redirect, IPv4 client, IPv6 backends: 20 MB down and up' { whole 4 81; }
@test 'redirect, IPv6 client, IPv4 backends: 20 MB down and up' { whole 6 81; }
@test 'redirect: UDP echo over both families' { udp_answered 4 7 && udp_answered 6 7; }

@test 'redirect: health checks leave by the port of the backends, and notice one that takes no tunnels off' {
  CULVERT_NS=b2 culvert decap detach eth0 --pin-dir "$LAB_DIR/bpf/b2"
  wait_for 5 backend_is "$(lab_backend 4 2)" down
  wait_for 5 backend_is "$(lab_backend 6 2)" down
  CULVERT_NS=b2 culvert decap attach eth0 --pin-dir "$LAB_DIR/bpf/b2"
  wait_for 5 backend_is "$(lab_backend 4 2)" up
  wait_for 5 backend_is "$(lab_backend 6 2)" up
}

# strict 0|1|2: reverse path filtering of the balancer's ports.
strict() {
  lab_in lb sysctl -qw "net.ipv4.conf.eth0.rp_filter=$1" "net.ipv4.conf.eth1.rp_filter=$1"
}

# filtered: what the doctor has to say about it.
filtered() {
  { ask doctor --json || true; } | json_get "[f.get('mend') for f in d['findings'] if f['check'] == 'rp_filter']"
}

@test 'redirect: the doctor tells strict reverse path filtering that stops answers of checks from one that does not' {
  strict 1
  is 'mends, answers come in by the route' "$(filtered)" '[None]'
  sleep 1.5 # three checks
  backend_is "$(lab_backend 4 1)" up
  lab_ip lb route add "$LAB_VIP4" via 10.0.0.1 dev eth0 src 10.1.0.2 # so they come in by eth1
  is 'mends' "$(filtered)" "['sysctl -w net.ipv4.conf.eth1.rp_filter=2']"
  wait_for 5 backend_is "$(lab_backend 4 1)" down
  lab_in lb sysctl -qw net.ipv4.conf.eth1.rp_filter=2
  is 'mends when mended' "$(filtered)" '[None]'
  wait_for 5 backend_is "$(lab_backend 4 1)" up
  lab_ip lb route del "$LAB_VIP4"
  strict 0
}

@test 'both ports are in the status' {
  is 'ports' "$(status_get 'sorted(i["name"] for i in d["interfaces"])')" "['eth0', 'eth1']"
}

@test 'a port that is detached by hand takes the backends behind it out; attached again it brings them back' {
  balancer_detach eth1
  wait_for 5 forwards False
  contains "$(ask backends)" 'reached through eth1, where culvert is not attached'
  balancer_attach eth1
  wait_for 5 forwards True
  wait_for 10 http_ask 10 "$(http_url 4 80 /whoami)"
}
