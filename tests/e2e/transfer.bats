#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# Bytes go through the balancer unharmed: both modes of XDP, IP in IP for all four mixes of address families.

load helper

setup_file() {
  fixture_balanced routed 3
  servers_up_udp
}

# attached MODE: makes the port run in that mode; the daemon, which is not told, has to cope.
attached() {
  [[ $(status_get 'd["interfaces"][0]["mode"]') == "$1" ]] || {
    balancer_detach eth0
    MODE=$1 balancer_config >"$LAB_DIR/culvert.yaml"
    balancer_attach eth0 "$1"
    balancer_reload
  }
  wait_for 10 http_ask 1 "$(http_url 4 80 /whoami)"
  is 'mode' "$(status_get 'd["interfaces"][0]["mode"]')" "$1"
}

# tcp MODE FROM PORT: downloads and uploads 20 MB.
tcp() {
  local want url
  attached "$1"
  want=$(sha256sum <"$LAB_DIR/big" | cut -d ' ' -f 1)
  url=$(http_url "$2" "$3" '')
  is 'downloaded' "$(http_download "$url/big")" "$want"
  is 'uploaded' "$(http_upload "$url")" "$want"
}

# udp MODE FROM PORT
udp() {
  attached "$1"
  udp_answered "$2" "$3"
}

@test 'native, IPv4 client, IPv4 backends: 20 MB down and up' { tcp native 4 80; }
@test 'native, IPv6 client, IPv6 backends: 20 MB down and up' { tcp native 6 80; }
@test 'native, IPv4 client, IPv6 backends: 20 MB down and up' { tcp native 4 81; }
@test 'native, IPv6 client, IPv4 backends: 20 MB down and up' { tcp native 6 81; }

@test 'native, IPv4 client, IPv4 backends: UDP echo' { udp native 4 7; }
@test 'native, IPv6 client, IPv6 backends: UDP echo' { udp native 6 7; }
@test 'native, IPv4 client, IPv6 backends: UDP echo' { udp native 4 8; }
@test 'native, IPv6 client, IPv4 backends: UDP echo' { udp native 6 8; }

@test 'generic, IPv4 client, IPv4 backends: 20 MB down and up' { tcp generic 4 80; }
@test 'generic, IPv6 client, IPv6 backends: 20 MB down and up' { tcp generic 6 80; }
@test 'generic, IPv4 client, IPv6 backends: 20 MB down and up' { tcp generic 4 81; }
@test 'generic, IPv6 client, IPv4 backends: 20 MB down and up' { tcp generic 6 81; }

@test 'generic, IPv4 client, IPv4 backends: UDP echo' { udp generic 4 7; }
@test 'generic, IPv6 client, IPv6 backends: UDP echo' { udp generic 6 7; }
@test 'generic, IPv4 client, IPv6 backends: UDP echo' { udp generic 4 8; }
@test 'generic, IPv6 client, IPv4 backends: UDP echo' { udp generic 6 8; }

@test 'nothing was dropped on the way' {
  is 'drops' "$(status_get '{k: n for k, n in d["drops"].items() if n}')" '{}'
}
