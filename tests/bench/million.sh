#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# A million real TCP connections through one VIP, on one machine: opens them from many client addresses to real servers,
# sends a byte over each, holds them while a backend is added and another drained and while the daemon is killed and
# started again, and sends a byte over each once more. Everything lives in namespaces that go away with the script.
#
# Takes about 7 KB of memory a connection for both ends together, and some minutes. Prints a line for each step; the exit
# status is 0 only if no connection failed.
#
# usage: sudo tests/bench/million.sh [CONNECTIONS]     (default 1000000)
set -euo pipefail
cd "$(dirname "$0")/../.."
# shellcheck source=tests/e2e/lab.bash
. tests/e2e/lab.bash
# shellcheck source=tests/e2e/balancer.bash
. tests/e2e/balancer.bash

connections=${1:-1000000}
# What one process may hold: the hard limit of open files, less a few of its own.
per_process=$(($(ulimit -Hn) - 1000))
((per_process <= 18000)) || per_process=18000
crowd=$BALANCER_BUILD/tools/crowd
port=7000
# The next power of two with some room: the kernel's hash tables have as many buckets, so this wastes none.
max_flows=1024
while ((max_flows < connections + connections / 32)); do
  max_flows=$((max_flows * 2))
done

say() {
  printf '%-34s %s\n' "$1" "$2"
}

die() {
  echo "million.sh: $1" >&2
  exit 1
}

# Three backends serve; the fourth is added later and has nothing to hold.
config() {
  local n
  cat <<END
interfaces: [{ name: eth0, mode: native }]
flow_table: { max_flows: $max_flows }
listeners:
  - { name: crowd, address: $LAB_VIP4, protocol: tcp, port: $port, pool: crowd, idle_timeout: 3600s }
pools:
  - name: crowd
    health: { type: tcp, interval: 2s, timeout: 2s, fall: 5 }
    backends:
$(for n in "$@"; do echo "      - { address: $(lab_backend 4 "$n") }"; done)
END
}

net_up() {
  local processes=$(((connections + per_process - 1) / per_process)) n
  lab_up routed 4
  balancer_decap >/dev/null
  lab_in client sysctl -qw net.ipv4.ip_local_port_range='1024 65535'
  lab_ip router route add 198.18.0.0/16 via "$LAB_CLIENT4"
  for ((n = 0; n < processes; n++)); do
    lab_ip client address add "198.18.$((n / 256)).$((n % 256))/32" dev lo
  done
  for n in 1 2 3 4; do
    lab_in "b$n" sysctl -qw net.core.somaxconn=65535 net.ipv4.tcp_max_syn_backlog=65535
    # a third of the connections each, and a tenth more for each process, as the kernel deals them out by hash
    lab_spawn "server$n" "b$n" "$crowd" server --name "$n" --processes $((processes * 2 / 5 + 1)) --port $port "$LAB_VIP4"
    lab_wait 20 grep -q ready "$LAB_DIR/log/server$n" || die "server $n does not listen: $(<"$LAB_DIR/log/server$n")"
  done
}

balancer_up() {
  config 1 2 3 >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 >/dev/null
  balancer_start
  lab_wait 20 status_says "[b['state'] for p in d['pools'] for b in p['backends']] == ['up'] * 3" ||
    die 'the backends do not come up'
}

# step NAME: over every connection. Adds what failed to `failed`.
step() {
  local answer
  echo "$1" >&"${CROWD[1]}"
  read -r answer <&"${CROWD[0]}" || die 'the clients ended'
  say "$2" "$(json_get '"{answered:,} answered, {failed:,} failed, {seconds:.0f} s".format(**d)' <<<"$answer")"
  failed=$((failed + $(json_get 'd["failed"]' <<<"$answer")))
}

flows() {
  status_get '"{active_flows:,} active flows".format(**d["listeners"][0])'
}

# What the IPv4 table takes for each flow that is in it, and for each that it has room for.
memory() {
  bpftool -j map show pinned "$LAB_DIR/bpf/culvert/cv_flows" |
    json_get "'{:.0f} bytes, {:.0f} for each it has room for'.format(d['bytes_memlock'] / $connections,
                                                                     d['bytes_memlock'] / d['max_entries'])"
}

main() {
  local failed=0 start=$SECONDS input
  ((EUID == 0)) || die 'needs root, for namespaces and XDP'
  [[ -x $crowd ]] || die "build it first: make all $crowd"
  trap 'lab_down "${LAB_DIR:-}"' EXIT
  trap 'exit 130' INT TERM HUP

  net_up
  balancer_up
  say 'connections to open' "$connections, from $(((connections + per_process - 1) / per_process)) addresses"
  coproc CROWD { lab_in client "$crowd" client --connections "$connections" --per-process "$per_process" \
    --from 198.18.0.0 --port $port "$LAB_VIP4"; }

  step open 'opened'
  step echo 'a byte each'
  say 'culvert says' "$(flows)"
  say 'memory of the table for each flow' "$(memory)"

  config 1 2 3 4 >"$LAB_DIR/culvert.yaml"
  ask reload >/dev/null
  ask drain crowd "$(lab_backend 4 1)" >/dev/null
  say 'then' 'one backend added, another drained'
  step echo 'a byte each'

  balancer_stop KILL
  balancer_start
  say 'then' 'the daemon killed and started again'
  step echo 'a byte each'
  say 'culvert says' "$(flows)"
  input=${CROWD[1]}
  exec {input}>&- # the clients end with it
  wait "$CROWD_PID"

  say 'failed' "$failed, in $((SECONDS - start)) s"
  ((failed == 0))
}

main
