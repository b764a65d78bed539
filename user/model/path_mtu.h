/* SPDX-License-Identifier: GPL-2.0-only */
/* What a router told of the path to one backend: that it carries less than the first link does (RFC 1191, RFC 8201).
 * Pure: the time is the caller's, in milliseconds of any clock that only goes on. MTUs are bytes of IP packet, the outer
 * header included. */
#ifndef MODEL_PATH_MTU_H
#define MODEL_PATH_MTU_H

#include <stdbool.h>
#include <stdint.h>

#include "cv_types.h"

/* Paths change: what was told is forgotten after this time (RFC 1191 6.3, RFC 8201 4), and learned anew if it still
 * holds. */
#define PATH_MTU_LIFE_MS 600000

/* No path carries less, whoever says so: the least that Linux believes for IPv4 (min_pmtu), and RFC 8200 5. */
#define PATH_MTU_FLOOR4 552
#define PATH_MTU_FLOOR6 1280

struct path_mtu {
	uint16_t mtu; /* 0: nothing was told, or it is forgotten */
	uint64_t until_ms;
};

/* What the path carries, if its first link or its route has `way`. */
uint16_t path_mtu_of(const struct path_mtu *path, uint16_t way);

/* A router told that no more than `told` bytes pass; 0 is what those say that predate RFC 1191. Less than the floor counts as
 * the floor. True if it lowers what the path is known to carry; else nothing is changed: what only repeats
 * does not make it last longer. */
bool path_mtu_learn(struct path_mtu *path, uint16_t way, enum cv_family outer, uint32_t told,
		    uint64_t now_ms);

/* Forgets what is too old; true if that was now. */
bool path_mtu_age(struct path_mtu *path, uint64_t now_ms);

#endif
