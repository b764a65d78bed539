#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Runs tests on the kernel of Debian 12, in a virtual machine without acceleration: its verifier is older than that of
# many a developer's machine, and it lets programs join libxdp's dispatcher. Prints one TAP report. The kernel comes
# from apt; it and all else lie in a directory that is removed in the end.
#
# usage: tests/vm/run.sh [TEST...]      programs and scripts that print TAP; default: those in $CULVERT_VM_TESTS
#
# CULVERT_VM_KERNEL names another kernel: a package, or a .deb file. CULVERT_VM_LIMIT: seconds until the machine is
# switched off, tests done or not.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)

limit=${CULVERT_VM_LIMIT:-1740}
# In the order in which they have to be loaded.
modules=(drivers/net/veth drivers/net/dummy)
# What the tests may call besides busybox.
tools=(ip bash)

skip() {
  echo "1..0 # SKIP $*"
  exit 0
}

# Prints the path of a kernel package.
get_kernel() {
  local package=${CULVERT_VM_KERNEL:-}
  if [[ $package == *.deb ]]; then
    echo "$package"
    return
  fi
  [[ -n $package ]] || package=$(apt-cache depends linux-image-amd64 | sed -n 's/^ *Depends: //p' | head -n 1)
  [[ -n $package ]] || return 1
  # In a directory that apt's own user may write.
  (cd "$work" && apt-get -qq download "$package" >/dev/null 2>&1) || return 1
  echo "$work"/*.deb
}

# copy FILE [TO]: into the machine, to the same place if no other is given, with the libraries that it needs.
copy() {
  local file
  install -D "$1" "$root${2:-$1}"
  for file in $(ldd "$1" 2>/dev/null | grep -o '/[^ ]*' || true); do
    install -D "$file" "$root$file"
  done
}

build_root() {
  local tool test nr=0
  mkdir -p "$root"/{busybox,dev,etc,modules,proc,run,sys,tmp,usr/{bin,sbin,lib,lib64},var}
  ln -s usr/{bin,sbin,lib,lib64} "$root"
  ln -s ../run "$root/var/run"
  cp "$(command -v busybox)" "$root/bin/busybox"
  ln -s bash "$root/bin/sh" # that of busybox would call its own ip
  cp "$here/init" "$root/init"
  for tool in "${tools[@]}"; do
    copy "$(PATH=$PATH:/usr/sbin:/sbin command -v "$tool")"
  done
  # libxdp's own programs; it opens them by name.
  copy "/usr/lib/$(gcc -print-multiarch)"/bpf/xdp-dispatcher.o
  for test in "$@"; do
    nr=$((nr + 1))
    copy "$test" "/tests/$(printf '%03d' "$nr")-$(basename "$test")"
  done
}

unpack_kernel() {
  local module path nr=0
  dpkg-deb --fsys-tarfile "$1" | tar -x -C "$work" --wildcards --no-anchored --strip-components=1 \
    'vmlinuz-*' "${modules[@]/%/.ko*}"
  for module in "${modules[@]}"; do
    path=$(echo "$work"/lib/modules/*/kernel/"$module".ko*)
    case $path in
      *.ko.xz) xz -d "$path" ;;
      *.ko.zst) zstd -q --rm -d "$path" ;;
    esac
    nr=$((nr + 1))
    cp "$work"/lib/modules/*/kernel/"$module".ko "$root/modules/$(printf '%03d' "$nr").ko"
  done
}

boot() {
  (cd "$root" && find . | busybox cpio -o -H newc 2>/dev/null) >"$work/initramfs"
  timeout -k 5 "$limit" qemu-system-x86_64 -accel tcg -cpu max -smp 1 -m 2G -display none -no-reboot -nodefaults \
    -serial "file:$work/console" -serial "file:$work/tap" \
    -kernel "$work"/boot/vmlinuz-* -initrd "$work/initramfs" \
    -append 'console=ttyS0 quiet panic=-1 mitigations=off nokaslr' &
  machine=$!
  wait "$machine" || echo "# the machine was stopped after $limit s, exit status $?"
  machine=
}

main() {
  local kernel tests=("$@") test
  ((EUID == 0)) || skip 'apt and the file modes of the machine need root'
  [[ $(uname -m) == x86_64 ]] || skip 'made for x86_64'
  for test in qemu-system-x86_64 busybox; do
    command -v "$test" >/dev/null || skip "needs $test"
  done
  ((${#tests[@]})) || read -ra tests <<<"${CULVERT_VM_TESTS:?names no tests}"
  work=$(mktemp -d "${TMPDIR:-/tmp}/culvert-vm.XXXXXX")
  root=$work/root machine=''
  trap '[[ -z $machine ]] || kill "$machine" 2>/dev/null; rm -rf "$work"' EXIT
  trap 'exit 130' INT TERM HUP

  kernel=$(get_kernel) || skip 'apt has no kernel to download'
  build_root "${tests[@]}"
  unpack_kernel "$kernel"
  boot
  tr -d '\r' <"$work/tap" | awk -v tests="${tests[*]##*/}" -f "$here/merge.awk" || {
    sed 's/^/# /' "$work/console" | tail -n 60
    exit 1
  }
}

main "$@"
