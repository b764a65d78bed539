/* SPDX-License-Identifier: GPL-2.0-only */
/* The ECN field where a tunnel ends: RFC 6040 4.2 (default tunnel egress behaviour). Pure: also built for
 * the host by the unit test. */
#ifndef ECN_H
#define ECN_H

#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <bpf/bpf_endian.h>

/* Values of the two bits (RFC 3168 5), and one for what no header can say. */
enum ecn {
	ECN_NOT_ECT = 0,
	ECN_ECT_1 = 1,
	ECN_ECT_0 = 2,
	ECN_CE = 3,
	ECN_DROP = 4,
};

/* What the packet carries on with, or ECN_DROP: an outer CE over an inner packet that cannot carry it means
 * that its transport would never learn of the congestion. */
static inline __attribute__((always_inline)) enum ecn ecn_decapsulate(enum ecn inner, enum ecn outer)
{
	if (inner == ECN_NOT_ECT)
		return outer == ECN_CE ? ECN_DROP : ECN_NOT_ECT;
	if (outer == ECN_CE)
		return ECN_CE;
	/* ECT(1) may be a lesser congestion signal (RFC 6660), so it is not lost either. */
	if (outer == ECN_ECT_1 && inner == ECN_ECT_0)
		return ECN_ECT_1;
	return inner;
}

static inline __attribute__((always_inline)) enum ecn ecn_get4(const struct iphdr *ip)
{
	return (enum ecn)(ip->tos & 3);
}

/* The traffic class straddles the first two bytes: version 4 bits, class 8, flow label 20. */
static inline __attribute__((always_inline)) enum ecn ecn_get6(const struct ipv6hdr *ip)
{
	return (enum ecn)(ip->flow_lbl[0] >> 4 & 3);
}

/* Sets the field, and keeps the header checksum as right or wrong as it was (RFC 1624, equation 3). */
static inline __attribute__((always_inline)) void ecn_set4(struct iphdr *ip, enum ecn ecn)
{
	__u8 tos = (__u8)((ip->tos & ~3) | ecn);
	__u32 sum = (__u16)~bpf_ntohs(ip->check);

	/* Version and length share the word with the TOS and cancel out. */
	sum += (__u16)~ip->tos + tos;
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = bpf_htons((__u16)~sum);
	ip->tos = tos;
}

static inline __attribute__((always_inline)) void ecn_set6(struct ipv6hdr *ip, enum ecn ecn)
{
	ip->flow_lbl[0] = (__u8)((ip->flow_lbl[0] & ~0x30) | ecn << 4);
}

#endif
