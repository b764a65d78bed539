/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows as `culvert flows` thinks of them: which are wanted, which count most. Pure. */
#ifndef CLI_FLOW_H
#define CLI_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv_types.h"
#include "util/addr.h"

/* "half-open", "open", "closing"; "none" for what no map holds. */
const char *flow_state_name(enum cv_flow_state state);
/* By that name, or "half_open" as JSON has it. -EINVAL if there is no such state. */
int flow_state_parse(const char *text, enum cv_flow_state *ret);

/* What is wanted; zeroed memory wants every flow. */
struct flow_filter {
	uint16_t listener;	  /* id; 0: any */
	struct addr client;	  /* prefix */
	unsigned client_length;	  /* of the 128 bits of `client`; 0: any */
	enum cv_flow_state state; /* none: any */
	bool has_backend;
	struct addr backend;
};

/* `backend` is the address of the flow's backend, NULL if that is gone. */
bool flow_is_wanted(const struct flow_filter *filter, const struct cv_flow6_key *key,
		    const struct cv_flow *flow, const struct addr *backend);

/* The `max` flows of highest rank among any number that are offered, in bounded memory. */
struct flow_ranked {
	uint64_t rank;
	struct cv_flow6_key key;
	struct cv_flow flow;
};

struct flow_top {
	struct flow_ranked *item; /* a heap, the lowest rank first, until it is sorted */
	size_t nr;
	size_t room;
	size_t max;
};

/* 0 or -ENOMEM. */
int flow_top_offer(struct flow_top *top, uint64_t rank, const struct cv_flow6_key *key,
		   const struct cv_flow *flow);
/* Puts the highest rank first; nothing may be offered any more. */
void flow_top_sort(struct flow_top *top);
void flow_top_done(struct flow_top *top);

#endif
