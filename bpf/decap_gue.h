/* SPDX-License-Identifier: GPL-2.0-only */
/* GUE on the side that takes it off (include/cv_gue.h, draft-ietf-intarea-gue-09 section 5.4), of a packet that is known
 * to be ours: the header behind UDP, and the UDP checksum. */
#ifndef DECAP_GUE_H
#define DECAP_GUE_H

#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "decap_parse.h"

/* Sets `inner`, and moves on to it. Private data (a length without flags) is skipped. A flag stands for a field that says
 * how to read the packet: cut into fragments, encrypted, of another tenant. So one that we do not know ends it. */
DECAP_INLINE enum cv_decap_verdict decap_gue(struct decap_pkt *pkt)
{
	const struct cv_gue_header *gue = pkt->pos;
	__u32 len;

	if ((void *)(gue + 1) > pkt->end || pkt->payload_len < sizeof(*gue))
		return CV_DECAP_DROP_GUE_LENGTH;
	switch (gue->first >> CV_GUE_VARIANT_SHIFT) {
	case CV_GUE_DIRECT: /* the first byte is that of an IP header */
		pkt->inner = gue->first >> 4 == 6 ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4;
		return CV_DECAP_CONTINUE;
	case CV_GUE_HEADER:
		break;
	default:
		return CV_DECAP_DROP_GUE_VARIANT;
	}
	if (gue->first & CV_GUE_CONTROL)
		return CV_DECAP_PASS_GUE;
	len = (__u32)sizeof(*gue) + (gue->first & CV_GUE_LENGTH_MASK) * 4u;
	if (gue->flags)
		return CV_DECAP_DROP_GUE_FLAGS;
	if (len > pkt->payload_len || pkt->pos + len > pkt->end)
		return CV_DECAP_DROP_GUE_LENGTH;
	pkt->inner = decap_carried(gue->protocol);
	pkt->payload_len -= len;
	pkt->pos += len;
	return pkt->inner == CV_FAMILY_NONE ? CV_DECAP_PASS_GUE : CV_DECAP_CONTINUE;
}

/* --- the UDP checksum (RFC 768, RFC 8200 8.1) --- */

#define DECAP_CHUNK 128

/* The pseudo header of both families: 0xffff, which v4-mapped addresses have more, is zero to a one's complement sum. */
struct decap_pseudo {
	__u8 source[16];
	__u8 destination[16];
	__be32 len;
	__be32 protocol;
};

struct decap_sum {
	struct xdp_md *ctx;
	__u32 at; /* next byte of the frame */
	__u32 left;
	__u32 sum;
	bool is_cut;
};

static long decap_sum_chunk(__u32 index, void *arg)
{
	__u8 chunk[DECAP_CHUNK] = { 0 }; /* what is short of it is filled up with zeroes */
	struct decap_sum *sum = arg;
	__u32 len = sum->left < DECAP_CHUNK ? sum->left : DECAP_CHUNK;

	(void)index;
	if (!len)
		return 1;
	/* as it is; verifiers as old as that of 6.1 see only from this that it is neither 0 nor more than the chunk */
	asm volatile("" : "+r"(len));
	len = ((len - 1) & (DECAP_CHUNK - 1)) + 1;
	sum->is_cut = bpf_xdp_load_bytes(sum->ctx, sum->at, chunk, len);
	if (sum->is_cut)
		return 1;
	sum->sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)chunk, sizeof(chunk), sum->sum);
	sum->at += len;
	sum->left -= len;
	return 0;
}

/* Whether the checksum of the datagram at `at`, which is not zero, is right. Rare, as tunnels leave it out: a function that
 * the verifier checks by itself. */
__noinline bool decap_checksum_is_right(struct xdp_md *ctx, const struct decap_pseudo *pseudo, __u32 at,
					__u32 len)
{
	struct decap_sum sum = { .ctx = ctx, .at = at, .left = len };
	__u32 folded;

	if (!pseudo)
		return false;
	sum.sum = (__u32)bpf_csum_diff(NULL, 0, (__be32 *)pseudo, sizeof(*pseudo), 0);
	bpf_loop(0x10000 / DECAP_CHUNK, decap_sum_chunk, &sum, 0);
	folded = (sum.sum & 0xffff) + (sum.sum >> 16);
	folded = (folded & 0xffff) + (folded >> 16);
	return !sum.is_cut && folded == 0xffff;
}

/* None is fine, over IPv6 as well (RFC 6935); one that is there has to be right (RFC 1122 4.1.3.4). */
DECAP_INLINE enum cv_decap_verdict decap_udp_checksum(struct xdp_md *ctx, const struct decap_pkt *pkt)
{
	struct decap_pseudo pseudo = { .len = bpf_htonl(pkt->udp_len), .protocol = bpf_htonl(IPPROTO_UDP) };

	if (!pkt->udp_checksum)
		return CV_DECAP_CONTINUE;
	__builtin_memcpy(pseudo.source, pkt->source, sizeof(pseudo.source));
	__builtin_memcpy(pseudo.destination, pkt->destination, sizeof(pseudo.destination));
	return decap_checksum_is_right(ctx, &pseudo, pkt->udp_at, pkt->udp_len) ? CV_DECAP_CONTINUE
										: CV_DECAP_DROP_UDP_CHECKSUM;
}

#endif
