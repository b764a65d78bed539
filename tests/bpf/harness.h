/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs packets through real programs (BPF_PROG_TEST_RUN) and reads per-CPU counters. Whatever goes wrong
 * fails the test. Include it first: it brings cmocka with all that it wants. */
#ifndef TESTS_HARNESS_H
#define TESTS_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "bpf/pkt.h"

struct harness_result {
	uint32_t action; /* enum xdp_action */
	size_t len;
	uint8_t data[PKT_MAX_LEN + 256];
};

/* Ends the process with TAP's word for "skipped" unless it may load programs: call it first in main. */
void harness_need_root(void);

/* Runs an XDP program once, on a packet of at least 14 bytes that came in by lo. */
void harness_run(int prog_fd, const struct pkt *in, struct harness_result *ret);

/* The same, as if it came in by the interface `ifindex` of this network namespace. The room in front of
 * the packet is full of ones. */
void harness_run_on(int prog_fd, const struct pkt *in, uint32_t ifindex, struct harness_result *ret);

/* The same with so little headroom that no header fits in. False if this kernel has no means for that. */
bool harness_run_crowded(int prog_fd, const struct pkt *in, struct harness_result *ret);

/* A per-CPU array whose values are structs of nr 64-bit counters: the sums of one entry, and all to zero. */
void harness_sum(int map_fd, uint32_t key, uint64_t *ret_sums, size_t nr);
void harness_clear(int map_fd);

#endif
