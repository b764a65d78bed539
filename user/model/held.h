/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that wait for the first fragment of their datagram, without a clock or a kernel. Bounded by frames, bytes and
 * time; when it is full the frame that waited longest goes, as what has not come by then comes least likely. */
#ifndef MODEL_HELD_H
#define MODEL_HELD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "cv_types.h"

struct held_limits {
	size_t frames;
	size_t bytes;
	uint64_t wait_ms;
};

struct held_frame {
	TAILQ_ENTRY(held_frame) by_age, by_key;
	struct cv_fragment_key key;
	uint64_t since_ms;
	uint32_t ifindex; /* it came in by */
	size_t size;
	uint8_t bytes[];
};

struct held_counts {
	uint64_t held;	     /* all that ever came */
	uint64_t released;   /* their first fragment came */
	uint64_t timed_out;  /* it did not come in time */
	uint64_t pushed_out; /* others took their room */
	size_t waiting;	     /* now */
};

struct held;

/* `seed` keeps strangers from choosing keys that collide. NULL when out of memory. */
struct held *held_new(const struct held_limits *limits, uint64_t seed);
void held_free(struct held *held); /* takes NULL */

/* Holds a copy. False when out of memory, or if the frame alone is above the limit. */
bool held_add(struct held *held, const struct cv_fragment_key *key, uint32_t ifindex, const void *bytes,
	      size_t size, uint64_t now_ms);

/* The first that came of those with this key, or NULL. The caller frees it. */
struct held_frame *held_take(struct held *held, const struct cv_fragment_key *key);

/* Drops what waited for too long. */
void held_expire(struct held *held, uint64_t now_ms);

const struct held_counts *held_counts(const struct held *held);

#endif
