/* SPDX-License-Identifier: GPL-2.0-only */
/* The program and the reference side by side: both get the same configuration, packets, time and limits, and must agree.
 *
 * A round begins with empty tables, and must end within the second of the data plane's clock that it began in: then time is
 * what twin_age says, and a round can be repeated to the bit. Whatever differs fails the test, unless the clock
 * went on meanwhile: see twin_is_over. */
#ifndef TESTS_TWIN_H
#define TESTS_TWIN_H

#include "bpf/world.h"

#include "bpf/reference.h"
#include "dataplane/dp_held.h"

struct twin {
	struct world *world;
	struct reference *reference;
	struct dp_held *ring;
	uint32_t other_port; /* a second port to come in and leave by, with an MTU of 1,500 */
	int per_verdict;
	struct cv_verdict_stats
		verdict[CV_VERDICT_COUNT]; /* counted before this round, as are the next two */
	struct cv_listener_stats listener[CV_MAX_LISTENERS + 1];
	struct cv_backend_stats backend[REFERENCE_BACKENDS];
	/* the ring since it was last looked at */
	struct cv_held held;
	struct pkt held_frame;
	size_t held_nr;
	size_t releases_nr;
	char why[256]; /* what differs; empty: nothing so far */
};

struct twin *twin_new(struct world *world);
void twin_free(struct twin *twin);

/* Empties tables, and takes the clock. The configuration is what it was. */
void twin_begin(struct twin *twin);

/* The world was configured anew, or changes were applied to it, which it always follows with a sweep. */
void twin_reload(struct twin *twin);

/* What this second has used up already. */
void twin_set_gate(struct twin *twin, const struct cv_gate *used);

/* Somebody reads the ring, or nobody. */
void twin_set_holder(struct twin *twin, bool is_there);

/* As if so many seconds passed. All records are compared before. */
void twin_age(struct twin *twin, uint32_t seconds);

/* Runs both on a packet; if `asks`, the program is asked first. False if they differ: ->why says how. */
bool twin_run(struct twin *twin, const struct pkt *in, uint32_t ifindex, bool asks);

/* Compares all records and counters. */
bool twin_compare(struct twin *twin);

/* The clock went on: the round must be done again, and what differed in it means nothing. */
bool twin_is_over(struct twin *twin);

#endif
