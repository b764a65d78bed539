#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# culvert capture on real traffic: what tshark reads, what people and programs read, and that nothing stays switched on.

load helper

setup_file() {
  fixture_balanced routed 2
}

# capture_spawn ARGUMENTS...: as the process `capture`, which counts from here; its output is log/capture.
capture_spawn() {
  rm -f "$LAB_DIR/log/capture"
  lab_spawn capture lb "$BALANCER_BUILD/culvert" capture --pin-dir "$LAB_DIR/bpf/culvert" "$@"
  wait_for 5 is_capturing
}

# The end of the lease, in seconds of the data plane's clock; 0 if nobody captures.
lease() {
  bpftool -j map dump pinned "$LAB_DIR/bpf/culvert/cv_capture" | json_get 'd[0]["formatted"]["value"]["until_s"]'
}

is_capturing() {
  [[ $(lease) != 0 ]]
}

is_not_capturing() {
  http_ask 1 "$(http_url 4 80 /whoami)" # the first packet after the lease puts it out
  ! is_capturing
}

captured() {
  cat "$LAB_DIR/log/capture"
}

# A datagram to the VIP with one hop left: it gets no further than the balancer.
send_with_last_hop() {
  lab_in client python3 - "$LAB_VIP4" <<'PY'
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, 2)  # the router is the first
s.sendto(b"too far", (sys.argv[1], 7))
PY
}

@test 'tshark reads packets before and after, with the reasons as comments' {
  local file=$LAB_DIR/x.pcapng
  capture_spawn -w "$file" host "$LAB_CLIENT4"
  http_ask 3 "$(http_url 4 80 /whoami)"
  send_with_last_hop
  lab_signal capture INT
  wait_for 5 lab_is_gone capture
  contains "$(captured)" ', 0 lost'

  run --separate-stderr tshark -r "$file" -Y 'tcp.flags.syn == 1' -T fields -e frame.interface_name -e frame.comment
  is 'SYNs, each twice' "${#lines[@]}" 6
  contains "${lines[0]}" $'eth0 in\ttx tx: forwarded, out of the port it came in by; listener tcp-4-4, backend 10.0.'
  contains "${lines[1]}" $'eth0 out\ttx tx: forwarded, out of the port it came in by; listener tcp-4-4, backend 10.0.'

  run --separate-stderr tshark -r "$file" -Y 'frame.interface_name == "eth0 out" && tcp.flags.syn == 1' -T fields -E occurrence=f \
    -e frame.protocols -e ip.src -e frame.verdict.ebpf_xdp
  contains "${lines[0]}" $'eth:ethertype:ip:ip:tcp\t10.0.0.2\t3'

  run --separate-stderr tshark -r "$file" -Y udp -T fields -e frame.interface_name -e frame.comment
  is 'dropped, so once' "${#lines[@]}" 1
  contains "${lines[0]}" $'eth0 in\tdrop ttl: TTL or hop limit used up; listener udp-4-4'

  # both halves of a packet have one id, and every packet is whole
  run --separate-stderr tshark -r "$file" -Y 'tcp' -T fields -e frame.packet_id
  is 'packets and their ids' "$(sort -u <<<"$output" | wc -l)" $((${#lines[@]} / 2))
  run --separate-stderr tshark -r "$file" -o ip.check_checksum:TRUE -Y 'ip.checksum.status == "Bad" || _ws.malformed'
  is 'damaged packets' "$output" ''
}

@test 'a pipe into tshark' {
  local asker
  (lab_wait 5 is_capturing && http_ask 1 "$(http_url 6 80 /whoami)" >/dev/null) 3>&- &
  asker=$!
  run --separate-stderr bash -c "nsenter --net=/run/netns/$LAB_NAME-lb '$BALANCER_BUILD/culvert' capture \
    --pin-dir '$LAB_DIR/bpf/culvert' -w - --count 1 tcp address $LAB_VIP6 | tshark -r - -c 1 -T fields -e frame.comment"
  wait "$asker" # not for bats' own clock as well
  contains "$output" 'listener tcp-6-6'
}

@test 'one line, or one JSON object, for each packet' {
  capture_spawn client "$LAB_CLIENT4" listener tcp-4-4
  http_ask 1 "$(http_url 4 80 /whoami)"
  http_ask 1 "$(http_url 6 80 /whoami)"
  send_with_last_hop
  lab_kill capture
  run captured
  contains "${lines[0]}" 'TIME '
  contains "${lines[1]}" 'tcp SYN'
  contains "${lines[1]}" "$LAB_VIP4:80"
  contains "${lines[1]}" 74+20
  contains "${lines[1]}" 'tx tcp-4-4 10.0.'
  is 'lines beyond 100 columns' "$(awk 'length > 100' "$LAB_DIR/log/capture")" ''
  run grep -cE 'tcp-6-6|udp' "$LAB_DIR/log/capture"
  is 'of other listeners' "$output" 0

  capture_spawn drop --json --count 1
  http_ask 1 "$(http_url 4 80 /whoami)"
  send_with_last_hop
  wait_for 5 lab_is_gone capture
  is 'the object' "$(head -n 1 "$LAB_DIR/log/capture" | json_get '[d[k] for k in ("verdict", "reason", "listener", "what")]')" \
    "['drop', 'ttl', 'udp-4-4', 'udp']"
}

@test 'what passes is shown when asked for' {
  capture_spawn pass port 99 --count 1
  lab_in client curl -s -m 1 "http://$LAB_VIP4:99/" || true
  wait_for 5 lab_is_gone capture
  contains "$(captured)" 'pass no_listener'
}

@test 'killed, it leaves nothing switched on; a second one waits for nobody' {
  capture_spawn
  echo another >"$LAB_DIR/file"
  run -1 ask capture -w "$LAB_DIR/file"
  contains "$output" 'captures there already'
  is 'its file' "$(cat "$LAB_DIR/file")" another
  lab_kill capture KILL
  wait_for 10 is_not_capturing
  capture_spawn
  lab_kill capture
  is 'lease' "$(lease)" 0
}

@test 'it stands still for longer than its lease, and goes on' {
  capture_spawn tcp
  lab_signal capture STOP
  wait_for 10 is_not_capturing
  lab_signal capture CONT
  wait_for 5 is_capturing
  lab_kill capture
  contains "$(captured)" 'stood still for'
}

@test 'wrong filters and names end it before it begins' {
  run -2 ask capture drpo
  contains "$output" 'did you mean drop?'
  run -2 ask capture listener wep
  contains "$output" 'there is no listener wep'
  run -2 ask capture backend 10.9.9.9
  contains "$output" 'there is no backend 10.9.9.9'
  run -2 ask capture --snaplen 4096
  run -1 ask capture -w /dev/full
  contains "$output" '/dev/full: cannot write all of it'
  run -1 ask capture -w /nowhere/file
  contains "$output" /nowhere/file
  is 'lease' "$(lease)" 0
}
