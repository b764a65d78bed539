#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# forward: gue, with real clients and servers: bytes in both directions for all four mixes of address families, both
# variants, native and generic; and health checks that take the same path.

load helper

setup_file() {
  FORWARD=gue fixture_balanced routed 2
}

# configured [GUE] [MODE]: the file says `gue: GUE`, and every backend listens to the port that it names.
configured() {
  local port n
  port=$(grep -oE 'port: [0-9]+' <<<"${1:-}" | grep -oE '[0-9]+' || echo 6080)
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    decap "b$n" attach eth0 --gue-port "$port"
  done
  [[ $(status_get 'd["interfaces"][0]["mode"]') == "${2:-native}" ]] || balancer_detach eth0
  FORWARD=gue GUE=${1:-} MODE=${2:-native} balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 "${2:-native}"
  ask reload
  wait_for 5 status_says 'all(b["health"] == "healthy" for p in d["pools"] for b in p["backends"])'
}

# decap bN ARGUMENTS...
decap() {
  CULVERT_NS=$1 culvert decap "${@:2}" --pin-dir "$LAB_DIR/bpf/$1"
}

# decap_sum CLASS PATTERN: packets under all verdicts whose names match, over all backends.
decap_sum() {
  local n
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    decap "b$n" status --json
  done | python3 -c 'import json, re, sys
text, at, packets = sys.stdin.read(), 0, 0
while at < len(text):
    d, at = json.JSONDecoder().raw_decode(text, at)
    packets += sum(v["packets"] for k, v in d[sys.argv[1]].items() if re.fullmatch(sys.argv[2], k))
    at += 1
print(packets)' "$1" "$2"
}

# tcp FROM PORT: 20 MB down and up.
tcp() {
  local want url
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  url=$(http_url "$1" "$2" '')
  is 'downloaded' "$(http_download "$url/big")" "$want"
  is 'uploaded' "$(http_upload "$url")" "$want"
}

@test 'variant 0, IPv4 client, IPv4 backends: 20 MB down and up' { tcp 4 80; }
@test 'variant 0, IPv6 client, IPv6 backends: 20 MB down and up' { tcp 6 80; }
@test 'variant 0, IPv4 client, IPv6 backends: 20 MB down and up' { tcp 4 81; }
@test 'variant 0, IPv6 client, IPv4 backends: 20 MB down and up' { tcp 6 81; }

@test 'a reload to variant 1 and another port: all four mixes' {
  configured '{ port: 7000, variant: 1 }'
  local from port
  for from in 4 6; do
    for port in 80 81; do
      tcp $from $port
    done
  done
  is 'listeners' "$(status_get '{l["forward"] for l in d["listeners"]}')" "{'gue'}"
}

@test 'generic mode' {
  configured '{ variant: 0 }' generic
  tcp 4 80
  tcp 6 81
  configured
}

@test 'source ports are many, from 49152 on' {
  lab_spawn ports router tcpdump -lnni lb -c 200 'src host 10.0.0.2 and udp dst port 6080'
  wait_for 5 grep -q listening "$LAB_DIR/log/ports"
  http_ask 60 "$(http_url 4 80 /whoami)" >/dev/null
  wait_for 5 lab_is_gone ports
  holds 'ports' "$(grep -oE '10.0.0.2.[0-9]+ >' "$LAB_DIR/log/ports" | sort -u | wc -l) > 20"
  is 'below 49152' "$(grep -oE '10.0.0.2.[0-9]+ >' "$LAB_DIR/log/ports" | awk -F'[. ]' '$5 < 49152' | wc -l)" 0
}

@test 'a check goes in GUE: a backend that does not take GUE off is down, whatever else it takes off' {
  local b2
  b2=$(lab_backend 4 2)
  wait_for 5 backend_is "$b2" up
  decap b2 attach eth0 --gue-port 0
  wait_for 5 backend_is "$b2" down
  is 'who answers' "$(http_ask 20 "$(http_url 4 80 /whoami)" | sort -u | xargs)" b1
  decap b2 attach eth0 --gue-port 6080
  wait_for 5 backend_is "$b2" up
  wait_for 5 backend_is "$(lab_backend 6 2)" up
}

@test 'all of it came in GUE, and nothing was dropped on the way' {
  is 'IP in IP' "$(decap_sum decapsulated 'ipv.*')" 0
  holds 'GUE' "$(decap_sum decapsulated 'gue_.*') > 10000"
  is 'drops on the backends' "$(decap_sum drops '.*')" 0
  is 'drops' "$(status_get '{k: n for k, n in d["drops"].items() if n}')" '{}'
}

@test 'the doctor knows what GUE adds' {
  lab_ip lb link set eth0 mtu 1540
  run ask doctor --json
  contains "$output" 'carries packets of 1488 bytes'
  contains "$output" 'ip link set dev eth0 mtu 1552'
  lab_ip lb link set eth0 mtu 1560
  lab_ip b1 link set eth0 mtu 1550
  CULVERT_NS=b1 run culvert doctor backend --vip "$LAB_VIP4" --json --pin-dir "$LAB_DIR/bpf/b1"
  contains "$output" 'takes 1498 in a tunnel'
  lab_ip b1 link set eth0 mtu 1560
}
