#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# What a packet and a request cost, over real (virtual) wires, in CPU seconds of the whole machine:
#
#   packets    live frames with all headers written anew each time, from a generator through veth into the balancer, which
#              sends them back encapsulated; against a program that drops them, which is the cost of generator and veth
#   requests   the same HTTP requests of the same client to the same servers: directly, through Culvert, through the NAT
#              of the kernel (nftables) and through HAProxy in TCP mode
#
# Rounds are interleaved; shown are median, minimum and maximum. What else the machine does counts too: let it do nothing.
#
# usage: sudo tests/bench/end_to_end.sh [--json FILE] [--rounds N] [--seconds N]
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/lab.bash
. tests/e2e/lab.bash
# shellcheck source=tests/e2e/servers.bash
. tests/e2e/servers.bash
# shellcheck source=tests/e2e/balancer.bash
. tests/e2e/balancer.bash

rounds=5 seconds=3 json=
vip_nat=192.0.2.20
vip_proxy=192.0.2.30
flood=$BALANCER_BUILD/tools/flood

die() {
  echo "end_to_end.sh: $1" >&2
  exit 1
}

options() {
  while (($#)); do
    (($# > 1)) || die "$1 needs a value"
    case $1 in
      --json) json=$2 ;;
      --rounds) rounds=$2 ;;
      --seconds) seconds=$2 ;;
      *) die "no such option: $1" ;;
    esac
    shift 2
  done
}

# --- the balancers ---

net_up() {
  lab_up routed 2
  servers_up
  balancer_decap >/dev/null
  clang -target bpf -O2 -g -c tests/bench/xdp_drop.bpf.c -o "$LAB_DIR/xdp_drop.o" \
    -idirafter "/usr/include/$(gcc -print-multiarch)"
  bpftool prog load "$LAB_DIR/xdp_drop.o" "$LAB_DIR/bpf/xdp_drop"
  lab_ip router route add "$vip_nat" via "$(lab_lb 4)"
  lab_ip router route add "$vip_proxy" via "$(lab_lb 4)"
  culvert_up
  nat_up
  proxy_up
}

culvert_up() {
  cat >"$LAB_DIR/culvert.yaml" <<END
interfaces: [{ name: eth0, mode: native }]
listeners:
  - { name: web, address: $LAB_VIP4, protocol: tcp, port: 80, pool: web }
pools:
  - name: web
    health: { type: none }
    backends: [ { address: $(lab_backend 4 1) }, { address: $(lab_backend 4 2) } ]
END
  balancer_attach eth0 >/dev/null
  balancer_start
  lab_wait 10 http_ask 1 "$(http_url 4 80 /whoami)" || die 'no answer through culvert'
}

nat_up() {
  lab_in lb sysctl -qw net.ipv4.ip_forward=1
  lab_in lb nft -f - <<END
table ip nat {
  chain in {
    type nat hook prerouting priority dstnat
    ip daddr $vip_nat tcp dport 80 dnat to jhash ip saddr . tcp sport mod 2 map {
      0 : $(lab_backend 4 1), 1 : $(lab_backend 4 2) }
  }
  chain out {
    type nat hook postrouting priority srcnat
    ip daddr 10.0.0.0/16 masquerade
  }
}
END
}

proxy_up() {
  lab_ip lb address add "$vip_proxy/32" dev lo
  cat >"$LAB_DIR/haproxy.cfg" <<END
global
  maxconn 8000
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
frontend web
  bind $vip_proxy:80
  default_backend web
backend web
  balance roundrobin
  server b1 $(lab_backend 4 1):80
  server b2 $(lab_backend 4 2):80
END
  PATH=$PATH:/usr/sbin lab_spawn haproxy lb haproxy -db -f "$LAB_DIR/haproxy.cfg"
  lab_wait 10 http_ask 1 "http://$vip_proxy/whoami" || die "no answer through haproxy: $(<"$LAB_DIR/log/haproxy")"
}

# Culvert sits on the port, and the router's end of it is as XDP on a veth wants it; or neither.
with_culvert() {
  lab_face_xdp lb
  balancer_attach eth0 >/dev/null
}

without_culvert() {
  balancer_detach eth0 >/dev/null
  lab_in router bpftool net detach xdpdrv dev lb
  lab_in router ethtool -K lb tx on >/dev/null
}

# --- measuring ---

# Hundredths of a second in which the processors were not idle.
busy() {
  awk '/^cpu / { print $2 + $3 + $4 + $7 + $8 + $9 }' /proc/stat
}

# note WHAT CENTISECONDS NUMBER RATE: a sample.
note() {
  printf '%s\t%s\t%s\t%s\n' "$1" "$2" "$3" "$4" >>"$LAB_DIR/samples"
}

# received: frames that XDP saw at the balancer's port.
received() {
  lab_in lb ethtool -S eth0 | awk '/rx_queue_[0-9]+_xdp_packets:/ { n += $2 } END { print n + 0 }'
}

# packets NAME FLOWS: floods the balancer's port with ACKs of so many flows, in random order.
packets() {
  local cpu got
  cpu=$(busy) got=$(received)
  lab_in router "$flood" --from lb --to "$LAB_VIP4" --port 80 --packets ack --flows "$2" --seconds "$seconds" >/dev/null
  got=$(($(received) - got))
  note "$1" $(($(busy) - cpu)) $got $((got / seconds))
}

# requests NAME ADDRESS: over connections that stay, and with a new one for each.
requests() {
  requests_of "requests, keep-alive: $1" "$2"
  requests_of "requests, a connection each: $1" "$2" -H 'Connection: close'
}

# requests_of NAME ADDRESS [OPTION...]
requests_of() {
  local cpu answer count
  cpu=$(busy)
  answer=$(lab_in client wrk -t 1 -c 32 -d "${seconds}s" "${@:3}" "http://$2/whoami")
  cpu=$(($(busy) - cpu))
  ! grep -q 'Socket errors\|Non-2xx' <<<"$answer" || die "$1: $(grep 'Socket\|Non-2xx' <<<"$answer")"
  count=$(awk '/requests in/ { print $1 }' <<<"$answer")
  note "$1" $cpu "$count" $((count / seconds))
}

round() {
  local flows
  for flows in 1 1000 100000; do
    packets "packets of $flows flows: culvert" "$flows"
  done
  culvert_off_for_drop
  requests culvert "$LAB_VIP4"
  without_culvert
  requests direct "$(lab_backend 4 1)"
  requests nftables "$vip_nat"
  requests haproxy "$vip_proxy"
  with_culvert
}

# The same flood into a program that drops it.
culvert_off_for_drop() {
  balancer_detach eth0 >/dev/null
  lab_in lb bpftool net attach xdpdrv pinned "$LAB_DIR/bpf/xdp_drop" dev eth0
  packets 'packets dropped at once' 1000
  lab_in lb bpftool net detach xdpdrv dev eth0
  balancer_attach eth0 >/dev/null
}

show() {
  python3 - "$LAB_DIR/samples" "$json" <<'END'
import collections, json, platform, statistics, sys

samples = collections.defaultdict(list)
for line in open(sys.argv[1]):
    name, cpu, count, rate = line.rstrip("\n").split("\t")
    samples[name].append((int(cpu) / 100 / max(1, int(count)) * 1e6, int(rate)))

print(f"kernel {platform.release()}; CPU seconds per million, whole machine: median (min to max); per second: median")
rows = []
for name, values in sorted(samples.items(), key=lambda sample: sample[0].split(":")[0]):
    cost = [v[0] for v in values]
    row = {"name": name, "cpu_seconds_per_million": round(statistics.median(cost), 3), "min": round(min(cost), 3),
           "max": round(max(cost), 3), "per_second": round(statistics.median(v[1] for v in values)), "rounds": len(values)}
    rows.append(row)
    print("{name:42} {cpu_seconds_per_million:9.3f} ({min:.3f} to {max:.3f})  {per_second:11,}/s".format(**row))
if sys.argv[2]:
    json.dump({"kernel": platform.release(), "end_to_end": rows}, open(sys.argv[2], "w"), indent=1)
END
}

main() {
  options "$@"
  ((EUID == 0)) || die 'needs root, for namespaces and XDP'
  [[ -x $flood ]] || die "build it first: make all $flood"
  trap 'lab_down "${LAB_DIR:-}"' EXIT
  trap 'exit 130' INT TERM HUP
  scripts/deps.sh bench
  net_up
  for ((n = 0; n < rounds; n++)); do
    round
  done
  show
}

main "$@"
