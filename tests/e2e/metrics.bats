#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The metrics say exactly what went on, and go on saying it after the daemon died. The status page; clients that take
# their time; a port that is not to be had.

load helper

setup_file() {
  fixture_balanced routed 3
}

# web PATH [CURL ARGUMENTS...]: what the daemon serves there.
web() {
  lab_in lb curl -sS -f -m 10 "${@:2}" "http://127.0.0.1:${WEB_PORT:-9469}$1"
}

# metric SAMPLE: its value; the sample with its labels as it stands in the text.
metric() {
  local value
  value=$(web /metrics | awk -v key="$1" 'index($0, key " ") == 1 { print $2 }')
  [[ -n $value ]] || echo "there is no $1" >&2
  echo "$value"
}

# metric_is SAMPLE VALUE
metric_is() {
  [[ $(metric "$1") == "$2" ]]
}

# counters: those that the maps hold and that only clients' packets move.
counters() {
  web /metrics | grep -E '^culvert_(new_flows|rejected_flows|processed|resets|client_resets|forwarded|dropped|backend_.*_total)'
}

# backend_label N: the labels of backend N of the IPv4 pool.
backend_label() {
  echo "pool=\"pool4\",backend=\"$(lab_backend 4 "$1")\""
}

# configure SED-EXPRESSION [LISTEN]: the usual configuration, changed; waits until it is in force.
configure() {
  {
    balancer_config | sed -e "$1"
    [[ -z ${2:-} ]] || echo "metrics: { listen: '$2' }"
  } >"$LAB_DIR/culvert.yaml"
  ask reload
}

@test 'a scripted set of requests is counted to the flow, by listener and by backend' {
  local n flows before=() count name
  flows=$(metric 'culvert_new_flows_total{listener="tcp-4-4",protocol="tcp"}')
  for n in 1 2 3; do
    before[n]=$(metric "culvert_backend_new_flows_total{$(backend_label "$n")}")
  done
  http_ask 17 "$(http_url 4 80 /whoami)" >"$BATS_TEST_TMPDIR/answers"
  is 'new flows' "$(metric 'culvert_new_flows_total{listener="tcp-4-4",protocol="tcp"}')" $((flows + 17))
  while read -r count name; do
    n=${name#b}
    is "new flows of $name" "$(metric "culvert_backend_new_flows_total{$(backend_label "$n")}")" $((before[n] + count))
  done < <(sort "$BATS_TEST_TMPDIR/answers" | uniq -c)
}

@test 'packets and bytes are counted exactly, and an open flow is active' {
  # one flow of 10 datagrams, each 20 + 8 + 3 bytes
  lab_in client python3 "$BATS_TEST_DIRNAME/tools/udp_echo.py" client --packets 10 --interval 0.01 --timeout 0.1 \
    "$LAB_VIP4" 7 || true # nobody answers, nor needs to
  is 'packets' "$(metric 'culvert_processed_packets_total{listener="udp-4-4"}')" 10
  is 'bytes' "$(metric 'culvert_processed_bytes_total{listener="udp-4-4"}')" 310
  is 'new flows' "$(metric 'culvert_new_flows_total{listener="udp-4-4",protocol="udp"}')" 1
  is 'active flows' "$(metric 'culvert_active_flows{listener="udp-4-4",protocol="udp"}')" 1
  is 'of other listeners' "$(metric 'culvert_processed_packets_total{listener="udp-6-6"}')" 0
}

@test 'what the metrics say is what culvert status says' {
  web /metrics >"$BATS_TEST_TMPDIR/metrics"
  is 'packets' "$(awk '/^culvert_processed_packets_total/ { n += $2 } END { print n }' "$BATS_TEST_TMPDIR/metrics")" \
    "$(listener_sum packets)"
  is 'bytes' "$(awk '/^culvert_backend_bytes_total/ { n += $2 } END { print n }' "$BATS_TEST_TMPDIR/metrics")" \
    "$(status_get 'sum(b["bytes"] for p in d["pools"] for b in p["backends"])')"
  is 'forwarded' "$(metric 'culvert_forwarded_packets_total{verdict="tx"}')" "$(status_get 'd["forwarded"]["tx"]')"
  is 'interface' "$(metric 'culvert_interface_info{interface="eth0",mode="native"}')" 1
  is 'room' "$(metric culvert_flow_table_max_flows)" 65536
}

@test 'most packets of an upload pass the flow table by, and none do once that is switched off' {
  [[ -z ${CULVERT_TEST_SHORTCUT:-} ]] || skip 'CULVERT_TEST_SHORTCUT says where the shortcut is'
  local upload short='culvert_shortcut_packets_total{listener="tcp-4-4"}' before all
  wait_for 20 status_says 'd["flow_table"]["unsettled_slots"] == 0'
  is 'unsettled slots' "$(metric 'culvert_unsettled_slots{pool="pool4"}')" 0
  before=$(metric "$short") all=$(metric 'culvert_processed_packets_total{listener="tcp-4-4"}')
  upload=$(http_upload "$(http_url 4 80)")
  is 'uploaded' "$upload" "$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)"
  before=$(($(metric "$short") - before))
  all=$(($(metric 'culvert_processed_packets_total{listener="tcp-4-4"}') - all))
  holds 'packets past the table' "2 * $before > $all"
  contains "$(ask status)" 'shortcut    taken by '
  configure 's/^flow_table:/&\n  shortcut: off/'
  before=$(metric "$short")
  http_upload "$(http_url 4 80)"
  is 'packets past the table, switched off' "$(metric "$short")" "$before"
  contains "$(ask status)" 'shortcut    off: every packet visits the flow table'
  configure ''
}

@test 'refused flows are counted once each, by reason' {
  configure '/name: tcp-4-6/s/ }$/, max_flows: 3 }/'
  lab_in client python3 - "$LAB_VIP4" <<'EOF'
import socket, sys
flows = []
for i in range(5):
    try:
        flows.append(socket.create_connection((sys.argv[1], 81), timeout=2.5))
    except TimeoutError:
        pass
assert len(flows) == 3, len(flows)
EOF
  is 'refused' "$(metric 'culvert_rejected_flows_total{listener="tcp-4-6",protocol="tcp",reason="quota"}')" 2
  is 'refused for want of room' \
    "$(metric 'culvert_rejected_flows_total{listener="tcp-4-6",protocol="tcp",reason="table_full"}')" 0
  holds 'SYNs dropped, with those sent again' "$(metric 'culvert_dropped_packets_total{reason="listener_full"}') >= 4"
  configure ''
}

@test 'a flow that idles out is counted' {
  configure '/name: udp-6-6/s/ }$/, idle_timeout: 1s }/'
  lab_in client python3 "$BATS_TEST_DIRNAME/tools/udp_echo.py" client --packets 3 --interval 0.01 --timeout 0.1 \
    "$LAB_VIP6" 7 || true
  is 'new' "$(metric 'culvert_new_flows_total{listener="udp-6-6",protocol="udp"}')" 1
  wait_for 20 metric_is 'culvert_expired_flows_total{listener="udp-6-6"}' 1
  is 'active' "$(metric 'culvert_active_flows{listener="udp-6-6",protocol="udp"}')" 0
  configure ''
}

# is_down BACKEND: what it says is left in a file, as the next check may come at any time.
is_down() {
  web /metrics >"$BATS_TEST_TMPDIR/metrics"
  grep -qF "culvert_backend_up{$1} 0" "$BATS_TEST_TMPDIR/metrics"
}

@test 'backends: up, down, draining, disabled; their checks' {
  local b2 failed after
  b2=$(backend_label 2)
  is 'up' "$(metric "culvert_backend_up{$b2}")" 1
  failed=$(metric "culvert_health_checks_total{$b2,result=\"failure\"}")
  server_stop b2
  wait_for 10 is_down "$b2"
  is 'down' "$(metric "culvert_backend_state{$b2,state=\"down\"}")" 1
  # out after `fall` checks: one more may be done before we look, on a slow machine two
  after=$(grep -F "culvert_health_checks_total{$b2,result=\"failure\"}" "$BATS_TEST_TMPDIR/metrics" | cut -d ' ' -f 2)
  holds 'failed checks' "$after >= $failed + 2 && $after <= $failed + 4"
  server_start b2
  wait_for 10 metric_is "culvert_backend_up{$b2}" 1
  ask drain pool4 "$(lab_backend 4 2)"
  is 'up while it drains' "$(metric "culvert_backend_up{$b2}")" 1
  is 'draining' "$(metric "culvert_backend_state{$b2,state=\"draining\"}")" 1
  ask undrain pool4 "$(lab_backend 4 2)"
  ask disable pool4 "$(lab_backend 4 2)"
  is 'up while disabled' "$(metric "culvert_backend_up{$b2}")" 0
  ask enable pool4 "$(lab_backend 4 2)"
}

@test 'the histogram has every check' {
  local key
  key="$(backend_label 1),result=\"success\""
  web /metrics >"$BATS_TEST_TMPDIR/metrics"
  is 'all ranges' "$(grep -F "culvert_health_check_seconds_bucket{$key,le=\"+Inf\"}" "$BATS_TEST_TMPDIR/metrics" |
    cut -d ' ' -f 2)" "$(grep -F "culvert_health_checks_total{$key}" "$BATS_TEST_TMPDIR/metrics" | cut -d ' ' -f 2)"
}

@test 'kill -9: every counter of the maps goes on from where it was' {
  counters >"$BATS_TEST_TMPDIR/before"
  balancer_stop KILL
  balancer_start
  wait_for 5 web / -o /dev/null
  counters >"$BATS_TEST_TMPDIR/after"
  diff "$BATS_TEST_TMPDIR/before" "$BATS_TEST_TMPDIR/after"
  grep -q '[1-9]$' "$BATS_TEST_TMPDIR/after"
}

@test 'kill -9 forgets no check that was told' {
  local key checks
  key="culvert_health_checks_total{$(backend_label 1),result=\"success\"}"
  for _ in 1 2 3; do
    sleep 1
    checks=$(metric "$key")
    balancer_stop KILL
    balancer_start
    holds 'checks after the restart' "$(metric "$key") >= $checks"
  done
}

@test 'an ordered restart forgets no check' {
  local key checks
  key="culvert_health_checks_total{$(backend_label 1),result=\"success\"}"
  checks=$(metric "$key")
  holds 'checks' "$checks > 5"
  balancer_stop TERM
  balancer_start
  holds 'checks after the restart' "$(metric "$key") >= $checks"
}

@test 'the page, and what it shows, are served; it needs nothing from elsewhere' {
  contains "$(web /)" '<title>Culvert</title>'
  is 'what it fetches' "$(web / | grep -cE 'https?://|//[a-z]+\.' || true)" 0
  is 'keys of the status' "$(web /status.json | json_get 'sorted(d)')" "$(status_get 'sorted(d)')"
  is 'a reason' "$(web /reasons.json | json_get 'sorted(d["flow_table_full"])')" "['meaning', 'remedy']"
  contains "$(web / -I)" "default-src 'none'"
  contains "$(web /metrics -I)" 'text/plain; version=0.0.4'
}

@test 'only GET and HEAD, and only what is there' {
  is 'POST' "$(lab_in lb curl -s -m 5 -o /dev/null -w '%{http_code}' -d x=1 http://127.0.0.1:9469/metrics)" 405
  is 'nowhere' "$(lab_in lb curl -s -m 5 -o /dev/null -w '%{http_code}' http://127.0.0.1:9469/none)" 404
}

# ticks: processor time of the daemon so far, in hundredths of a second.
ticks() {
  local fields
  read -ra fields < <(sed 's/.*) //' "/proc/$(cut -d ' ' -f 1 "$LAB_DIR/pid/culvertd")/stat")
  echo $((fields[11] + fields[12]))
}

@test 'clients that are slow forever keep nobody waiting but themselves, and not for long' {
  local before
  before=$(ticks)
  lab_spawn slow lb python3 "$BATS_TEST_DIRNAME/tools/slow_http.py" --seconds 60 127.0.0.1 9469
  sleep 2
  timeout 2 "$BALANCER_BUILD/culvert" status --socket "$LAB_DIR/culvertd.sock" >/dev/null
  # they have all the places until their time is up
  web /metrics -m 45 -o /dev/null
  wait_for 10 lab_is_gone slow
  is 'clients cut off' "$(json_get 'd["cut"]' <"$LAB_DIR/log/slow")" 32
  holds 'processor time, ticks' "$(ticks) - $before < 500"
}

@test 'a port that somebody else has: the daemon runs, says so, and takes it when it is free' {
  balancer_stop TERM
  lab_spawn squatter lb python3 -m http.server --bind 127.0.0.1 9469
  wait_for 5 web / -o /dev/null
  balancer_start
  is 'who answers' "$(http_ask 3 "$(http_url 4 80 /whoami)" | wc -l)" 3
  contains "$(grep -c 'cannot listen at 127.0.0.1:9469: Address already in use' "$LAB_DIR/log/culvertd")" 1
  lab_kill squatter
  wait_for 10 metric_is culvert_last_reload_success 1
}

@test 'a reload moves it; to a port that somebody else has it moves when it can' {
  configure '' 127.0.0.1:9479
  WEB_PORT=9479 metric_is culvert_last_reload_success 1
  run ! web /
  configure '' 0.0.0.0:9479 # both at once cannot be
  WEB_PORT=9479 metric_is culvert_last_reload_success 1
  lab_spawn squatter lb python3 -m http.server --bind 127.0.0.1 9489
  WEB_PORT=9489 wait_for 5 web / -o /dev/null
  configure '' 127.0.0.1:9489
  WEB_PORT=9479 metric_is culvert_last_reload_success 1
  lab_kill squatter
  WEB_PORT=9489 wait_for 10 metric_is culvert_last_reload_success 1
  configure ''
  wait_for 5 metric_is culvert_last_reload_success 1
}
