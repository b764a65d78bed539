#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What is broken is found, and the command that the doctor prints mends it.

load helper

setup_file() {
  fixture_balanced routed 2 native
  lab_in lb ethtool -L eth0 rx "$(nproc)" # a veth begins with one queue
}

# look, look_backend: the doctor's document; it ends with an exit status that goes with it.
look() {
  ask doctor --json "$@"
}

look_backend() {
  CULVERT_NS=b1 culvert doctor backend --vip "$LAB_VIP4" --vip "$LAB_VIP6" --pin-dir "$LAB_DIR/bpf/b1" --json
}

# findings LOOK CHECK: what it says of that check that is not well.
findings() {
  { $1 || true; } | json_get "[f for f in d['findings'] if f['check'] == '$2' and f['level'] != 'ok']"
}

# mend NS LOOK CHECK: runs the command of the first such finding there.
mend() {
  local command
  command=$({ $2 || true; } | json_get "[f['mend'] for f in d['findings'] if f['check'] == '$3' and f['level'] != 'ok'][0]")
  echo "mending by: $command"
  PATH=$BALANCER_BUILD:$PATH lab_in "$1" bash -c "$command"
}

# found_and_mended NS LOOK CHECK TEXT: it is found, says TEXT, and is well after its command.
found_and_mended() {
  contains "$(findings "$2" "$3")" "$4"
  mend "$1" "$2" "$3"
  is "findings of $3 when mended" "$(findings "$2" "$3")" '[]'
}

@test 'a healthy balancer: nothing to mend, exit status 0' {
  run -0 look
  is 'findings' "$(json_get '[f for f in d["findings"] if f["level"] != "ok"]' <<<"$output")" '[]'
  is 'what was looked at' "$(json_get '" ".join(sorted({f["check"] for f in d["findings"]}))' <<<"$output")" \
    'attached bpf bpffs btf config culvertd driver frames jit kernel link memory mtu offloads queues reload rp_filter way'
  run -0 ask doctor
  contains "$output" 'errors: 0, warnings: 0'
}

@test 'a healthy backend: nothing to mend, exit status 0' {
  run -0 look_backend
  is 'findings' "$(json_get '[f for f in d["findings"] if f["level"] != "ok"]' <<<"$output")" '[]'
}

@test 'a way too narrow for the tunnel' {
  lab_ip lb link set eth0 mtu 1500
  run -0 look # a warning
  found_and_mended lb look mtu 'carries packets of 1480 bytes'
}

@test 'a route too narrow for the tunnel' {
  lab_ip lb route add "$(lab_backend 4 1)" via 10.0.0.1 dev eth0 mtu 1500
  found_and_mended lb look mtu 'carries packets of 1480 bytes'
  lab_ip lb route del "$(lab_backend 4 1)"
}

@test 'strict reverse path filtering does no harm where answers come in by the port of the route' {
  lab_in lb sysctl -qw net.ipv4.conf.all.rp_filter=1
  is 'findings' "$(findings look rp_filter)" '[]'
  lab_in lb sysctl -qw net.ipv4.conf.all.rp_filter=0
}

@test 'a backend without a route' {
  lab_ip lb route add unreachable "$(lab_backend 4 1)"
  run -1 look
  found_and_mended lb look way "backend $(lab_backend 4 1): no route"
  lab_ip lb route del "$(lab_backend 4 1)"
}

@test 'a backend by an interface without MAC addresses' {
  lab_ip lb route add "$(lab_backend 4 1)" dev lo
  found_and_mended lb look way "backend $(lab_backend 4 1): lo has no Ethernet addresses"
  lab_ip lb route del "$(lab_backend 4 1)"
}

@test 'an interface without the program' {
  balancer_detach eth0
  contains "$(findings look way)" 'where the program is not attached'
  found_and_mended lb look attached 'eth0: the program is not attached'
  run -0 look
}

@test 'generic mode where the driver has native' {
  balancer_detach eth0
  sed -i 's/mode: native/mode: auto/' "$LAB_DIR/culvert.yaml"
  balancer_attach eth0 generic
  found_and_mended lb look attached 'eth0: generic'
}

# A file of its own, which its mends change.
look_apart() {
  look --config "$LAB_DIR/apart.yaml"
}

@test 'native mode of a driver that has none' {
  sed 's/name: eth0, mode: .* }/name: lo, mode: native }/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/apart.yaml"
  contains "$(findings look_apart attached)" "culvert attach lo --mode generic"
  found_and_mended lb look_apart driver 'lo: (unknown) has no native XDP, which the configuration wants'
  contains "$(grep 'name: lo' "$LAB_DIR/apart.yaml")" 'mode: generic'
  found_and_mended lb look_apart attached 'lo: the program is not attached'
  balancer_detach lo
}

@test 'native mode of a driver that has none, on a line of its own' {
  sed 's/- { name: eth0, mode: .* }/- name: lo\n    mode: native/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/apart.yaml"
  found_and_mended lb look_apart driver 'lo: (unknown) has no native XDP, which the configuration wants'
}

@test 'a driver without native XDP' {
  sed 's/name: eth0, mode: .* }/name: lo }/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/apart.yaml"
  contains "$(findings look_apart driver)" "say mode: generic of lo in $LAB_DIR/apart.yaml"
}

@test 'an interface that is not there' {
  sed 's/name: eth0,/name: eth00,/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/apart.yaml"
  found_and_mended lb look_apart link 'there is no interface eth00'
  sed 's/name: eth0,/name: nothing-like-it,/' "$LAB_DIR/culvert.yaml" >"$LAB_DIR/apart.yaml"
  contains "$(findings look_apart link)" "put the right one for nothing-like-it into $LAB_DIR/apart.yaml"
}

@test 'fewer queues than processors' {
  (($(nproc) > 1)) || skip 'there is one processor'
  lab_in router ethtool -L lb tx 1
  lab_in lb ethtool -L eth0 rx 1
  found_and_mended lb look queues 'eth0: 1 for'
  lab_in router ethtool -L lb tx 2
}

@test 'a reload that failed, until the file is right' {
  cp "$LAB_DIR/culvert.yaml" "$LAB_DIR/right.yaml"
  echo 'colour: blue' >>"$LAB_DIR/culvert.yaml"
  run -2 ask reload
  run -1 look
  contains "$(findings look config)" 'has mistakes'
  cp "$LAB_DIR/right.yaml" "$LAB_DIR/culvert.yaml"
  found_and_mended lb look reload 'colour'
}

look_elsewhere() {
  culvert doctor --json --socket "$LAB_DIR/culvertd.sock" --pin-dir "$LAB_DIR/elsewhere/culvert"
}

@test 'no BPF file system' {
  run -1 look_elsewhere
  found_and_mended lb look_elsewhere bpffs 'lies in no BPF file system'
  umount "$LAB_DIR/elsewhere"
}

@test 'a daemon that is not there' {
  balancer_stop
  run -1 look --config "$LAB_DIR/culvert.yaml"
  contains "$(json_get '[f["what"] for f in d["findings"] if f["level"] == "error"]' <<<"$output")" 'no culvertd listens'
  is 'errors' "$(json_get 'd["errors"]' <<<"$output")" 1
  balancer_start
}

@test 'a backend without its VIP' {
  lab_ip b1 address del "$LAB_VIP4/32" dev lo
  run -1 look_backend
  found_and_mended b1 look_backend vip "$LAB_VIP4 is no address of this host"
}

@test 'a backend whose VIPs are not named: those on lo' {
  CULVERT_NS=b1 run -0 culvert doctor backend --pin-dir "$LAB_DIR/bpf/b1"
  contains "$output" "$LAB_VIP4 is on lo, and so taken for a VIP"
  contains "$output" "$LAB_VIP6 is on lo, and so taken for a VIP"
  contains "$output" 'errors: 0, warnings: 0'
}

@test 'a host with no VIP: all else is looked at' {
  CULVERT_NS=router run -1 culvert doctor backend
  contains "$output" 'no VIP was looked at'
  contains "$output" 'ip address add VIP dev lo'
  contains "$output" 'nothing takes tunnels off'
}

@test 'a backend that answers ARP for its VIP' {
  lab_in b1 sysctl -qw net.ipv4.conf.all.arp_ignore=0
  found_and_mended b1 look_backend arp 'arp_ignore is 0'
  lab_in b1 sysctl -qw net.ipv4.conf.all.arp_announce=0
  found_and_mended b1 look_backend arp 'arp_announce is 0'
}

@test 'a backend that takes no tunnels off' {
  CULVERT_NS=b1 culvert decap detach eth0 --pin-dir "$LAB_DIR/bpf/b1"
  run -1 look_backend
  found_and_mended b1 look_backend decap 'nothing takes tunnels off'
  wait_for 10 status_says 'all(b["state"] == "up" for p in d["pools"] for b in p["backends"])' # its checks failed
  is 'who answers' "$(http_ask 50 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2'
}

@test 'a backend with new addresses' {
  lab_ip b1 address add 10.55.0.1/24 dev eth0
  found_and_mended b1 look_backend decap 'addresses of this host have changed'
  lab_ip b1 address del 10.55.0.1/24 dev eth0
  CULVERT_NS=b1 culvert decap attach eth0 --pin-dir "$LAB_DIR/bpf/b1"
}

@test 'a backend whose clients may send more than fits' {
  lab_ip b1 link set eth0 mtu 1500
  contains "$(findings look_backend mtu)" 'IPv4: clients send up to 1500 bytes, eth0 takes 1460'
  mend b1 look_backend mtu # IPv6 comes first
  mend b1 look_backend mtu
  is 'findings' "$(findings look_backend mtu)" '[]'
  lab_ip b1 link set eth0 mtu 1560
}

@test 'a backend without a way back' {
  lab_ip b1 route del default
  run -1 look_backend
  contains "$(findings look_backend route)" 'no default route for IPv4'
  lab_ip b1 route add default via 10.0.1.1
}

@test 'a wrong command line: exit status 2' {
  run -2 ask doctor patient
  run -2 ask doctor --vip "$LAB_VIP4"
  run -2 ask doctor backend --vip 192.0.2.300
}
