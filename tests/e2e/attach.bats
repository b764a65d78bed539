#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Attaching and detaching: what is not ours is never touched, and nothing stays behind.

load helper

# The balancer's own web server, on the very port that it balances for others.
setup_file() {
  fixture routed 2
  balancer_config >"$LAB_DIR/culvert.yaml"
  server_configure lb
  server_start lb
  wait_for 5 lab_in lb curl -fs http://127.0.0.1/healthz
}

setup() {
  if lab_is_alive culvertd; then
    balancer_stop
  fi
  balancer_detach --all
}

# own: traffic with the host itself on port 80, TCP over both families, 20 MB with checksum.
own() {
  local want
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  is 'IPv4 from the host itself' "$(http_download "http://$(lab_lb 4)/big")" "$want"
  is 'IPv6 from the host itself' "$(http_download "http://[$(lab_lb 6)]/big")" "$want"
}

# Interfaces, addresses, routes and settings of the balancer, as text. What the kernel counts or learns is left out.
lb_state() {
  lab_ip lb -details address
  lab_ip lb -4 route
  lab_ip lb -6 route
  lab_in lb sysctl net.core net.ipv4.conf net.ipv6.conf net.ipv4.ip_forward
}

# The XDP program on the balancer's eth0; nothing if there is none.
lb_program() {
  lab_ip lb -json link show eth0 | json_get 'd[0].get("xdp", {}).get("prog", {}).get("id", "")'
}

# intrude xdpdrv|xdpgeneric [overwrite]: somebody else's program on the balancer's eth0.
intrude() {
  lab_in lb bpftool net attach "$1" pinned "$LAB_DIR/bpf/xdp_pass" dev eth0 "${@:2}"
}

# our_pins: whatever is pinned and does not belong to the lab.
our_pins() {
  find "$LAB_DIR/bpf" -mindepth 1 -not -path "$LAB_DIR/bpf/b*" -not -name xdp_pass -not -name '*.debug'
}

# exists prog|map ID
exists() {
  bpftool "$1" show id "$2" >/dev/null 2>&1
}

is_gone() {
  ! exists "$@"
}

@test 'traffic of the host itself on a balanced port works before, during and after' {
  local mode
  own
  for mode in native generic; do
    MODE=$mode balancer_config >"$LAB_DIR/culvert.yaml"
    balancer_attach eth0 "$mode"
    own
    balancer_start
    wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
    own
    balancer_stop
    own
    balancer_detach eth0
    own
    balancer_detach --all
    own
  done
}

@test 'a download of the host itself runs through attach, start, reload and detach' {
  lab_spawn own client curl -sS -f -m 60 --limit-rate 4M -o "$LAB_DIR/own" "http://$(lab_lb 4)/big"
  balancer_attach eth0
  balancer_start
  balancer_reload
  sleep 1
  balancer_stop
  balancer_detach --all
  wait_for 20 lab_is_gone own
  cmp "$LAB_DIR/own" "$LAB_DIR/big"
}

@test 'attach works without the daemon, detach --all leaves nothing behind' {
  local before program maps map id
  before=$(lb_state)
  balancer_attach eth0
  program=$(lb_program)
  exists prog "$program"
  mapfile -t maps < <(find "$LAB_DIR/bpf/culvert" -maxdepth 1 -name 'cv_*')
  holds 'pinned maps' "${#maps[@]} > 5"
  for map in "${maps[@]}"; do
    id+=" $(bpftool -j map show pinned "$map" | json_get 'd["id"]')"
  done
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  balancer_stop
  is 'the program goes on without the daemon' "$(http_ask 3 "$(http_url 4 80 /whoami)" | wc -l)" 3

  balancer_detach --all
  is 'program on eth0' "$(lb_program)" ''
  is 'pins' "$(our_pins)" ''
  for map in $id; do
    wait_for 5 is_gone map "$map"
  done
  wait_for 5 is_gone prog "$program"
  diff <(echo "$before") <(lb_state)
}

@test 'attach and detach can be said twice' {
  balancer_attach eth0
  balancer_attach eth0
  balancer_detach eth0
  run -1 balancer_detach eth0
  contains "$output" eth0
  balancer_detach --all
  balancer_detach --all
}

@test 'an interface that does not exist, a mode that does not exist: a clear error, nothing pinned' {
  run -1 balancer_attach eth9
  contains "$output" eth9
  run -2 balancer_attach eth0 turbo
  contains "$output" turbo
  run -2 culvert attach eth0 --pin-dir pins
  contains "$output" '--pin-dir pins: not an absolute path'
  is 'pins' "$(our_pins)" ''
}

@test "somebody else's XDP program is not thrown out" {
  local foreign
  intrude xdpdrv
  foreign=$(lb_program)
  run balancer_attach eth0
  exists prog "$foreign"
  # Where the kernel allows extension programs, libxdp's dispatcher runs both; else it is an error that says so.
  if ((status)); then
    is 'exit status' "$status" 1
    contains "$output" eth0
    contains "$output" xdp_pass
    is 'program on eth0' "$(lb_program)" "$foreign"
    is 'pinned links' "$(find "$LAB_DIR/bpf/culvert/links" -mindepth 1 2>/dev/null)" ''
  fi
  own
  lab_ip lb link set eth0 xdp off
}

@test "somebody else's generic XDP program is not thrown out either" {
  local foreign
  intrude xdpgeneric
  foreign=$(lb_program)
  run balancer_attach eth0
  exists prog "$foreign"
  lab_ip lb link set eth0 xdpgeneric off
}

@test 'nobody can take our place unnoticed: the link keeps it' {
  balancer_attach eth0
  run ! intrude xdpdrv overwrite
  run ! lab_ip lb link set eth0 xdp off
  balancer_start
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
}

@test 'ip netns exec: what is pinned outlives the command, though its /sys is a private one' {
  local pins=/sys/fs/bpf/$LAB_NAME was_mounted=no
  ! mountpoint -q /sys/fs/bpf || was_mounted=yes
  in_private() {
    ip netns exec "$LAB_NAME-lb" "$BALANCER_BUILD/culvert" "$@" --pin-dir "$pins"
  }
  in_private attach eth0 --mode native
  contains "$(in_private version)" 'eth0: program'
  contains "$(lab_in lb ip link show eth0)" 'prog/xdp'
  in_private detach --all
  [[ ! -e $pins ]]
  [[ $was_mounted == yes ]] || umount /sys/fs/bpf
}
