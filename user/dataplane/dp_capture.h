/* SPDX-License-Identifier: GPL-2.0-only */
/* Capturing packets from a data plane that runs, with or without a daemon. One capture at a time for each pin directory:
 * a lock keeps others out as long as this process lives, and the program is told to stop by a lease that must be renewed,
 * so that a process that was killed leaves nothing switched on for longer than CV_CAPTURE_LEASE_S. */
#ifndef DATAPLANE_DP_CAPTURE_H
#define DATAPLANE_DP_CAPTURE_H

#include "cv_capture.h"
#include "dataplane/dp.h"

struct dp_capture;

/* Starts to capture what `want` says (until_s, number and pid are set here). The ring takes `ring_bytes` of kernel memory, a
 * power of two and a multiple of the page size. -EBUSY if there is a capture already; err says by whom. `dp` must
 * outlive the capture. */
int dp_capture_start(struct dp *dp, const struct cv_capture *want, uint32_t ring_bytes,
		     struct dp_capture **ret, struct err *err);

/* Called for each packet. A negative errno ends the round, and is returned. */
typedef int (*dp_capture_fn)(const struct cv_captured *captured, const uint8_t *before, const uint8_t *after,
			     void *arg);

/* One round: waits for packets, up to `wait_ms`, and hands on what there is; renews the lease when it is time to. Call it
 * again at once: every other second at least. *ret_gap_s, if the capture had ended because it was not called in time,
 * is for how long; else 0. -ENODEV if the data plane was removed. */
int dp_capture_poll(struct dp_capture *capture, int wait_ms, dp_capture_fn each, void *arg,
		    uint32_t *ret_gap_s, struct err *err);

/* Switches off, waits until no packet is on its way any more, and hands on what is left. */
int dp_capture_stop(struct dp_capture *capture, dp_capture_fn each, void *arg, struct err *err);

/* What was captured and lost of packets that came in by this interface; by all of them with 0. */
int dp_capture_stats(struct dp_capture *capture, uint32_t ifindex, struct cv_capture_stats *ret,
		     struct err *err);

/* Switches off if dp_capture_stop was not called. Takes NULL. */
void dp_capture_free(struct dp_capture *capture);

#endif
