#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Shows Culvert at work in a small network of namespaces, with real clients and servers, and believes only what it
# has seen: exit status 0 means that every step came out as told.
#
# usage: sudo scripts/demo.sh [--keep]     --keep leaves the network up and says what to try
#        sudo scripts/demo.sh --down DIR   takes a network away that was kept
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=scripts/build.bash
. scripts/build.bash
# shellcheck source=tests/e2e/lab.bash
. tests/e2e/lab.bash
# shellcheck source=tests/e2e/servers.bash
. tests/e2e/servers.bash
# shellcheck source=tests/e2e/balancer.bash
. tests/e2e/balancer.bash

url4=http://$LAB_VIP4
url6=http://[$LAB_VIP6]
weights=(100 100 200)
step=0
bold='' plain=''
if [[ -t 1 ]]; then
  bold=$'\e[1m' plain=$'\e[0m'
fi

# --- telling ---

heading() {
  step=$((step + 1))
  printf '\n%s%d. %s%s\n' "$bold" "$step" "$1" "$plain"
}

say() {
  printf '   %s\n' "$@"
}

# show COMMAND...: the real output of a command, as one would type it.
show() {
  printf '\n   $ culvert %s\n' "$*"
  ask "$@" | sed 's/^/   | /'
}

# A step did not come out: what was expected, what was seen, what the daemon said.
fail() {
  printf '\n%sIt did not work: %s%s\n   expected: %s\n   seen:     %s\n' "$bold" "$1" "$plain" "$2" "$3" >&2
  if [[ -s ${LAB_DIR:-}/log/culvertd ]]; then
    echo '   culvertd, last lines:' >&2
    tail -n 15 "$LAB_DIR/log/culvertd" | sed 's/^/   | /' >&2
  fi
  exit 1
}

# expect WHAT SEEN WANTED
expect() {
  [[ $2 == "$3" ]] || fail "$1" "$3" "$2"
}

# expect_soon SECONDS WHAT COMMAND...
expect_soon() {
  lab_wait "$1" "${@:3}" || fail "$2" "within $1 s" "not in $1 s"
}

# --- asking ---

# share LABEL URL COUNT BACKEND...: sends requests, prints who answered, and expects these backends and no other, each
# within 8 percent points of what its weight says.
share() {
  local label=$1 url=$2 count=$3 total=0 name answers want line=''
  shift 3
  http_ask "$count" "$url/" >"$LAB_DIR/answers" || fail "$label requests" "$count answers" "$(tail -n 1 "$LAB_DIR/answers")"
  expect "$label: who answered" "$(sort -u "$LAB_DIR/answers" | xargs)" "$*"
  for name in "$@"; do
    total=$((total + weights[${name#b} - 1]))
  done
  for name in "$@"; do
    answers=$(grep -cx "$name" "$LAB_DIR/answers")
    want=$((count * weights[${name#b} - 1] / total))
    line+=${line:+   }$(printf '%4d by %s (%2d %%)' "$answers" "$name" $(((100 * answers + count / 2) / count)))
    ((answers > want - count * 8 / 100 && answers < want + count * 8 / 100)) ||
      fail "$label: share of $name" "about $want of $count" "$answers"
  done
  say "$(printf '%s  %4d requests: %s' "$label" "$count" "$line")"
}

# flow_packets BACKEND: of its open flows.
flow_packets() {
  ask flows --state open --backend "$1" --json | python3 -c 'import json, sys
print(sum(json.loads(line)["packets"] for line in sys.stdin))'
}

has_more_packets() {
  (($(flow_packets "$1") > $2))
}

has_open_flows() {
  (($(ask flows --state open --json | wc -l) >= $1))
}

# --- the steps ---

prepare() {
  local start=$SECONDS
  heading 'Build'
  scripts/deps.sh demo
  build all >/dev/null
  say "build/culvert and build/culvertd: $(build/culvert version | head -n 1) ($((SECONDS - start)) s)"
}

lay_network() {
  heading 'A network of namespaces'
  lab_up routed 3
  servers_up
  cat <<EOF
                                   lb  10.0.0.2    Culvert, on eth0
                                   |
     client  198.51.100.2 ----- router --+-- b1  10.0.1.2   nginx, weight ${weights[0]}
             2001:db8:c::2               +-- b2  10.0.2.2   nginx, weight ${weights[1]}
                                         +-- b3  10.0.3.2   nginx, weight ${weights[2]}
EOF
  say "The VIPs are $LAB_VIP4 and $LAB_VIP6: the router sends them to lb, lb sends each" \
    'connection to one backend in an IP-in-IP tunnel, the backend answers the client directly.'
}

configure() {
  cat >"$LAB_DIR/culvert.yaml" <<EOF
interfaces:
  - { name: eth0, mode: native }
listeners:
  - { name: web, address: $LAB_VIP4, protocol: tcp, port: 80, pool: web, forward: ipip }
  - { name: web6, address: '$LAB_VIP6', protocol: tcp, port: 80, pool: web, forward: ipip }
pools:
  - name: web
    health: { type: http, path: /healthz, interval: 500ms, timeout: 500ms, rise: 2, fall: 2 }
    backends:
      - { address: $(lab_backend 4 1), weight: ${weights[0]} }
      - { address: $(lab_backend 4 2), weight: ${weights[1]} }
      - { address: $(lab_backend 4 3), weight: ${weights[2]} }
EOF
}

start() {
  heading 'Attach the XDP programs, start the daemon'
  configure
  sed 's/^/   | /' "$LAB_DIR/culvert.yaml"
  balancer_decap >/dev/null
  culvert check "$LAB_DIR/culvert.yaml" >/dev/null
  balancer_attach eth0 native >/dev/null
  balancer_start || fail 'culvertd' 'it answers' 'it does not'
  expect_soon 10 'the first request' http_ask 1 "$url4/"
  expect_soon 10 'all backends healthy' status_says "{b['state'] for b in d['pools'][0]['backends']} == {'up'}"
  say 'On each backend:   culvert decap attach eth0' \
    'On the balancer:   culvert check culvert.yaml; culvert attach eth0; culvertd'
}

show_shares() {
  heading 'Requests to the VIP, each on a connection of its own, over IPv4 and IPv6'
  share IPv4 "$url4" 800 b1 b2 b3
  share IPv6 "$url6" 800 b1 b2 b3
}

show_flows() {
  local n
  heading 'Flows'
  say 'Eight slow downloads start and keep their connections open.'
  for n in 1 2 3 4; do
    download_spawn "held4-$n" 4
    download_spawn "held6-$n" 6
  done
  expect_soon 5 'eight open flows' has_open_flows 8
  sleep 1 # the counts of flows in the status are those of the last sweep
  show flows --state open --limit 10
  show status
}

fail_backend() {
  local start=$SECONDS
  heading 'The web server on b2 dies'
  server_stop b2
  expect_soon 10 'b2 is taken out' backend_is "$(lab_backend 4 2)" down
  say "The health check took b2 out after about $((SECONDS - start)) s."
  share IPv4 "$url4" 800 b1 b3
  share IPv6 "$url6" 800 b1 b3
  server_start b2
  expect_soon 10 'b2 comes back' backend_is "$(lab_backend 4 2)" up
  say 'It is started again, and takes its share again.'
  share IPv4 "$url4" 800 b1 b2 b3
}

drain_backend() {
  local backend name packets others
  backend=$(ask flows --state open --limit 1 --json | json_get 'd["backend"]')
  name=b$(cut -d . -f 3 <<<"$backend")
  others=$(tr ' ' '\n' <<<'b1 b2 b3' | grep -vx "$name")
  heading "Drain $name: it keeps its flows and gets no new ones"
  show drain web "$backend"
  expect_soon 5 "$name is draining" backend_is "$backend" draining
  packets=$(flow_packets "$backend")
  # shellcheck disable=SC2086 # two names
  share IPv4 "$url4" 800 $others
  expect_soon 5 "the open flows of $name go on" has_more_packets "$backend" "$packets"
  say "$name got none of them, while its open downloads went on."
  show backends
  show undrain web "$backend"
  expect_soon 5 "$name is up" backend_is "$backend" up
}

kill_daemon() {
  local packets answer
  heading 'kill -9 culvertd, in the middle of 200 requests a second'
  packets=$(listener_sum packets)
  load_spawn "$url4/" 200 6
  sleep 1.5
  balancer_stop KILL
  say 'It is dead. The XDP program forwards on.'
  sleep 2
  balancer_start || fail 'culvertd' 'it comes back' 'it does not'
  say 'It is back, and has found flows, counters and backends again.'
  expect_soon 5 'the open flows are still there' has_open_flows 1
  (($(listener_sum packets) > packets)) || fail 'counters' "more than $packets packets" "$(listener_sum packets)"
  expect_soon 30 'the requests come to an end' lab_is_gone load
  answer=$(json_get '"{sent} sent, {ok} answered, {failed} failed".format(**d)' <"$LAB_DIR/log/load") ||
    fail 'the load' 'a summary' "$(<"$LAB_DIR/log/load")"
  say "Requests: $answer."
  expect 'requests lost' "$(json_get 'd["failed"]' <"$LAB_DIR/log/load")" 0
  expect 'requests sent' "$(json_get 'd["sent"] > 1000' <"$LAB_DIR/log/load")" True
}

take_away() {
  heading 'Take it all away'
  balancer_stop
  balancer_detach --all >/dev/null
  [[ ! -e $LAB_DIR/bpf/culvert ]] || fail 'detach --all' 'no pins' "$(ls "$LAB_DIR/bpf/culvert")"
  expect 'XDP program on eth0' "$(lab_ip lb link show eth0 | grep -o 'prog/xdp.*' || true)" ''
  lab_down "$LAB_DIR"
  expect 'namespaces left' "$(ip netns list | grep "^$LAB_NAME-" || true)" ''
  expect 'files left' "$(ls -d "$LAB_DIR" 2>/dev/null || true)" ''
  say 'No program, pin, process, namespace or file is left.'
}

keep() {
  lab_release "$LAB_DIR"
  trap - EXIT
  heading 'The network stays up. Try:'
  say "nsenter --net=/run/netns/$LAB_NAME-client curl $url4/" \
    "build/culvert status --socket $LAB_DIR/culvertd.sock" \
    "build/culvert flows --socket $LAB_DIR/culvertd.sock --client $LAB_CLIENT4" \
    "build/culvert weight --help" \
    "bpftool map dump pinned $LAB_DIR/bpf/culvert/cv_flows" \
    "scripts/demo.sh --down $LAB_DIR        when you have seen enough"
}

main() {
  local keep=
  case ${1:-} in
    '') ;;
    --keep) keep=1 ;;
    --down)
      [[ -f ${2:-}/name ]] || {
        echo "demo.sh: ${2:-nothing} is no network that a demo left" >&2
        exit 2
      }
      lab_down "$2"
      exit
      ;;
    *)
      sed -n '/^# usage/,/^#  /s/^# //p' "$0" >&2
      exit 2
      ;;
  esac
  if ((EUID != 0)); then
    echo 'demo.sh: needs root, for namespaces and XDP: sudo scripts/demo.sh' >&2
    exit 1
  fi
  trap 'lab_down "${LAB_DIR:-}"' EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM HUP

  prepare
  SECONDS=0
  lay_network
  start
  show_shares
  show_flows
  fail_backend
  drain_backend
  kill_daemon
  if [[ -n $keep ]]; then
    keep
  else
    take_away
  fi
  printf '\n%sAll of this was really seen, in %d s.%s\n' "$bold" "$SECONDS" "$plain"
}

main "$@"
