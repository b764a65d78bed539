#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Path MTU discovery through the balancer: clients send packets of 1,500 bytes, the path to the backend carries 1,400, the
# tunnel's header included.

load helper

setup_file() {
  fixture routed 1
  mtu_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 native
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

# With listeners for the ports that tracepath takes, and outer sources if SPREAD says so.
mtu_config() {
  [[ -z ${SPREAD:-} ]] || echo 'encapsulation: { source4: 172.16.0.0/16, source6: "fd16::/64" }'
  balancer_config | sed -e "/protocol: tcp/s/ }\$/${MSS:+, mss: $MSS} }/" -e "/^pools:/i\\
  - { name: trace4, address: '$LAB_VIP4', protocol: udp, port: 44444-44544, pool: pool4 }\\
  - { name: trace6, address: '$LAB_VIP6', protocol: udp, port: 44444-44544, pool: pool6 }"
}

# Clients remember what they were told.
forget() {
  lab_ip client route flush cache
  lab_ip client -6 route flush cache
  lab_ip client tcp_metrics flush >/dev/null
}

answered() {
  status_get 'd["answered"]["too_big_answered"]'
}

# route_mtu [MTU]: what the balancer's routes to the backend say; nothing: what the link carries.
route_mtu() {
  lab_ip lb route replace "$(lab_backend 4 1)" via 10.0.0.1 ${1:+mtu "$1"}
  lab_ip lb -6 route replace "$(lab_backend 6 1)" via fd00::1 ${1:+mtu "$1"}
}

# mtu_is MTU FROM: of the path to every backend, and who says so.
mtu_is() {
  [[ $(ask backends --json | json_get "{(b['mtu'], b['mtu_from']) for b in d['backends']}") == "{($1, '$2')}" ]]
}

# transferred FROM PORT: 20 MB up and down. One backend, so nothing else can have happened to them.
transferred() {
  local want url
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  url=$(http_url "$1" "$2" '')
  is 'uploaded' "$(http_upload "$url")" "$want"
  is 'downloaded' "$(http_download "$url/big")" "$want"
}

# transferred_and_told FROM PORT: and the client was told what fits.
transferred_and_told() {
  local before
  forget
  before=$(answered)
  transferred "$@"
  holds 'answers' "$(answered) > $before"
}

# stalls FROM: an upload that nobody helps.
stalls() {
  forget
  run lab_in client curl -sS -g -m 3 -T "$LAB_DIR/big" "$(http_url "$1" 80 "/upload/stalled")"
  # shellcheck disable=SC2154 # bats sets it
  is 'status of curl: time is up' "$status" 28
}

# deaf_client: it hears no ICMP errors.
deaf_client() {
  lab_in client nft -f - <<EOF_NFT
table inet deaf {
  chain input {
    type filter hook input priority 0
    icmp type destination-unreachable drop
    icmpv6 type packet-too-big drop
  }
}
EOF_NFT
}

@test 'the path carries what the link does, until a route says less' {
  mtu_is 1560 link
  route_mtu 1400
  wait_for 5 mtu_is 1400 route
  contains "$(ask backends)" '1400 route'
}

@test 'without our answer an upload stalls' {
  deaf_client
  stalls 4
  stalls 6
  lab_in client nft delete table inet deaf
}

@test 'a narrow route, IPv4 client, IPv4 backend: 20 MB up and down' { transferred_and_told 4 80; }
@test 'a narrow route, IPv6 client, IPv6 backend: 20 MB up and down' { transferred_and_told 6 80; }
@test 'a narrow route, IPv4 client, IPv6 backend: 20 MB up and down' { transferred_and_told 4 81; }
@test 'a narrow route, IPv6 client, IPv4 backend: 20 MB up and down' { transferred_and_told 6 81; }

@test 'tracepath to the VIPs shows what fits' {
  local output
  forget
  output=$(lab_in client tracepath -n -m 3 "$LAB_VIP4")
  contains "$output" 'pmtu 1380'
  output=$(lab_in client tracepath -n -m 3 "$LAB_VIP6")
  contains "$output" 'pmtu 1360'
}

@test 'a narrow link behind the first router: the daemon learns of it' {
  route_mtu
  wait_for 5 mtu_is 1560 link
  lab_ip router link set b1 mtu 1400
  transferred_and_told 4 80
  transferred_and_told 6 80
  wait_for 5 mtu_is 1400 learned
  contains "$(ask backends)" '1400 learned, '
  is 'words to the log' "$(grep -c 'path to backend carries less' "$LAB_DIR/log/culvertd")" 2
}

@test 'another route is another path' {
  lab_ip router address add 10.0.0.3/24 dev lb
  lab_ip lb route replace "$(lab_backend 4 1)" via 10.0.0.3
  lab_ip router address add fd00::3/64 dev lb nodad
  lab_ip lb -6 route replace "$(lab_backend 6 1)" via fd00::3
  wait_for 5 mtu_is 1560 link
}

# sources: what the doctor finds of the outer sources.
sources() {
  { ask doctor --json || true; } | json_get '[f["level"] for f in d["findings"] if f["check"] == "source"]'
}

sources_are() {
  [[ $(sources) == "$1" ]]
}

@test 'sources spread over a prefix: routers are heard once it is ours' {
  is 'sources' "$(sources)" '[]'
  SPREAD=1 mtu_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 sources_are "['warning', 'warning']"
  lab_ip router route add 172.16.0.0/16 via "$(lab_lb 4)"
  lab_ip router route add fd16::/64 via "$(lab_lb 6)"
  lab_ip lb route add local 172.16.0.0/16 dev lo
  lab_ip lb route add local fd16::/64 dev lo
  is 'sources' "$(sources)" "['ok', 'ok']"
  transferred_and_told 4 80
  transferred_and_told 6 80
  wait_for 5 mtu_is 1400 learned
}

@test 'GUE: what routers tell of its packets is heard as well' {
  FORWARD=gue mtu_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 eval "ask listeners --json | grep -q '\"forward\": \"gue\"'"
  lab_ip router link set b1 mtu 1390
  transferred_and_told 4 80
  transferred_and_told 6 80
  wait_for 5 mtu_is 1390 learned
}

# segments_are MSS: of the backend's connection with the client, its options taken off.
segments_are() {
  [[ $(lab_in b1 ss -tin state established '( sport = :80 )') == *" mss:$1 "* ]]
}

@test 'mss: the server sends segments as the listener wants them' {
  MSS=1300 mtu_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 eval "ask listeners --json | grep -q '\"mss\": 1300'"
  download_spawn slow 4
  wait_for 5 segments_are 1288 # timestamps
  lab_kill slow
}
