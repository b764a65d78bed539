/* SPDX-License-Identifier: GPL-2.0-only */
/* Is this packet ours? Address filter, directory, listener record (cv_directory.h says how it is laid out).
 * Behind listener_find everything odd is dropped instead of passed. */
#ifndef LISTENER_H
#define LISTENER_H

#include "cv_maps.h"
#include "directory.h"
#include "fragment.h"
#include "parse_l4.h"
#include "pkt.h"

static __always_inline struct cv_listener *listener_get(__u32 id)
{
	return bpf_map_lookup_elem(&cv_listeners, &id);
}

static __always_inline bool listener_is_at(const struct cv_listener *listener, const struct pkt *pkt)
{
	const __u32 *address = (const __u32 *)listener->address;

	return listener->protocol == pkt->protocol &&
	       !((address[3] ^ pkt->address[3]) | (address[2] ^ pkt->address[2]) |
		 (address[1] ^ pkt->address[1]) | (address[0] ^ pkt->address[0]));
}

/* The listener of exactly this port, NULL if there is none. */
static __always_inline struct cv_listener *listener_exact(const struct cv_directory *dir, struct pkt *pkt,
							  __u64 address_hash)
{
	__u64 hash = cv_directory_entry(address_hash, dir->salt, pkt->protocol, pkt->port);
	const struct cv_exact_bucket *bucket = &dir->exact[hash & (CV_DIRECTORY_BUCKETS - 1)];

	for (int i = 0; i < CV_DIRECTORY_WAYS; i++) {
		struct cv_listener *listener;

		if (bucket->way[i].tag != (__u16)(hash >> 48) || !bucket->way[i].listener)
			continue;
		listener = listener_get(bucket->way[i].listener);
		if (listener && listener->port_first == pkt->port && listener->port_last == pkt->port &&
		    listener_is_at(listener, pkt)) {
			pkt->listener = bucket->way[i].listener;
			return listener;
		}
	}
	return NULL;
}

/* What is known of this address and protocol apart from single ports; NULL: no listener is there. */
static __always_inline const struct cv_vip *vip_find(const struct cv_directory *dir, const struct pkt *pkt,
						     __u64 address_hash)
{
	__u64 hash = cv_directory_entry(address_hash, dir->salt, pkt->protocol, 0);
	const struct cv_vip_bucket *bucket = &dir->vip[hash & (CV_DIRECTORY_BUCKETS - 1)];

	for (int i = 0; i < CV_DIRECTORY_WAYS; i++) {
		const struct cv_listener *listener;

		if (bucket->way[i].tag != (__u16)(hash >> 48) || !bucket->way[i].listener)
			continue;
		listener = listener_get(bucket->way[i].listener);
		if (listener && listener_is_at(listener, pkt))
			return &bucket->way[i];
	}
	return NULL;
}

/* Whether a listener is at this address, whatever its protocol, which is overwritten: the address filter lets others
 * through. */
static __always_inline bool vip_is_here(const struct cv_directory *dir, struct pkt *pkt, __u64 address_hash)
{
	pkt->protocol = CV_PROTOCOL_TCP;
	if (vip_find(dir, pkt, address_hash))
		return true;
	pkt->protocol = CV_PROTOCOL_UDP;
	return vip_find(dir, pkt, address_hash);
}

/* The listener whose range holds the port, 0 if none does. A function that the verifier checks by itself: inlined,
 * every course of this search would be followed for every kind of packet. */
__noinline __u32 span_search(const struct cv_directory *dir, __u32 first, __u32 spans, __u32 port)
{
	__u32 low = first, high = first + spans;

	if (!dir)
		return 0;
	/* 1,024 spans are 11 steps */
	for (int step = 0; step < 11 && low < high; step++) {
		__u32 middle = (low + high) / 2;
		/* masked, not compared: the verifier would tell every pair of low and high apart */
		const struct cv_span *span = &dir->span[middle & (CV_MAX_LISTENERS - 1)];

		if (port < span->port_first)
			high = middle;
		else if (port > span->port_last)
			low = middle + 1;
		else
			return span->listener;
	}
	return 0;
}

static __always_inline __u16 vip_listener(const struct cv_directory *dir, const struct cv_vip *vip,
					  __u16 port)
{
	__u32 listener = vip->spans ? span_search(dir, vip->first_span, vip->spans, port) : 0;

	if (listener)
		return (__u16)listener;
	return port ? vip->any : 0; /* "any" is 1 to 65535 */
}

/* The listener of the packet's address, protocol and port. */
STAGE listener_at_port(struct pkt *pkt, const struct cv_directory *dir, __u64 address_hash,
		       struct cv_listener **ret)
{
	const struct cv_vip *vip;

	*ret = listener_exact(dir, pkt, address_hash);
	if (*ret)
		return CV_CONTINUE;
	vip = vip_find(dir, pkt, address_hash);
	if (!vip)
		return CV_PASS_NO_LISTENER;
	pkt->listener = vip_listener(dir, vip, pkt->port);
	*ret = listener_get(pkt->listener);
	/* id 0, nobody, has a record too: one of protocol none */
	return *ret && listener_is_at(*ret, pkt) ? CV_CONTINUE : CV_PASS_NO_LISTENER;
}

/* Sets pkt->listener and *ret when the packet is ours; the verdicts of this stage pass, but for fragments to an address
 * and protocol that we serve: these are ours. *ret is NULL for those that follow the first one of their datagram. */
STAGE listener_find(struct pkt *pkt, const struct cv_directory *dir, struct cv_listener **ret)
{
	__u64 address_hash = cv_directory_hash(dir, pkt->address);
	__u32 bit = cv_directory_bit(address_hash);
	enum cv_verdict verdict;

	if (!(dir->vip_filter[bit / 64] & 1ULL << bit % 64))
		return CV_PASS_NOT_VIP;
	/* all balancers of the segment would forward or answer it */
	if (*(__be16 *)pkt->start & bpf_htons(0x0100))
		return CV_PASS_GROUP;
	if (pkt->protocol != CV_PROTOCOL_TCP && pkt->protocol != CV_PROTOCOL_UDP)
		return CV_PASS_PROTOCOL;
	*ret = NULL;
	if (pkt->is_fragment) {
		if (!vip_find(dir, pkt, address_hash))
			return CV_PASS_NO_LISTENER;
		verdict = fragment_check(pkt);
		if (verdict || fragment_follows(pkt))
			return verdict;
	}
	verdict = parse_ports(pkt);
	if (verdict)
		return verdict;
	verdict = listener_at_port(pkt, dir, address_hash, ret);
	return verdict && pkt->is_fragment ? fragment_pass(pkt) : verdict;
}

#endif
