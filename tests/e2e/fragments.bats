#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Fragments reach one backend, whose kernel puts them together: datagrams of 8 kB in any order, TCP that a router on the
# way cuts, and packets that the balancer has to cut itself.

load helper

setup_file() {
  local n
  fixture routed 3
  servers_up_udp
  # what comes back must fit the client's link: routers cut no IPv6
  for n in 1 2 3; do
    lab_ip "b$n" -6 route change default via "fd00:0:0:$n::1" mtu 1500
  done
  lab_ip client address add 198.51.100.3/24 dev eth0
  lab_ip client address add 2001:db8:c::3/64 dev eth0 nodad
  balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

# fragments 4|6 PORT ARGUMENT...: datagrams of two clients to the VIP; prints what came of them.
fragments() {
  local vip=$LAB_VIP4 from=198.51.100
  [[ $1 == 4 ]] || vip=$LAB_VIP6 from=2001:db8:c:
  [[ $1 == 4 ]] && from+=. || from+=:
  lab_in client python3 "$SERVERS_TOOLS/fragments.py" --from "${from}2" --from "${from}3" "${@:3}" "$vip" "$2"
}

# all_answered 4|6 PORT ARGUMENT...: by all three backends.
all_answered() {
  local counts
  counts=$(fragments "$@") || {
    echo "datagrams were lost: $counts"
    return 1
  }
  is 'backends that answered' "$(json_get 'len(d["by_server"])' <<<"$counts")" 3
}

# held KEY: what status says of packets that were held back.
held() {
  status_get "d['held']['$1']"
}

@test 'datagrams of 8 kB in fragments, as they were sent: IPv4' { all_answered 4 7; }
@test 'datagrams of 8 kB in fragments, as they were sent: IPv6' { all_answered 6 7; }
@test 'as they were sent, to backends of the other family' {
  all_answered 4 8
  all_answered 6 8
}

@test 'nothing was held back so far' {
  is 'fragments held back' "$(held fragment_held)" 0
}

@test 'datagrams of 8 kB, the last fragment first: IPv4' { all_answered 4 7 --order reversed; }
@test 'datagrams of 8 kB, the last fragment first: IPv6' { all_answered 6 7 --order reversed; }
@test 'datagrams of 8 kB, their fragments shuffled: IPv4' { all_answered 4 7 --order shuffled; }
@test 'datagrams of 8 kB, their fragments shuffled: IPv6' { all_answered 6 7 --order shuffled; }
@test 'shuffled, to backends of the other family' {
  all_answered 4 8 --order shuffled
  all_answered 6 8 --order shuffled
}

@test 'what was held back was sent on, all of it' {
  # 100 fragments of each reversed run, and about half of the shuffled ones
  holds 'fragments held back' "$(held fragment_held) > 300"
  is 'sent on' "$(held sent_on)" "$(held fragment_held)"
  is 'lost' "$(held lost)" 0
  wait_for 5 status_says 'd["held"]["waiting"] == 0'
  contains "$(ask status)" "held back   $(held fragment_held) fragments"
}

@test 'fragments whose first one never comes are let go of' {
  lab_in client python3 - "$LAB_VIP4" <<'EOF'
import socket, struct, sys
raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
for number in range(1, 11):
    start = struct.pack("!BBHHHBBH", 0x45, 0, 0, number, 0x2064, 64, 17, 0)
    raw.sendto(start + socket.inet_aton("198.51.100.2") + socket.inet_aton(sys.argv[1]) + bytes(800), (sys.argv[1], 0))
EOF
  wait_for 5 status_says 'd["held"]["timed_out"] == 10'
}

@test 'TCP in fragments that a router made: an upload arrives whole' {
  local before after
  before=$(reassembled)
  lab_in client sysctl -qw net.ipv4.ip_no_pmtu_disc=1
  lab_ip router route change "$LAB_VIP4" via "$(lab_lb 4)" mtu lock 1000
  is 'what arrived' "$(http_upload "$(http_url 4 80 '')")" "$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)"
  after=$(reassembled)
  lab_ip router route change "$LAB_VIP4" via "$(lab_lb 4)"
  lab_in client sysctl -qw net.ipv4.ip_no_pmtu_disc=0
  # 20 MB in packets of 1,460 bytes
  holds 'packets put together by the backends' "$after - $before > 10000"
}

# reassembled: packets that the kernels of the backends put together out of fragments.
reassembled() {
  local n sum=0
  for n in 1 2 3; do
    ((sum += $(lab_in "b$n" nstat -asz IpReasmOKs | awk '/ReasmOKs/ { print $2 }')))
  done
  echo "$sum"
}

@test 'packets without DF that do not fit into the tunnel are cut: UDP and TCP' {
  local n
  for n in 1 2 3; do
    lab_ip lb route add "10.0.$n.0/24" via 10.0.0.1 mtu 1400
  done
  wait_for 10 cuts_datagrams
  head -c 300000 "$LAB_DIR/big" >"$LAB_DIR/small"
  lab_in client sysctl -qw net.ipv4.ip_no_pmtu_disc=1
  lab_in client curl -sS -f -m 30 -T "$LAB_DIR/small" "$(http_url 4 80 /upload/small)" >/dev/null
  lab_in client sysctl -qw net.ipv4.ip_no_pmtu_disc=0
  is 'what arrived' "$(cat "$LAB_DIR"/b*/upload/small | sha256sum)" "$(sha256sum <"$LAB_DIR/small")"
  # fragments that are too long as well are cut further
  all_answered 4 7 --bytes 1440
  all_answered 4 7 --bytes 1440 --order shuffled
  for n in 1 2 3; do
    lab_ip lb route del "10.0.$n.0/24" via 10.0.0.1 mtu 1400
  done
  is 'lost' "$(held lost)" 0
}

# The daemon looks at routes from time to time.
cuts_datagrams() {
  local before
  before=$(held cut)
  all_answered 4 7 --size 1450 --bytes 1480 && (($(held cut) >= before + 20))
}

@test 'without the daemon fragments in order go on, and others are dropped by a reason' {
  balancer_stop
  all_answered 4 7
  all_answered 6 7
  run ! fragments 4 7 --order reversed --timeout 0.5
  is 'answered' "$(json_get 'd["answered"]' <<<"$output")" 0
  balancer_start
  is 'orphans' "$(status_get 'd["drops"]["fragment_orphan"]')" 100
  wait_for 10 all_answered 4 7 --order reversed
}
