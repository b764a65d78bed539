#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Installs with apt what a Debian 12 machine lacks to build, show or test Culvert. Silent if nothing is missing.
#
# usage: scripts/deps.sh [build|demo|test]     each includes the one before; default: test
set -euo pipefail

build=(make gcc clang llvm bpftool pkg-config libc6-dev linux-libc-dev libbpf-dev libxdp-dev libelf-dev zlib1g-dev
  libyaml-dev libjansson-dev libuv1-dev libmnl-dev libcurl4-openssl-dev libxxhash-dev libmicrohttpd-dev)
demo=("${build[@]}" iproute2 ethtool nginx-light curl python3 procps)
all=("${demo[@]}" libcmocka-dev bats iperf3 python3-scapy clang-format clang-tidy clang-tools cppcheck shellcheck
  libclang-rt-14-dev systemd nftables iputils-ping iputils-tracepath tshark mandoc man-db)
policy=/usr/sbin/policy-rc.d

# Prints those of the packages given that are not installed. Any nginx will do, and two do not go together.
missing() {
  comm -23 <(printf '%s\n' "$@" | sort) \
    <({
      dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null | sed -n 's/^installed //p'
      [[ -z $(PATH=$PATH:/usr/sbin command -v nginx) ]] || echo nginx-light
    } | sort -u)
}

# A server that a package brings is not started: we run our own, in namespaces. A machine that has a policy of
# its own keeps it.
forbid_services() {
  [[ ! -e $policy ]] || return 0
  trap 'rm -f "$policy"' EXIT
  trap 'exit 130' INT TERM HUP
  printf '#!/bin/sh\nexit 101\n' >"$policy"
  chmod 755 "$policy"
}

apt() {
  DEBIAN_FRONTEND=noninteractive apt-get -qq -o DPkg::Lock::Timeout=600 -o Dpkg::Use-Pty=0 "$@"
}

main() {
  local wanted=() lacking=()
  case ${1:-test} in
    build) wanted=("${build[@]}") ;;
    demo) wanted=("${demo[@]}") ;;
    test) wanted=("${all[@]}") ;;
    *)
      echo "usage: deps.sh [build|demo|test]" >&2
      exit 2
      ;;
  esac
  if ! command -v apt-get >/dev/null; then
    echo "deps.sh: no apt here; please install what corresponds to: ${wanted[*]}" >&2
    exit 1
  fi
  mapfile -t lacking < <(missing "${wanted[@]}")
  ((${#lacking[@]})) || return 0
  if ((EUID != 0)); then
    echo "deps.sh: packages are missing; as root: apt-get install ${lacking[*]}" >&2
    exit 1
  fi

  exec 9>/var/cache/apt/culvert-deps.lock
  flock 9
  mapfile -t lacking < <(missing "${wanted[@]}") # another run may have been at it meanwhile
  ((${#lacking[@]})) || return 0
  echo "Installing with apt: ${lacking[*]}"
  forbid_services
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
    apt update
  fi
  # Lists that are too old name packages that are gone: get new ones and try once more.
  apt install --no-install-recommends -y "${lacking[@]}" >/dev/null || {
    apt update
    apt install --no-install-recommends -y "${lacking[@]}" >/dev/null
  }
  mapfile -t lacking < <(missing "${wanted[@]}")
  if ((${#lacking[@]})); then
    echo "deps.sh: apt did not install: ${lacking[*]}" >&2
    exit 1
  fi
}

main "$@"
