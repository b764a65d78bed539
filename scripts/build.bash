# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-only
# Building from scripts. Sourced, in the top folder.

# build TARGET...: `make` that waits for its like, so that scripts can run at the same time in one folder.
build() {
  mkdir -p build
  flock build/.lock make -j2 "$@"
}
