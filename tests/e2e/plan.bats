#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A plan says beforehand, number by number, what the reload then does.

load helper

setup_file() {
  fixture_balanced routed 3
}

# promise: plans new.yaml and keeps the answer. keep_promise: reloads with it; the daemon reports the same.
promise() {
  ask plan "$LAB_DIR/new.yaml" --json >"$LAB_DIR/plan"
}

keep_promise() {
  cp "$LAB_DIR/new.yaml" "$LAB_DIR/culvert.yaml"
  ask reload --json >"$LAB_DIR/reload"
  is 'what the reload did' "$(json_get '{k: v for k, v in d.items() if k != "message"}' <"$LAB_DIR/reload")" \
    "$(json_get d <"$LAB_DIR/plan")"
}

promised() {
  json_get "$1" <"$LAB_DIR/plan"
}

slots() {
  status_get '{b["address"]: b["slots"] for b in d["pools"][0]["backends"]}'
}

@test 'the file in force changes nothing' {
  cp "$LAB_DIR/culvert.yaml" "$LAB_DIR/new.yaml"
  promise
  is 'slots that move' "$(promised 'd["slots_moved"]')" 0
  is 'flows placed anew' "$(promised 'd["flows"]["placed_anew"]')" 0
  run -0 ask plan "$LAB_DIR/new.yaml"
  contains "$output" 'nothing is added, changed or removed'
  contains "$output" 'Maglev slots that move: 0 of 131,074 (0 %)'
  contains "$output" 'flows placed anew, as their backend goes: 0 of '
  contains "$output" 'flows that lose their listener: 0 of '
  keep_promise
}

@test 'a backend less and another weight: names, slots and flows come out as planned' {
  local backend before
  download_spawn held 4
  wait_for 5 has_open_flow
  backend=$(ask flows --state open --limit 1 --json | json_get 'd["backend"]')
  balancer_config | grep -v "'$backend'" | sed "s/\('$(lab_backend 6 1)', weight\): 100/\1: 50/" >"$LAB_DIR/new.yaml"
  before=$(slots)
  promise
  is 'slots after a plan' "$(slots)" "$before"
  is 'backends removed' "$(promised 'd["backends"]["removed"]')" "['pool4/$backend']"
  is 'backends changed' "$(promised 'd["backends"]["changed"]')" "['pool6/$(lab_backend 6 1)']"
  is 'flows placed anew' "$(promised 'd["flows"]["placed_anew"]')" 1
  # at least those of the backend that goes
  holds 'slots that move' "$(promised 'd["slots_moved"]') >= $(json_get "${before}['$backend']" <<<0)"
  is 'slots that move, in percent' "$(promised 'd["slots_moved_percent"] == 100 * d["slots_moved"] / d["slots"] > 1')" True
  keep_promise
  wait_for 5 has_moved 1
  wait_for 10 lab_is_gone held
}

has_open_flow() {
  [[ -n $(ask flows --state open --json) ]]
}

has_moved() {
  (($(listener_sum moved_flows) == $1))
}

@test 'listeners, pools and the flow table: added, removed, and the memory they take' {
  { balancer_config | sed 's/65536/131072/; /name: udp-6-6/d'
    echo "  - { name: extra, backends: [ { address: $(lab_backend 4 1) } ] }"; } >"$LAB_DIR/new.yaml"
  promise
  is 'listeners removed' "$(promised 'd["listeners"]["removed"]')" "['udp-6-6']"
  is 'pools added' "$(promised 'd["pools"]["added"]')" "['extra']"
  is 'settings changed' "$(promised 'd["settings"]["changed"]')" "['flow_table']"
  is 'memory now' "$(promised 'd["memory"]["now"]["bytes"]')" \
    "$(culvert check "$LAB_DIR/culvert.yaml" --json | json_get 'd["memory_bytes"]')"
  is 'memory then' "$(promised 'd["memory"]["then"]["bytes"]')" \
    "$(culvert check "$LAB_DIR/new.yaml" --json | json_get 'd["memory_bytes"]')"
  keep_promise
}

@test 'a wrong file: all errors as check has them, exit status 2, nothing changed' {
  local before
  before=$(status_get 'd["listeners"]')
  sed 's/pool: pool4/pool: nowhere/; s/weight: 100/weight: 5000/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/new.yaml"
  run -2 culvert check "$LAB_DIR/new.yaml"
  before=$output
  run -2 ask plan "$LAB_DIR/new.yaml"
  is 'errors' "$output" "$before"
  run -2 ask plan "$LAB_DIR/nothing.yaml"
  contains "$output" nothing.yaml
}

@test 'thousands of backends fit into the question' {
  {
    balancer_config
    echo '  - name: many'
    echo '    backends:'
    for n in {0..9999}; do echo "      - { address: 10.77.$((n / 250)).$((n % 250 + 1)), weight: 100 }"; done
  } >"$LAB_DIR/new.yaml"
  promise
  is 'backends added' "$(promised 'len([b for b in d["backends"]["added"] if b.startswith("many/")])')" 10000
}

@test 'without a daemon: exit status 1, and what to do' {
  balancer_stop
  run -1 ask plan "$LAB_DIR/culvert.yaml"
  contains "$output" 'no culvertd listens'
}
