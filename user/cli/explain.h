/* SPDX-License-Identifier: GPL-2.0-only */
/* What `culvert explain` finds out about one packet, and how it tells it. */
#ifndef CLI_EXPLAIN_H
#define CLI_EXPLAIN_H

#include <jansson.h>
#include <net/if.h>

#include "cli/frame.h"
#include "cv_ask.h"
#include "dataplane/dp.h"
#include "model/image.h"

/* One packet, and what the program would do with it. */
struct explanation {
	struct frame_spec spec;
	uint32_t bytes; /* of the IP packet */
	struct cv_ask ask;
	struct frame_view out; /* the frame that would leave; all zero if there is none */
};

/* What there is about its tuple in the tables, whatever packet comes. */
struct explain_tuple {
	struct cv_flow flow; /* state NONE: no entry */
	bool is_over;	     /* the entry's time is over: it is about to go */
	bool was_expired;    /* there is a note that a flow of this tuple idled out */
	struct cv_expired expired;
	uint16_t owner; /* backend that has the slot now; 0: nobody */
};

struct explain {
	const struct image *image;
	char interface[IF_NAMESIZE]; /* by which the packet would come */
	bool is_outdated;	     /* an older program is attached there still */
	uint32_t now_s;
	struct explain_tuple tuple;
	struct explanation packet; /* the client's next one */
	struct explanation
		instead; /* another one that would fare otherwise: see cmd_explain.c; protocol 0: none */
};

/* The texts of both outputs. NULL for what there is not. */
const struct cv_listener *explain_listener(const struct explain *explain, const struct explanation *of);
const struct cv_backend *explain_backend(const struct explain *explain, uint16_t id);
const char *explain_source_name(enum cv_source source);
const char *explain_flags_name(const struct frame_spec *spec); /* "syn", "ack"…, "packet" */
bool explain_is_forwarded(const struct explanation *of);
/* Bytes that go in front of the client's packet; 0 if none do. */
uint32_t explain_outer_bytes(const struct explanation *of);

/* Why this backend, in a sentence of at most EXPLAIN_WHY_LEN bytes with its NUL. */
#define EXPLAIN_WHY_LEN 200
const char *explain_why(const struct explain *explain, const struct explanation *of, char *text);

void explain_print(const struct explain *explain);
/* NULL when out of memory. */
json_t *explain_json(const struct explain *explain);

#endif
