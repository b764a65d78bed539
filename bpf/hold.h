/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that the program cannot finish by itself go to culvertd, through a ring (include/cv_held.h): fragments that come
 * before the first one of their datagram, and packets that have to be cut. Only while culvertd says that it reads the
 * ring, so many in a second, and never waiting for room: else the caller drops them by a reason of its own. */
#ifndef HOLD_H
#define HOLD_H

#include "cv_maps.h"
#include "gate.h"
#include "scratch.h"

/* Does anybody read the ring, and is there some of this second's share left? */
static __always_inline bool hold_may(const struct fragment_ref *ref)
{
	__u32 zero = 0;
	const struct cv_holder *holder = bpf_map_lookup_elem(&cv_holder, &zero);

	return holder && holder->until_s && (__s32)(holder->until_s - ref->now) >= 0 &&
	       gate_may_hold(ref->mode, ref->now);
}

static __always_inline void hold_fill(struct cv_held *held, enum cv_held_kind kind,
				      const struct fragment_ref *ref)
{
	__builtin_memset(held, 0, sizeof(*held));
	held->key = ref->key;
	held->room = ref->room;
	held->kind = kind;
	held->link = ref->link;
}

/* Room for this frame in the ring, NULL if it cannot be had. The caller submits or discards it: what is reserved first
 * is read first. */
static __always_inline struct cv_held_frame *hold_reserve(const struct fragment_ref *ref)
{
	return hold_may(ref) ? bpf_ringbuf_reserve(&cv_held, sizeof(struct cv_held_frame), 0) : NULL;
}

/* Copies the frame. False if it is too long. */
static __always_inline bool hold_frame(struct xdp_md *ctx, struct cv_held_frame *record,
				       enum cv_held_kind kind, const struct fragment_ref *ref)
{
	__u32 bytes = (__u32)bpf_xdp_get_buff_len(ctx);

	hold_fill(&record->held, kind, ref);
	record->held.ifindex = ctx->ingress_ifindex;
	record->held.bytes = (__u16)bytes;
	/* from "not 0" the verifier of 6.1 would not conclude that it is 1 at least */
	if (bytes < ETH_HLEN || bytes > CV_HELD_BYTES)
		return false;
	return !bpf_xdp_load_bytes(ctx, 0, record->frame, bytes);
}

/* Says that the first fragment came. Lost if the ring is full: then those that wait for it do so in vain. */
static __always_inline void hold_release(const struct fragment_ref *ref)
{
	struct cv_held *held = bpf_ringbuf_reserve(&cv_held, sizeof(*held), 0);

	if (!held)
		return;
	hold_fill(held, CV_HELD_FIRST, ref);
	bpf_ringbuf_submit(held, 0);
}

#endif
