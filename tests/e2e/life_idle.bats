#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Connections that are silent for a while, and what their next packet meets. All cases run at the same time (pauses.py):
# most of them from before a reload that changes the timeout of one listener, one from after it.

load helper
load life

setup_file() {
  life_up 3
  life_start "$(config 5s)"
  pauses before <<<"[$(cases 4), $(cases 6), $(tcp_case old 4 7003 6.5)]"
  wait_for 30 grep -q open "$LAB_DIR/log/before"
  life_reload "$(config 60s)"
  pauses after <<<"[$(tcp_case new 4 7003 6.5)]"
  wait_for 60 lab_is_gone before
  wait_for 60 lab_is_gone after
}

# config TIMEOUT: that of the listener that changes.
config() {
  local family listeners=()
  for family in 4 6; do
    listeners+=(
      "$(life_listener "reset$family" $family tcp 7001 'idle_timeout: 5s, late_packet: reset')"
      "$(life_listener "forward$family" $family tcp 7002 'idle_timeout: 5s, late_packet: forward')"
      "$(life_listener "udp$family" $family udp 7 'idle_timeout: 5s')"
    )
  done
  life_config 'max_flows: 65536' "${listeners[@]}" "$(life_listener changed 4 tcp 7003 "idle_timeout: $1")"
}

# tcp_case NAME 4|6 PORT PAUSES [MEMBERS]
tcp_case() {
  local vip=$LAB_VIP4
  [[ $2 == 4 ]] || vip=$LAB_VIP6
  echo "{\"name\": \"$1\", \"protocol\": \"tcp\", \"address\": \"$vip\", \"port\": $3, \"pauses\": [$4]${5:-}}"
}

cases() {
  local vip=$LAB_VIP4
  [[ $1 == 4 ]] || vip=$LAB_VIP6
  tcp_case "on_time$1" "$1" 7001 '4, 4'
  echo ", $(tcp_case "late$1" "$1" 7001 6.5)"
  echo ", $(tcp_case "probed$1" "$1" 7001 11 ', "keepalive": 2')"
  echo ", $(tcp_case "forwarded$1" "$1" 7002 6.5)"
  echo ", {\"name\": \"udp$1\", \"protocol\": \"udp\", \"address\": \"$vip\", \"port\": 7, \"pauses\": [4, 6.5]}"
}

# outcome GROUP CASE EXPRESSION: of what became of the case, `d`, in Python.
outcome() {
  tail -n 1 "$LAB_DIR/log/$1" | json_get "(lambda d: $3)(d['$2'])"
}

# went_on GROUP CASE: all connections did.
went_on() {
  is "$2" "$(outcome "$1" "$2" '"{ok} answered, {reset} reset, {moved} moved, {other}".format(**d)')" \
    '3 answered, 0 reset, 0 moved, []'
}

# was_reset GROUP CASE: all connections were. That each needed one reset, and so sent nothing again, is among the counts.
was_reset() {
  is "$2" "$(outcome "$1" "$2" '"{ok} answered, {reset} reset, {other}".format(**d)')" '0 answered, 3 reset, []'
  echo "# $2: ms to the reset: $(outcome "$1" "$2" 'd["after_ms"]')" >&3
}

@test 'IPv4: a connection that sends every 4 s goes on past its idle timeout of 5 s' { went_on before on_time4; }
@test 'IPv6: a connection that sends every 4 s goes on past its idle timeout of 5 s' { went_on before on_time6; }
@test 'IPv4: one that sends after 6.5 s is reset at once' { was_reset before late4; }
@test 'IPv6: one that sends after 6.5 s is reset at once' { was_reset before late6; }
@test 'IPv4: TCP keepalives every 2 s keep a connection alive for 11 s' { went_on before probed4; }
@test 'IPv6: TCP keepalives every 2 s keep a connection alive for 11 s' { went_on before probed6; }
@test 'IPv4: with late_packet: forward, one that sends after 6.5 s goes on' { went_on before forwarded4; }
@test 'IPv6: with late_packet: forward, one that sends after 6.5 s goes on' { went_on before forwarded6; }
@test 'IPv4: UDP is placed anew after 6.5 s, without an error' { went_on before udp4; }
@test 'IPv6: UDP is placed anew after 6.5 s, without an error' { went_on before udp6; }

@test 'a reload from 5 s to 60 s: a connection from before it still idles out at 5 s' { was_reset before old; }
@test 'a reload from 5 s to 60 s: a connection from after it does not' { went_on after new; }

# counts LISTENER: new, expired and closed flows, resets sent, connections reset by the client.
counts() {
  status_get "[[l[k] for k in ('new_flows', 'expired_flows', 'resets_sent', 'client_resets')]
    for l in d['listeners'] if l['name'] == '$1'][0]"
}

@test 'every one of them is counted' {
  local family
  for family in 4 6; do
    is 'on_time, late and probed: new, expired, resets' "$(counts "reset$family")" '[9, 3, 3, 0]'
    is 'forwarded: new, and once more after the pause' "$(counts "forward$family")" '[6, 3, 0, 0]'
    is 'udp: the last datagram is half-open' "$(counts "udp$family")" '[3, 3, 0, 0]'
  done
  is 'changed: old, new' "$(counts changed)" '[6, 3, 3, 0]'
}
