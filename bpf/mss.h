/* SPDX-License-Identifier: GPL-2.0-only */
/* The maximum segment size that a client announces in its SYN (RFC 9293 3.7.1), lowered to what its listener allows. It
 * tells the server how much it may send at once: it rules the way back, which does not pass us. */
#ifndef MSS_H
#define MSS_H

#include <bpf/bpf_endian.h>

#include "csum.h"
#include "cv_types.h"
#include "pkt.h"

/* Kinds of TCP options; the first two are one byte long, the others say how long. */
enum { MSS_OPTION_END = 0, MSS_OPTION_NONE = 1, MSS_OPTION = 2 };
#define MSS_OPTION_BYTES 4
#define MSS_MAX_OPTIONS 40 /* as many as single bytes fit */

/* Sets the value of the option that lies `at` bytes behind the header's begin. */
static __always_inline void mss_set(struct tcphdr *tcp, __u8 *option, __u32 at, __u16 value)
{
	__u16 from = (__u16)(option[2] << 8 | option[3]), to = value;

	option[2] = (__u8)(value >> 8);
	option[3] = (__u8)value;
	/* at an odd place its bytes are halves of two words */
	if (at % 2) {
		from = (__u16)(from << 8 | from >> 8);
		to = (__u16)(to << 8 | to >> 8);
	}
	tcp->check = csum_replace(tcp->check, bpf_htons(from), bpf_htons(to));
}

/* What a listener allows on the way back from this backend. CV_MSS_PATH: what the path to it carries, without the tunnel
 * that only the way there has, but never less than everybody takes. */
static __always_inline __u32 mss_limit(const struct cv_listener *listener, const struct cv_backend *backend)
{
	const __be32 *words = (const __be32 *)listener->address;
	bool is_v4 = !(words[0] | words[1]) && words[2] == bpf_htonl(0xffff);
	__u32 headers = sizeof(struct tcphdr) + (is_v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr));
	__u32 least = is_v4 ? CV_MIN_MSS4 : CV_MIN_MSS6;

	if (listener->mss != CV_MSS_PATH)
		return listener->mss;
	return backend->mtu > least + headers ? backend->mtu - headers : least;
}

/* Lowers the MSS option of the TCP header at `offset` of the frame to what is allowed, if it says more and `flags` say that
 * it is a SYN; true if it did. A header without one stays so: that means 536, or 1,220 with IPv6. Broken options are left to
 * the server. A function that the verifier checks by itself. */
__noinline int mss_clamp(struct xdp_md *ctx, const struct cv_listener *listener,
			 const struct cv_backend *backend, __u32 offset, __u32 flags)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct tcphdr *tcp = start + (offset & 0x7fff);
	__u32 at = offset + sizeof(*tcp), behind, limit;

	if (!listener || !backend || !(flags & TCP_SYN) || (void *)(tcp + 1) > end)
		return false;
	limit = mss_limit(listener, backend);
	behind = offset + tcp->doff * 4;
	for (int i = 0; i < MSS_MAX_OPTIONS; i++) {
		__u8 *option = start + (at & 0x7fff);

		/* for the verifier: all steps look alike */
		at &= 0x7fff;
		if (at + MSS_OPTION_BYTES > behind || (void *)(option + MSS_OPTION_BYTES) > end ||
		    option[0] == MSS_OPTION_END)
			return false;
		if (option[0] == MSS_OPTION_NONE) {
			at++;
			continue;
		}
		if (option[0] == MSS_OPTION && option[1] == MSS_OPTION_BYTES) {
			if ((__u32)(option[2] << 8 | option[3]) <= limit)
				return false;
			mss_set(tcp, option, at - offset, (__u16)limit);
			return true;
		}
		if (option[1] < 2)
			return false;
		at += option[1];
	}
	return false;
}

#endif
