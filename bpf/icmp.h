/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP (RFC 792) and ICMPv6 (RFC 4443) to a listener's address. An error quotes the packet it is about: one that a
 * backend sent, so it goes to the backend of that flow, found with the quoted addresses and ports turned round. Without
 * it path MTU discovery ends at the balancer, and downloads hang.
 *
 * Anybody can forge an error: none of them keeps a flow alive, counts for it or makes an entry. What is neither error nor
 * ping, neighbour discovery first of all, passes. */
#ifndef ICMP_H
#define ICMP_H

#include <linux/icmpv6.h>
#include <bpf/bpf_endian.h>

#include "flow.h"
#include "listener.h"
#include "parse_ip.h"
#include "pkt.h"
#include "reply_echo.h"
#include "route.h"
#include "scratch.h"
#include "select.h"

/* Types of ICMP; linux/icmp.h has them, and drags in libc. */
#define ICMP4_UNREACHABLE 3
#define ICMP4_TIME_EXCEEDED 11
#define ICMP4_PARAMETER_PROBLEM 12

/* The header of every message, up to the quoted packet of an error. */
#define ICMP_HEADER_BYTES 8

/* What an error quotes of a transport header at least (RFC 792). */
#define ICMP_QUOTED_BYTES 8

static __always_inline bool icmp_is_error(enum cv_family family, __u8 type)
{
	if (family == CV_FAMILY_IPV4)
		return type == ICMP4_UNREACHABLE || type == ICMP4_TIME_EXCEEDED ||
		       type == ICMP4_PARAMETER_PROBLEM;
	return type >= ICMPV6_DEST_UNREACH && type <= ICMPV6_PARAMPROB;
}

/* The quoted headers tell nothing of lengths that could be held against the frame: a router cuts the quote where it
 * likes. Both functions read addresses and leave `at` at the transport header, or at that of a later fragment. */
STAGE quote_ip4(struct xdp_md *ctx, struct pkt *quoted, struct extensions *at)
{
	struct iphdr *ip = (void *)(long)ctx->data + (at->offset & 0x7fff);
	__u32 header;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || at->left < sizeof(*ip) || ip->version != 4)
		return CV_DROP_ICMP_QUOTE;
	header = ip->ihl * 4;
	if (header < sizeof(*ip) || header > at->left)
		return CV_DROP_ICMP_QUOTE;
	if (ip->saddr != quoted->address[3])
		return CV_DROP_ICMP_FOREIGN;
	quoted->client[0] = quoted->client[1] = 0;
	quoted->client[2] = bpf_htonl(0xffff);
	quoted->client[3] = ip->daddr;
	at->next = ip->protocol;
	at->is_fragment = ip->frag_off & bpf_htons(0x1fff);
	at->offset += header;
	at->left -= header;
	return CV_CONTINUE;
}

/* Extension headers of a first fragment go on behind its fragment header. */
static __always_inline bool quote_extensions(struct xdp_md *ctx, struct extensions *at)
{
	if (extensions_parse(ctx, at))
		return false;
	if (!at->is_fragment || at->fragment_at)
		return true;
	at->is_fragment = false;
	return !extensions_parse(ctx, at);
}

STAGE quote_ip6(struct xdp_md *ctx, struct pkt *quoted, struct extensions *at)
{
	struct ipv6hdr *ip = (void *)(long)ctx->data + (at->offset & 0x7fff);
	const __u32 *from = ip->saddr.in6_u.u6_addr32;

	if ((void *)(ip + 1) > (void *)(long)ctx->data_end || at->left < sizeof(*ip) || ip->version != 6)
		return CV_DROP_ICMP_QUOTE;
	for (int i = 0; i < 4; i++)
		if (from[i] != quoted->address[i])
			return CV_DROP_ICMP_FOREIGN;
	__builtin_memcpy(quoted->client, &ip->daddr, sizeof(quoted->client));
	at->next = ip->nexthdr;
	at->offset += sizeof(*ip);
	at->left -= sizeof(*ip);
	return quote_extensions(ctx, at) ? CV_CONTINUE : CV_DROP_ICMP_QUOTE;
}

/* Reads the quoted packet, and turns it round: a packet of the client's, in the flow that the error is about. */
STAGE quote_read(struct xdp_md *ctx, struct pkt *quoted, struct extensions *at)
{
	enum cv_verdict verdict;
	__u16 *ports; /* source, destination */

	verdict = quoted->family == CV_FAMILY_IPV4 ? quote_ip4(ctx, quoted, at) : quote_ip6(ctx, quoted, at);
	if (verdict)
		return verdict;
	if (at->next != CV_PROTOCOL_TCP && at->next != CV_PROTOCOL_UDP)
		return CV_PASS_PROTOCOL; /* not sent by a backend: an echo reply of this host's, perhaps */
	if (at->is_fragment)
		return CV_DROP_ICMP_NO_PORTS;
	ports = (void *)(long)ctx->data + (at->offset & 0x7fff);
	if ((void *)(ports + 2) > (void *)(long)ctx->data_end || at->left < ICMP_QUOTED_BYTES)
		return CV_DROP_ICMP_QUOTE;
	quoted->protocol = at->next;
	quoted->port = bpf_ntohs(ports[0]);
	quoted->client_port = bpf_ntohs(ports[1]);
	return CV_CONTINUE;
}

/* The backend that has the flow, even if its time is over here: the backend may not think so. A flow that nobody here
 * knows is a neighbour's, right behind ECMP, and Maglev knows where the neighbour has it. */
STAGE icmp_route(const struct cv_listener *listener, struct pkt *quoted)
{
	struct scratch *scratch = scratch_get(quoted->mode);
	struct cv_listener_stats *stats = listener_stats(quoted);
	struct cv_backend *backend;
	struct cv_flow *flow;

	if (!scratch)
		return CV_DROP_INTERNAL;
	flow_ref_init(&scratch->ref, quoted);
	flow = flow_lookup(quoted, &scratch->ref);
	if (!flow)
		flow = bpf_map_lookup_elem(&cv_half_open, &scratch->ref.key6);
	if (flow && flow->state != CV_FLOW_REFUSED) {
		if (!flow_backend(flow))
			return route_anew(listener, quoted, &backend);
		quoted->backend = flow->backend;
		quoted->source = flow->state == CV_FLOW_HALF_OPEN ? CV_SOURCE_HALF_OPEN : CV_SOURCE_FLOW;
		return CV_CONTINUE;
	}
	if (listener->unknown_packet == CV_STRAY_RESET)
		return CV_DROP_ICMP_UNKNOWN;
	if (stats)
		stats->icmp_unknown_flow++;
	return route_anew(listener, quoted, &backend);
}

/* Finds listener, backend and hash of the flow that an error is about. Of `quoted` mode, family and the address that
 * the error was sent to are filled in; the quote begins at `offset` of the frame and is `bytes` long. A function that
 * the verifier checks by itself, as errors are rare. */
__noinline int icmp_error(struct xdp_md *ctx, const struct cv_directory *dir, struct pkt *quoted,
			  __u32 offset, __u32 bytes)
{
	struct extensions at = { .offset = offset, .left = bytes };
	struct cv_listener *listener;
	enum cv_verdict verdict;
	__u64 address_hash;

	if (!dir || !quoted)
		return CV_DROP_INTERNAL;
	quoted->listener = 0;
	address_hash = cv_directory_hash(dir, quoted->address);
	if (!vip_is_here(dir, quoted, address_hash))
		return CV_PASS_NO_LISTENER;
	verdict = quote_read(ctx, quoted, &at);
	if (verdict)
		return verdict;
	verdict = listener_at_port(quoted, dir, address_hash, &listener);
	if (verdict)
		return verdict;
	quoted->hash = select_hash(dir, listener, quoted);
	return icmp_route(listener, quoted);
}

/* What is neither TCP nor UDP, to what is likely a listener's address. Goes on with an error that some backend is to
 * have: in the listener's way of forwarding, and by the path that the packets of its flow take. */
STAGE icmp(struct xdp_md *ctx, struct pkt *pkt, const struct cv_directory *dir,
	   struct cv_listener **ret_listener, struct cv_backend **ret_backend)
{
	bool is_v4 = pkt->family == CV_FAMILY_IPV4;
	struct scratch *scratch = scratch_get(pkt->mode);
	enum cv_verdict verdict;
	struct pkt *other;
	__u8 *type;

	if ((__u8)pkt->protocol != (is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return CV_PASS_PROTOCOL;
	if (pkt->is_fragment)
		return CV_PASS_ICMP_FRAGMENT;
	type = pkt_take(pkt, ICMP_HEADER_BYTES);
	if (!type || pkt->l4_bytes < ICMP_HEADER_BYTES)
		return CV_PASS_MALFORMED;
	if (!scratch)
		return CV_DROP_INTERNAL;
	other = &scratch->other;
	other->mode = pkt->mode;
	other->family = pkt->family;
	__builtin_memcpy(other->address, pkt->address, sizeof(other->address));
	if (icmp_is_echo(pkt->family, *type)) {
		verdict = reply_echo(ctx, dir, other, (__u32)(pkt->ip - pkt->start));
		return verdict ? verdict : CV_DROP_INTERNAL;
	}
	if (!icmp_is_error(pkt->family, *type))
		return CV_PASS_PROTOCOL;
	verdict = icmp_error(ctx, dir, other, (__u32)(pkt->cursor - pkt->start),
			     pkt->l4_bytes - ICMP_HEADER_BYTES);
	pkt->is_icmp_error = true;
	pkt->listener = other->listener;
	if (verdict)
		return verdict;
	pkt->backend = other->backend;
	pkt->source = other->source;
	pkt->hash = other->hash;
	*ret_listener = listener_get(pkt->listener);
	*ret_backend = backend_get(pkt->backend);
	return *ret_listener && *ret_backend ? CV_CONTINUE : CV_DROP_INTERNAL;
}

#endif
