/* SPDX-License-Identifier: GPL-2.0-only */
/* Answers a ping of a listener's address (RFC 792, RFC 4443 4.2), whatever its size: in place, with addresses swapped, and
 * its payload neither read nor summed. So a request whose checksum is wrong gets a reply whose checksum is wrong by as much,
 * which its sender drops. Leaves by the port it came by, VLAN tags kept. */
#ifndef REPLY_ECHO_H
#define REPLY_ECHO_H

#include <linux/icmpv6.h>
#include <bpf/bpf_endian.h>

#include "csum.h"
#include "cv_knobs.h"
#include "gate.h"
#include "listener.h"
#include "pkt.h"
#include "reply.h"

/* linux/icmp.h has these, and drags in libc. */
#define ECHO4_REPLY 0
#define ECHO4_REQUEST 8

/* Type and code, then the checksum of both families. */
struct echo {
	__be16 type_code;
	__be16 check;
};

static __always_inline bool icmp_is_echo(enum cv_family family, __u8 type)
{
	return type == (family == CV_FAMILY_IPV4 ? ECHO4_REQUEST : ICMPV6_ECHO_REQUEST);
}

/* The code stays, and the two words of zero and 0xffff are the same to a sum, but for a message that is all zeroes. */
static __always_inline void echo_turn(struct echo *echo, __u8 type)
{
	__be16 request = echo->type_code;

	*(__u8 *)&echo->type_code = type;
	echo->check = csum_replace(echo->check, request, echo->type_code);
	if (!echo->check)
		echo->check = 0xffff;
}

/* Not a header with options, which a host has to look at (RFC 1122 3.2.2.6), and not to what is no one host. */
static __always_inline bool echo_is_plain4(const struct iphdr *ip, void *end)
{
	return (void *)(ip + 1) + sizeof(struct echo) <= end && ip->ihl == 5 && is_one_host4(ip->saddr) &&
	       ip->saddr != ip->daddr;
}

/* Not one with extension headers, likewise. */
static __always_inline bool echo_is_plain6(const struct ipv6hdr *ip, void *end)
{
	const __u32 *from = ip->saddr.in6_u.u6_addr32, *to = ip->daddr.in6_u.u6_addr32;

	return (void *)(ip + 1) + sizeof(struct echo) <= end && ip->nexthdr == IPPROTO_ICMPV6 &&
	       is_one_host6(&ip->saddr) &&
	       ((from[0] ^ to[0]) | (from[1] ^ to[1]) | (from[2] ^ to[2]) | (from[3] ^ to[3]));
}

/* That there are as many bytes is known by now; the verifier of 6.1 forgot. */
STAGE echo_turn4(struct iphdr *ip, void *end)
{
	__be16 *word = (__be16 *)&ip->ttl; /* TTL and protocol share a word of the checksum */
	__be16 before;
	__be32 source;

	if ((void *)(ip + 1) + sizeof(struct echo) > end)
		return CV_DROP_INTERNAL;
	before = *word;
	source = ip->saddr;
	ip->ttl = CV_OUTER_TTL;
	ip->check = csum_replace(ip->check, before, *word);
	ip->saddr = ip->daddr;
	ip->daddr = source;
	echo_turn((void *)(ip + 1), ECHO4_REPLY);
	return CV_ECHO_ANSWERED;
}

STAGE echo_turn6(struct ipv6hdr *ip, void *end)
{
	__u32 *from = ip->saddr.in6_u.u6_addr32, *to = ip->daddr.in6_u.u6_addr32;

	if ((void *)(ip + 1) + sizeof(struct echo) > end)
		return CV_DROP_INTERNAL;
	ip->hop_limit = CV_OUTER_TTL;
	for (int i = 0; i < 4; i++) {
		__u32 source = from[i];

		from[i] = to[i];
		to[i] = source;
	}
	echo_turn((void *)(ip + 1), ICMPV6_ECHO_REPLY);
	return CV_ECHO_ANSWERED;
}

/* Turns the request, whose IP header begins behind `link` bytes, into the reply. What is not to be answered passes, as
 * do all pings where the configuration says so: this host may have a use for them. Of `asked` mode, family and the
 * address that was asked are filled in. A function that the verifier checks by itself; weak, as clang would conclude from
 * its body that it never returns 0, and leave out the test by which the verifier learns that. */
__noinline __weak int reply_echo(struct xdp_md *ctx, const struct cv_directory *dir, struct pkt *asked,
				 __u32 link)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	void *ip = start + (link & 0x1f); /* tells the verifier what a link header is at most */
	struct ethhdr *eth = start;
	__u8 mac[ETH_ALEN];
	bool is_v4;

	if (!dir || !asked)
		return CV_DROP_INTERNAL;
	is_v4 = asked->family == CV_FAMILY_IPV4;
	if (!dir->answers_echo)
		return CV_PASS_PROTOCOL;
	if (!vip_is_here(dir, asked, cv_directory_hash(dir, asked->address)))
		return CV_PASS_NO_LISTENER;
	if ((void *)(eth + 1) > end || !(is_v4 ? echo_is_plain4(ip, end) : echo_is_plain6(ip, end)))
		return CV_PASS_PROTOCOL;
	if (!gate_may_reply_icmp(asked->mode, now_seconds()))
		return CV_DROP_ICMP_LIMIT;
	__builtin_memcpy(mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, mac, ETH_ALEN);
	return is_v4 ? echo_turn4(ip, end) : echo_turn6(ip, end);
}

#endif
