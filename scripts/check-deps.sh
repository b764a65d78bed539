#!/usr/bin/env bash
# SPDX-License-Identifier: GPL-2.0-only
# Checks that the folders include each other only downwards, and that a library is known only where it belongs:
#
#   include <- bpf
#   include <- util <- model <- config, check, net, ctl, dataplane <- daemon, cli
#
# Reads the #include lines; prints FILE:LINE of each that is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."

# Folder, then the folders whose headers it may include besides its own. "include" stands for cv_*.h.
folders='
include
bpf            include
user/util      include
user/model     include util
user/config    include util model
user/check     include util model
user/net       include util model
user/ctl       include util model
user/dataplane include util model
user/daemon    include util model config check net ctl dataplane
user/cli       include util model config check net ctl dataplane
'

# Pattern of a system header, then the folders that may include it: the edges of the program.
libraries='
bpf/*             bpf user/dataplane
xdp/*             user/dataplane
*.skel.h          user/dataplane
yaml.h            user/config
libmnl/*          user/net
curl/*            user/check
microhttpd.h      user/daemon
uv.h              user/check user/ctl user/daemon
jansson.h         user/config user/ctl user/daemon user/cli
sys/socket.h      user/util user/check user/net user/ctl user/dataplane user/daemon user/cli
sys/un.h          user/ctl user/daemon user/cli
syslog.h          user/daemon user/cli
time.h            user/util user/check user/net user/ctl user/dataplane user/daemon user/cli
sys/time.h        user/check user/net user/ctl user/dataplane user/daemon user/cli
net/if.h          user/net user/dataplane user/daemon user/cli
linux/if_*.h      bpf user/net user/dataplane
linux/bpf.h       bpf user/dataplane
linux/*netlink.h  user/net user/dataplane
'

bad=0
complain() {
  echo "$1: $2" >&2
  bad=1
}

# Prints the second and later words of the line of `table` whose first word matches `name`; false if none does.
lookup() {
  local table=$1 name=$2 pattern rest
  while read -r pattern rest; do
    # shellcheck disable=SC2053 # the first word of a line is a pattern
    if [[ -n $pattern && $name == $pattern ]]; then
      echo "$rest"
      return 0
    fi
  done <<<"$table"
  return 1
}

# contains WORDS WORD
contains() {
  [[ " $1 " == *" $2 "* ]]
}

check_own() {
  local at=$1 folder=$2 allowed=$3 header=$4 wants
  case $header in
    cv_*) wants=include ;;
    */*) wants=${header%%/*} ;;
    *) wants=${folder##*/} ;;
  esac
  [[ $wants == "${folder##*/}" ]] || contains "$allowed" "$wants" ||
    complain "$at" "$folder must not include \"$header\""
}

check_system() {
  local at=$1 folder=$2 header=$3 where
  if [[ $folder == include && $header != linux/types.h ]]; then
    complain "$at" "include/ stands alone: <$header> is not for it"
  elif where=$(lookup "$libraries" "$header") && ! contains "$where" "$folder"; then
    complain "$at" "<$header> belongs to $where, not to $folder"
  fi
}

main() {
  local folder allowed file line rest header
  for folder in include bpf user/*/; do
    folder=${folder%/}
    if ! allowed=$(lookup "$folders" "$folder"); then
      complain "$folder" "which folders it may include is not laid down in $0"
      continue
    fi
    while IFS=: read -r file line rest; do
      header=${rest#*[\"<]}
      header=${header%%[\">]*}
      case $rest in
        *'"'*.skel.h*) check_system "$file:$line" "$folder" "$header" ;;
        *'"'*) check_own "$file:$line" "$folder" "$allowed" "$header" ;;
        *'<'*) check_system "$file:$line" "$folder" "$header" ;;
      esac
    done < <(grep -rHnE '^[[:space:]]*#[[:space:]]*include' --include='*.[ch]' "$folder")
  done
  return "$bad"
}

main "$@"
