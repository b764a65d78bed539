/* SPDX-License-Identifier: GPL-2.0-only */
/* The Internet checksum (RFC 1071) of headers we write, and its update where we patch one (RFC 1624). Sums are
 * of 16-bit words in host order. Pure. */
#ifndef CSUM_H
#define CSUM_H

#include <linux/types.h>
#include <bpf/bpf_endian.h>

/* Folds a sum of up to 65,536 words and inverts it, ready for the header. */
static __always_inline __be16 csum_finish(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return bpf_htons((__u16)~sum);
}

/* The same of a sum in wire order, as bpf_csum_diff makes it: one's complement sums do not mind. */
static __always_inline __be16 csum_fold(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~sum;
}

/* The checksum after one 16-bit word went from `from` to `to` (RFC 1624, equation 3). All in wire order:
 * one's complement sums do not mind. */
static __always_inline __be16 csum_replace(__be16 check, __be16 from, __be16 to)
{
	__u32 sum = (__u16)~check + (__u16)~from + to;

	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (__be16)~sum;
}

#endif
