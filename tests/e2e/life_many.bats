#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# A million flows: sweeps do not delay packets, the command shows all of them in little memory, and the maps take what
# `culvert check` said.

load helper
load life

setup_file() {
  life_up 3
  life_start "$(config 'max_flows: 1048576')"
  feed "$LAB_VIP4" 7000 0-999999 syn,ack >"$LAB_DIR/feed"
}

config() {
  life_config "$1" "$(life_listener many 4 tcp 7000 'idle_timeout: 3600s')" "$(life_listener udp4 4 udp 7)" \
    "$(life_listener udp6 6 udp 7)"
}

sweeps() {
  bpftool -j map dump pinned "$LAB_DIR/bpf/culvert/cv_sweep" | json_get 'd[0]["formatted"]["value"]["sweep"]'
}

# stream_start, stream_end: 1,000 datagrams a second for 10 s over both families, of which none may be lost.
stream_start() {
  lab_spawn "stream4" client python3 "$LIFE_TOOLS/udp_echo.py" client --flows 10 --packets 500 --interval 0.02 \
    --timeout 10 "$LAB_VIP4" 7
  lab_spawn "stream6" client python3 "$LIFE_TOOLS/udp_echo.py" client --flows 10 --packets 500 --interval 0.02 \
    --timeout 10 "$LAB_VIP6" 7
}

stream_end() {
  local stream
  for stream in stream4 stream6; do
    wait_for 60 lab_is_gone "$stream"
    is 'sent, lost, moved' "$(json_get 'd["sent"], d["lost"], d["moved"]' <"$LAB_DIR/log/$stream")" '(5000, 0, 0)'
    rm "$LAB_DIR/log/$stream"
  done
}

@test 'a sweep counts 1,000,000 flows' {
  local start=${EPOCHREALTIME/./} count
  count=$(status_get 'd["flow_table"]["used"]')
  echo "# status with a sweep of 1,000,000 flows: $(((${EPOCHREALTIME/./} - start) / 1000)) ms" >&3
  is 'flows' "$count" 1000000
}

@test 'sweeps, one after the other, delay no packet into loss' {
  local first
  first=$(sweeps)
  stream_start
  while lab_is_alive stream4; do
    ask status >/dev/null
  done
  stream_end
  echo "# $(($(sweeps) - first)) sweeps of 1,000,000 flows beside 10,000 datagrams: none lost" >&3
  holds 'sweeps meanwhile' "$(sweeps) - $first >= 5"
}

# measured COMMAND...: runs it; its output goes to LAB_DIR/output. Prints the memory it took at most, in KiB.
measured() {
  python3 - "$LAB_DIR/output" "${@}" <<'EOF2'
import resource, subprocess, sys
with open(sys.argv[1], "w") as output:
    subprocess.run(sys.argv[2:], stdout=output, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)
EOF2
}

# flows_measured OPTION...
flows_measured() {
  measured nsenter "--net=/run/netns/$LAB_NAME-lb" "$BALANCER_BUILD/culvert" flows --pin-dir "$LAB_DIR/bpf/culvert" "$@"
}

@test 'culvert flows --json shows them all, a line each, in less than 64 MB' {
  local memory
  memory=$(flows_measured --listener many --json)
  echo "# culvert flows --json: $memory KiB" >&3
  is 'lines' "$(wc -l <"$LAB_DIR/output")" 1000000
  is 'different flows' "$(LC_ALL=C sort -u "$LAB_DIR/output" | wc -l)" 1000000
  holds 'KiB of memory' "$memory < 64 * 1024"
}

@test 'the table for people has them all in less than 64 MB, and its columns do not wander' {
  local memory
  memory=$(flows_measured --listener many)
  echo "# culvert flows: $memory KiB" >&3
  is 'lines' "$(wc -l <"$LAB_DIR/output")" 1000001
  holds 'KiB of memory' "$memory < 64 * 1024"
  is 'places where the state stands' \
    "$(awk 'NR > 1 { print index($0, " open ") }' "$LAB_DIR/output" | sort -u | wc -l)" 1
}

@test 'filters and --sort work on them in as little' {
  local backend sum=0 memory
  for backend in 1 2 3; do
    sum=$((sum + $(flow_count --listener many --backend "$(lab_backend 4 "$backend")")))
  done
  is 'flows of the backends together' "$sum" 1000000
  is 'flows of one client' "$(flow_count --client 198.18.0.3)" 60000
  is 'half-open ones' "$(flow_count --listener many --state half-open)" 0
  feed "$LAB_VIP4" 7000 1000-1009 data,fin # which both visit the table
  memory=$(flows_measured --sort packets --limit 10 --listener many --json)
  holds 'KiB of memory' "$memory < 64 * 1024"
  is 'those with the most packets' "$(grep -c '"packets":4,' "$LAB_DIR/output")" 10
  is 'the longest idle' "$(ask flows --sort idle --limit 3 --listener many --json | wc -l)" 3
}

@test 'a sweep that removes 200,000 flows delays no packet into loss either' {
  stream_start
  feed "$LAB_VIP4" 7000 0-199999 rst
  wait_for 60 listener_is many closed_flows 200000
  is 'active, evicted' "$(status_get '[[l[k] for k in ("active_flows", "evicted_flows")] for l in d["listeners"]
    if l["name"] == "many"]')" '[[800000, 0]]'
  stream_end
}

# memory_is_as_told: every map takes what check said, within 3 % and a few hundred bytes.
memory_is_as_told() {
  culvert check "$LAB_DIR/culvert.yaml" --json >"$LAB_DIR/told"
  python3 - "$LAB_DIR/told" "$LAB_DIR"/bpf/culvert/{,tables/}cv_* <<'EOF2'
import json, os, subprocess, sys

def bpftool(*words):
    return json.loads(subprocess.run(["bpftool", "-j", "map", *words], check=True, capture_output=True).stdout)

def memory(*map):
    return bpftool("show", *map)["bytes_memlock"]

def inner_maps(pin):
    for entry in bpftool("dump", "pinned", pin):
        yield str(int.from_bytes(bytes(int(byte, 16) for byte in entry["value"]), sys.byteorder))

told = json.load(open(sys.argv[1]))
missing = set(told["maps"])
total = 0
for pin in sys.argv[2:]:
    name = os.path.basename(pin)
    taken = memory("pinned", pin)
    if name in ("cv_maglev", "cv_directory"):
        taken += sum(memory("id", id) for id in inner_maps(pin))
    total += taken
    said = told["maps"].get(name, 0)
    missing.discard(name)
    if abs(said - taken) > taken * 0.03 + 1024:
        sys.exit(f"{name}: check said {said} bytes, it takes {taken}")
if missing:
    sys.exit(f"no such maps: {missing}")
if abs(told["memory_bytes"] - total) > total * 0.03:
    sys.exit(f"all: check said {told['memory_bytes']} bytes, they take {total}")
EOF2
}

@test 'the maps take the memory that culvert check told, for 1,048,576 flows and evict' { memory_is_as_told; }

@test 'the maps take the memory that culvert check told, for 900,000 flows and reject; the flows stay' {
  life_reload "$(config 'max_flows: 900000, when_full: reject')"
  memory_is_as_told
  is 'flows' "$(flow_count --listener many)" 800000
}
