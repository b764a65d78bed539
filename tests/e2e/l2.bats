#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# forward: l2: backends in one segment with the balancer get the client's packet as it is, under a new MAC address.

load helper

setup_file() {
  FORWARD=l2 fixture_balanced bridged 3
  servers_up_udp
}

# both 4|6: a download, an upload, UDP.
both() {
  local want
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  is 'downloaded' "$(http_download "$(http_url "$1" 80 /big)")" "$want"
  is 'uploaded' "$(http_upload "$(http_url "$1" 80 '')")" "$want"
  udp_answered "$1" 7
}

@test 'l2, native, IPv4: 20 MB down and up, UDP echo' { both 4; }
@test 'l2, native, IPv6: 20 MB down and up, UDP echo' { both 6; }

@test 'l2, generic: the port changes its mode' {
  balancer_detach eth0
  MODE=generic FORWARD=l2 balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 generic
  balancer_reload
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

@test 'l2, generic, IPv4: 20 MB down and up, UDP echo' { both 4; }
@test 'l2, generic, IPv6: 20 MB down and up, UDP echo' { both 6; }

# A backend that lost the VIP is no help to any client, though its server is well.
@test 'l2: health checks go to the VIP at the backend: one without the VIP is down' {
  holds 'probes' "$(status_get 'min(b["probe_packets"] for p in d["pools"] for b in p["backends"])') > 0"
  lab_ip b2 address del "$LAB_VIP4/32" dev lo
  wait_for 5 backend_is "$(lab_backend 4 2)" down
  is 'its server, asked directly' "$(lab_in lb curl -fsS -m 2 "http://$(lab_backend 4 2)/healthz")" ok
  is 'who answers' "$(http_ask 60 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b3'
  lab_ip b2 address add "$LAB_VIP4/32" dev lo
  wait_for 5 backend_is "$(lab_backend 4 2)" up
}

@test 'l2 between address families is refused by the check' {
  FORWARD=l2 balancer_config | sed "/name: tcp-4-4/s/pool4/pool6/" >"$LAB_DIR/mixed.yaml"
  run -2 culvert check "$LAB_DIR/mixed.yaml"
  contains "$output" "$LAB_DIR/mixed.yaml:"
}
