#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Forged packets, as many as one processor can send, push nobody out. CULVERT_TEST_LONG=1 floods for a minute each instead
# of three seconds, over 104,000 flows instead of 24,000.

load helper
load life

setup_file() {
  export FLOOD_SECONDS=3 FLOOD_FLOWS=20000
  if [[ -n ${CULVERT_TEST_LONG:-} ]]; then
    FLOOD_SECONDS=60 FLOOD_FLOWS=100000
  fi
  life_up 3
  life_start "$(config)"
  hold_start real 2000 "$LAB_VIP4" 7000
  held '2,000 connections' 2000 "$(hold_said real)"
  feed "$LAB_VIP4" 7000 "0-$((FLOOD_FLOWS - 1))" syn,ack
  feed "$LAB_VIP4" 7 0-999 udp,udp
  feed "$LAB_VIP6" 7000 0-999 syn,ack
  flow_backends --state open >"$LAB_DIR/established"
  is 'established flows' "$(wc -l <"$LAB_DIR/established")" $((FLOOD_FLOWS + 4000))
  # whoever reads these maps later finds them as large
  map_memory >"$LAB_DIR/memory"
}

# The flows leave a fifth of the table free.
config() {
  life_config "max_flows: $((FLOOD_FLOWS * 5 / 4))" "$(life_listener tcp4 4 tcp 7000)" "$(life_listener tcp6 6 tcp 7000)" \
    "$(life_listener udp4 4 udp 7 'idle_timeout: 3600s')"
}

# Kernel memory of the maps, in bytes.
map_memory() {
  local map
  for map in "$LAB_DIR"/bpf/culvert/cv_*; do
    bpftool -j map show pinned "$map"
  done | python3 -c 'import json, sys; print(sum(json.loads(line)["bytes_memlock"] for line in sys.stdin))'
}

# Packets forwarded, new flows, half-open flows.
counts() {
  status_get '" ".join(map(str, (d["forwarded"]["tx"], sum(l["new_flows"] for l in d["listeners"]),
    d["flow_table"]["half_open"])))'
}

# flows_stayed: every established flow is open, on its backend, and its connection, if it has one, works.
flows_stayed() {
  is 'flows that are gone or moved' "$(flow_backends --state open | comm -13 - "$LAB_DIR/established" | wc -l)" 0
  held 'a byte on each of 2,000' 2000 "$(hold_tell real echo)"
}

# flooded ADDRESS PORT PACKETS
flooded() {
  local sent tx new half_open tx_before new_before
  read -r tx_before new_before half_open < <(counts)
  flood "$1" "$2" "$3" "$FLOOD_SECONDS" >"$LAB_DIR/flood"
  sent=$(json_get 'd["sent"]' <"$LAB_DIR/flood")
  echo "# $3 to $1: $sent packets, $(json_get 'd["per_second"]' <"$LAB_DIR/flood") a second" >&3
  read -r tx new half_open < <(counts)
  holds 'packets of the flood that came through' "$tx - $tx_before > $sent / 2"
  holds 'half-open flows' "$half_open <= 65536"
  # of millions of random sources, one or the other comes twice
  holds 'new flows' "$new - $new_before <= 20"
  is 'memory of the maps' "$(map_memory)" "$(<"$LAB_DIR/memory")"
  flows_stayed
}

@test 'SYNs from random sources' { flooded "$LAB_VIP4" 7000 syn; }
@test 'UDP from random sources' { flooded "$LAB_VIP4" 7 udp; }
@test 'ACKs from random sources' { flooded "$LAB_VIP4" 7000 ack; }
@test 'FINs from random sources' { flooded "$LAB_VIP4" 7000 fin; }
@test 'RSTs from random sources' { flooded "$LAB_VIP4" 7000 rst; }
@test 'SYNs over IPv6 from random sources' { flooded "$LAB_VIP6" 7000 syn; }

@test 'after all of it each flow goes on: on its backend, and not as a new flow' {
  local new
  new=$(listener_sum new_flows)
  is 'IPv4' "$(feed "$LAB_VIP4" 7000 "0-$((FLOOD_FLOWS - 1))" data | json_get 'd["forwarded"]')" "$FLOOD_FLOWS"
  is 'UDP' "$(feed "$LAB_VIP4" 7 0-999 udp | json_get 'd["forwarded"]')" 1000
  is 'IPv6' "$(feed "$LAB_VIP6" 7000 0-999 data | json_get 'd["forwarded"]')" 1000
  is 'new flows' "$(listener_sum new_flows)" "$new"
  # all but those that the shortcut takes by chance for flows that were met in this epoch
  holds 'flows that counted the packet' \
    "$(ask flows --state open --json | grep -c '"packets":[3-9]') > (FLOOD_FLOWS + 2000) * 99 / 100"
  flows_stayed
  hold_end real
}
