#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What scripts and other versions rely on: the keys of the status, answers whatever others do at the socket, and that
# versions do not spoil each other's maps.

load helper

setup_file() {
  fixture_balanced routed 2
}

@test 'status --json has every key that is promised' {
  ask status --json >"$LAB_DIR/status"
  python3 - "$LAB_DIR/status" <<'EOF'
import json, sys
d = json.load(open(sys.argv[1]))
def has(what, item, keys):
    missing = [k for k in keys.split() if k not in item]
    assert not missing, (what, missing)
has('status', d, 'version uptime_s interfaces flow_table listeners pools drops')
has('interface', d['interfaces'][0], 'name ifindex mode program_id')
has('flow_table', d['flow_table'], 'max_flows used half_open when_full')
for l in d['listeners']:
    has('listener', l, 'name address protocol port pool forward idle_timeout_s active_flows new_flows '
        'rejected_flows expired_flows packets bytes')
for p in d['pools']:
    has('pool', p, 'name table_size backends')
    for b in p['backends']:
        has('backend', b, 'address port weight state health active_flows new_flows packets bytes slots')
assert all(isinstance(n, int) for n in d['drops'].values())
EOF
}

# An option that a command has not is refused before its help is shown.
@test 'every command takes the options of every command, in front of it and behind it' {
  local command
  for command in $(culvert --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    run -0 culvert --json --socket /none --pin-dir /none "$command" --help
    run -0 culvert "$command" --json --socket /none --pin-dir /none --help
  done
  is 'the last one' "$command" version
}

# too_wide COMMAND...: the lines of what it prints that are wider than 100 columns.
too_wide() {
  "$@" | python3 -c 'import sys; sys.stdout.writelines(l for l in sys.stdin if len(l) > 101)'
}

@test 'tables and help keep to 100 columns' {
  local command
  for command in status listeners pools backends flows version; do
    is "too wide in $command" "$(too_wide ask "$command")" ''
  done
  for command in $(culvert --help | sed -n 's/^  \([a-z]*\) .*/\1/p'); do
    is "too wide in $command --help" "$(too_wide culvert "$command" --help)" ''
  done
  is 'too wide in culvert --help' "$(too_wide culvert --help)" ''
  is 'too wide in culvertd --help' "$(too_wide lab_in lb "$BALANCER_BUILD/culvertd" --help)" ''
}

has_flow() {
  [[ -n $(ask flows --state open --json) ]]
}

@test 'flows --json has every key that is promised, one object a line' {
  download_spawn held 4
  wait_for 5 has_flow
  is 'missing' "$(ask flows --state open --json | head -n 1 | json_get "sorted({'listener', 'protocol', 'client', \
'client_port', 'address', 'port', 'backend', 'state', 'idle_s', 'idle_timeout_s', 'packets', 'bytes'} - set(d))")" '[]'
  lab_kill held
}

# Memory of the daemon, in kB.
resident() {
  sed -n 's/^VmRSS:[^0-9]*\([0-9]*\).*/\1/p' "/proc/$(cut -d ' ' -f 1 "$LAB_DIR/pid/culvertd")/status"
}

@test 'a client that sends 100 MB harms nobody: all are answered, and it costs no memory' {
  local before n
  before=$(resident)
  lab_spawn heavy lb python3 -c '
import socket, sys
s = socket.socket(socket.AF_UNIX)
s.connect(sys.argv[1])
for i in range(100):
    s.sendall(b"x" * 1000000)
s.sendall(b"\n{\"command\":\"where\"}\n")
answers = s.makefile()
refusal, answer = answers.readline(), answers.readline()
assert "error" in refusal and "pin_dir" in answer, (refusal, answer)
print("sent it all")' "$LAB_DIR/culvertd.sock"
  for n in 1 2 3 4 5; do
    ask status >"$LAB_DIR/status$n"
  done
  wait_for 30 lab_is_gone heavy
  is 'the heavy one' "$(cat "$LAB_DIR/log/heavy")" 'sent it all'
  holds 'kB more than before' "$(resident) - $before < 20000"
}

@test 'commands during reloads get their answers' {
  local pids=() pid n
  for n in 1 2 3 4 5; do
    ask reload >"$LAB_DIR/reload$n" &
    pids+=($!)
    ask status --json >"$LAB_DIR/status$n" &
    pids+=($!)
    ask weight pool4 "$(lab_backend 4 1)" "$n" >"$LAB_DIR/weight$n" &
    pids+=($!)
  done
  for pid in "${pids[@]}"; do
    wait "$pid"
  done
  for n in 1 2 3 4 5; do
    json_get 'd["version"]' <"$LAB_DIR/status$n"
    [[ -s $LAB_DIR/reload$n && -s $LAB_DIR/weight$n ]]
  done
}

@test 'enable puts back what a drain took out at its deadline' {
  local backend
  backend=$(lab_backend 4 1)
  ask drain pool4 "$backend" --deadline 1s
  wait_for 10 backend_is "$backend" disabled
  contains "$(ask enable pool4 "$backend" --json)" '"up"'
  backend_is "$backend" up
}

@test 'a weight that is none is refused, and what is allowed is said' {
  local weight
  for weight in -1 1001 1x; do
    run -2 ask weight pool4 "$(lab_backend 4 1)" "$weight"
    contains "$output" "weight $weight: not a whole number from 0 to 1000"
  done
}

# meta_say SCHEMA VERSION: the pinned maps are of this schema, laid down by that version.
meta_say() {
  python3 - "$LAB_DIR/bpf/culvert/cv_meta" "$@" <<'EOF'
import struct, subprocess, sys
from json import loads
path, schema, version = sys.argv[1:]
dump = loads(subprocess.check_output(['bpftool', '-j', 'map', 'dump', 'pinned', path]))
record = bytearray(int(byte, 16) for byte in dump[0]['value'])
record[0:4] = struct.pack('<I', int(schema))
record[32:64] = version.encode().ljust(32, b'\0') # cv_meta only grows at its end
subprocess.check_call(['bpftool', 'map', 'update', 'pinned', path, 'key', '0', '0', '0', '0', 'value'] +
                      [str(byte) for byte in record])
EOF
}

program_id() {
  ask version --json | json_get 'd["pinned"]["interfaces"][0]["program_id"]'
}

# link_puts PROGRAM: our link of eth0 holds the program that is pinned there.
link_puts() {
  python3 - "$(echo "$LAB_DIR"/bpf/culvert/links/*)" "$1" <<'EOF'
import ctypes, os, platform, struct, sys
bpf = ctypes.CDLL(None, use_errno=True).syscall
def call(command, attributes):
    number = {'x86_64': 321, 'aarch64': 280}[platform.machine()]
    r = bpf(number, command, ctypes.create_string_buffer(attributes.ljust(128, b'\0'), 128), 128)
    assert r >= 0, os.strerror(ctypes.get_errno())
    return r
def get(path): # BPF_OBJ_GET
    text = ctypes.create_string_buffer(path.encode())
    return call(7, struct.pack('QII', ctypes.addressof(text), 0, 0))
call(29, struct.pack('III', get(sys.argv[1]), get(sys.argv[2]), 0)) # BPF_LINK_UPDATE
EOF
}

@test 'version: the tag of what is attached, as bpftool has it, and whether it is that of this binary' {
  local tag
  tag=$(bpftool -j prog show id "$(program_id)" | json_get 'd["tag"]')
  is 'tags' "$(ask version --json | json_get 'd["program_tag"], d["pinned"]["interfaces"][0]["program_tag"]')" \
    "('$tag', '$tag')"
  contains "$(ask version)" "native, tag $tag, as in this binary"
  link_puts "$LAB_DIR/bpf/xdp_pass"
  contains "$(ask version)" 'not the program of this binary'
  link_puts "$LAB_DIR/bpf/culvert/programs/cv_balance"
  contains "$(ask version)" "native, tag $tag, as in this binary"
  contains "$(lab_in lb setpriv --reuid 65534 --clear-groups "$BALANCER_BUILD/culvert" version)" 'program tag not known'
}

@test 'an older version refuses the maps of a newer one, says what to do, and changes nothing' {
  local schema
  schema=$(ask version --json | json_get 'd["schema"]')
  balancer_stop
  meta_say $((schema + 1)) 99.1
  run -1 lab_in lb timeout 10 "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" \
    --socket "$LAB_DIR/culvertd.sock" --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state"
  contains "$output" "was laid down by culvert 99.1 with map schema $((schema + 1))"
  contains "$output" 'use 99.1 or a newer one'
  run -1 ask upgrade
  contains "$output" 'use 99.1 or a newer one'
  run -1 ask flows
  contains "$output" 'map schema'
  http_ask 20 "$(http_url 4 80 /whoami)"
}

@test 'upgrade: takes the place of what another version attached, while that forwards' {
  local before
  meta_say "$(ask version --json | json_get 'd["schema"]')" 0.0.9
  before=$(program_id)
  load_spawn "$(http_url 4 80 /whoami)" 200 3
  sleep 1
  contains "$(ask upgrade)" 'is in force'
  holds 'program' "$(program_id) != $before"
  contains "$(ask upgrade)" 'nothing to do'
  wait_for 30 lab_is_gone load
  is 'failed requests' "$(json_get 'd["failures"]' <"$LAB_DIR/log/load")" '[]'
  balancer_start
  meta_say "$(ask version --json | json_get 'd["schema"]')" 0.0.9
  run -1 ask upgrade
  contains "$output" 'another culvertd is in charge'
}
