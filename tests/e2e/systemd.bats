#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The units, and what the daemon does for a service manager: it tells how it is, and does with little.

load helper

setup_file() {
  fixture routed 2
  make -s -C "$BATS_TEST_DIRNAME/../.." install BUILD="$BALANCER_BUILD" PREFIX="$LAB_DIR/usr" >/dev/null
  ln -s culvert-decap@.service "$LAB_DIR/usr/lib/systemd/system/culvert-decap@eth0.service"
  PORTS='eth0 eth1' balancer_config >"$LAB_DIR/culvert.yaml"
  lab_add_link lb eth1 router lb1 1560 10.9.0.2/24 10.9.0.1/24
  lab_face_xdp lb1
}

@test 'the units are right, as systemd sees it' {
  local unit
  for unit in culvertd culvert-decap@eth0; do
    run --separate-stderr systemd-analyze verify "$LAB_DIR/usr/lib/systemd/system/$unit.service"
    # shellcheck disable=SC2154 # bats sets it
    is "word about $unit" "$stderr" ''
    is "status of $unit" "$status" 0
  done
}

@test 'the units shut in what they run: an exposure of 2.0 or better' {
  local unit level
  for unit in culvertd culvert-decap@eth0; do
    level=$(systemd-analyze security --offline=true "$LAB_DIR/usr/lib/systemd/system/$unit.service" |
      sed -n 's/.*exposure level for .*: \([0-9]*\)\.\([0-9]\) .*/\1\2/p')
    holds "exposure of $unit, in tenths" "$((10#$level)) <= 20"
  done
}

# The unit's capabilities, and its umask.
start_shut_in() {
  local bounds
  bounds=$(sed -n 's/^CapabilityBoundingSet=//p' "$LAB_DIR/usr/lib/systemd/system/culvertd.service")
  bounds=+${bounds// /,+}
  bounds=${bounds//CAP_/}
  NOTIFY_SOCKET=$LAB_DIR/notify WATCHDOG_USEC=400000 lab_spawn culvertd lb \
    setpriv --bounding-set "-all,${bounds,,}" --no-new-privs \
    "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/culvertd.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state"
  lab_wait 10 ask status
}

# told LINE: whether the service manager heard it.
told() {
  grep -q "^$1" "$LAB_DIR/log/notify"
}

@test 'the service manager is told: ready, reloading, alive, stopping' {
  lab_spawn notify lb python3 -u "$BATS_TEST_DIRNAME/tools/notify_hear.py" "$LAB_DIR/notify"
  wait_for 5 test -S "$LAB_DIR/notify"
  start_shut_in
  wait_for 5 told 'EXTEND_TIMEOUT_USEC=[0-9]'
  wait_for 5 told READY=1
  wait_for 5 told 'STATUS=listeners: 8, pools: 2, backends: 4'
  wait_for 5 told WATCHDOG=1
  run ! told RELOADING=1
  balancer_reload
  wait_for 5 told RELOADING=1
  wait_for 5 told 'MONOTONIC_USEC=[0-9]'
  wait_for 5 readies 2
}

# readies N: so many times the daemon was ready.
readies() {
  (($(grep -c ^READY=1 "$LAB_DIR/log/notify") == $1))
}

@test 'the service manager is asked for patience while tables are copied' {
  run ! told WATCHDOG_USEC
  sed -i 's/max_flows: 65536/max_flows: 32768/' "$LAB_DIR/culvert.yaml"
  balancer_reload
  sed -i 's/max_flows: 32768/max_flows: 65536/' "$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 readies 4
  is 'patience, in microseconds' "$(sed -n 's/^WATCHDOG_USEC=//p' "$LAB_DIR/log/notify" | xargs)" \
    '33021440 400000 31710720 400000'
}

@test 'a reload that fails says so, and is over' {
  cp "$LAB_DIR/culvert.yaml" "$LAB_DIR/right.yaml"
  echo 'colour: blue' >>"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 told 'STATUS=configuration not changed: .*colour'
  cp "$LAB_DIR/right.yaml" "$LAB_DIR/culvert.yaml"
  balancer_reload
}

# capabilities KIND: of every thread of the daemon.
capabilities() {
  local pid
  read -r pid _ <"$LAB_DIR/pid/culvertd"
  sed -n "s/^Cap$1:\t//p" /proc/"$pid"/task/*/status | sort -u
}

@test 'with the capabilities of its unit it does all of its work' {
  # bits 12, 38, 39: net_admin, perfmon, bpf
  is 'capabilities' "$(capabilities Eff)" 000000c000001000
  works
}

@test 'started with all capabilities it gives up what it does not need' {
  lab_kill culvertd
  wait_for 5 told STOPPING=1
  balancer_start
  is 'capabilities' "$(capabilities Prm)" 000000c000001000
  works
}

# Attach, detach, routes, maps and sweeps, checks.
works() {
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  is 'who answers' "$(http_ask 50 "$(http_url 6 80 /whoami)" | sort -u | xargs)" 'b1 b2'
  wait_for 5 status_says '{b["health"] for p in d["pools"] for b in p["backends"]} == {"healthy"}'
  balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 status_says '{i["name"] for i in d["interfaces"]} == {"eth0"}'
  PORTS='eth0 eth1' balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 status_says '{i["name"] for i in d["interfaces"]} == {"eth0", "eth1"}'
  sed -i 's/max_flows: .*/max_flows: 32768/' "$LAB_DIR/culvert.yaml"
  ask reload
  status_says 'd["flow_table"]["max_flows"] == 32768'
  sed -i 's/max_flows: .*/max_flows: 65536/' "$LAB_DIR/culvert.yaml"
  ask reload
  ask drain pool4 "$(lab_backend 4 1)"
  ask undrain pool4 "$(lab_backend 4 1)"
  is 'errors in the log' "$(grep -E ' err ' "$LAB_DIR/log/culvertd" | grep -v -e colour -e 'not changed')" ''
}

@test 'the control socket: for root alone, or with --group for its members' {
  is 'owner' "$(stat -c '%U %G' "$LAB_DIR/culvertd.sock")" 'root root'
  balancer_stop
  run -2 "$BALANCER_BUILD/culvertd" --group nobodys-group
  contains "$output" 'no group nobodys-group'
  run -2 "$BALANCER_BUILD/culvertd" --pin-dir pins
  contains "$output" '--pin-dir pins: not an absolute path'
  chmod 755 "$LAB_DIR"
  (umask 077 && start_for daemon)
  is 'owner and mode' "$(stat -c '%U %G %a' "$LAB_DIR/culvertd.sock")" 'root daemon 660'
  lab_in lb setpriv --reuid nobody --regid nogroup --groups daemon \
    "$BALANCER_BUILD/culvert" --socket "$LAB_DIR/culvertd.sock" status
  run -1 lab_in lb setpriv --reuid nobody --regid nogroup --clear-groups \
    "$BALANCER_BUILD/culvert" --socket "$LAB_DIR/culvertd.sock" status
  contains "$output" 'a member of its group'
}

start_for() {
  lab_spawn culvertd lb "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/culvertd.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state" --group "$1"
  lab_wait 10 ask status
}

@test 'decapsulation is put on and taken off with the capabilities of its unit' {
  lab_in b1 setpriv --bounding-set -all,+bpf,+net_admin,+perfmon \
    "$BALANCER_BUILD/culvert" decap detach eth0 --pin-dir "$LAB_DIR/bpf/b1"
  lab_in b1 setpriv --bounding-set -all,+bpf,+net_admin,+perfmon \
    "$BALANCER_BUILD/culvert" decap attach eth0 --pin-dir "$LAB_DIR/bpf/b1"
  is 'who answers' "$(http_ask 50 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2'
}
