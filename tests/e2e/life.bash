# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What the tests of the life of a flow share: servers that hold connections, a configuration of few words, and tools that
# make flows by the thousand. Sourced after helper.bash.

LIFE_TOOLS=$BATS_TEST_DIRNAME/tools
LIFE_BUILT=$BALANCER_BUILD/tools

# life_up BACKENDS: for setup_file: a lab whose backends have tcp_hold.py on ports 7000 to 7003 and udp_echo.py on 7.
life_up() {
  local n
  lab_up routed "$1"
  balancer_decap
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_spawn "tcp-b$n" "b$n" python3 "$LIFE_TOOLS/tcp_hold.py" server --name "b$n" \
      --port 7000 --port 7001 --port 7002 --port 7003 "$LAB_VIP4" "$LAB_VIP6"
  done
  servers_up_udp
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_wait 10 grep -q ready "$LAB_DIR/log/tcp-b$n"
  done
}

# life_config FLOW_TABLE LISTENER...: prints a configuration. FLOW_TABLE and LISTENER are the keys of each, as one writes
# them in braces. Backends come in two pools, pool4 and pool6, without health checks; LIFE_BACKENDS may name those that
# are in: '1 2 3'.
life_config() {
  local n family
  echo 'interfaces: [{ name: eth0, mode: native }]'
  echo "flow_table: { $1${CULVERT_TEST_SHORTCUT:+, shortcut: $CULVERT_TEST_SHORTCUT} }"
  echo 'listeners:'
  printf '  - { %s }\n' "${@:2}"
  echo 'pools:'
  for family in 4 6; do
    echo "  - name: pool$family"
    echo '    health: { type: none }'
    echo '    backends:'
    for n in ${LIFE_BACKENDS:-$(seq "$LAB_BACKENDS")}; do
      echo "      - { address: '$(lab_backend $family "$n")' }"
    done
  done
}

# life_listener NAME 4|6 tcp|udp PORT [KEY: VALUE]...: the keys of a listener.
life_listener() {
  local vip=$LAB_VIP4 more
  [[ $2 == 4 ]] || vip=$LAB_VIP6
  printf "name: %s, address: '%s', protocol: %s, port: %s, pool: pool%s, forward: ipip" "$1" "$vip" "$3" "$4" "$2"
  for more in "${@:5}"; do
    printf ', %s' "$more"
  done
}

# life_start CONFIGURATION: the balancer.
life_start() {
  echo "$1" >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 native
  balancer_start
  wait_for 10 status_says "all(b['forwardable'] for p in d['pools'] for b in p['backends'])"
}

# life_reload CONFIGURATION: with an answer, so it is in force when this returns.
life_reload() {
  echo "$1" >"$LAB_DIR/culvert.yaml"
  ask reload
}

# --- flows ---

# feed ADDRESS PORT FIRST-LAST PACKETS [OPTION...]: the flows of these numbers, without a network; see feed.c.
feed() {
  lab_in lb "$LIFE_BUILT/feed" --program "$LAB_DIR/bpf/culvert/programs/cv_balance" --to "$1" --port "$2" \
    --flows "$3" --packets "$4" "${@:5}"
}

# flood ADDRESS PORT PACKETS SECONDS: over the wire; see flood.c.
flood() {
  lab_in router "$LIFE_BUILT/flood" --from lb --to "$1" --port "$2" --packets "$3" --seconds "$4"
}

# flow_count [OPTION...]: how many `culvert flows` shows.
flow_count() {
  ask flows --json "$@" | wc -l
}

# flow_backends [OPTION...]: a line for each flow, sorted: its client and its backend.
flow_backends() {
  ask flows --json "$@" | python3 -c 'import json, sys
for line in sys.stdin:
    flow = json.loads(line)
    print(flow["protocol"], flow["client"], flow["client_port"], flow["address"], flow["port"], flow["backend"])' | sort
}

# listener_get NAME KEY: a counter of one listener.
listener_get() {
  status_get "[l['$2'] for l in d['listeners'] if l['name'] == '$1'][0]"
}

# listener_is NAME KEY VALUE
listener_is() {
  [[ $(listener_get "$1" "$2") == "$3" ]]
}

# --- held connections ---

# pauses NAME: runs the cases on standard input, as the process NAME; see pauses.py. The outcome is in log/NAME.
pauses() {
  cat >"$LAB_DIR/$1.cases"
  # shellcheck disable=SC2016 # the inner shell expands it
  lab_spawn "$1" client bash -c 'exec python3 "$1" <"$0"' "$LAB_DIR/$1.cases" "$LIFE_TOOLS/pauses.py"
}

# hold_start NAME COUNT ADDRESS PORT [OPTION...]: opens them, by tcp_hold.py as the process NAME. hold_said waits for the
# outcome.
hold_start() {
  mkfifo "$LAB_DIR/$1.in"
  : >"$LAB_DIR/log/$1"
  # opened for both, the pipe neither blocks nor ends
  # shellcheck disable=SC2016 # the inner shell expands it
  lab_spawn "$1" client bash -c 'exec python3 "$@" 0<>"$0"' "$LAB_DIR/$1.in" "$LIFE_TOOLS/tcp_hold.py" client \
    --connections "$2" --timeout 60 "${@:5}" "$3" "$4"
  echo 0 >"$LAB_DIR/$1.said"
}

# hold_said NAME: waits for what the process says next, and prints it.
hold_said() {
  local line
  line=$(($(<"$LAB_DIR/$1.said") + 1))
  wait_for 90 has_lines "$LAB_DIR/log/$1" "$line" >&2
  echo "$line" >"$LAB_DIR/$1.said"
  sed -n "${line}p" "$LAB_DIR/log/$1"
}

# hold_tell NAME COMMAND: gives a command, and prints the answer.
hold_tell() {
  echo "$2" >"$LAB_DIR/$1.in"
  hold_said "$1"
}

# hold_end NAME: resets what it holds, so that the flows are gone in a few seconds, and ends the process.
hold_end() {
  hold_tell "$1" reset >/dev/null
  lab_kill "$1"
}

has_lines() {
  (($(wc -l <"$1") >= $2))
}

# held WHAT NUMBER ANSWER: so many connections worked, and none failed.
held() {
  is "$1" "$(json_get '"{ok} worked, {failed} failed".format(**d)' <<<"$3")" "$2 worked, 0 failed"
}
