# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# A small network of namespaces, for the end-to-end tests and the demo. Sourced.
#
#   routed    client -- router -- lb                  requests come and go by the one port of lb
#                          |----- b1, b2, ...         each backend behind a link of its own
#   bridged   client -- router ==== lb, b1, b2, ...   lb and backends in one segment with the router
#   twoarm    client -- router ---- lb                requests come in by eth0 and leave by eth1
#                          |======= lb, b1, b2, ...
#
# Everything is named after LAB_NAME or lies below LAB_DIR, the BPF file system included, so any number of labs
# can live side by side, and lab_down finds it all, whoever calls it. Should the shell that made the lab die
# without calling it, a guard does. Only namespaces made here see a changed sysctl.

LAB_SOURCE=$(realpath "${BASH_SOURCE[0]}")

# The addresses. The client's and the VIPs are those for documentation (RFC 5737, RFC 3849).
LAB_VIP4=192.0.2.10
LAB_VIP6=2001:db8::10
LAB_CLIENT4=198.51.100.2
LAB_CLIENT6=2001:db8:c::2

# lab_lb 4|6: the address of the balancer's port that faces the router.
lab_lb() {
  case $LAB_SHAPE.$1 in
    bridged.4) echo 10.1.0.2 ;;
    bridged.6) echo fd01::2 ;;
    *.4) echo 10.0.0.2 ;;
    *.6) echo fd00::2 ;;
  esac
}

# lab_backend 4|6 N: the address of backend N.
lab_backend() {
  case $LAB_SHAPE.$1 in
    routed.4) echo "10.0.$2.2" ;;
    routed.6) echo "fd00:0:0:$2::2" ;;
    *.4) echo "10.1.0.1$2" ;;
    *.6) echo "fd01::1$2" ;;
  esac
}

# lab_up SHAPE BACKENDS: builds it. Sets and exports LAB_NAME, LAB_DIR, LAB_SHAPE, LAB_BACKENDS.
lab_up() {
  export LAB_SHAPE=$1 LAB_BACKENDS=$2 LAB_NAME=cv$$ LAB_DIR
  local ns n
  LAB_DIR=$(mktemp -d "${TMPDIR:-/tmp}/culvert.XXXXXX")
  mkdir "$LAB_DIR"/{bpf,log,pid}
  echo "$LAB_NAME" >"$LAB_DIR/name"
  lab_guard
  mount -t bpf bpf "$LAB_DIR/bpf"
  lab_load_pass
  for ns in client router lb $(lab_backend_names); do
    lab_add_namespace "$ns"
  done
  lab_in router sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1

  lab_add_link client eth0 router client "${LAB_CLIENT_MTU:-1500}" "$LAB_CLIENT4/24 $LAB_CLIENT6/64" "198.51.100.1/24 2001:db8:c::1/64"
  lab_add_gateway client 198.51.100.1 2001:db8:c::1
  if [[ $LAB_SHAPE != bridged ]]; then
    lab_add_link lb eth0 router lb "${LAB_MTU:-1560}" "$(lab_lb 4)/24 $(lab_lb 6)/64" "10.0.0.1/24 fd00::1/64"
    lab_add_gateway lb 10.0.0.1 fd00::1
    lab_face_xdp lb
  fi
  if [[ $LAB_SHAPE == routed ]]; then
    for ((n = 1; n <= LAB_BACKENDS; n++)); do
      lab_add_link "b$n" eth0 router "b$n" "${LAB_MTU:-1560}" "10.0.$n.2/24 fd00:0:0:$n::2/64" "10.0.$n.1/24 fd00:0:0:$n::1/64"
      lab_add_gateway "b$n" "10.0.$n.1" "fd00:0:0:$n::1"
    done
  else
    lab_add_segment
  fi
  lab_ip router route add "$LAB_VIP4" via "$(lab_lb 4)"
  lab_ip router route add "$LAB_VIP6" via "$(lab_lb 6)"
  for ns in $(lab_backend_names); do
    lab_add_vip "$ns"
  done
}

# The segment of the bridged and twoarm shapes: a bridge in the router.
lab_add_segment() {
  local n
  lab_ip router link add br0 mtu "${LAB_MTU:-1560}" type bridge
  lab_add_address router br0 10.1.0.1/24 fd01::1/64
  if [[ $LAB_SHAPE == bridged ]]; then
    lab_add_link lb eth0 router lb "${LAB_MTU:-1560}" "$(lab_lb 4)/24 $(lab_lb 6)/64" ""
    lab_add_gateway lb 10.1.0.1 fd01::1
    lab_ip router link set lb master br0
    lab_face_xdp lb
  else
    lab_add_link lb eth1 router lb1 "${LAB_MTU:-1560}" "10.1.0.2/24 fd01::2/64" ""
    lab_ip router link set lb1 master br0
    lab_face_xdp lb1
  fi
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_add_link "b$n" eth0 router "b$n" "${LAB_MTU:-1560}" "10.1.0.1$n/24 fd01::1$n/64" ""
    lab_add_gateway "b$n" 10.1.0.1 fd01::1
    lab_ip router link set "b$n" master br0
  done
}

# lab_down DIR: takes everything away again, or what is still there of it. Ends processes by looking at who lives in
# our namespaces.
lab_down() {
  local dir=$1 name namespaces ns
  [[ -f $dir/name ]] || return 0
  name=$(<"$dir/name")
  lab_release "$dir"
  mapfile -t namespaces < <(find /run/netns -maxdepth 1 -name "$name-*" -printf '%f\n' 2>/dev/null)
  lab_end_processes "${namespaces[@]}"
  for ns in "${namespaces[@]}"; do
    ip netns delete "$ns" || true
  done
  ! mountpoint -q "$dir/bpf" || umount "$dir/bpf"
  rm -rf --one-file-system "$dir"
}

# lab_release DIR: lets the lab outlive the shell that made it.
lab_release() {
  local dir=$1 guard
  [[ -f $dir/guard ]] || return 0
  guard=$(<"$dir/guard")
  rm "$dir/guard"
  ((guard == $$)) || kill -- "-$guard" 2>/dev/null || true
}

# Waits in a session of its own for the shell that made the lab to go away.
lab_guard() {
  # shellcheck disable=SC2016 # the guard expands it
  setsid bash -c 'tail --pid="$1" -f /dev/null; . "$2"; lab_down "$3"' guard $$ "$LAB_SOURCE" "$LAB_DIR" \
    </dev/null >/dev/null 2>&1 3>&- &
  echo $! >"$LAB_DIR/guard"
}

# lab_end_processes NAMESPACE...
lab_end_processes() {
  local ns pids signal tries
  for signal in TERM KILL; do
    for ((tries = 0; tries < 30; tries++)); do
      pids=$(for ns in "$@"; do ip netns pids "$ns"; done)
      [[ -n $pids ]] || return 0
      # shellcheck disable=SC2086 # several words
      ((tries % 10)) || kill -"$signal" $pids 2>/dev/null || true
      sleep 0.1
    done
  done
}

# --- what the network is made of ---

lab_backend_names() {
  seq -f 'b%g' "$LAB_BACKENDS"
}

# lab_ip NS ARGUMENTS...: `ip` in one of our namespaces.
lab_ip() {
  ip -n "$LAB_NAME-$1" "${@:2}"
}

lab_add_namespace() {
  ip netns add "$LAB_NAME-$1"
  # Without duplicate address detection an IPv6 address is there at once.
  lab_in "$1" sysctl -qw net.ipv6.conf.{all,default}.{disable_ipv6=0,accept_dad=0,accept_ra=0} \
    net.ipv4.conf.{all,default}.rp_filter=0
  lab_ip "$1" link set lo up
}

# lab_add_link NS PORT PEER_NS PEER_PORT MTU ADDRESSES PEER_ADDRESSES
lab_add_link() {
  ip link add "$2" netns "$LAB_NAME-$1" mtu "$5" type veth peer name "$4" netns "$LAB_NAME-$3" mtu "$5"
  # shellcheck disable=SC2086 # lists of addresses
  lab_add_address "$1" "$2" $6
  # shellcheck disable=SC2086
  lab_add_address "$3" "$4" $7
}

# lab_add_address NS PORT [ADDRESS...]
lab_add_address() {
  local address
  for address in "${@:3}"; do
    if [[ $address == *:* ]]; then
      lab_ip "$1" address add "$address" dev "$2" nodad
    else
      lab_ip "$1" address add "$address" dev "$2"
    fi
  done
  lab_ip "$1" link set "$2" up
}

# lab_add_gateway NS V4 V6
lab_add_gateway() {
  lab_ip "$1" route add default via "$2"
  lab_ip "$1" route add default via "$3"
}

# A backend owns the VIPs, and in a shared segment keeps quiet about it.
lab_add_vip() {
  lab_in "$1" sysctl -qw net.ipv4.conf.all.{arp_ignore=1,arp_announce=2}
  lab_ip "$1" address add "$LAB_VIP4/32" dev lo
  lab_ip "$1" address add "$LAB_VIP6/128" dev lo nodad
}

# What a veth needs to take frames that XDP sends at its other end: a program of its own, and checksums that are
# filled in before they cross.
lab_face_xdp() {
  lab_in router ethtool -K "$1" tx off >/dev/null
  lab_in router bpftool net attach xdpdrv pinned "$LAB_DIR/bpf/xdp_pass" dev "$1"
}

lab_load_pass() {
  clang -target bpf -O2 -g -c "$(dirname "$LAB_SOURCE")/xdp_pass.bpf.c" -o "$LAB_DIR/xdp_pass.o" \
    -idirafter "/usr/include/$(gcc -print-multiarch)"
  bpftool prog load "$LAB_DIR/xdp_pass.o" "$LAB_DIR/bpf/xdp_pass"
}

# --- commands and processes in it ---

# lab_in NS COMMAND...: runs in the namespace; mounts stay those of the host, so pins can be seen.
lab_in() {
  nsenter --net="/run/netns/$LAB_NAME-$1" "${@:2}"
}

# lab_spawn NAME NS COMMAND...: starts a process that is called NAME here; its output goes to log/NAME. File
# descriptor 3 belongs to bats, which waits until nobody has it any more.
lab_spawn() {
  (exec nsenter --net="/run/netns/$LAB_NAME-$2" "${@:3}") </dev/null >>"$LAB_DIR/log/$1" 2>&1 3>&- &
  echo "$! $(lab_birth $!)" >"$LAB_DIR/pid/$1"
  disown $! # no word from the shell when it is killed
}

# lab_birth PID: when that process started, in ticks; nothing if it is gone or only its exit status is left.
lab_birth() {
  local fields
  read -ra fields < <(sed 's/.*) //' "/proc/$1/stat" 2>/dev/null) || return 0
  [[ ${fields[0]} == Z ]] || echo "${fields[19]}"
}

# lab_is_alive NAME: another process that got the same pid later is not it.
lab_is_alive() {
  local pid birth
  [[ -f $LAB_DIR/pid/$1 ]] && read -r pid birth <"$LAB_DIR/pid/$1" &&
    [[ -n $birth && $(lab_birth "$pid") == "$birth" ]]
}

# lab_signal NAME SIGNAL
lab_signal() {
  local pid
  lab_is_alive "$1" || return 1
  read -r pid _ <"$LAB_DIR/pid/$1"
  kill -"$2" "$pid"
}

# lab_kill NAME [SIGNAL]: ends it and waits until it is gone.
lab_kill() {
  lab_signal "$1" "${2:-TERM}"
  lab_wait 10 lab_is_gone "$1"
  rm "$LAB_DIR/pid/$1"
}

lab_is_gone() {
  ! lab_is_alive "$1"
}

# lab_wait SECONDS COMMAND...: until the command succeeds; false if it does not in that time.
lab_wait() {
  local end=$((SECONDS + $1))
  while ! "${@:2}" >/dev/null 2>&1; do
    ((SECONDS < end)) || return 1
    sleep 0.1
  done
}
