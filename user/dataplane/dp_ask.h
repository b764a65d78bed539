/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the program that is attached on a frame of the caller's, as if it had come in by an interface. For questions
 * (explain), for packets that were held back, and for tests.
 *
 * It is the program as it is pinned, which links run too; one that libxdp's dispatcher calls is a copy of it over the
 * same maps. What other programs of a dispatcher would do with the packet before ours is not asked. */
#ifndef DATAPLANE_DP_ASK_H
#define DATAPLANE_DP_ASK_H

#include <stddef.h>

#include "cv_ask.h"
#include "dataplane/dp.h"

/* The longest frame, in or out. A kernel takes no more than fits a page with its own overhead (about 3,500 bytes),
 * unless the program takes frames in several pieces. */
#define DP_FRAME_MAX 10240

struct dp_question {
	/* CV_MODE_DRY changes and counts nothing, but for one thing: an entry that was looked at counts as recently used when a
	 * full table (flow_table.when_full: evict) chooses which one goes. CV_MODE_AGAIN does all that a packet from the
	 * wire does, and leaves it to the caller to send the frame; only one thread at a time may do that. */
	enum cv_mode mode;
	uint32_t ifindex; /* that it comes in by, in this network namespace */
	const void *frame;
	size_t len; /* 14 at least */
};

struct dp_answer {
	struct cv_ask ask;
	size_t len;
	uint8_t frame[DP_FRAME_MAX]; /* as it leaves */
};

/* -ENODEV if there is no such interface, -EMSGSIZE if the frame is longer than this kernel takes. */
int dp_ask(struct dp *dp, const struct dp_question *question, struct dp_answer *ret, struct err *err);

/* Look-ups that disturb nothing: to the kernel, one from user space is no use of an entry.
 *
 * The entry of a tuple, in the flow table or half-open, whether its time is over or not; and the note that one idled
 * out. -ENOENT if there is none; err is then not set. */
int dp_find_flow(struct dp *dp, const struct cv_flow6_key *key, struct cv_flow *ret, struct err *err);
int dp_find_expired(struct dp *dp, const struct cv_flow6_key *key, struct cv_expired *ret, struct err *err);
/* The backend that has a slot of a pool's Maglev table now; 0: nobody. */
int dp_slot_owner(struct dp *dp, uint16_t pool, uint32_t slot, uint16_t *ret_backend, struct err *err);

#endif
