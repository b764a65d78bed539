#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Every counter, after 10,000 flows of which each packet is known, to the last one.

load helper
load life

setup_file() {
  life_up 3
  life_start "$(config)"
}

config() {
  life_config 'max_flows: 20000, when_full: reject' "$(life_listener mix 4 tcp 7000)" \
    "$(life_listener brief 4 tcp 7001 'idle_timeout: 2s')" "$(life_listener quota 6 tcp 7000 'max_flows: 500')" \
    "$(life_listener udp 4 udp 7)"
}

# counts: counters by listener, those that are not zero.
counts() {
  status_get "{l['name']: {k: l[k] for k in ('new_flows', 'active_flows', 'closing_flows', 'half_open_flows', 'closed_flows',
    'expired_flows', 'evicted_flows', 'moved_flows', 'rejected_flows', 'resets_sent', 'client_resets', 'packets', 'bytes')
    if l[k]} for l in d['listeners']}"
}

# counts_are EXPECTED: in Python. Soon: flows that are shown may be those of 200 ms ago.
counts_are() {
  local expected
  expected=$(python3 -c "print($1)")
  lab_wait 2 is_output "$expected" counts || is 'counters' "$(counts)" "$expected"
}

# is_output EXPECTED COMMAND...
is_output() {
  [[ $("${@:2}") == "$1" ]]
}

@test 'flows that open, close, are reset, reused, idle out, are refused or stay half-open' {
  feed "$LAB_VIP4" 7001 0-1999 syn,ack                # will idle out
  feed "$LAB_VIP4" 7001 2000-2099 syn,rst             # a handshake given up: never a flow
  feed "$LAB_VIP4" 7000 0-999 syn,ack,rst             # will be closed after 5 s
  wait_for 30 listener_is brief expired_flows 2000
  wait_for 30 listener_is mix closed_flows 1000
  feed "$LAB_VIP4" 7001 0-1999 data                   # late: answered with resets
  feed "$LAB_VIP4" 7000 1000-3999 syn,ack,data        # open
  feed "$LAB_VIP4" 7000 4000-5999 syn,ack,data,fin    # closing
  feed "$LAB_VIP4" 7000 4000-4099 syn,ack             # and 100 of them reused
  feed "$LAB_VIP4" 7000 6000-6499 syn                 # half-open
  feed "$LAB_VIP6" 7000 0-499 syn,ack                 # as many as are allowed
  feed "$LAB_VIP6" 7000 500-999 syn,syn               # and as many that are refused
  feed "$LAB_VIP4" 7 0-399 udp,udp,udp                # open
  feed "$LAB_VIP4" 7 400-499 udp                      # half-open
  # packets of mix: 1,000 times 3, 3,000 times 3, 2,000 times 4, 100 times 2, 500; data is a byte longer
  counts_are '{
    "mix": {"new_flows": 6100, "active_flows": 3100, "closing_flows": 1900, "half_open_flows": 500, "closed_flows": 1100,
      "client_resets": 1000, "packets": 20700, "bytes": 20700 * 40 + 5000},
    "brief": {"new_flows": 2000, "expired_flows": 2000, "resets_sent": 2000, "client_resets": 100,
      "packets": 4200, "bytes": 4200 * 40},
    "quota": {"new_flows": 500, "active_flows": 500, "rejected_flows": 500, "packets": 1000, "bytes": 1000 * 60},
    "udp": {"new_flows": 400, "active_flows": 400, "half_open_flows": 100, "packets": 1300, "bytes": 1300 * 29}}'
}

@test 'the table, drops and verdicts agree' {
  is 'table' "$(status_get '[d["flow_table"][k] for k in ("used", "half_open", "closing")]')" '[5900, 600, 1900]'
  is 'drops' "$(status_get '{k: n for k, n in d["drops"].items() if n}')" "{'listener_full': 1000}"
  is 'packets forwarded' "$(status_get 'd["forwarded"]["tx"] + d["forwarded"]["redirect"]')" 27200
  is 'of listeners and of backends' "$(status_get '[[sum(x[k] for x in l) for k in ("new_flows", "active_flows", "packets", "bytes")]
    for l in (d["listeners"], [b for p in d["pools"] for b in p["backends"]])]' | tr -d ' ')" \
    "[[9000,4000,27200,$((20700 * 40 + 5000 + 4200 * 40 + 1000 * 60 + 1300 * 29))],[9000,4000,27200,$((20700 * 40 + 5000 + 4200 * 40 + 1000 * 60 + 1300 * 29))]]"
}

@test 'flows of a backend that went away are placed anew with their next packet, and counted' {
  local lost kept
  lost=$(flow_count --listener mix --state open --backend "$(lab_backend 4 3)")
  kept=$(flow_count --listener mix --state open --backend "$(lab_backend 4 1)")
  holds 'flows of the third' "$lost > 500"
  LIFE_BACKENDS='1 2' life_reload "$(LIFE_BACKENDS='1 2' config)"
  is 'forwarded' "$(feed "$LAB_VIP4" 7000 1000-3999 data | json_get 'd["forwarded"]')" 3000
  is 'forwarded, those reused' "$(feed "$LAB_VIP4" 7000 4000-4099 data | json_get 'd["forwarded"]')" 100
  is 'moved' "$(listener_get mix moved_flows)" "$lost"
  is 'new' "$(listener_get mix new_flows)" 6100
  holds 'flows of the first' "$(flow_count --listener mix --state open --backend "$(lab_backend 4 1)") >= $kept"
  is 'by backend' "$(status_get '[b["active_flows"] for b in d["pools"][0]["backends"]]')" \
    "[$(flow_count --state open --backend "$(lab_backend 4 1)"), $(flow_count --state open --backend "$(lab_backend 4 2)")]"
}

@test 'a listener that is new has nothing of one that is gone' {
  life_reload "$(config | grep -v 'name: udp')"
  life_reload "$(config | sed 's/name: udp,\(.*\)port: 7,/name: other,\1port: 8, max_flows: 5,/')"
  is 'refused' "$(feed "$LAB_VIP4" 8 0-9 udp,udp | json_get 'd["dropped"]')" 10
  wait_for 2 listener_is other active_flows 5
  is 'expired' "$(listener_get other expired_flows)" 0
}

@test 'flows that a new, narrower listener takes over end at one and begin at the other' {
  local wide
  wide=$(life_listener wide 4 tcp 9000-9009)
  life_reload "$(life_config 'max_flows: 20000, when_full: reject' "$wide")"
  feed "$LAB_VIP4" 9001 0-99 syn,ack
  life_reload "$(life_config 'max_flows: 20000, when_full: reject' "$wide" "$(life_listener narrow 4 tcp 9001)")"
  feed "$LAB_VIP4" 9001 0-99 data
  counts_are '{"wide": {"new_flows": 100, "closed_flows": 100, "packets": 200, "bytes": 8000},
    "narrow": {"new_flows": 100, "active_flows": 100, "packets": 100, "bytes": 4100}}'
}

# fresh FLOW_TABLE: a data plane of its own, with one listener.
fresh() {
  balancer_stop
  balancer_detach --all
  life_start "$(evicting "$1")"
}

evicting() {
  life_config "$1" "$(life_listener small 4 tcp 7000)"
}

@test 'flows that a small table pushed out are counted, when a sweep misses them' {
  local flows
  fresh 'max_flows: 1024'
  feed "$LAB_VIP4" 7000 0-4999 syn,ack
  flows=$(flow_count)
  holds 'flows in a table for 1,024' "$flows > 600 && $flows <= 1024"
  counts_are "{'small': {'new_flows': 5000, 'active_flows': $flows, 'evicted_flows': $((5000 - flows)), 'packets': 10000,
    'bytes': 400000}}"
}

@test 'and after a change to reject, just as many fit as there is room; the counters survive the daemon' {
  local flows refused expected
  flows=$(flow_count)
  life_reload "$(evicting 'max_flows: 2048, when_full: reject')"
  is 'flows' "$(flow_count)" "$flows"
  # what is refused has its SYN dropped; its ACK may be a neighbour's flow, and goes through
  refused=$((4000 - (2048 - flows)))
  is 'refused' "$(feed "$LAB_VIP4" 7000 10000-13999 syn,ack | json_get 'd["dropped"]')" "$refused"
  is 'flows' "$(flow_count --state open)" 2048
  # half-open: each that was refused
  expected="{'small': {'new_flows': $((7048 - flows)), 'active_flows': 2048, 'half_open_flows': $refused,
    'evicted_flows': $((5000 - flows)), 'rejected_flows': $refused, 'packets': $((18000 - refused)),
    'bytes': $((40 * (18000 - refused)))}}"
  counts_are "$expected"
  balancer_stop KILL
  balancer_start
  counts_are "$expected"
}
