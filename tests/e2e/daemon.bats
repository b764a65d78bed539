#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The daemon comes, goes, dies and reloads; health checks and drains. Traffic never suffers.

load helper

setup_file() {
  fixture_balanced routed 3
}

# load_start SECONDS, load_end: 200 requests a second, of which none may fail.
load_start() {
  load_spawn "$(http_url 4 80 /whoami)" 200 "$1"
}

load_end() {
  wait_for 30 lab_is_gone load
  is 'failed requests' "$(json_get 'd["failures"]' <"$LAB_DIR/log/load")" '[]'
  holds 'requests sent' "$(json_get 'd["sent"]' <"$LAB_DIR/log/load") >= 600"
}

# hold_start, hold_end: a download that lives through the test.
hold_start() {
  download_spawn held 4
  wait_for 5 has_open_flow
}

hold_end() {
  local size
  size=$(stat -c %s "$LAB_DIR/held")
  wait_for 5 held_is_above "$((size + 200000))"
  lab_kill held
  rm "$LAB_DIR/held"
}

held_is_above() {
  (($(stat -c %s "$LAB_DIR/held") > $1))
}

has_open_flow() {
  [[ -n $(ask flows --state open --json) ]]
}

@test 'kill -9 under load: no request fails; flows and counters go on after the restart' {
  local packets
  hold_start
  load_start 6
  sleep 1
  packets=$(listener_sum packets)
  balancer_stop KILL
  sleep 2
  balancer_start
  holds 'packets counted' "$(listener_sum packets) > $packets + 200"
  has_open_flow
  load_end
  hold_end
}

@test 'SIGTERM leaves the data plane forwarding, without the daemon' {
  load_start 4
  sleep 0.5
  balancer_stop TERM
  hold_start
  load_end
  balancer_start
  hold_end
}

@test 'SIGHUP under load: a backend leaves the configuration, then comes back' {
  load_start 6
  sleep 0.5
  balancer_config | grep -v "'$(lab_backend 4 3)'" >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 status_says 'len(d["pools"][0]["backends"]) == 2'
  is 'who answers' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2'
  balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 status_says 'len(d["pools"][0]["backends"]) == 3'
  is 'who answers' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2 b3'
  load_end
}

@test 'a backend that fails is taken out by its health check, and comes back' {
  server_stop b2
  wait_for 10 backend_is "$(lab_backend 4 2)" down
  is 'who answers' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b3'
  is 'who answers' "$(http_ask 100 "$(http_url 6 81 /whoami)" | sort -u | xargs)" 'b1 b3'
  server_start b2
  wait_for 10 backend_is "$(lab_backend 4 2)" up
  is 'who answers' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2 b3'
}

@test 'a drained backend keeps its flows and takes no new ones, also after a restart' {
  local backend
  hold_start
  backend=$(ask flows --state open --limit 1 --json | json_get 'd["backend"]')
  ask drain pool4 "$backend"
  wait_for 5 backend_is "$backend" draining
  load_start 4
  sleep 1
  balancer_stop KILL
  balancer_start
  wait_for 5 backend_is "$backend" draining
  is 'backends that answer' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | wc -l)" 2
  load_end
  hold_end
  ask undrain pool4 "$backend"
  wait_for 5 backend_is "$backend" up
  is 'backends that answer' "$(http_ask 100 "$(http_url 4 80 /whoami)" | sort -u | wc -l)" 3
}

@test 'a route that changes is followed' {
  lab_ip router address add 10.0.0.9/24 dev lb
  lab_ip lb route replace default via 10.0.0.9
  lab_ip lb route add 10.0.0.9 dev eth0
  wait_for 5 http_ask 50 "$(http_url 4 80 /whoami)"
  lab_ip lb route replace default via 10.0.0.1
}

# times_in_force: how often the log says so.
times_in_force() {
  grep -c 'configuration in force' "$LAB_DIR/log/culvertd"
}

is_in_force_again() {
  (($(times_in_force) == $1))
}

@test 'SIGHUP during the start is a reload once it runs' {
  local before
  balancer_stop
  before=$(times_in_force)
  mv "$LAB_DIR/culvert.yaml" "$LAB_DIR/right.yaml"
  mkfifo "$LAB_DIR/culvert.yaml"
  lab_spawn culvertd lb "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/culvertd.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state"
  exec 4>"$LAB_DIR/culvert.yaml" # opens when the daemon reads it
  balancer_reload
  mv "$LAB_DIR/culvert.yaml" "$LAB_DIR/fifo"
  cp "$LAB_DIR/right.yaml" "$LAB_DIR/culvert.yaml"
  cat "$LAB_DIR/right.yaml" >&4
  exec 4>&-
  wait_for 10 ask status
  wait_for 10 is_in_force_again $((before + 2))
  balancer_reload
  wait_for 10 is_in_force_again $((before + 3))
}
