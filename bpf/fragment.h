/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments: all of a datagram go where its first one went, which alone has the ports. That one takes the ordinary way
 * through listener, flow table and Maglev, and leaves a note under addresses, identification and protocol; the others
 * follow the note. Whoever reassembles, it is not us: whatever overlaps behind the first fragment meets at the backend.
 *
 * The notes are an LRU of their own: a flood of forged fragments pushes out notes, and no flow. */
#ifndef FRAGMENT_H
#define FRAGMENT_H

#include <linux/udp.h>

#include "cv_clock.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "hold.h"
#include "outer.h"
#include "pkt.h"
#include "scratch.h"

/* Does this packet go where its note says? So do the later ones, and all that user space sends again. */
static __always_inline bool fragment_follows(const struct pkt *pkt)
{
	return pkt->is_fragment && (pkt->fragment_at || pkt->mode == CV_MODE_AGAIN);
}

/* A transport header has to be whole in the first fragment (RFC 1858 3.1, RFC 7112 5), and no other fragment may reach
 * into that of TCP (RFC 3128 4). */
STAGE fragment_check(const struct pkt *pkt)
{
	bool is_tcp = pkt->protocol == CV_PROTOCOL_TCP;
	__u32 header = is_tcp ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	if (pkt->fragment_at ? is_tcp && pkt->fragment_at < header : pkt->l4_bytes < header)
		return CV_DROP_FRAGMENT_TINY;
	return CV_CONTINUE;
}

/* The functions that the verifier checks by themselves find it again, instead of being handed it: kernels as old as 6.1
 * take no memory of a caller's for the key of a map. */
static __always_inline struct fragment_ref *fragment_get(enum cv_mode mode)
{
	struct scratch *scratch = scratch_get(mode);

	return scratch ? &scratch->fragment : NULL;
}

static __always_inline struct fragment_ref *fragment_ref(const struct pkt *pkt, __u32 now)
{
	struct fragment_ref *ref = fragment_get(pkt->mode);

	if (!ref)
		return NULL;
	__builtin_memset(ref, 0, sizeof(*ref));
	__builtin_memcpy(ref->key.client, pkt->client, sizeof(ref->key.client));
	__builtin_memcpy(ref->key.address, pkt->address, sizeof(ref->key.address));
	ref->key.identification = pkt->fragment_id;
	ref->key.protocol = pkt->protocol;
	ref->now = now;
	ref->family = pkt->family;
	ref->mode = pkt->mode;
	ref->link = (__u8)(ETH_HLEN + pkt->vlans * sizeof(vlan_tag));
	return ref;
}

static __always_inline bool fragment_is_old(const struct cv_fragment *note, const struct fragment_ref *ref)
{
	__u32 timeout = ref->family == CV_FAMILY_IPV4 ? CV_FRAGMENT_TIMEOUT4_S : CV_FRAGMENT_TIMEOUT6_S;

	return cv_clock_idle(ref->now, note->noted_s) > timeout;
}

/* Two first fragments of one datagram? In IPv4 an identification comes again within seconds, and names another
 * datagram then (RFC 6864 5.3.1); in IPv6 that is an attempt to have something reassembled that nobody saw whole. */
static __always_inline bool fragment_overlaps(const struct cv_fragment *old, const struct fragment_ref *ref)
{
	if (ref->family != CV_FAMILY_IPV6 || old->state == CV_FRAGMENT_WAITING || fragment_is_old(old, ref))
		return false;
	return old->state == CV_FRAGMENT_OVERLAP || old->client_port != ref->note.client_port ||
	       old->port != ref->note.port;
}

/* Leaves the note in scratch for the fragments that follow this first one, and lets go those that came before it; false
 * if that must not be, as it overlaps. */
__noinline bool fragment_note(enum cv_mode mode)
{
	struct fragment_ref *ref = fragment_get(mode);
	const struct cv_fragment *old;
	bool is_awaited;

	if (!ref)
		return false;
	old = bpf_map_lookup_elem(&cv_fragments, &ref->key);
	if (old && fragment_overlaps(old, ref))
		ref->note.state = CV_FRAGMENT_OVERLAP;
	if (ref->mode == CV_MODE_DRY)
		return ref->note.state != CV_FRAGMENT_OVERLAP;
	is_awaited = old && old->state == CV_FRAGMENT_WAITING;
	if (bpf_map_update_elem(&cv_fragments, &ref->key, &ref->note, old ? BPF_ANY : BPF_NOEXIST)) {
		/* one that waits came in between, on another processor */
		is_awaited = true;
		bpf_map_update_elem(&cv_fragments, &ref->key, &ref->note, BPF_ANY);
	}
	if (is_awaited)
		hold_release(ref);
	return ref->note.state != CV_FRAGMENT_OVERLAP;
}

/* Fetches the note that a fragment follows into ref->note. Returns its state, NONE if there is no note. */
static __always_inline enum cv_fragment_state fragment_fetch(struct fragment_ref *ref)
{
	const struct cv_fragment *note = bpf_map_lookup_elem(&cv_fragments, &ref->key);

	if (!note)
		return CV_FRAGMENT_NONE;
	if (fragment_is_old(note, ref)) {
		if (ref->mode != CV_MODE_DRY)
			bpf_map_delete_elem(&cv_fragments, &ref->key);
		return CV_FRAGMENT_NONE;
	}
	ref->note = *note;
	return ref->note.state;
}

/* Hands a fragment to culvertd whose first one has not come. Returns WAITING then, NONE if that could not be; or what the
 * note says, if the first one came meanwhile on another processor: it says so in the ring behind the place that was
 * reserved before the note was written, and else it is seen here. */
static __always_inline enum cv_fragment_state fragment_wait(struct xdp_md *ctx, struct fragment_ref *ref)
{
	struct cv_held_frame *record = hold_reserve(ref);
	enum cv_fragment_state state;

	if (!record)
		return CV_FRAGMENT_NONE;
	ref->note = (struct cv_fragment){ .noted_s = ref->now, .state = CV_FRAGMENT_WAITING };
	state = fragment_fetch(ref);
	if (state == CV_FRAGMENT_NONE)
		state = bpf_map_update_elem(&cv_fragments, &ref->key, &ref->note, BPF_NOEXIST)
				? fragment_fetch(ref)
				: CV_FRAGMENT_WAITING;
	if (state != CV_FRAGMENT_WAITING || !hold_frame(ctx, record, CV_HELD_EARLY, ref)) {
		bpf_ringbuf_discard(record, 0);
		return state == CV_FRAGMENT_WAITING ? CV_FRAGMENT_NONE : state;
	}
	bpf_ringbuf_submit(record, 0);
	return CV_FRAGMENT_WAITING;
}

/* What is known of the datagram that the fragment in scratch follows: KNOWN with the way in its note; WAITING if it was
 * held back; NONE if neither. */
__noinline enum cv_fragment_state fragment_find(struct xdp_md *ctx, enum cv_mode mode)
{
	struct fragment_ref *ref = fragment_get(mode);
	enum cv_fragment_state state;

	if (!ref)
		return CV_FRAGMENT_NONE;
	state = fragment_fetch(ref);
	if (state != CV_FRAGMENT_NONE && state != CV_FRAGMENT_WAITING)
		return state;
	if (ref->mode == CV_MODE_AGAIN)
		return CV_FRAGMENT_NONE;
	if (ref->mode == CV_MODE_DRY)
		return hold_may(ref) ? CV_FRAGMENT_WAITING : CV_FRAGMENT_NONE;
	return fragment_wait(ctx, ref);
}

/* Hands a packet to culvertd that is to be cut. Its pieces will find the way by the note in scratch. */
__noinline bool fragment_cut(struct xdp_md *ctx, enum cv_mode mode)
{
	struct fragment_ref *ref = fragment_get(mode);
	struct cv_held_frame *record;

	if (!ref)
		return false;
	if (ref->mode == CV_MODE_DRY)
		return hold_may(ref);
	record = hold_reserve(ref);
	if (!record)
		return false;
	if (!hold_frame(ctx, record, CV_HELD_LARGE, ref)) {
		bpf_ringbuf_discard(record, 0);
		return false;
	}
	bpf_map_update_elem(&cv_fragments, &ref->key, &ref->note, BPF_ANY);
	bpf_ringbuf_submit(record, 0);
	return true;
}

/* What a note says to a fragment that follows it. */
STAGE fragment_verdict(enum cv_fragment_state state)
{
	switch (state) {
	case CV_FRAGMENT_KNOWN:
		return CV_CONTINUE;
	case CV_FRAGMENT_FOREIGN:
		return CV_PASS_NO_LISTENER;
	case CV_FRAGMENT_OVERLAP:
		return CV_DROP_FRAGMENT_OVERLAP;
	case CV_FRAGMENT_WAITING:
		return CV_FRAGMENT_HELD;
	case CV_FRAGMENT_NONE:
	case CV_FRAGMENT_REFUSED:
		break;
	}
	return CV_DROP_FRAGMENT_ORPHAN;
}

/* Room for the note of this packet's datagram, filled in. */
static __always_inline struct fragment_ref *fragment_fill(const struct pkt *pkt, enum cv_fragment_state state,
							  __u16 generation, __u32 now)
{
	struct fragment_ref *ref = fragment_ref(pkt, now);

	if (!ref)
		return NULL;
	ref->note = (struct cv_fragment){
		.noted_s = now,
		.client_port = pkt->client_port,
		.port = pkt->port,
		.listener = pkt->listener,
		.backend = pkt->backend,
		.generation = generation,
		.state = state,
	};
	return ref;
}

/* Notes what became of a first fragment; gives the verdict it came with, or a reason to drop it all the same. */
STAGE fragment_first(const struct pkt *pkt, enum cv_fragment_state state, __u16 generation, __u32 now,
		     enum cv_verdict verdict)
{
	struct fragment_ref *ref = fragment_fill(pkt, state, generation, now);

	if (!ref)
		return CV_DROP_INTERNAL;
	return fragment_note(pkt->mode) ? verdict : CV_DROP_FRAGMENT_OVERLAP;
}

/* A first fragment for a port without listener: it passes, and so shall the rest of its datagram. */
STAGE fragment_pass(const struct pkt *pkt)
{
	return fragment_first(pkt, CV_FRAGMENT_FOREIGN, 0, now_seconds(), CV_PASS_NO_LISTENER);
}

/* May hops cut it? It is IPv4, and its sender did not say otherwise. */
static __always_inline bool fragment_may_cut(const struct pkt *pkt)
{
	if (pkt->family != CV_FAMILY_IPV4 ||
	    (pkt->protocol != CV_PROTOCOL_TCP && pkt->protocol != CV_PROTOCOL_UDP))
		return false;
	return (void *)(pkt->ip4 + 1) <= pkt->end && !(pkt->ip4->frag_off & bpf_htons(OUTER_DF));
}

/* A packet that may be cut, and is longer than `room`. The pieces do as fragments of its datagram do: they follow a note. */
STAGE fragment_large(struct xdp_md *ctx, struct pkt *pkt, __u16 generation, __u32 room)
{
	struct fragment_ref *ref;

	pkt->fragment_id = bpf_ntohs(pkt->ip4->id);
	ref = fragment_fill(pkt, CV_FRAGMENT_KNOWN, generation, now_seconds());
	if (!ref)
		return CV_DROP_INTERNAL;
	ref->room = (__u16)room;
	return fragment_cut(ctx, pkt->mode) ? CV_CUT : CV_DROP_TOO_BIG;
}

#endif
