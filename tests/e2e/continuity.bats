#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Everything an operator does to a balancer, within 40 seconds of 200 requests each, beside a long download: not one
# request fails, and the download arrives whole.

load helper

RELOADS=0

setup_file() {
  fixture_balanced routed 3
}

# changed WEIGHTS [WITHOUT]: reloads with these weights, and without that backend in the pool under load.
changed() {
  WEIGHTS=$1 balancer_config >"$LAB_DIR/next.yaml"
  [[ -z ${2:-} ]] || sed -i "/'$2'/d" "$LAB_DIR/next.yaml"
  mv "$LAB_DIR/next.yaml" "$LAB_DIR/culvert.yaml"
  ask reload
  RELOADS=$((RELOADS + 1))
  sleep 1
}

program_id() {
  status_get 'd["interfaces"][0]["program_id"]'
}

# restarted SIGNAL: the daemon comes back with a program of its own, in the place of the old one.
restarted() {
  local before
  before=$(program_id)
  balancer_stop "$1"
  sleep 1
  balancer_start
  holds 'program' "$(program_id) != $before"
  sleep 1
}

# flows_left BACKEND N
flows_left() {
  status_says "[b['flows_left'] for p in d['pools'] for b in p['backends'] if b['address'] == '$1'] == [$2]"
}

holder() {
  ask flows --listener tcp-4-4 --state open --json | head -n 1 | json_get 'd["backend"]'
}

has_holder() {
  [[ -n $(holder) ]]
}

@test '40 s of reloads, drains, kills and new programs: no request fails, a download arrives whole' {
  local holder leaver n
  lab_spawn download client curl -sS -f -m 90 --limit-rate 480k -o "$LAB_DIR/download" "$(http_url 4 80 /big)"
  wait_for 5 has_holder
  holder=$(holder)
  for ((n = 1; n <= 3; n++)); do
    leaver=$(lab_backend 4 "$n")
    [[ $leaver == "$holder" ]] || break
  done
  load_spawn "$(http_url 4 80 /whoami)" 200 40

  changed '50 100 150'
  restarted KILL
  changed '100 100 100'
  ask drain pool4 "$leaver"
  wait_for 10 flows_left "$leaver" 0
  changed '100 100 100' "$leaver"
  restarted TERM
  changed '100 100 100'
  ask undrain pool4 "$leaver"
  restarted KILL
  changed '10 10 200'
  changed '200 10 10'
  ask drain pool4 "$leaver" --deadline 60s
  sleep 1
  restarted KILL
  wait_for 10 flows_left "$leaver" 0
  ask undrain pool4 "$leaver"
  changed '100 200 100'
  restarted TERM
  changed '100 100 100'
  changed '100 50 100'
  changed '100 100 100'
  is 'reloads' "$RELOADS" 10

  wait_for 60 lab_is_gone load
  is 'failed requests' "$(json_get 'd["failures"]' <"$LAB_DIR/log/load")" '[]'
  is 'requests sent' "$(json_get 'd["sent"]' <"$LAB_DIR/log/load")" 8000
  is 'backends that answered' "$(json_get 'sorted(d["by_server"])' <"$LAB_DIR/log/load")" "['b1', 'b2', 'b3']"
  wait_for 30 lab_is_gone download
  is 'downloaded' "$(sha256sum <"$LAB_DIR/download")" "$(sha256sum <"$LAB_DIR/big")"
}
