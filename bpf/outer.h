/* SPDX-License-Identifier: GPL-2.0-only */
/* The outer header of a tunnel, IP in IP (RFC 2003, RFC 2473, RFC 4213 3.5) or GUE (cv_gue.h): what cv_balance puts
 * before a client's packet and cv_probe before a health check's, so that both take the same path. Pure: no maps, no
 * packet but the one inside. */
#ifndef OUTER_H
#define OUTER_H

#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "csum.h"
#include "cv_directory.h"
#include "cv_gue.h"
#include "cv_types.h"

/* "Do not fragment" in the word of an IPv4 header that has it. */
#define OUTER_DF 0x4000

/* What the outer header takes over from the packet inside. In host order. */
struct inner {
	enum cv_family family;
	__u8 tos;	/* or traffic class */
	__u16 bytes;	/* the whole IP packet */
	__u16 id;	/* of an IPv4 packet; else 0 */
	__u16 frag_off; /* DF or 0: an IPv6 packet must not be fragmented on its way */
	__u32 hash;	/* of the flow: spreads flows over paths and receive queues */
};

static __always_inline bool outer_is_tunnel(enum cv_forward forward)
{
	return forward == CV_FORWARD_IPIP || forward == CV_FORWARD_GUE;
}

static __always_inline __u8 inner_protocol(const struct inner *inner)
{
	return inner->family == CV_FAMILY_IPV4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

/* Word `i` of the source address: the backend's, or the configured prefix filled up with bits of the flow's hash, so
 * that the receive queues of the backend share the work. A prefix has bits in the first word at least. */
static __always_inline __u32 outer_source(const __u8 *prefix, const __u8 *mask, const __u8 *fixed, int i,
					  __u32 hash)
{
	const __u32 *p = (const __u32 *)prefix, *m = (const __u32 *)mask;

	return m[0] ? p[i] | (hash & ~m[i]) : ((const __u32 *)fixed)[i];
}

/* IPv4 outer header. DSCP and ECN come from the inner one (RFC 2983 uniform, RFC 6040 normal mode), DF and ID
 * too if it is IPv4. `bytes` follow it. */
static __always_inline void outer_fill4(struct iphdr *outer, const struct cv_backend *backend,
					const struct cv_outer_source *spread, const struct inner *inner,
					__u8 protocol, __u16 bytes)
{
	__u16 total = (__u16)(bytes + sizeof(*outer));
	__u32 source, sum;

	source = outer_source(spread->prefix4, spread->mask4, &backend->source[12], 0, inner->hash);
	sum = backend->outer_sum + inner->tos + total + inner->id + inner->frag_off + protocol;
	sum += (bpf_ntohl(source) >> 16) + (bpf_ntohl(source) & 0xffff);
	outer->version = 4;
	outer->ihl = sizeof(*outer) / 4;
	outer->tos = inner->tos;
	outer->tot_len = bpf_htons(total);
	outer->id = bpf_htons(inner->id);
	outer->frag_off = bpf_htons(inner->frag_off);
	outer->ttl = CV_OUTER_TTL;
	outer->protocol = protocol;
	outer->check = csum_finish(sum);
	outer->saddr = source;
	__builtin_memcpy(&outer->daddr, &backend->address[12], 4);
}

/* IPv6 outer header; the flow label spreads flows over paths (RFC 6438). */
static __always_inline void outer_fill6(struct ipv6hdr *outer, const struct cv_backend *backend,
					const struct cv_outer_source *spread, const struct inner *inner,
					__u8 protocol, __u16 bytes)
{
	__u32 *source = outer->saddr.in6_u.u6_addr32;

	*(__be32 *)outer = bpf_htonl(6U << 28 | (__u32)inner->tos << 20 | (inner->hash & 0xfffff));
	outer->payload_len = bpf_htons(bytes);
	outer->nexthdr = protocol;
	outer->hop_limit = CV_OUTER_TTL;
	for (int i = 0; i < 4; i++)
		source[i] = outer_source(spread->prefix6, spread->mask6, backend->source, i, inner->hash);
	__builtin_memcpy(&outer->daddr, backend->address, sizeof(outer->daddr));
}

/* UDP and GUE header, `bytes` with the packet inside. The source port takes the bits that the flow label does not. */
static __always_inline bool outer_fill_gue(struct udphdr *udp, const void *end,
					   const struct cv_directory *dir, const struct inner *inner,
					   __u16 bytes)
{
	struct cv_gue_header *gue = (void *)(udp + 1);

	if ((const void *)(udp + 1) > end)
		return false;
	udp->source = bpf_htons((__u16)(CV_GUE_SOURCE_PORTS | inner->hash >> (32 - CV_GUE_SOURCE_BITS)));
	udp->dest = bpf_htons(dir->gue_port);
	udp->len = bpf_htons(bytes);
	udp->check = 0;
	if (dir->gue_variant == CV_GUE_DIRECT)
		return true;
	if ((const void *)(gue + 1) > end)
		return false;
	gue->first = CV_GUE_HEADER << CV_GUE_VARIANT_SHIFT;
	gue->protocol = inner_protocol(inner);
	gue->flags = 0;
	return true;
}

/* Fills the cv_outer_bytes at `ip`; false if the frame ends before that. */
static __always_inline bool outer_fill(void *ip, const void *end, enum cv_forward forward,
				       const struct cv_backend *backend, const struct cv_directory *dir,
				       const struct inner *inner)
{
	bool is_v4 = backend->family == CV_FAMILY_IPV4;
	void *behind = ip + (is_v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u8 protocol = inner_protocol(inner);
	__u16 bytes = inner->bytes;

	if ((const void *)behind > end)
		return false;
	if (forward == CV_FORWARD_GUE) {
		protocol = IPPROTO_UDP;
		bytes += CV_UDP_BYTES;
		if (dir->gue_variant != CV_GUE_DIRECT)
			bytes += sizeof(struct cv_gue_header);
		if (!outer_fill_gue(behind, end, dir, inner, bytes))
			return false;
	}
	if (is_v4)
		outer_fill4(ip, backend, &dir->outer_source, inner, protocol, bytes);
	else
		outer_fill6(ip, backend, &dir->outer_source, inner, protocol, bytes);
	return true;
}

#endif
