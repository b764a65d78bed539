#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# What goes wrong on a host: each ends in a clear message and a working daemon, and is over without a restart when its
# cause is gone.

load helper

setup_file() {
  fixture routed 2
  mkdir "$LAB_DIR/state"
  balancer_config >"$LAB_DIR/culvert.yaml"
  balancer_start
}

teardown_file() {
  ! mountpoint -q "$LAB_DIR/state" || umount -l "$LAB_DIR/state"
  lab_down "$LAB_DIR"
}

setup() {
  wait_for 10 http_ask 4 "$(http_url 4 80 /whoami)"
  LOGGED=$(wc -l <"$LAB_DIR/log/culvertd")
}

# says TEXT [TIMES]: the daemon's log since the test began, so often.
says() {
  (($(tail -n "+$((LOGGED + 1))" "$LAB_DIR/log/culvertd" | grep -cF "$1") == ${2:-1}))
}

reason_is() {
  [[ $(ask backends --json | json_get "[b['reason'] for b in d['backends'] if b['address'] == '$1'][0]") == *"$2"* ]]
}

@test 'a damaged state file is set aside, and the daemon starts without it' {
  ask weight pool4 "$(lab_backend 4 1)" 50
  balancer_stop KILL
  truncate -s 100 "$LAB_DIR/state/state.json"
  cp "$LAB_DIR/state/state.json" "$LAB_DIR/damaged"
  echo damaged >"$LAB_DIR/state/checks.counts"
  balancer_start
  says "state file damaged, set aside as $LAB_DIR/state/state.json.damaged"
  says "the counts of checks begin anew: $LAB_DIR/state/checks.counts is not of this version"
  cmp "$LAB_DIR/state/state.json.damaged" "$LAB_DIR/damaged"
  http_ask 20 "$(http_url 4 80 /whoami)"
  ask weight pool4 "$(lab_backend 4 1)" 100
  python3 -m json.tool "$LAB_DIR/state/state.json" >/dev/null
}

@test 'a full disk: the change is in force, the state is saved when there is room, and nothing is torn' {
  local before
  balancer_stop
  mount -t tmpfs -o size=16k tmpfs "$LAB_DIR/state"
  balancer_start
  ask weight pool4 "$(lab_backend 4 1)" 100
  head -c 64k /dev/zero >"$LAB_DIR/state/filler" 2>/dev/null || true
  before=$(sha256sum <"$LAB_DIR/state/state.json")
  run -1 --separate-stderr ask drain pool4 "$(lab_backend 4 2)" --json
  is 'state and saved' "$(json_get 'd["state"], d["saved"], len(d["warnings"])' <<<"$output")" "('draining', False, 1)"
  # shellcheck disable=SC2154 # bats sets it
  contains "$stderr" "warning: in force, but not saved in $LAB_DIR/state: No space left on device"
  wait_for 5 says 'state not saved'
  is 'who answers' "$(http_ask 20 "$(http_url 4 80 /whoami)" | sort -u | xargs)" b1
  is 'the old state' "$(sha256sum <"$LAB_DIR/state/state.json")" "$before"
  sleep 2
  says 'state not saved'
  rm "$LAB_DIR/state/filler"
  wait_for 5 grep -q '"draining": true' "$LAB_DIR/state/state.json"
  wait_for 5 says 'state saved again'
  balancer_stop KILL
  balancer_start
  backend_is "$(lab_backend 4 2)" draining
  contains "$(ask undrain pool4 "$(lab_backend 4 2)" --json)" '"saved": true'
  ask undrain pool4 "$(lab_backend 4 2)"
  balancer_stop
  umount "$LAB_DIR/state"
  balancer_start
}

@test 'an interface that vanishes and comes back' {
  lab_ip lb link del eth0
  wait_for 5 says 'eth0: no such interface'
  wait_for 5 says 'no way to backend' $((LAB_BACKENDS * 2))
  is 'interfaces' "$(status_get 'd["interfaces"]')" '[]'
  contains "$(ask status)" 'MISSING: eth0: no such interface: attached as soon as it appears'
  lab_add_link lb eth0 router lb 1560 "$(lab_lb 4)/24 $(lab_lb 6)/64" '10.0.0.1/24 fd00::1/64'
  lab_add_gateway lb 10.0.0.1 fd00::1
  lab_face_xdp lb
  lab_ip router route replace "$LAB_VIP4" via "$(lab_lb 4)"
  lab_ip router route replace "$LAB_VIP6" via "$(lab_lb 6)"
  wait_for 10 says 'attached interface=eth0'
  wait_for 10 http_ask 20 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 20 "$(http_url 6 80 /whoami)"
  wait_for 10 backend_is "$(lab_backend 4 1)" up
  says 'eth0: no such interface'
}

@test 'an interface that is renamed goes on; its old name brings it back into the file' {
  lab_ip lb link set eth0 down
  lab_ip lb link set eth0 name wan0
  lab_ip lb link set wan0 up
  lab_add_gateway lb 10.0.0.1 fd00::1 || true
  wait_for 5 says 'eth0: no such interface'
  lab_ip lb -6 address add "$(lab_lb 6)/64" dev wan0 nodad || true
  lab_ip lb route replace default via fd00::1
  wait_for 10 http_ask 20 "$(http_url 4 80 /whoami)"
  is 'interface' "$(status_get 'd["interfaces"][0]["name"]')" wan0
  lab_ip lb link set wan0 down
  lab_ip lb link set wan0 name eth0
  lab_ip lb link set eth0 up
  lab_ip lb route replace default via 10.0.0.1
  lab_ip lb -6 address add "$(lab_lb 6)/64" dev eth0 nodad || true
  lab_ip lb route replace default via fd00::1
  wait_for 10 http_ask 20 "$(http_url 4 80 /whoami)"
  is 'interface' "$(status_get 'd["interfaces"][0]["name"]')" eth0
}

@test 'a backend without a route, then with one' {
  local b2
  b2=$(lab_backend 4 2)
  lab_ip lb route add unreachable "$b2/32"
  wait_for 5 says "no way to backend pool=pool4 backend=$b2 reason=\"no route\""
  reason_is "$b2" 'no route'
  wait_for 10 backend_is "$b2" down
  is 'who answers' "$(http_ask 20 "$(http_url 4 80 /whoami)" | sort -u | xargs)" b1
  lab_ip lb route del unreachable "$b2/32"
  wait_for 5 says "way to backend found pool=pool4 backend=$b2"
  wait_for 10 backend_is "$b2" up
  is 'who answers' "$(http_ask 50 "$(http_url 4 80 /whoami)" | sort -u | xargs)" 'b1 b2'
}

@test 'a file with a mistake changes nothing and says where it is' {
  cp "$LAB_DIR/culvert.yaml" "$LAB_DIR/good.yaml"
  sed -i 's/rise: 2/rise: many/' "$LAB_DIR/culvert.yaml"
  run -2 ask reload
  contains "$output" 'pools[0].health.rise: "many": must be'
  says 'configuration not changed'
  http_ask 20 "$(http_url 4 80 /whoami)"
  mv "$LAB_DIR/good.yaml" "$LAB_DIR/culvert.yaml"
  ask reload
}

@test 'a reload with an interface that is not there names it, and attaches it when it appears' {
  PORTS='eth0 eth7' balancer_config >"$LAB_DIR/culvert.yaml"
  run -0 --separate-stderr ask reload
  contains "$output" 'configuration in force'
  is 'warning' "$stderr" 'culvert reload: warning: eth7: no such interface: attached as soon as it appears'
  is 'missing' "$(status_get 'd["missing_interfaces"][0]["name"]')" eth7
  is 'attached' "$(status_get '[i["name"] for i in d["interfaces"]]')" "['eth0']"
  lab_ip lb link add eth7 type veth peer name eth8
  wait_for 5 status_says '{i["name"] for i in d["interfaces"]} == {"eth0", "eth7"}'
  is 'missing' "$(status_get 'd["missing_interfaces"]')" '[]'
  balancer_detach eth7
  wait_for 5 contains_status 'MISSING: eth7: detached by hand: attached at the next reload'
  is 'warnings' "$(ask reload --json | json_get 'd.get("warnings")')" None
  balancer_config >"$LAB_DIR/culvert.yaml"
  ask reload
  lab_ip lb link del eth7
}

contains_status() {
  [[ $(ask status) == *"$1"* ]]
}

@test 'a reload brings back what detach --all has removed by half' {
  local pins=$LAB_DIR/bpf/culvert
  mkdir "$pins/foreign"
  run -1 balancer_detach --all
  contains "$output" 'Directory not empty'
  ask reload
  wait_for 10 http_ask 4 "$(http_url 4 80 /whoami)"

  # killed on its way: the maps are there still
  balancer_detach eth0
  rm -r "$pins/programs"
  ask reload
  wait_for 10 http_ask 4 "$(http_url 4 80 /whoami)"
  wait_for 10 http_ask 4 "$(http_url 6 80 /whoami)"
  says 'a new data plane is laid down' 2
  rmdir "$pins/foreign"
}

# As when somebody attaches it while a reload puts another program in force: what is attached is not what is pinned.
@test 'an interface with another program than the one in force gets that' {
  local programs=$LAB_DIR/bpf/culvert/programs
  mv "$programs/cv_balance" "$programs/held"
  ln "$programs/cv_clock" "$programs/cv_balance"
  wait_for 5 says 'an older program was attached, ours took its place interface=eth0'
  mv "$programs/held" "$programs/cv_balance"
  http_ask 4 "$(http_url 4 80 /whoami)"
  sleep 2
  says 'an older program was attached, ours took its place interface=eth0'
}

# name_interface NAME: puts it into the file, in generic mode. lo_is MODE: how lo is attached; nothing if it is not.
name_interface() {
  cp "$LAB_DIR/culvert.yaml" "$LAB_DIR/good.yaml"
  sed -i "s/^interfaces:/&\\n  - { name: $1, mode: generic }/" "$LAB_DIR/culvert.yaml"
}

drop_interface() {
  mv "$LAB_DIR/good.yaml" "$LAB_DIR/culvert.yaml"
}

lo_is() {
  is 'mode of lo' "$(status_get '"".join(i["mode"] for i in d["interfaces"] if i["name"] == "lo")')" "$1"
}

@test 'a mode that cannot be had leaves the interface in the one it has, and the reload says so' {
  name_interface lo
  is 'answer' "$(ask reload | head -n 1)" 'configuration in force'
  lo_is generic
  sed -i '/name: lo/s/generic/native/' "$LAB_DIR/culvert.yaml"
  run -0 --separate-stderr ask reload
  contains "$stderr" 'in mode generic as before, until the next reload'
  says 'lo: its driver has no native XDP'
  says 'attached as before, until the next reload interface=lo mode=generic'
  lo_is generic
  drop_interface
  is 'answer' "$(ask reload | head -n 1)" 'configuration in force'
  lo_is ''
}

@test 'an interface that the file drops while no daemon runs is detached; one attached by hand is not' {
  name_interface lo
  ask reload
  lo_is generic
  wait_for 5 grep -q '"name": "lo"' "$LAB_DIR/state/state.json"
  balancer_stop
  drop_interface
  balancer_start
  says 'detached interface=lo'
  lo_is ''

  balancer_attach lo generic
  ask reload
  lo_is generic
  balancer_stop
  balancer_start
  lo_is generic
  balancer_detach lo
}

@test 'an interface that is renamed, and dropped by the file under its old name, is detached' {
  lab_ip lb link add spare type veth peer name spare-peer
  name_interface spare
  ask reload
  lab_ip lb link set spare name other
  ask reload
  contains "$(status_get '[i["name"] for i in d["interfaces"]]')" other
  drop_interface
  ask reload
  says 'detached interface=other'
  is 'interfaces' "$(status_get '[i["name"] for i in d["interfaces"]]')" "['eth0']"
  lab_ip lb link del other
}

# The kernel takes no more changes of a map that is frozen, which is for good: the end is a data plane laid down anew.
@test 'a reload that the kernel does not take is no success; it is tried again until it is in force' {
  bpftool map freeze pinned "$LAB_DIR/bpf/culvert/cv_listeners"
  sed -i '/udp-4-4/d' "$LAB_DIR/culvert.yaml"
  run -1 ask reload
  contains "$output" 'noted, but the data plane could not be changed yet'
  says 'configuration noted, not in force yet'
  wait_for 5 says 'data plane not updated, trying again' 2
  balancer_detach --all
  ask reload
  says 'configuration in force'
  wait_for 10 http_ask 20 "$(http_url 4 80 /whoami)"
}
