/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv4 with options (RFC 791) and IPv6 with extension headers (RFC 8200). Nothing is known to be ours here,
 * so whatever is odd passes. */
#ifndef PARSE_IP_H
#define PARSE_IP_H

#include <linux/bpf.h>
#include <bpf/bpf_endian.h>

#include "frame.h"
#include "pkt.h"

/* Extension headers that are looked through; a packet with more passes as "other protocol". */
#define PARSE_MAX_EXTENSIONS 6

STAGE parse_ip4(struct xdp_md *ctx, struct pkt *pkt)
{
	struct iphdr *ip = pkt_take(pkt, sizeof(*ip));
	__u32 header;

	if (!ip)
		return frame_lack(ctx, pkt, sizeof(*ip));
	if (ip->version != 4 || ip->ihl < 5)
		return CV_PASS_MALFORMED;
	header = ip->ihl * 4;
	pkt->ip4 = ip;
	pkt->ip_bytes = bpf_ntohs(ip->tot_len);
	if (pkt->ip_bytes < header || !frame_has(ctx, pkt, ip, pkt->ip_bytes))
		return CV_PASS_MALFORMED;
	asm volatile("" : "+r"(header)); /* clang would drop the mask, which bounds it for verifiers */
	if (!pkt_take(pkt, (header - sizeof(*ip)) & 0x3f))
		return CV_PASS_SPLIT;
	pkt->family = CV_FAMILY_IPV4;
	pkt->tos = ip->tos;
	pkt->protocol = ip->protocol;
	if (ip->frag_off & bpf_htons(0x3fff)) { /* more fragments, or an offset */
		pkt->is_fragment = true;
		pkt->fragment_at = (__u16)(bpf_ntohs(ip->frag_off) << 3);
		pkt->fragment_id = bpf_ntohs(ip->id);
	}
	pkt->l4_bytes = (__u16)(pkt->ip_bytes - header);
	pkt->client[2] = pkt->address[2] = bpf_htonl(0xffff); /* v4-mapped, RFC 4291 2.5.5.2 */
	pkt->client[3] = ip->saddr;
	pkt->address[3] = ip->daddr;
	return CV_CONTINUE;
}

/* Where the walk over extension headers stands. */
struct extensions {
	__u32 offset; /* of the next header, from the start of the frame */
	__u32 left;   /* bytes of the IP packet from there on */
	__u8 next;    /* what it is */
	bool is_fragment;
	__u16 fragment_at; /* as in struct pkt */
	__u32 fragment_id;
};

/* Walks to the transport header, or to the payload of a fragment. CV_CONTINUE, or why not: the headers contradict
 * themselves, or reach out of what can be read. A function that the verifier checks by itself: inlined, each number of headers would be one more
 * kind of packet all the way down. */
__noinline enum cv_verdict extensions_parse(struct xdp_md *ctx, struct extensions *at)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;

	if (!at)
		return CV_PASS_MALFORMED;
	for (int i = 0; i < PARSE_MAX_EXTENSIONS; i++) {
		struct {
			__u8 next;
			__u8 length; /* in units of 8 bytes, the first not counted */
			__be16 fragment;
			__be32 identification;
		} *header = start + (at->offset & 0x7fff);
		__u32 bytes = 8;

		if (at->next != IPPROTO_HOPOPTS && at->next != IPPROTO_ROUTING &&
		    at->next != IPPROTO_DSTOPTS && at->next != IPPROTO_FRAGMENT)
			return CV_CONTINUE;
		if (at->left < 8)
			return CV_PASS_MALFORMED;
		if ((void *)header + 8 > end)
			return CV_PASS_SPLIT; /* the frame holds the packet */
		if (at->next != IPPROTO_FRAGMENT) {
			bytes += header->length * 8;
		} else if (header->fragment & bpf_htons(0xfff9)) {
			/* not an atomic fragment, which is whole in itself (RFC 6946) */
			at->is_fragment = true;
			at->fragment_at = bpf_ntohs(header->fragment) & 0xfff8;
			at->fragment_id = bpf_ntohl(header->identification);
		}
		at->next = header->next;
		if (at->left < bytes)
			return CV_PASS_MALFORMED;
		at->left -= bytes;
		at->offset += bytes;
		if (at->is_fragment)
			return CV_CONTINUE;
	}
	return CV_CONTINUE;
}

STAGE parse_ip6(struct xdp_md *ctx, struct pkt *pkt)
{
	struct ipv6hdr *ip = pkt_take(pkt, sizeof(*ip));
	struct extensions at = { 0 };
	enum cv_verdict verdict;
	__u32 bytes;

	if (!ip)
		return frame_lack(ctx, pkt, sizeof(*ip));
	if (ip->version != 6)
		return CV_PASS_MALFORMED;
	pkt->ip6 = ip;
	pkt->l4_bytes = bpf_ntohs(ip->payload_len);
	bytes = sizeof(*ip) + pkt->l4_bytes;
	if (bytes > 0xffff || !frame_has(ctx, pkt, ip, bytes))
		return CV_PASS_MALFORMED;
	pkt->ip_bytes = (__u16)bytes;
	pkt->family = CV_FAMILY_IPV6;
	pkt->tos = (__u8)(ip->priority << 4 | ip->flow_lbl[0] >> 4);
	__builtin_memcpy(pkt->client, &ip->saddr, sizeof(pkt->client));
	__builtin_memcpy(pkt->address, &ip->daddr, sizeof(pkt->address));
	/* a v4-mapped address has no business on the wire (RFC 4291 2.5.5.2), and must not meet our IPv4 keys */
	if (!(pkt->address[0] | pkt->address[1]) && pkt->address[2] == bpf_htonl(0xffff))
		return CV_PASS_MALFORMED;
	pkt->protocol = ip->nexthdr;
	if (pkt->protocol == CV_PROTOCOL_TCP || pkt->protocol == CV_PROTOCOL_UDP)
		return CV_CONTINUE;
	at.offset = (__u32)(pkt->cursor - pkt->start);
	at.left = pkt->l4_bytes;
	at.next = ip->nexthdr;
	verdict = extensions_parse(ctx, &at);
	if (verdict)
		return verdict;
	pkt->protocol = at.next;
	pkt->is_fragment = at.is_fragment;
	pkt->fragment_at = at.fragment_at;
	pkt->fragment_id = at.fragment_id;
	pkt->l4_bytes = (__u16)at.left;
	pkt->cursor = pkt->start + (at.offset & 0x7fff);
	return CV_CONTINUE;
}

STAGE parse_ip(struct xdp_md *ctx, struct pkt *pkt)
{
	if (pkt->ethertype == bpf_htons(ETH_P_IP))
		return parse_ip4(ctx, pkt);
	if (pkt->ethertype == bpf_htons(ETH_P_IPV6))
		return parse_ip6(ctx, pkt);
	return CV_PASS_NOT_IP;
}

#endif
