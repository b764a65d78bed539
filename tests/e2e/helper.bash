# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# What every .bats file loads: the lab, and a few words to check with.

bats_require_minimum_version 1.5.0

# shellcheck source=tests/e2e/lab.bash
. "$BATS_TEST_DIRNAME/lab.bash"
# shellcheck source=tests/e2e/servers.bash
. "$BATS_TEST_DIRNAME/servers.bash"
# shellcheck source=tests/e2e/balancer.bash
. "$BATS_TEST_DIRNAME/balancer.bash"

# fixture SHAPE BACKENDS: for setup_file: a lab with servers that take tunnels off.
fixture() {
  lab_up "$@"
  servers_up
  balancer_decap
}

# fixture_balanced SHAPE BACKENDS [MODE]: and a balancer that serves, configured by balancer_config.
fixture_balanced() {
  fixture "$1" "$2"
  balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_attach eth0 "${MODE:-native}"
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 1 "$(http_url 6 80 /whoami)"
}

teardown_file() {
  lab_down "${LAB_DIR:-}"
}

# What the daemon has to say about a test that failed.
teardown() {
  [[ -z ${BATS_TEST_COMPLETED:-} && -n ${LAB_DIR:-} ]] || return 0
  echo '--- culvertd:'
  tail -n 20 "$LAB_DIR/log/culvertd" || true
  echo '--- culvert status:'
  ask status || true
}

# is WHAT GOT WANTED
is() {
  [[ $2 == "$3" ]] || {
    echo "$1: got \"$2\", wanted \"$3\""
    return 1
  }
}

# holds WHAT CONDITION: in arithmetic.
holds() {
  (($2)) || {
    echo "$1: $2 does not hold"
    return 1
  }
}

# contains TEXT PART
contains() {
  [[ $1 == *"$2"* ]] || {
    echo "\"$2\" is not in: $1"
    return 1
  }
}

# udp_answered 4|6 PORT: every datagram is answered, those of one flow by one backend.
udp_answered() {
  local counts
  counts=$(udp_ask "$@") || {
    echo "datagrams were lost: $counts"
    return 1
  }
  is 'flows that moved' "$(json_get 'd["moved"]' <<<"$counts")" 0
  is 'backends that answered' "$(json_get 'len(d["by_server"])' <<<"$counts")" "$LAB_BACKENDS"
}

# wait_for SECONDS COMMAND...
wait_for() {
  lab_wait "$@" || {
    echo "not within $1 s: ${*:2}"
    return 1
  }
}
