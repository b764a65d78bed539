#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A wrong configuration: every mistake at once, with line and column, and nothing changes.

load helper

# Ten mistakes, each on a line of its own that ends in "# wrong".
mistakes() {
  cat <<'EOF'
interfaces:
  - name: eth0
    mode: turbo                     # wrong
flow_table:
  max_flows: many                   # wrong
  when_full: explode                # wrong
listeners:
  - name: web
    address: 192.0.2.300            # wrong
    protocol: sctp                  # wrong
    port: 70000                     # wrong
    pool: web
    colour: blue                    # wrong
    idle_timeout: 2d                # wrong
pools:
  - name: web
    table_size: 65536               # wrong
    backends:
      - address: 10.0.0.11
        weight: 5000                # wrong
EOF
}

setup_file() {
  fixture_balanced routed 2
}

# faults TEXT FILE: the line numbers that the messages name.
faults() {
  sed -nE "s|^$2:([0-9]+):[0-9]+: [a-z_0-9.[]+.*: .*|\1|p" <<<"$1" | xargs
}

# The state that must not change: what is configured, attached and pinned.
balanced() {
  status_get '[[l["name"], l["address"], l["port"], l["pool"]] for l in d["listeners"]], d["interfaces"], [[p["name"], [[b["address"], b["weight"], b["slots"]] for b in p["backends"]]] for p in d["pools"]]'
  find "$LAB_DIR/bpf/culvert" | sort
}

@test 'check: ten mistakes give ten messages with line and column, exit status 2' {
  mistakes >"$LAB_DIR/wrong.yaml"
  run -2 culvert check "$LAB_DIR/wrong.yaml"
  is 'lines' "$(faults "$output" "$LAB_DIR/wrong.yaml")" "$(mistakes | sed -n '/# wrong/=' | xargs)"
}

@test 'check: a right file, exit status 0' {
  run -0 culvert check "$LAB_DIR/culvert.yaml"
}

@test 'check: relations between keys are found too' {
  sed 's/pool: pool4/pool: nowhere/; s/name: tcp-6-6/name: tcp-4-4/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/wrong.yaml"
  run -2 culvert check "$LAB_DIR/wrong.yaml"
  contains "$output" nowhere
  contains "$output" tcp-4-4
}

@test 'check: a file that is not there, exit status 2 and its name' {
  run -2 culvert check "$LAB_DIR/nothing.yaml"
  contains "$output" nothing.yaml
}

@test 'a reload with mistakes changes nothing and says so' {
  local before
  before=$(balanced)
  mistakes >"$LAB_DIR/culvert.yaml"
  balancer_reload
  wait_for 5 grep -q 'culvert.yaml:20:' "$LAB_DIR/log/culvertd"
  is 'state' "$(balanced)" "$before"
  is 'answers' "$(http_ask 20 "$(http_url 4 80 /whoami)" | wc -l)" 20
}

# A file with 200 errors, each on a line of its own.
crowd_of_mistakes() {
  echo 'listeners:'
  printf '  - { port: %s, name: a, protocol: tcp, address: 192.0.2.1, pool: web }\n' {70001..70200}
  echo 'pools: [ { name: web, backends: [ { address: 10.0.0.11 } ] } ]'
}

@test 'a reload shows every mistake, however many; log and status say how many they leave out' {
  local shown
  crowd_of_mistakes >"$LAB_DIR/culvert.yaml"
  culvert check "$LAB_DIR/culvert.yaml" 2>"$LAB_DIR/errors" || is 'exit status' $? 2
  holds 'errors' "$(wc -l <"$LAB_DIR/errors") >= 200"
  run -2 --separate-stderr ask reload --json
  # shellcheck disable=SC2154 # bats sets it
  is 'errors shown' "$(tail -n +2 <<<"$stderr")" "$(cat "$LAB_DIR/errors")"
  is 'document' "$output" "$(culvert check --json "$LAB_DIR/culvert.yaml" 2>/dev/null)"
  shown=$(status_get 'd["last_reload"]["error"]')
  is 'last of the status' "$(tail -n 1 <<<"$shown")" \
    "and $(($(wc -l <"$LAB_DIR/errors") - $(wc -l <<<"$shown") + 1)) more errors: see culvert check"
  is 'whole lines' "$(head -n -1 <<<"$shown")" "$(head -n "$(($(wc -l <<<"$shown") - 1))" "$LAB_DIR/errors")"
  grep -q 'and [0-9]* more errors: see culvert check' "$LAB_DIR/log/culvertd"
  mistakes >"$LAB_DIR/culvert.yaml"
}

@test 'a start with mistakes: exit status 2, all messages, and the data plane forwards on' {
  local before
  balancer_stop
  before=$(find "$LAB_DIR/bpf/culvert" | sort)
  run -2 start_wrong
  is 'lines' "$(faults "$output" "$LAB_DIR/culvert.yaml")" "$(mistakes | sed -n '/# wrong/=' | xargs)"
  is 'pins' "$(find "$LAB_DIR/bpf/culvert" | sort)" "$before"
  is 'answers' "$(http_ask 20 "$(http_url 4 80 /whoami)" | wc -l)" 20
}

start_wrong() {
  lab_in lb timeout 10 "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" \
    --socket "$LAB_DIR/culvertd.sock" --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state"
}
