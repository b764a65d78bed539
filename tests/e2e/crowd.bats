#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-only
# The short form of `make million`.

@test '100,000 connections outlive a change of backends and the death of the daemon' {
  "$BATS_TEST_DIRNAME/../bench/million.sh" 100000 >"$BATS_TEST_TMPDIR/log" 2>&1 3>&- || {
    cat "$BATS_TEST_TMPDIR/log"
    return 1
  }
  sed 's/^/# /' "$BATS_TEST_TMPDIR/log" >&3
}
