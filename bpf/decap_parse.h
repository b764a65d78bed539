/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a frame down to the start of the inner packet, or of a GUE header (decap_gue.h), and checks the inner header.
 * Pure: no maps, no helpers. The outer IPv4 checksum is not verified: nothing that is taken from that header survives
 * it but the ECN field, and the inner packet brings checksums of its own. */
#ifndef DECAP_PARSE_H
#define DECAP_PARSE_H

#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "cv_decap.h"
#include "ecn.h"

#define DECAP_INLINE static inline __attribute__((always_inline)) CV_MUST_CHECK

#define DECAP_MAX_TAGS 2
#define DECAP_TAG_LEN 4
/* Linux puts a tunnel encapsulation limit into a destination options header (RFC 2473 4.1.1). */
#define DECAP_MAX_EXTENSIONS 4

#define DECAP_IPV4_FRAGMENT 0x3fff /* more fragments, or an offset */
#define DECAP_IPV4_OFFSET 0x1fff
#define DECAP_IPV6_OFFSET 0xfff8

/* A frame and what is known about it. `pos` is the first byte not yet read; bytes between `pos` and `end`
 * can be read directly, the frame itself may be longer. */
struct decap_pkt {
	void *start;
	void *pos;
	void *end;
	__u32 frame_len;
	__u32 payload_len; /* that the outer header announces behind `pos` */
	__u32 tags;	   /* VLAN tags */
	__be16 ethertype;  /* behind the tags */
	enum cv_family outer;
	enum cv_family inner;
	enum ecn ecn; /* of the outer header */
	bool is_fragment;
	__u16 gue_port; /* of this host; 0: none */
	__u16 udp_len;	/* from the UDP header on, `udp_at` bytes behind `start`; 0: the tunnel has none */
	__u32 udp_at;
	__be16 udp_checksum;
	__u8 source[16];
	__u8 destination[16];
};

DECAP_INLINE enum cv_decap_verdict decap_parse_link(struct decap_pkt *pkt)
{
	const struct ethhdr *eth = pkt->pos;

	if ((void *)(eth + 1) > pkt->end)
		return CV_DECAP_PASS_MALFORMED;
	pkt->ethertype = eth->h_proto;
	pkt->pos += sizeof(*eth);
	for (__u32 i = 0; i < DECAP_MAX_TAGS; i++) {
		/* The tag's second half and the EtherType behind it: h_proto held its first half. */
		const __be16 *rest = pkt->pos;

		if (pkt->ethertype != bpf_htons(ETH_P_8021Q) && pkt->ethertype != bpf_htons(ETH_P_8021AD))
			break;
		if ((void *)(rest + 2) > pkt->end)
			return CV_DECAP_PASS_MALFORMED;
		pkt->ethertype = rest[1];
		pkt->pos += DECAP_TAG_LEN;
		pkt->tags++;
	}
	return CV_DECAP_CONTINUE;
}

static inline __attribute__((always_inline)) enum cv_family decap_carried(__u8 protocol)
{
	switch (protocol) {
	case IPPROTO_IPIP:
		return CV_FAMILY_IPV4;
	case IPPROTO_IPV6:
		return CV_FAMILY_IPV6;
	default:
		return CV_FAMILY_NONE;
	}
}

static inline __attribute__((always_inline)) void decap_map_address(__u8 mapped[16], const __be32 *address)
{
	__builtin_memset(mapped, 0, 10);
	__builtin_memset(mapped + 10, 0xff, 2);
	__builtin_memcpy(mapped + 12, address, 4);
}

/* UDP to the port of GUE. */
DECAP_INLINE enum cv_decap_verdict decap_parse_udp(struct decap_pkt *pkt)
{
	const struct udphdr *udp = pkt->pos;

	if (!pkt->gue_port)
		return CV_DECAP_PASS_NOT_TUNNEL;
	if ((void *)(udp + 1) > pkt->end)
		return CV_DECAP_PASS_MALFORMED;
	if (udp->dest != bpf_htons(pkt->gue_port))
		return CV_DECAP_PASS_NOT_TUNNEL;
	if (pkt->is_fragment)
		return CV_DECAP_PASS_FRAGMENT;
	pkt->udp_at = (__u32)(pkt->pos - pkt->start);
	pkt->udp_len = bpf_ntohs(udp->len);
	pkt->udp_checksum = udp->check;
	if (pkt->udp_len < sizeof(*udp) || pkt->udp_len > pkt->payload_len)
		return CV_DECAP_PASS_MALFORMED;
	pkt->payload_len = pkt->udp_len - (__u32)sizeof(*udp);
	pkt->pos += sizeof(*udp);
	return CV_DECAP_CONTINUE;
}

/* What the outer IP header announces, at `pos`: a tunnel, or not. */
DECAP_INLINE enum cv_decap_verdict decap_parse_payload(struct decap_pkt *pkt, __u8 protocol)
{
	if (protocol == IPPROTO_UDP)
		return decap_parse_udp(pkt);
	pkt->inner = decap_carried(protocol);
	if (pkt->inner == CV_FAMILY_NONE)
		return CV_DECAP_PASS_NOT_TUNNEL;
	return pkt->is_fragment ? CV_DECAP_PASS_FRAGMENT : CV_DECAP_CONTINUE;
}

DECAP_INLINE enum cv_decap_verdict decap_parse_ipv4(struct decap_pkt *pkt)
{
	const struct iphdr *ip = pkt->pos;
	__u32 header_len, total_len;

	if ((void *)(ip + 1) > pkt->end)
		return CV_DECAP_PASS_MALFORMED;
	if (ip->protocol != IPPROTO_UDP && decap_carried(ip->protocol) == CV_FAMILY_NONE)
		return CV_DECAP_PASS_NOT_TUNNEL;
	header_len = ip->ihl * 4u;
	total_len = bpf_ntohs(ip->tot_len);
	if (ip->version != 4 || header_len < sizeof(*ip) || total_len < header_len ||
	    pkt->pos + header_len > pkt->end || (__u32)(pkt->pos - pkt->start) + total_len > pkt->frame_len)
		return CV_DECAP_PASS_MALFORMED;
	pkt->is_fragment = ip->frag_off & bpf_htons(DECAP_IPV4_FRAGMENT);
	/* whose datagram it is stands in the first fragment only */
	if (ip->protocol == IPPROTO_UDP && ip->frag_off & bpf_htons(DECAP_IPV4_OFFSET))
		return CV_DECAP_PASS_NOT_TUNNEL;
	pkt->outer = CV_FAMILY_IPV4;
	pkt->ecn = ecn_get4(ip);
	decap_map_address(pkt->source, &ip->saddr);
	decap_map_address(pkt->destination, &ip->daddr);
	pkt->payload_len = total_len - header_len;
	pkt->pos += header_len;
	return decap_parse_payload(pkt, ip->protocol);
}

/* What stands at the end of the chain of extension headers, or why the walk ended before. */
DECAP_INLINE enum cv_decap_verdict decap_parse_last(struct decap_pkt *pkt, __u8 next)
{
	switch (next) {
	case IPPROTO_FRAGMENT: {
		const struct {
			__u8 next;
			__u8 reserved;
			__be16 offset;
			__be32 id;
		} *fragment = pkt->pos;

		if ((void *)(fragment + 1) > pkt->end)
			return CV_DECAP_PASS_MALFORMED;
		pkt->is_fragment = true;
		if (fragment->next == IPPROTO_UDP && fragment->offset & bpf_htons(DECAP_IPV6_OFFSET))
			return CV_DECAP_PASS_NOT_TUNNEL;
		pkt->pos += sizeof(*fragment);
		return decap_parse_payload(pkt, fragment->next);
	}
	case IPPROTO_HOPOPTS:
	case IPPROTO_DSTOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_AH:
		return CV_DECAP_PASS_EXTENSION;
	}
	return decap_parse_payload(pkt, next);
}

DECAP_INLINE enum cv_decap_verdict decap_parse_ipv6(struct decap_pkt *pkt)
{
	const struct ipv6hdr *ip = pkt->pos;
	__u8 next;

	if ((void *)(ip + 1) > pkt->end)
		return CV_DECAP_PASS_MALFORMED;
	pkt->payload_len = bpf_ntohs(ip->payload_len);
	pkt->pos += sizeof(*ip);
	if (ip->version != 6 || (__u32)(pkt->pos - pkt->start) + pkt->payload_len > pkt->frame_len)
		return CV_DECAP_PASS_MALFORMED;
	pkt->outer = CV_FAMILY_IPV6;
	pkt->ecn = ecn_get6(ip);
	__builtin_memcpy(pkt->source, &ip->saddr, sizeof(pkt->source));
	__builtin_memcpy(pkt->destination, &ip->daddr, sizeof(pkt->destination));
	next = ip->nexthdr;
	for (__u32 i = 0; i < DECAP_MAX_EXTENSIONS; i++) {
		const struct ipv6_opt_hdr *extension = pkt->pos;
		__u32 len;

		if (next != IPPROTO_HOPOPTS && next != IPPROTO_DSTOPTS)
			break;
		if ((void *)(extension + 1) > pkt->end)
			return CV_DECAP_PASS_MALFORMED;
		len = (extension->hdrlen + 1u) * 8;
		if (len > pkt->payload_len || pkt->pos + len > pkt->end)
			return CV_DECAP_PASS_MALFORMED;
		next = extension->nexthdr;
		pkt->payload_len -= len;
		pkt->pos += len;
	}
	return decap_parse_last(pkt, next);
}

/* From the start of the frame to the start of what the tunnel carries. CV_DECAP_CONTINUE: it is a tunnel packet,
 * whole, and everything in `pkt` is set, but `inner` where udp_len says that a GUE header comes first. */
DECAP_INLINE enum cv_decap_verdict decap_parse(struct decap_pkt *pkt)
{
	enum cv_decap_verdict verdict = decap_parse_link(pkt);

	if (verdict)
		return verdict;
	if (pkt->ethertype == bpf_htons(ETH_P_IP))
		return decap_parse_ipv4(pkt);
	if (pkt->ethertype == bpf_htons(ETH_P_IPV6))
		return decap_parse_ipv6(pkt);
	return CV_DECAP_PASS_NOT_IP;
}

/* The inner header: its version, its lengths, and the ECN field it leaves with. Bytes behind the inner
 * packet are padding. */
DECAP_INLINE enum cv_decap_verdict decap_inner_ipv4(struct decap_pkt *pkt)
{
	struct iphdr *ip = pkt->pos;
	__u32 header_len, total_len;
	enum ecn ecn;

	if ((void *)(ip + 1) > pkt->end)
		return CV_DECAP_DROP_INNER_LENGTH;
	if (ip->version != 4)
		return CV_DECAP_DROP_INNER_VERSION;
	header_len = ip->ihl * 4u;
	total_len = bpf_ntohs(ip->tot_len);
	if (header_len < sizeof(*ip) || total_len < header_len || total_len > pkt->payload_len)
		return CV_DECAP_DROP_INNER_LENGTH;
	ecn = ecn_decapsulate(ecn_get4(ip), pkt->ecn);
	if (ecn == ECN_DROP)
		return CV_DECAP_DROP_ECN;
	if (ecn != ecn_get4(ip))
		ecn_set4(ip, ecn);
	return CV_DECAP_CONTINUE;
}

DECAP_INLINE enum cv_decap_verdict decap_inner_ipv6(struct decap_pkt *pkt)
{
	struct ipv6hdr *ip = pkt->pos;
	enum ecn ecn;

	if ((void *)(ip + 1) > pkt->end)
		return CV_DECAP_DROP_INNER_LENGTH;
	if (ip->version != 6)
		return CV_DECAP_DROP_INNER_VERSION;
	if (sizeof(*ip) + bpf_ntohs(ip->payload_len) > pkt->payload_len)
		return CV_DECAP_DROP_INNER_LENGTH;
	ecn = ecn_decapsulate(ecn_get6(ip), pkt->ecn);
	if (ecn == ECN_DROP)
		return CV_DECAP_DROP_ECN;
	if (ecn != ecn_get6(ip))
		ecn_set6(ip, ecn);
	return CV_DECAP_CONTINUE;
}

#endif
