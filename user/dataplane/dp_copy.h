/* SPDX-License-Identifier: GPL-2.0-only */
/* What a map held goes over into the map that takes its place: because it has another size, or another schema. The old
 * program goes on forwarding with the old map meanwhile, so everything is copied twice: before the new program takes
 * over, so that packets find what they need, and after it, for what happened in between. For dp_load.c. */
#ifndef DATAPLANE_DP_COPY_H
#define DATAPLANE_DP_COPY_H

#include "dataplane/dp_internal.h"
#include "dataplane/layout.h"

enum dp_copy_kind {
	DP_COPY_NOTHING,  /* what it held counts for nothing any more */
	DP_COPY_FLOWS,	  /* a hash of cv_flow */
	DP_COPY_ENTRIES,  /* another hash */
	DP_COPY_RECORDS,  /* an array; copied once, as the program does not write it */
	DP_COPY_COUNTERS, /* an array of 64-bit numbers that the program adds to; per CPU or not */
	DP_COPY_TABLES,	  /* maps in an array of maps; copied once */
	DP_COPY_PORTS,	  /* the devmap; copied once */
};

struct dp_copy {
	enum dp_copy_kind kind;
	int from;	      /* the old map; closed by dp_copy_done */
	struct layout *key;   /* of a hash; NULL: as it is */
	struct layout *value; /* NULL: as it is */
	uint32_t *index;  /* of counters: where an entry goes, UINT32_MAX if nowhere; NULL: where it was */
	uint64_t *before; /* of counters: what is copied already */
	size_t copied;	  /* entries, of a hash */
};

/* Copies what is to be copied now: all of it, or with is_again what the first time may have missed. 0 or -errno. A table
 * that is smaller takes what fits. */
int dp_copy(struct dp_copy *copy, struct dp *dp, enum dp_map which, bool is_again);

/* dp_opened.c: whether the flow of a half-open entry is in its table. */
bool dp_has_opened(const struct dp *dp, const struct cv_flow6_key *key);

/* Flows that opened while all was copied, and left their half-open entries for that (cv_meta.is_copied), go into their
 * tables where they are missing; counted they are. 0 or -errno. */
int dp_copy_opened(struct dp *dp);

void dp_copy_done(struct dp_copy *copy);

#endif
