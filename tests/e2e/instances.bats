#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Two instances on one host: each has its port, its VIP, its backend, and a pin directory and socket of its own.

load helper

setup_file() {
  fixture routed 2
  lab_add_link lb eth1 router lb1 1560 10.9.0.2/24 10.9.0.1/24
  lab_face_xdp lb1
  lab_ip router route add 192.0.2.20 via 10.9.0.2
  lab_ip lb route add 10.0.2.0/24 via 10.9.0.1
  lab_ip b2 address add 192.0.2.20/32 dev lo
  one_config eth0 "$LAB_VIP4" 1 >"$LAB_DIR/culvert.yaml"
  one_config eth1 192.0.2.20 2 >"$LAB_DIR/second.yaml"
}

# one_config PORT VIP N: one listener that leads to backend N.
one_config() {
  cat <<EOF
interfaces: [ { name: $1, mode: native } ]
listeners:
  - { name: web$3, address: $2, protocol: tcp, port: 80, pool: pool$3, forward: ipip }
pools:
  - { name: pool$3, health: { type: none }, backends: [ { address: $(lab_backend 4 "$3") } ] }
metrics: { listen: 127.0.0.1:947$3 }
EOF
}

second() {
  culvert "$1" --socket "$LAB_DIR/second.sock" "${@:2}"
}

@test 'both instances serve' {
  balancer_attach eth0
  balancer_start
  culvert attach eth1 --mode native --pin-dir "$LAB_DIR/bpf/second"
  lab_spawn second lb "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/second.yaml" --socket "$LAB_DIR/second.sock" \
    --pin-dir "$LAB_DIR/bpf/second" --state-dir "$LAB_DIR/state2"
  wait_for 10 http_ask 1 "http://$LAB_VIP4/whoami"
  wait_for 10 http_ask 1 http://192.0.2.20/whoami
  is 'first' "$(http_ask 20 "http://$LAB_VIP4/whoami" | sort -u)" b1
  is 'second' "$(http_ask 20 http://192.0.2.20/whoami | sort -u)" b2
}

@test 'each knows its own listeners only' {
  is 'first' "$(ask status --json | json_get '[l["name"] for l in d["listeners"]]')" "['web1']"
  is 'second' "$(second status --json | json_get '[l["name"] for l in d["listeners"]]')" "['web2']"
  is 'ports of the second' "$(second status --json | json_get '[i["name"] for i in d["interfaces"]]')" "['eth1']"
}

@test 'a second daemon over the same pins is refused' {
  run -1 culvert_daemon_again
  contains "$output" "$LAB_DIR/bpf/culvert"
  is 'first' "$(http_ask 5 "http://$LAB_VIP4/whoami" | sort -u)" b1
}

culvert_daemon_again() {
  lab_in lb timeout 10 "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/third.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state3"
}

@test 'taking the second away leaves the first alone' {
  lab_kill second
  culvert detach --all --pin-dir "$LAB_DIR/bpf/second"
  [[ ! -e $LAB_DIR/bpf/second ]]
  is 'first' "$(http_ask 20 "http://$LAB_VIP4/whoami" | sort -u)" b1
  run ! http_ask 1 http://192.0.2.20/whoami
}

@test 'a daemon whose socket is in use changes nothing' {
  run -1 lab_in lb timeout 10 "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/second.yaml" \
    --socket "$LAB_DIR/culvertd.sock" --pin-dir "$LAB_DIR/bpf/third" --state-dir "$LAB_DIR/state3"
  contains "$output" "another daemon listens at $LAB_DIR/culvertd.sock"
  [[ ! -e $LAB_DIR/bpf/third ]]
  run ! grep xdp <<<"$(lab_ip lb link show eth1)"
  is 'listeners' "$(ask status --json | json_get '[l["name"] for l in d["listeners"]]')" "['web1']"
}

@test 'a reload that fails, of a file that is right: exit status 1' {
  balancer_detach --all
  lab_spawn third lb "$BALANCER_BUILD/culvertd" --config "$LAB_DIR/culvert.yaml" --socket "$LAB_DIR/third.sock" \
    --pin-dir "$LAB_DIR/bpf/culvert" --state-dir "$LAB_DIR/state3"
  wait_for 10 culvert status --socket "$LAB_DIR/third.sock"
  run -1 ask reload
  contains "$output" 'another culvertd is in charge'
  rm "$LAB_DIR/culvert.yaml"
  run -2 culvert reload --socket "$LAB_DIR/third.sock"
  contains "$output" 'cannot read'
}
