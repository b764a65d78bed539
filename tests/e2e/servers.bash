# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# The servers behind the balancer, and clients that talk to them. Sourced after lab.bash.
#
# Each backend runs an nginx that listens on ports 80 and 81 of all its addresses, the VIPs included:
#   /whoami, /    the backend's name          /big       20 MB that are the same on every backend
#   /healthz      200                         /upload/   takes PUT into LAB_DIR/bN/upload


# servers_up: an nginx on every backend, and a UDP echo on ports 7 and 8.
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
