/* SPDX-License-Identifier: GPL-2.0-only */
/* User space's part of a world: reads the packets that the program hands over, and runs them again. One of a process. */
#ifndef TESTS_READER_H
#define TESTS_READER_H

#include "bpf/world.h"

#include "cv_held.h"
#include "dataplane/dp_ask.h"

/* A test with an empty ring, and with the lease that makes the program use it. */
#define READER_TEST(f) cmocka_unit_test_setup_teardown(f, reader_setup, reader_teardown)
int reader_setup(void **state);
int reader_teardown(void **state);

/* Reads what came since the last call; it must be so many records. Returns the last. */
const struct cv_held *reader_expect(size_t nr);

/* The last one that was read with bytes. */
const struct pkt *reader_frame(void);

/* Runs a frame of user space's, as the daemon does. */
struct dp_answer reader_run_again(struct world *world, const uint8_t *frame, size_t len);

#endif
