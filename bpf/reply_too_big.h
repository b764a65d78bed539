/* SPDX-License-Identifier: GPL-2.0-only */
/* Tells a client that its packet does not fit the path to its backend: ICMP "fragmentation needed" (RFC 792, RFC 1191) or
 * ICMPv6 "packet too big" (RFC 4443 3.2), from the address it sent to. Without this answer its connection stands still.
 * Built in place around the head of the packet, which must be as it came; leaves by the port it came by, VLAN tags kept. */
#ifndef REPLY_TOO_BIG_H
#define REPLY_TOO_BIG_H

#include <linux/icmpv6.h>
#include <bpf/bpf_endian.h>

#include "csum.h"
#include "cv_knobs.h"
#include "gate.h"
#include "pkt.h"
#include "reply.h"
#include "scratch.h"

/* Both families' message, up to the quote. Of ICMP the upper half of the MTU is unused, and zero. */
struct too_big {
	__u8 type;
	__u8 code;
	__be16 check;
	__be32 mtu;
};

/* linux/icmp.h has these, and drags in libc */
#define TOO_BIG_TYPE4 3 /* destination unreachable */
#define TOO_BIG_CODE4 4 /* fragmentation needed and DF set */

#define TOO_BIG_HEADERS4 (sizeof(struct iphdr) + sizeof(struct too_big))
#define TOO_BIG_HEADERS6 (sizeof(struct ipv6hdr) + sizeof(struct too_big))

/* Whether an ICMP error may answer this packet: one from a single host, and of IPv4 no later fragment (RFC 1122 3.2.2). That
 * its sender wants no fragments made, DF, is asked for as well. */
static __always_inline bool may_answer_too_big(struct xdp_md *ctx, __u32 link, bool is_v4)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	const struct iphdr *ip4 = start + link;
	const struct ipv6hdr *ip6 = start + link;

	if ((void *)(ip6 + 1) > end)
		return false;
	if (!is_v4)
		return is_one_host6(&ip6->saddr);
	return (bpf_ntohs(ip4->frag_off) & 0x5fff) == 0x4000 && is_one_host4(ip4->saddr);
}

/* Sums the quoted bytes; the kernel takes 512 at a time. */
static __always_inline __u32 too_big_sum(const struct scratch *scratch, bool is_v4, __u32 sum)
{
	__be32 *quote = (__be32 *)scratch->quote;

	sum = (__u32)bpf_csum_diff(NULL, 0, quote, 512, sum);
	if (is_v4)
		return sum;
	sum = (__u32)bpf_csum_diff(NULL, 0, quote + 128, 512, sum);
	return (__u32)bpf_csum_diff(NULL, 0, quote + 256, CV_QUOTE6_BYTES - 1024, sum);
}

static __always_inline void fill_too_big4(struct iphdr *ip, const struct scratch *scratch, __u32 mtu)
{
	const struct iphdr *quoted = (const struct iphdr *)scratch->quote;
	struct too_big *icmp = (void *)(ip + 1);

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0xc0; /* internetwork control (RFC 1812 4.3.2.5) */
	ip->tot_len = bpf_htons(TOO_BIG_HEADERS4 + CV_QUOTE4_BYTES);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = CV_OUTER_TTL;
	ip->protocol = IPPROTO_ICMP;
	ip->check = 0;
	ip->saddr = quoted->daddr;
	ip->daddr = quoted->saddr;
	ip->check = csum_fold((__u32)bpf_csum_diff(NULL, 0, (__be32 *)ip, sizeof(*ip), 0));
	icmp->type = TOO_BIG_TYPE4;
	icmp->code = TOO_BIG_CODE4;
	icmp->check = 0;
	icmp->mtu = bpf_htonl(mtu);
	icmp->check = csum_fold(
		too_big_sum(scratch, true, (__u32)bpf_csum_diff(NULL, 0, (__be32 *)icmp, sizeof(*icmp), 0)));
}

static __always_inline void fill_too_big6(struct ipv6hdr *ip, const struct scratch *scratch, __u32 mtu)
{
	const struct ipv6hdr *quoted = (const struct ipv6hdr *)scratch->quote;
	struct too_big *icmp = (void *)(ip + 1);
	__u32 sum = bpf_htonl(sizeof(*icmp) + CV_QUOTE6_BYTES + IPPROTO_ICMPV6); /* of the pseudo header */

	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(sizeof(*icmp) + CV_QUOTE6_BYTES);
	ip->nexthdr = IPPROTO_ICMPV6;
	ip->hop_limit = CV_OUTER_TTL;
	__builtin_memcpy(&ip->saddr, &quoted->daddr, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, &quoted->saddr, sizeof(ip->daddr));
	icmp->type = ICMPV6_PKT_TOOBIG;
	icmp->code = 0;
	icmp->check = 0;
	icmp->mtu = bpf_htonl(mtu);
	/* addresses and ICMP header follow each other */
	sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)&ip->saddr, 32 + sizeof(*icmp), sum);
	icmp->check = csum_fold(too_big_sum(scratch, false, sum));
}

/* Turns the packet, whose IP header begins behind `link` bytes and which is as long as the quote at least, into the answer.
 * A function that the verifier checks by itself: it is rare. */
__noinline int too_big_answer(struct xdp_md *ctx, __u32 link, __u32 family, __u32 mtu, __u32 mode)
{
	struct scratch *scratch = scratch_get((enum cv_mode)mode);
	bool is_v4 = family == CV_FAMILY_IPV4;
	__u32 headers = is_v4 ? TOO_BIG_HEADERS4 : TOO_BIG_HEADERS6;
	__u32 quote = is_v4 ? CV_QUOTE4_BYTES : CV_QUOTE6_BYTES;
	void *start, *end, *old;

	if (!scratch || link > REPLY_MAX_LINK)
		return CV_DROP_INTERNAL;
	if (!may_answer_too_big(ctx, link, is_v4))
		return CV_DROP_TOO_BIG;
	if (!gate_may_reply_icmp((enum cv_mode)mode, now_seconds()))
		return CV_DROP_ICMP_LIMIT;
	/* a copy: what is summed may lie in several pieces, of a frame longer than a page */
	if (is_v4 ? bpf_xdp_load_bytes(ctx, link, scratch->quote, CV_QUOTE4_BYTES)
		  : bpf_xdp_load_bytes(ctx, link, scratch->quote, CV_QUOTE6_BYTES))
		return CV_DROP_INTERNAL;
	if (bpf_xdp_adjust_tail(ctx, (int)(link + quote) - (int)bpf_xdp_get_buff_len(ctx)))
		return CV_DROP_INTERNAL;
	if (bpf_xdp_adjust_head(ctx, -(int)headers))
		return CV_DROP_HEADROOM;
	start = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	old = start + headers;
	if (start + link + TOO_BIG_HEADERS6 > end || old + REPLY_MAX_LINK > end)
		return CV_DROP_INTERNAL;
	__builtin_memcpy(start, old + ETH_ALEN, ETH_ALEN);
	__builtin_memcpy(start + ETH_ALEN, old, ETH_ALEN);
	/* tags and type; what is none of these is overwritten next */
	__builtin_memcpy(start + 2 * ETH_ALEN, old + 2 * ETH_ALEN, REPLY_MAX_LINK - 2 * ETH_ALEN);
	if (is_v4)
		fill_too_big4(start + link, scratch, mtu);
	else
		fill_too_big6(start + link, scratch, mtu);
	return CV_TOO_BIG_ANSWERED;
}

/* Answers a packet that is longer than `room`, the bytes that reach its backend, or says why not.
 *
 * IPv6 senders need not go below 1,280 bytes (RFC 8200 5): they are told no less, and what is not larger is lost where a
 * tunnel is too narrow for it. The tunnel's outer packet would have to be fragmented (RFC 2473 7.1), which XDP cannot. */
STAGE reply_too_big(struct xdp_md *ctx, const struct pkt *pkt, __u32 room)
{
	__u32 quote = pkt->family == CV_FAMILY_IPV4 ? CV_QUOTE4_BYTES : CV_QUOTE6_BYTES;

	if (pkt->family == CV_FAMILY_IPV6 && room < CV_MIN_MTU6) {
		room = CV_MIN_MTU6;
		if (pkt->ip_bytes <= room)
			return CV_DROP_PATH_NARROW;
	}
	/* an ICMP error is never answered by another (RFC 1122 3.2.2) */
	if ((pkt->protocol != CV_PROTOCOL_TCP && pkt->protocol != CV_PROTOCOL_UDP) || pkt->ip_bytes < quote)
		return CV_DROP_TOO_BIG;
	return (enum cv_verdict)too_big_answer(ctx, ETH_HLEN + pkt->vlans * 4, pkt->family, room, pkt->mode);
}

#endif
