# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The servers behind the balancer, and clients that talk to them. Sourced after lab.bash.
#
# Each backend runs an nginx that listens on ports 80 and 81 of all its addresses, the VIPs included:
#   /whoami, /    the backend's name          /big       20 MB that are the same on every backend
#   /healthz      200                         /slow      the same at 200 kB a second
#   /upload/      takes PUT, into LAB_DIR/bN/upload


SERVERS_TOOLS=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)/tools

# servers_up: an nginx on every backend.
servers_up() {
  local n
  head -c 20000000 /dev/urandom >"$LAB_DIR/big"
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    server_configure "b$n"
    server_start "b$n"
  done
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_wait 10 lab_in "b$n" curl -fs -m 1 http://127.0.0.1/healthz
  done
}

# servers_up_udp: on every backend a UDP echo on ports 7 and 8 of the VIPs.
servers_up_udp() {
  local n port
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    for port in 7 8; do
      lab_spawn "udp$port-b$n" "b$n" python3 "$SERVERS_TOOLS/udp_echo.py" server --name "b$n" --port "$port" \
        "$LAB_VIP4" "$LAB_VIP6"
    done
  done
  for ((n = 1; n <= LAB_BACKENDS; n++)); do
    lab_wait 10 grep -q ready "$LAB_DIR/log/udp7-b$n"
    lab_wait 10 grep -q ready "$LAB_DIR/log/udp8-b$n"
  done
}

# server_start bN, server_stop bN: its nginx.
server_start() {
  PATH=$PATH:/usr/sbin lab_spawn "nginx-$1" "$1" nginx -e stderr -p "$LAB_DIR/$1" -c "$LAB_DIR/$1/nginx.conf"
}

server_stop() {
  lab_kill "nginx-$1"
}

# Runs as root: LAB_DIR is nobody else's to read.
server_configure() {
  local dir=$LAB_DIR/$1
  mkdir -p "$dir"/{upload,tmp}
  cat >"$dir/nginx.conf" <<EOF
user root;
daemon off;
worker_processes 1;
pid $dir/nginx.pid;
error_log stderr warn;
events { worker_connections 8192; }
http {
  access_log off;
  default_type text/plain;
  client_max_body_size 64m;
  client_body_temp_path $dir/tmp;
  proxy_temp_path $dir/tmp;
  fastcgi_temp_path $dir/tmp;
  uwsgi_temp_path $dir/tmp;
  scgi_temp_path $dir/tmp;
  server {
    listen 80;
    listen [::]:80;
    listen 81;
    listen [::]:81;
    add_header X-Backend $1 always;
    location / { return 200 "$1\n"; }
    location = /healthz { return 200 "ok\n"; }
    location = /big { alias $LAB_DIR/big; }
    location = /slow { alias $LAB_DIR/big; limit_rate 200k; }
    location /upload/ { root $dir; dav_methods PUT; }
  }
}
EOF
}

# --- clients ---

# http_url 4|6 PORT PATH: on the VIP of that family.
http_url() {
  if [[ $1 == 4 ]]; then
    echo "http://$LAB_VIP4:$2$3"
  else
    echo "http://[$LAB_VIP6]:$2$3"
  fi
}

# http_ask COUNT URL: that many requests, each on a connection of its own. Prints who answered, one name a line;
# stops, and is false, at the first that fails.
http_ask() {
  lab_in client curl -sS -f -m 5 --fail-early -H 'Connection: close' "$2?[1-$1]"
}

# http_download URL: prints the checksum of what came.
http_download() {
  lab_in client curl -sS -f -g -m 30 "$1" | sha256sum | cut -d ' ' -f 1
}

# http_upload URL: sends the big file under a new name; prints the checksum of what lies on a backend then.
http_upload() {
  local name=upload.$RANDOM.$RANDOM
  lab_in client curl -sS -f -g -m 30 -T "$LAB_DIR/big" "$1/upload/$name" >/dev/null
  cat "$LAB_DIR"/b*/upload/"$name" | sha256sum | cut -d ' ' -f 1
  rm "$LAB_DIR"/b*/upload/"$name"
}

# udp_ask 4|6 PORT: 50 flows of 10 datagrams to the VIP. Prints what udp_echo.py counted; false if one was lost.
udp_ask() {
  local vip=$LAB_VIP4
  [[ $1 == 4 ]] || vip=$LAB_VIP6
  lab_in client python3 "$SERVERS_TOOLS/udp_echo.py" client --flows 50 --packets 10 --interval 0.05 "$vip" "$2"
}

# load_spawn URL RATE SECONDS: requests at a fixed rate as the process `load`, summed up in log/load.
load_spawn() {
  rm -f "$LAB_DIR/log/load"
  lab_spawn load client python3 "$SERVERS_TOOLS/loader.py" --url "$1" --rate "$2" --seconds "$3"
}

# download_spawn NAME 4|6: a steady, slow download over the VIP as a process of that name, into LAB_DIR/NAME.
download_spawn() {
  lab_spawn "$1" client curl -sS -f -g -m 110 -N -o "$LAB_DIR/$1" "$(http_url "$2" 80 /slow)"
}
