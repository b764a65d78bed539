# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Culvert itself in a lab: its files all lie below LAB_DIR. Sourced after lab.bash.

BALANCER_BUILD=${CULVERT_BUILD:-$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)/build}

# culvert ARGUMENTS...: the command, on the balancer.
culvert() {
  lab_in "${CULVERT_NS:-lb}" "$BALANCER_BUILD/culvert" "$@"
}

# ask SUBCOMMAND ARGUMENTS...: the command, about the lab's daemon and data plane.
ask() {
  culvert --socket "$LAB_DIR/culvertd.sock" --pin-dir "$LAB_DIR/bpf/culvert" "$@"
}

# balancer_attach PORT [MODE], balancer_detach PORT|--all
balancer_attach() {
  ask attach "$1" --mode "${2:-native}"
}

balancer_detach() {
  ask detach "$1"
}

# balancer_decap: every backend takes tunnels off.
balancer_decap() {
  local n
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    CULVERT_NS=b$n culvert decap attach eth0 --pin-dir "$LAB_DIR/bpf/b$n"
  done
}

# balancer_start: the daemon; waits until it answers. balancer_stop [SIGNAL]
balancer_start() {
  lab_spawn culvertd lb "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/culvertd.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state"
  lab_wait 10 ask status
}

balancer_stop() {
  lab_kill culvertd "${1:-TERM}"
}

# balancer_reload: the daemon reads its file again.
balancer_reload() {
  lab_signal culvertd HUP
}

# Prints a configuration of the lab, as the variables MODE, FORWARD, GUE and WEIGHTS say: port 80 and, for UDP, 7 of either
# VIP lead to backends of the same address family, ports 81 and 8 to those of the other. CULVERT_TEST_SHORTCUT: on or off.
balancer_config() {
  local mode=${MODE:-native} forward=${FORWARD:-ipip} weights family n
  read -ra weights <<<"${WEIGHTS:-}"
  cat <<EOF
interfaces:
$(for n in ${PORTS:-eth0}; do echo "  - { name: $n, mode: $mode }"; done)
flow_table:
  max_flows: 65536
${CULVERT_TEST_SHORTCUT:+  shortcut: $CULVERT_TEST_SHORTCUT}
${GUE:+gue: $GUE}
listeners:
$(balancer_listeners "$forward")
pools:
EOF
  for family in 4 6; do
    cat <<EOF
  - name: pool$family
    health: { type: http, port: 80, path: /healthz, interval: 500ms, timeout: 500ms, rise: 2, fall: 2 }
    backends:
$(for ((n = 1; n <= LAB_BACKENDS; n++)); do
      echo "      - { address: '$(lab_backend "$family" "$n")', weight: ${weights[n - 1]:-100} }"
    done)
EOF
  done
}

# balancer_listeners FORWARD
balancer_listeners() {
  local from to vip tcp udp
  for from in 4 6; do
    for to in 4 6; do
      vip=$LAB_VIP4 tcp=80 udp=7
      [[ $from == 4 ]] || vip=$LAB_VIP6
      if [[ $from != "$to" ]]; then
        [[ $1 != l2 ]] || continue # l2 leaves the packet as it is
        tcp=81 udp=8
      fi
      echo "  - { name: tcp-$from-$to, address: '$vip', protocol: tcp, port: $tcp, pool: pool$to, forward: $1 }"
      echo "  - { name: udp-$from-$to, address: '$vip', protocol: udp, port: $udp, pool: pool$to, forward: $1 }"
    done
  done
}

# --- what it says ---

# status_get EXPRESSION: from the status, `d`, in Python.
status_get() {
  ask status --json | json_get "$1"
}

# status_says EXPRESSION: whether it is true.
status_says() {
  [[ $(status_get "$1") == True ]]
}

# json_get EXPRESSION: the same from standard input.
json_get() {
  python3 -c 'import json, sys; d = json.load(sys.stdin); print(eval(sys.argv[1]))' "$1"
}

# backend_is ADDRESS STATE: in every pool that has it.
backend_is() {
  status_says "{b['state'] for p in d['pools'] for b in p['backends'] if b['address'] == '$1'} == {'$2'}"
}

# listener_sum KEY: a counter over all listeners.
listener_sum() {
  status_get "sum(l['$1'] for l in d['listeners'])"
}
