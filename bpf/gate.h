/* SPDX-License-Identifier: GPL-2.0-only */
/* Limits on what packets that anybody can forge make us do, by processor and second. */
#ifndef GATE_H
#define GATE_H

#include "cv_ask.h"
#include "cv_clock.h"
#include "cv_maps.h"

/* The gate of this second. A question does not open a new second: see gate_take. */
static __always_inline struct cv_gate *gate_now(enum cv_mode mode, __u32 now)
{
	__u32 zero = 0;
	struct cv_gate *gate = bpf_map_lookup_elem(&cv_gate, &zero);

	if (gate && gate->second != now && mode != CV_MODE_DRY) {
		gate->second = now;
		gate->begun = 0;
		gate->resets = 0;
		gate->icmp_replies = 0;
		gate->held = 0;
	}
	return gate;
}

/* One more of what `used` counts in this gate, if fewer than `limit` were. A question only looks. */
static __always_inline bool gate_take(enum cv_mode mode, const struct cv_gate *gate, __u32 *used, __u32 limit,
				      __u32 now)
{
	if (mode == CV_MODE_DRY)
		return gate->second != now || *used < limit;
	return (*used)++ < limit;
}

/* May another entry be made in cv_half_open? */
static __always_inline bool gate_may_begin(enum cv_mode mode, __u32 now)
{
	struct cv_gate *gate = gate_now(mode, now);

	if (!gate)
		return false;
	if (gate->begun >= CV_FLOOD_PER_S && mode != CV_MODE_DRY)
		gate->flooded_s = now;
	return gate_take(mode, gate, &gate->begun, CV_BEGUN_PER_S, now);
}

/* Were so many entries made, since the handshakes began that may be under way, that their own are missing? */
static __always_inline bool gate_was_flooded(__u32 now)
{
	__u32 zero = 0;
	const struct cv_gate *gate = bpf_map_lookup_elem(&cv_gate, &zero);

	return gate && gate->flooded_s && cv_clock_idle(now, gate->flooded_s) <= CV_HALF_OPEN_TIMEOUT_S;
}

/* May another reset be sent? */
static __always_inline bool gate_may_reset(enum cv_mode mode, __u32 now)
{
	struct cv_gate *gate = gate_now(mode, now);

	return gate && gate_take(mode, gate, &gate->resets, CV_RESETS_PER_S, now);
}

/* May another ICMP message of our own be sent? */
static __always_inline bool gate_may_reply_icmp(enum cv_mode mode, __u32 now)
{
	struct cv_gate *gate = gate_now(mode, now);

	return gate && gate_take(mode, gate, &gate->icmp_replies, CV_ICMP_REPLIES_PER_S, now);
}

/* May culvertd be given another frame? */
static __always_inline bool gate_may_hold(enum cv_mode mode, __u32 now)
{
	struct cv_gate *gate = gate_now(mode, now);

	return gate && gate_take(mode, gate, &gate->held, CV_HELD_PER_S, now);
}

#endif
