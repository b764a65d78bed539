/* SPDX-License-Identifier: GPL-2.0-only */
/* A capture of a world's packets: starts it, takes what comes out of the ring, and keeps the last of it to look at. Include
 * it first. */
#ifndef TESTS_CAPTURING_H
#define TESTS_CAPTURING_H

#include "bpf/world.h"
#include "dataplane/dp_capture.h"

#define CAPTURING_RING_BYTES (256 * 1024)

/* What came out of the ring. */
struct taken {
	size_t nr;
	struct cv_captured last;
	uint8_t before[CV_CAPTURE_SNAPLEN_MAX];
	uint8_t after[CV_CAPTURE_SNAPLEN_MAX];
};

/* Takes everything that passes by; tests narrow it. */
struct cv_capture capturing_everything(void);

struct dp_capture *capturing_start(struct world *world, const struct cv_capture *want);

/* What has come since the last time, without waiting. */
struct taken capturing_collect(struct dp_capture *capture);

/* Ends the capture. Returns how many packets nobody had collected. */
size_t capturing_stop(struct dp_capture *capture);

/* For dp_capture_poll and dp_capture_stop; `arg` is a struct taken. */
int capturing_take(const struct cv_captured *captured, const uint8_t *before, const uint8_t *after,
		   void *arg);

#endif
