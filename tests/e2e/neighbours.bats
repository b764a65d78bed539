#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Next hops that change while nobody speaks: the kernel sees none of the packets that XDP sends, so the daemon has to ask.

load helper

setup_file() {
  fixture bridged 1
  # grow stale after a second, and are asked soon
  lab_in lb sysctl -qw net.ipv4.neigh.eth0.{base_reachable_time_ms=1000,delay_first_probe_time=1}
  cat >"$LAB_DIR/culvert.yaml" <<EOT
interfaces: [ { name: eth0, mode: native } ]
listeners:
  - { name: web, address: $LAB_VIP4, protocol: tcp, port: 80, pool: web, forward: ipip }
pools:
  - { name: web, health: { type: none }, backends: [ { address: $(lab_backend 4 1) } ] }
EOT
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
}

@test 'a backend whose MAC address changed in silence is found again' {
  sleep 11 # with nothing to look up
  lab_ip b1 link set eth0 address 02:00:00:00:00:99
  wait_for 30 http_ask 1 "$(http_url 4 80 /whoami)"
  http_ask 20 "$(http_url 4 80 /whoami)"
}
