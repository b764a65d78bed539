/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits on what packets that anybody can forge make us do, by processor and second. */
#ifndef GATE_H
#define GATE_H

#include "cv_maps.h"

static __always_inline struct cv_gate *gate_now(__u32 now)
{
	__u32 zero = 0;
	struct cv_gate *gate = bpf_map_lookup_elem(&cv_gate, &zero);

	if (gate && gate->second != now) {
		gate->second = now;
		gate->begun = 0;
		gate->resets = 0;
		gate->icmp_replies = 0;
	}
	return gate;
}

/* May another entry be made in cv_half_open? */
static __always_inline bool gate_may_begin(__u32 now)
{
	struct cv_gate *gate = gate_now(now);

	return gate && gate->begun++ < CV_BEGUN_PER_S;
}

/* May another reset be sent? */
static __always_inline bool gate_may_reset(__u32 now)
{
	struct cv_gate *gate = gate_now(now);

	return gate && gate->resets++ < CV_RESETS_PER_S;
}

/* May another ICMP message of our own be sent? */
static __always_inline bool gate_may_reply_icmp(__u32 now)
{
	struct cv_gate *gate = gate_now(now);

	return gate && gate->icmp_replies++ < CV_ICMP_REPLIES_PER_S;
}

#endif
