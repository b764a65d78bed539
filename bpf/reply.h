/* SPDX-License-Identifier: GPL-2.0-only */
/* What replies of our own have in common: to whom they may go. Pure. */
#ifndef REPLY_H
#define REPLY_H

#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "pkt.h"

/* The longest that comes before the IP header. */
#define REPLY_MAX_LINK (ETH_HLEN + PKT_MAX_VLANS * 4)

/* Sources that are no one host's: this net, loopback, multicast and what is above it (RFC 1122 3.2.2). */
static __always_inline bool is_one_host4(__be32 address)
{
	__u32 net = bpf_ntohl(address) >> 24;

	return net != 0 && net != 127 && net < 224;
}

/* The same: unspecified, loopback, multicast (RFC 4443 2.4 e). */
static __always_inline bool is_one_host6(const struct in6_addr *address)
{
	const __u32 *word = address->in6_u.u6_addr32;

	if (word[0] | word[1] | word[2])
		return address->in6_u.u6_addr8[0] != 0xff;
	return bpf_ntohl(word[3]) > 1;
}

/* The same of an address in four words. A function that the verifier checks by itself, so that it learns nothing of the
 * packet, and follows it once. */
__noinline bool is_one_host(__u32 family, __be32 word0, __be32 word1, __be32 word2, __be32 word3)
{
	struct in6_addr address = { .in6_u.u6_addr32 = { word0, word1, word2, word3 } };

	return family == CV_FAMILY_IPV4 ? is_one_host4(word3) : is_one_host6(&address);
}

#endif
