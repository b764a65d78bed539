#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# ICMP at the VIP, as real hosts and routers have it: pings, and the errors by which a backend learns what the link to its
# client carries.

load helper

setup_file() {
  fixture routed 3
  configure >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

# configure [true|false]: whether pings are answered. A listener has all UDP ports, for tracepath.
configure() {
  balancer_config | sed "s/^listeners:/&\n$(any_udp 4 "$LAB_VIP4")\n$(any_udp 6 "$LAB_VIP6")/"
  echo "icmp: { echo: ${1:-true} }"
}

any_udp() {
  echo "  - { name: any-$1, address: '$2', protocol: udp, port: any, pool: pool$1 }"
}

vip() {
  [[ $1 == 4 ]] && echo "$LAB_VIP4" || echo "$LAB_VIP6"
}

# pings 4|6 OPTIONS...: a few to the VIP.
pings() {
  lab_in client ping -n -q -i 0.01 -c 10 -W 2 "${@:2}" "$(vip "$1")"
}

# is_silent 4|6 OPTIONS...
is_silent() {
  ! pings "$@" -W 0.1
}

# answered 4|6 LARGEST
answered() {
  local size
  for size in 0 1 7 8 56 57 1000 $(($2 - 1)) "$2"; do
    contains "$(pings "$1" -M 'do' -s "$size")" '10 received'
  done
}

@test 'pings of every size are answered, IPv4' { answered 4 1472; }
@test 'pings of every size are answered, IPv6' { answered 6 1452; }

@test 'a ping ends where the VIP is' {
  is_silent 4 -t 1
  contains "$(pings 4 -t 2)" '10 received'
  contains "$(pings 6 -t 2)" '10 received'
}

# passed REASON: packets that went on to the kernel.
passed() {
  status_get "d['passed']['$1']"
}

@test 'pings in fragments are left to the kernel' {
  local before
  before=$(passed icmp_fragment)
  is_silent 4 -s 2000
  is 'fragments that passed' $(($(passed icmp_fragment) - before)) 20
}

@test 'a reload turns answers off and on' {
  local before
  before=$(passed other_protocol)
  configure false >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 is_silent 4
  is_silent 6
  holds 'pings that passed' "$(passed other_protocol) >= before + 20"
  configure >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 pings 4
  wait_for 5 pings 6
}

# narrow MTU: the router's port to the client.
narrow() {
  lab_ip router link set client mtu "$1"
}

# backends_told CLIENT: how many backends know that the way there carries 1,400 bytes.
backends_told() {
  local n told=0
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    ! lab_ip "b$n" route get "$1" | grep -q 'mtu 1400' || told=$((told + 1))
  done
  echo "$told"
}

# learns FROM PORT CLIENT: the client's own port carries 1,500 bytes, so that it asks for segments that the router has to
# refuse. Only the backend that sent them is told.
learns() {
  local want before n
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  before=$(listener_sum icmp_errors)
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_ip "b$n" route flush cache
    lab_ip "b$n" -6 route flush cache
  done
  is 'backends that know before' "$(backends_told "$3")" 0
  narrow 1400
  is 'downloaded' "$(http_download "$(http_url "$1" "$2" /big)")" "$want"
  narrow 1500
  is 'backends that know' "$(backends_told "$3")" 1
  holds 'errors that were sent on' "$(listener_sum icmp_errors) > before"
  is 'errors of flows not known' "$(listener_sum icmp_unknown_flow)" 0
}

@test 'a download finds its way through a narrow link, IPv4 client, IPv4 backends' { learns 4 80 "$LAB_CLIENT4"; }
@test 'a download finds its way through a narrow link, IPv6 client, IPv6 backends' { learns 6 80 "$LAB_CLIENT6"; }
@test 'a download finds its way through a narrow link, IPv4 client, IPv6 backends' { learns 4 81 "$LAB_CLIENT4"; }
@test 'a download finds its way through a narrow link, IPv6 client, IPv4 backends' { learns 6 81 "$LAB_CLIENT6"; }

# By UDP, from port to port: the backend behind the balancer says that nobody listens there.
@test 'tracepath reaches the VIP' {
  contains "$(lab_in client tracepath -4 -n -m 5 "$LAB_VIP4")" 'pmtu 1500 hops 3'
  contains "$(lab_in client tracepath -6 -n -m 5 "$LAB_VIP6")" 'pmtu 1500 hops 3'
}

@test 'what was dropped was out of hops' {
  is 'drops' "$(status_get '[k for k, n in d["drops"].items() if n]')" "['ttl']"
}
