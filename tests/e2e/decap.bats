#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# culvert decap on a backend: tunnels from another network namespace, made by the kernel, to ordinary sockets.
# Brings its own two namespaces, joined by a veth pair with room for jumbo frames, and its own BPF file system.

bats_require_minimum_version 1.5.0

BUILD_DIR=${CULVERT_BUILD:-$BATS_TEST_DIRNAME/../../build}
CLIENT4=198.51.100.7 VIP4=192.0.2.10 BALANCER4=10.99.0.2 HOST4=10.99.0.11
CLIENT6=2001:db8:c::7 VIP6=2001:db8:a::10 BALANCER6=fd99::2 HOST6=fd99::11

setup_file() {
  export NET=cvdecap$$ PINS=$BATS_FILE_TMPDIR/bpf/decap
  local n
  mkdir "$BATS_FILE_TMPDIR/bpf"
  mount -t bpf bpf "$BATS_FILE_TMPDIR/bpf"
  for n in a b; do
    ip netns add "$NET-$n"
    ip -n "$NET-$n" link set lo up
    in_ns "$n" sysctl -qw net.ipv6.conf.default.accept_dad=0 net.ipv6.conf.all.accept_dad=0 \
      net.ipv4.conf.all.rp_filter=0
  done
  ip -n "$NET-a" link add eth0 mtu 9000 type veth peer name eth0 mtu 9000 netns "$NET-b"
  join a "$BALANCER4" "$BALANCER6" "$CLIENT4" "$CLIENT6"
  join b "$HOST4" "$HOST6" "$VIP4" "$VIP6"
  ip -n "$NET-b" route add default via "$BALANCER4"
  ip -n "$NET-b" -6 route add default via "$BALANCER6"
  nsenter --net="/run/netns/$NET-b" "$BATS_TEST_DIRNAME/tunnel.py" serve "$VIP4" "$VIP6" >"$BATS_FILE_TMPDIR/serve" 3>&- &
  export SERVER=$!
  until grep -q ready "$BATS_FILE_TMPDIR/serve"; do sleep 0.05; done
}

# join NAMESPACE ADDRESS4 ADDRESS6 LOOPBACK4 LOOPBACK6
join() {
  ip -n "$NET-$1" address add "$2/24" dev eth0
  ip -n "$NET-$1" address add "$3/64" dev eth0 nodad
  ip -n "$NET-$1" address add "$4/32" dev lo
  ip -n "$NET-$1" address add "$5/128" dev lo nodad
  ip -n "$NET-$1" link set eth0 up
}

teardown_file() {
  local n
  [[ -z ${SERVER:-} ]] || kill "$SERVER" || true
  for n in a b; do ip netns del "$NET-$n" 2>/dev/null || true; done
  umount "$BATS_FILE_TMPDIR/bpf"
}

teardown() {
  decap detach --all >/dev/null
  in_ns b "$BUILD_DIR/culvert" decap detach --all --pin-dir "$PINS-other" >/dev/null
}

# in_ns a|b COMMAND...
in_ns() {
  nsenter --net="/run/netns/$NET-$1" "${@:2}"
}

# decap ARGUMENTS...: the command, on the backend.
decap() {
  in_ns b "$BUILD_DIR/culvert" decap "$@" --pin-dir "$PINS"
}

# ask OUTER INNER [OPTION...]: address families; what the backend answers.
ask() {
  local from=BALANCER$1 to=HOST$1 client=CLIENT$2 vip=VIP$2
  in_ns a "$BATS_TEST_DIRNAME/tunnel.py" ask "${!client}" "${!vip}" "${!from}" "${!to}" "${@:3}"
}

# status EXPRESSION: of the document d.
status() {
  decap status --json | python3 -c "import json, sys; d = json.load(sys.stdin); print($1)"
}

# is WHAT GOT WANTED
is() {
  [[ $2 == "$3" ]] || {
    echo "$1: got \"$2\", wanted \"$3\""
    return 1
  }
}

# contains TEXT PART
contains() {
  [[ $1 == *"$2"* ]] || {
    echo "\"$2\" is not in: $1"
    return 1
  }
}

program() {
  ip -n "$NET-b" -json link show eth0 |
    python3 -c 'import json, sys; print(json.load(sys.stdin)[0].get("xdp", {}).get("prog", {}).get("id", ""))'
}

@test 'without the program nothing arrives' {
  is answer "$(ask 4 4)" nothing
}

@test 'tunnels of all four mixes arrive, native and generic, small and jumbo' {
  local mode outer inner
  for mode in native generic; do
    decap attach eth0 --mode "$mode"
    is mode "$(status 'd["interfaces"][0]["mode"]')" "$mode"
    for outer in 4 6; do
      for inner in 4 6; do
        is "$mode, IPv$inner in IPv$outer" "$(ask $outer $inner)" '0 32'
        is "$mode, IPv$inner in IPv$outer, jumbo" "$(ask $outer $inner --size 8800)" '0 8800'
      done
    done
    is counters "$(status '[v["packets"] for v in d["decapsulated"].values()]')" '[2, 2, 2, 2, 0, 0, 0, 0]'
    is drops "$(status 'sum(v["packets"] for v in d["drops"].values())')" 0
    decap detach eth0
  done
}

@test 'GUE of all four mixes arrives: both variants, small and jumbo, without a checksum and with one' {
  local mode outer inner variant
  # a checksum that is left to the hardware would not be there yet
  in_ns a ethtool -K eth0 tx off >/dev/null
  for mode in native generic; do
    decap attach eth0 --mode "$mode"
    for variant in 0 1; do
      for outer in 4 6; do
        for inner in 4 6; do
          is "$mode, IPv$inner in IPv$outer" "$(ask $outer $inner --gue $variant)" '0 32'
          is "$mode, IPv$inner in IPv$outer, jumbo" "$(ask $outer $inner --gue $variant --size 8800 --checksum)" '0 8800'
        done
      done
    done
    is counters "$(status '[v["packets"] for v in d["decapsulated"].values()]')" '[0, 0, 0, 0, 4, 4, 4, 4]'
    is drops "$(status 'sum(v["packets"] for v in d["drops"].values())')" 0
    decap detach eth0
  done
  in_ns a ethtool -K eth0 tx on >/dev/null
}

@test 'the port of GUE is 6080 until attach says otherwise, and 0 leaves GUE alone' {
  decap attach eth0
  is port "$(status 'd["gue_port"]')" 6080
  is answer "$(ask 4 6 --gue 0)" '0 32'
  decap attach eth0 --gue-port 7000
  is 'the old one' "$(ask 4 6 --gue 0)" nothing
  decap attach eth0
  is 'the new one' "$(ask 4 6 --gue 0 --port 7000)" '0 32'
  contains "$(decap status)" 'UDP port 7000'
  decap attach eth0 --gue-port 0
  is 'none' "$(ask 4 6 --gue 0 --port 7000)" nothing
  contains "$(decap status)" 'left alone'
}

@test 'congestion marks of the outer header reach the application, or the packet is dropped' {
  local outer inner
  decap attach eth0
  for outer in 4 6; do
    for inner in 4 6; do
      is 'CE over ECT(0)' "$(ask $outer $inner --tos 3 2)" '3 32'
      is 'ECT(1) over ECT(0)' "$(ask $outer $inner --tos 1 2)" '1 32'
      is 'CE over Not-ECT' "$(ask $outer $inner --tos 3 0)" nothing
    done
  done
  is drops "$(status 'd["drops"]["ecn"]["packets"]')" 4
}

@test 'only sources within --from are served, until attach says otherwise' {
  decap attach eth0 --from 10.99.0.0/30 --from fd99::3
  is prefixes "$(status 'd["from"]')" "['10.99.0.0/30', 'fd99::3/128']"
  is 'IPv4 within' "$(ask 4 4)" '0 32'
  is 'IPv6 outside' "$(ask 6 6)" nothing
  decap attach eth0
  is 'still outside' "$(ask 6 6)" nothing
  is passed "$(status 'd["passed"]["source"]["packets"]')" 2
  decap attach eth0 --from fd99::/64
  is 'IPv6 within' "$(ask 6 6)" '0 32'
  is 'IPv4 outside' "$(ask 4 4)" nothing
}

@test 'a new address of the host counts after the next attach' {
  local HOST4=10.99.0.12
  decap attach eth0
  ip -n "$NET-b" address add "$HOST4/24" dev eth0
  is before "$(ask 4 4)" nothing
  is changed "$(status 'd["addresses_changed"]')" True
  contains "$(decap status)" 'run culvert decap attach again'
  decap attach eth0
  is after "$(ask 4 4)" '0 32'
  is changed "$(status 'd["addresses_changed"]')" False
  ip -n "$NET-b" address del "$HOST4/24" dev eth0
}

@test 'attaching again replaces the program, keeps the counters and loses no packet' {
  local before n
  decap attach eth0
  before=$(program)
  ask 4 6 --count 300 --every 0.005 >"$BATS_TEST_TMPDIR/answers" 3>&- &
  for ((n = 0; n < 10; n++)); do
    decap attach eth0 --from "10.99.0.$((n % 2 * 2))/31" --from 10.99.0.2
  done
  wait $!
  is answers "$(sort "$BATS_TEST_TMPDIR/answers" | uniq -c | xargs)" '300 0 32'
  is counter "$(status 'd["decapsulated"]["ipv6_in_ipv4"]["packets"]')" 300
  [[ $(program) != "$before" ]]
}

@test "somebody else's program stays, and the error names it" {
  local mode other
  for mode in native generic; do
    in_ns b "$BUILD_DIR/culvert" decap attach eth0 --mode "$mode" --pin-dir "$PINS-other"
    other=$(program)
    run -1 decap attach eth0
    contains "$output" "eth0: another XDP program is attached (cv_decap, id $other, $mode mode)"
    is program "$(program)" "$other"
    [[ ! -e $PINS ]]
    in_ns b "$BUILD_DIR/culvert" decap detach eth0 --pin-dir "$PINS-other"
  done
}

@test 'auto falls back to generic mode with a warning, native says why it cannot' {
  run -0 decap attach lo
  contains "$output" 'warning: the driver of lo has no XDP'
  contains "$output" 'lo: attached, generic mode'
  decap detach lo
  run -1 decap attach lo --mode native
  contains "$output" 'no native XDP'
  [[ ! -e $PINS ]]
}

@test 'the mode of an attached interface is not changed behind its back' {
  decap attach eth0 --mode generic
  run -1 decap attach eth0 --mode native
  contains "$output" 'attached in generic mode already'
  is mode "$(status 'd["interfaces"][0]["mode"]')" generic
}

@test 'detach takes off one interface or all, and leaves nothing' {
  decap attach eth0
  decap attach lo
  decap detach lo
  is served "$(ask 6 4)" '0 32'
  run -1 decap detach lo
  contains "$output" 'not attached'
  decap detach eth0
  [[ ! -e $PINS ]]
  is program "$(program)" ''
  is served "$(ask 6 4)" nothing
  decap attach eth0
  decap attach lo
  decap detach --all
  decap detach --all
  [[ ! -e $PINS ]]
  contains "$(decap status)" 'not attached'
}

@test 'an interface that went away is shown, and is no obstacle' {
  ip -n "$NET-b" link add gone0 type veth peer name gone1
  decap attach gone0
  ip -n "$NET-b" link del gone0
  contains "$(decap status)" '(gone)'
  is name "$(status 'd["interfaces"][0]["name"]')" None
  decap attach eth0
  is served "$(ask 4 4)" '0 32'
  decap detach --all
  [[ ! -e $PINS ]]
}

# In a PID namespace of its own it sees no ancestor whose BPF file system it could use.
@test 'the BPF file system is mounted where there is none' {
  # shellcheck disable=SC2016 # the inner shell expands it
  run -0 in_ns b unshare --mount --pid --fork --mount-proc sh -ec '
    while mountpoint -q /sys/fs/bpf; do umount /sys/fs/bpf; done
    "$1" decap attach eth0
    "$1" decap status | grep eth0
    stat -f -c %T /sys/fs/bpf' sh "$BUILD_DIR/culvert"
  contains "$output" bpf_fs
}

@test 'the options of every command stand in front of it or behind it' {
  decap attach eth0
  run -0 in_ns b "$BUILD_DIR/culvert" --json --socket /none --pin-dir "$PINS" decap status
  contains "$output" '"name": "eth0"'
  run -0 in_ns b "$BUILD_DIR/culvert" decap --json status --pin-dir "$PINS" --socket /none
  contains "$output" '"name": "eth0"'
  run -0 in_ns b "$BUILD_DIR/culvert" --pin-dir "$PINS" decap detach eth0 --json
  contains "$output" '"detached": "eth0"'
}

@test 'a wrong command line changes nothing and ends with 2, a failure with 1' {
  run -2 decap
  run -2 decap attach
  run -2 decap attach eth0 lo
  run -2 decap attach eth0 --mode driver
  run -2 decap attach eth0 --from 10.0.0.1/24
  run -2 decap attach eth0 --gue-port 65536
  run -2 decap attach eth0 --gue-port gue
  run -2 decap attach eth0 --all
  run -2 decap detach eth0 --from 10.0.0.1
  contains "$output" 'detach does not take --from'
  run -2 decap fly eth0
  run -2 decap detach
  run -2 decap detach eth0 --all
  run -2 decap status eth0
  run -2 in_ns b "$BUILD_DIR/culvert" decap attach eth0 --pin-dir pins
  run -1 decap attach nosuch0
  contains "$output" 'nosuch0: there is no such interface'
  run -1 in_ns b "$BUILD_DIR/culvert" decap attach eth0 --pin-dir "$BATS_TEST_TMPDIR/pins"
  contains "$output" 'not in a BPF file system'
  [[ ! -e $BATS_TEST_TMPDIR/pins && ! -e $PINS ]]
  is program "$(program)" ''
}

@test 'help has an example' {
  run -0 "$BUILD_DIR/culvert" decap --help
  contains "$output" 'Example:'
  run -0 "$BUILD_DIR/culvert" decap attach --help
  contains "$output" 'culvert decap attach eth0 --from'
}
