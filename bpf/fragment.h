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

static __always_inline struct fragment_ref *fragment_ref(const struct pkt *pkt)
{
	struct scratch *scratch = scratch_get(pkt->mode);
	struct fragment_ref *ref;

	if (!scratch)
		return NULL;
	ref = &scratch->fragment;
	__builtin_memset(ref, 0, sizeof(*ref));
	__builtin_memcpy(ref->key.client, pkt->client, sizeof(ref->key.client));
	__builtin_memcpy(ref->key.address, pkt->address, sizeof(ref->key.address));
	ref->key.identification = pkt->fragment_id;
	ref->key.protocol = pkt->protocol;
	return ref;
}

static __always_inline bool fragment_is_old(const struct cv_fragment *note, enum cv_family family, __u32 now)
{
	__u32 timeout = family == CV_FAMILY_IPV4 ? CV_FRAGMENT_TIMEOUT4_S : CV_FRAGMENT_TIMEOUT6_S;

	return cv_clock_idle(now, note->noted_s) > timeout;
}

/* Two first fragments of one datagram? In IPv4 an identification comes again within seconds, and names another
 * datagram then (RFC 6864 5.3.1); in IPv6 that is an attempt to have something reassembled that nobody saw whole. */
static __always_inline bool fragment_overlaps(const struct cv_fragment *old, const struct cv_fragment *note,
					      enum cv_family family, __u32 now)
{
	if (family != CV_FAMILY_IPV6 || old->state == CV_FRAGMENT_WAITING ||
	    fragment_is_old(old, family, now))
		return false;
	return old->state == CV_FRAGMENT_OVERLAP || old->client_port != note->client_port ||
	       old->port != note->port;
}

/* Leaves ref->note for the fragments that follow this first one; false if that must not be, as it overlaps. This
 * function and the next the verifier checks by themselves. */
__noinline bool fragment_note(struct fragment_ref *ref, enum cv_mode mode, enum cv_family family, __u32 now)
{
	struct cv_fragment *old;

	if (!ref)
		return false;
	old = bpf_map_lookup_elem(&cv_fragments, &ref->key);
	if (old && fragment_overlaps(old, &ref->note, family, now))
		ref->note.state = CV_FRAGMENT_OVERLAP;
	if (mode != CV_MODE_DRY)
		bpf_map_update_elem(&cv_fragments, &ref->key, &ref->note, BPF_ANY);
	return ref->note.state != CV_FRAGMENT_OVERLAP;
}

/* Fetches the note that a fragment follows into ref->note. Returns its state, NONE if there is no note. */
__noinline enum cv_fragment_state fragment_find(struct fragment_ref *ref, enum cv_family family, __u32 now)
{
	const struct cv_fragment *note;

	if (!ref)
		return CV_FRAGMENT_NONE;
	note = bpf_map_lookup_elem(&cv_fragments, &ref->key);
	if (!note || fragment_is_old(note, family, now))
		return CV_FRAGMENT_NONE;
	ref->note = *note;
	return ref->note.state;
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
	case CV_FRAGMENT_NONE:
	case CV_FRAGMENT_REFUSED:
	case CV_FRAGMENT_WAITING:
		break;
	}
	return CV_DROP_FRAGMENT_ORPHAN;
}

/* Notes what became of a first fragment; gives the verdict it came with, or a reason to drop it all the same. */
STAGE fragment_first(const struct pkt *pkt, enum cv_fragment_state state, __u16 generation, __u32 now,
		     enum cv_verdict verdict)
{
	struct fragment_ref *ref = fragment_ref(pkt);

	if (!ref)
		return CV_DROP_INTERNAL;
	ref->note = (struct cv_fragment){
		.noted_s = now,
		.client_port = pkt->client_port,
		.port = pkt->port,
		.listener = pkt->listener,
		.backend = pkt->backend,
		.generation = generation,
		.state = state,
	};
	return fragment_note(ref, pkt->mode, pkt->family, now) ? verdict : CV_DROP_FRAGMENT_OVERLAP;
}

/* A first fragment for a port without listener: it passes, and so shall the rest of its datagram. */
STAGE fragment_pass(const struct pkt *pkt)
{
	return fragment_first(pkt, CV_FRAGMENT_FOREIGN, 0, now_seconds(), CV_PASS_NO_LISTENER);
}

#endif
