#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Frames of up to 9,000 bytes of IP packet, which XDP gets in several pieces: through IPIP and GUE, native and generic, and
# over ports with one VLAN tag and with two.

load helper

setup_file() {
  LAB_CLIENT_MTU=9000 LAB_MTU=9060 fixture_balanced routed 2
}

# configured FORWARD [MODE]
configured() {
  [[ $(status_get 'd["interfaces"][0]["mode"]') == "${2:-native}" ]] || balancer_detach eth0
  FORWARD=$1 MODE=${2:-native} balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 "${2:-native}"
  ask reload
  wait_for 10 status_says 'all(b["health"] == "healthy" for p in d["pools"] for b in p["backends"])'
}

# whole FROM PORT: 20 MB down and up; most of what the client sent fills its frames.
whole() {
  local want url before
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  url=$(http_url "$1" "$2" '')
  before=$(counts)
  is 'downloaded' "$(http_download "$url/big")" "$want"
  is 'uploaded' "$(http_upload "$url")" "$want"
  read -r packets bytes < <(echo "$(counts) $before" | awk '{ print $1 - $3, $2 - $4 }')
  holds 'bytes in all' "$bytes > 20000000"
  # acknowledgements of the download are small; nothing near what 1,500 bytes would make
  holds 'bytes a packet' "$bytes / $packets > 2000"
}

# counts: packets and bytes of all listeners.
counts() {
  status_get 'sum(l["packets"] for l in d["listeners"]), sum(l["bytes"] for l in d["listeners"])' | tr -d '(),'
}

# tagged one|two: tags on the balancer's link, which both ends put on and take off outside of their network stacks.
tagged() {
  local ns port pins=$LAB_DIR/bpf/tag
  if [[ ! -d $pins ]]; then
    clang -target bpf -O2 -g -c "$BATS_TEST_DIRNAME/tag.bpf.c" -o "$LAB_DIR/tag.o" \
      -idirafter "/usr/include/$(gcc -print-multiarch)"
    bpftool prog loadall "$LAB_DIR/tag.o" "$pins" type classifier
  fi
  for ns in router lb; do
    port=$([[ $ns == router ]] && echo lb || echo eth0)
    lab_in $ns ethtool -K "$port" rxvlan off txvlan off >/dev/null
    lab_in $ns ethtool -K "$port" rx-vlan-stag-hw-parse off tx-vlan-stag-hw-insert off >/dev/null
    lab_in $ns tc qdisc add dev "$port" clsact 2>/dev/null || true
    lab_in $ns tc filter replace dev "$port" egress pref 9 handle 1 bpf direct-action object-pinned "$pins/push_$1"
    lab_in $ns tc filter replace dev "$port" ingress pref 9 handle 1 bpf direct-action object-pinned "$pins/pop_all"
  done
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
}

@test 'IPIP, native: IPv4 to IPv4 and IPv6 to IPv6' {
  whole 4 80
  whole 6 80
}

@test 'GUE, native: IPv4 to IPv6 and IPv6 to IPv4' {
  configured gue
  whole 4 81
  whole 6 81
}

@test 'GUE and IPIP, generic' {
  configured gue generic
  whole 4 81
  configured ipip generic
  whole 6 80
}

@test 'a port with a VLAN tag' {
  configured ipip
  tagged one
  lab_spawn tags router tcpdump -lnei lb -c 40 'vlan 100 and greater 8000'
  wait_for 5 grep -q listening "$LAB_DIR/log/tags"
  whole 4 80
  whole 6 81
  wait_for 5 lab_is_gone tags
}

@test 'a port with two' {
  configured gue
  tagged two
  lab_spawn tags router tcpdump -lnei lb -c 40 'vlan 200 and vlan 100 and greater 8000'
  wait_for 5 grep -q listening "$LAB_DIR/log/tags"
  whole 4 81
  whole 6 80
  wait_for 5 lab_is_gone tags
}

@test 'pings that fill a frame are answered, with both tags' {
  contains "$(lab_in client ping -n -q -i 0.01 -c 10 -W 2 -M 'do' -s 8972 "$LAB_VIP4")" '10 received'
  contains "$(lab_in client ping -n -q -i 0.01 -c 10 -W 2 -M 'do' -s 8952 "$LAB_VIP6")" '10 received'
}

@test 'the doctor knows that the driver takes long frames' {
  run ask doctor
  contains "$output" 'eth0: MTU 9060, the driver takes frames longer than a page'
}

@test 'nothing was dropped on the way' {
  is 'drops' "$(status_get '{k: n for k, n in d["drops"].items() if n}')" '{}'
}
