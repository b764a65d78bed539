/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame that a packet came in. A long one (jumbo) comes in several pieces, of which the first one can be read directly:
 * the headers are there. How long all of them are takes a call to tell, for which a short frame does not wait. */
#ifndef FRAME_H
#define FRAME_H

#include "pkt.h"
#include "scratch.h"

/* Pieces are filled one after the other: a first one as short as this is the only one. Should a driver do it otherwise, the
 * others miss in the bytes counted by verdict, and nowhere else. */
#define FRAME_ONE_PIECE 1024

/* Bytes of the first piece. Computed anew for each use, of which the verifier so learns nothing for the next: else it would
 * follow short and long frames to the end. */
static __always_inline __u32 frame_first(const struct pkt *pkt)
{
	void *end = pkt->end;

	asm volatile("" : "+r"(end)); /* clang would remember */
	return (__u32)(end - pkt->start);
}

/* Where the frame lies, in its first piece. Needs pkt->mode. */
static __always_inline void frame_begin(struct pkt *pkt, struct xdp_md *ctx)
{
	struct scratch *scratch;

	pkt->start = (void *)(long)ctx->data;
	pkt->cursor = pkt->start;
	pkt->end = (void *)(long)ctx->data_end;
	pkt->first_bytes = frame_first(pkt);
	if (frame_first(pkt) <= FRAME_ONE_PIECE)
		return;
	scratch = scratch_get(pkt->mode);
	if (scratch)
		scratch->frame_bytes = (__u32)bpf_xdp_get_buff_len(ctx);
}

/* Bytes of the whole frame as it came in, trailer included. */
static __always_inline __u32 frame_bytes(const struct pkt *pkt)
{
	struct scratch *scratch = pkt->first_bytes > FRAME_ONE_PIECE ? scratch_get(pkt->mode) : NULL;

	return scratch ? scratch->frame_bytes : pkt->first_bytes;
}

/* Has the frame so many bytes from `here` on, in all its pieces? For lengths that the packet itself gives: the verifiers of
 * kernels as old as 6.1 refuse to add to a pointer what bpf_ntohs made, as they see no bounds to it. */
static __always_inline bool frame_has(struct xdp_md *ctx, const struct pkt *pkt, const void *here,
				      __u32 bytes)
{
	__u64 end = (__u64)(here - pkt->start);

	asm volatile("" : "+r"(end)); /* clang would subtract the pointers in 32 bits */
	end += bytes;
	return end <= pkt->first_bytes || end <= bpf_xdp_get_buff_len(ctx);
}

/* Why the next `size` bytes are not to be had. */
static __always_inline enum cv_verdict frame_lack(struct xdp_md *ctx, const struct pkt *pkt, __u32 size)
{
	return frame_has(ctx, pkt, pkt->cursor, size) ? CV_PASS_SPLIT : CV_PASS_MALFORMED;
}

#endif
