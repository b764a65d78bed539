/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends a packet on to its backend: one hop of its TTL, the outer header of a tunnel, new MAC addresses, and the
 * port to leave by. The record of the backend holds all that the header needs. */
#ifndef FORWARD_H
#define FORWARD_H

#include <bpf/bpf_endian.h>

#include "csum.h"
#include "cv_maps.h"
#include "mss.h"
#include "outer.h"
#include "pkt.h"

/* We are a hop (RFC 1812 5.3.1, RFC 2003 3.1), and the loop of two balancers that take each other for a backend
 * must end. */
STAGE forward_ttl(struct pkt *pkt)
{
	if (pkt->family == CV_FAMILY_IPV4) {
		struct iphdr *ip = pkt->ip4;
		__be16 *word = (__be16 *)&ip->ttl; /* TTL and protocol share a word of the checksum */
		__be16 before;

		if ((void *)(ip + 1) > pkt->end)
			return CV_DROP_INTERNAL;
		if (ip->ttl <= 1)
			return CV_DROP_TTL;
		before = *word;
		ip->ttl--;
		ip->check = csum_replace(ip->check, before, *word);
	} else {
		struct ipv6hdr *ip = pkt->ip6;

		if ((void *)(ip + 1) > pkt->end)
			return CV_DROP_INTERNAL;
		if (ip->hop_limit <= 1)
			return CV_DROP_TTL;
		ip->hop_limit--;
	}
	return CV_CONTINUE;
}

/* A frame longer than the port's own MTU came as a whole from a sender on this host, which will cut it into
 * segments later (generic mode sees it before that): its length says nothing. */
static __always_inline bool is_uncut(struct xdp_md *ctx, const struct pkt *pkt)
{
	__u32 mtu = 0;

	return bpf_check_mtu(ctx, 0, &mtu, 0, 0) < 0 || pkt->ip_bytes > mtu;
}

static __always_inline __u32 outer_bytes(const struct cv_directory *dir, const struct cv_listener *listener,
					 const struct cv_backend *backend)
{
	return cv_outer_bytes(listener->forward, dir->gue_variant, backend->family);
}

/* How long a client's packet may be that reaches the backend in one piece. */
static __always_inline __u32 forward_room(const struct cv_directory *dir, const struct cv_listener *listener,
					  const struct cv_backend *backend)
{
	__u32 outer = outer_bytes(dir, listener, backend);

	return backend->mtu > outer ? backend->mtu - outer : 0;
}

/* Ethernet header towards the backend. Tags stay as they came on the port they came by. */
static __always_inline void *fill_eth(void *start, const struct cv_backend *backend, const struct pkt *pkt,
				      __u8 vlans)
{
	const __u32 *addresses = (const __u32 *)backend->next_hop_mac; /* both, as the header has them */
	__be16 *type = start + 2 * ETH_ALEN;

	for (int i = 0; i < 3; i++)
		((__u32 *)start)[i] = addresses[i];
	for (int i = 0; i < PKT_MAX_VLANS && i < vlans; i++) {
		*(vlan_tag *)type = pkt->vlan[i];
		type += sizeof(vlan_tag) / sizeof(*type);
	}
	/* of a tunnel, or of the packet itself: without a tunnel both have one family */
	*type++ = backend->family == CV_FAMILY_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return type;
}

STAGE forward_rewrite(struct xdp_md *ctx, struct pkt *pkt, const struct cv_directory *dir,
		      const struct cv_listener *listener, const struct cv_backend *backend, __u8 vlans)
{
	bool is_tunnel = outer_is_tunnel(listener->forward);
	struct inner inner = {
		.family = pkt->family,
		.tos = pkt->tos,
		.bytes = pkt->ip_bytes,
		.frag_off = OUTER_DF,
		.hash = (__u32)pkt->hash, /* its high half chose the slot */
	};
	__u32 outer = outer_bytes(dir, listener, backend);
	void *start, *end, *ip;

	if (is_tunnel && pkt->family == CV_FAMILY_IPV4) {
		if ((void *)(pkt->ip4 + 1) > pkt->end)
			return CV_DROP_INTERNAL;
		inner.id = bpf_ntohs(pkt->ip4->id);
		inner.frag_off = bpf_ntohs(pkt->ip4->frag_off) & OUTER_DF;
	}
	if (bpf_xdp_adjust_head(ctx, (int)(pkt->vlans * 4) - (int)(vlans * 4) - (int)outer))
		return CV_DROP_HEADROOM;
	start = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	/* with all the tags there may be: what we do not write of it is the packet, and none is shorter */
	if (start + ETH_HLEN + PKT_MAX_VLANS * 4 > end)
		return CV_DROP_INTERNAL;
	ip = fill_eth(start, backend, pkt, vlans);
	if (is_tunnel && !outer_fill(ip, end, listener->forward, backend, dir, &inner))
		return CV_DROP_INTERNAL;
	return CV_CONTINUE;
}

/* Rewrites the packet for the backend and says by which way it leaves: CV_TX, CV_REDIRECT (the redirect is
 * then set up), or the reason of a drop. */
STAGE forward(struct xdp_md *ctx, struct pkt *pkt, const struct cv_directory *dir,
	      const struct cv_listener *listener, const struct cv_backend *backend)
{
	bool is_hairpin = backend->ifindex == ctx->ingress_ifindex;
	enum cv_verdict verdict;
	__u32 bytes;

	if (!backend->ifindex)
		return CV_DROP_NO_NEXT_HOP;
	if (listener->forward == CV_FORWARD_L2 && (!backend->on_link || backend->family != pkt->family))
		return CV_DROP_FAMILY;
	bytes = pkt->ip_bytes + outer_bytes(dir, listener, backend);
	if (bytes > 0xffff || (bytes > backend->mtu && !is_uncut(ctx, pkt)))
		return CV_DROP_TOO_BIG;
	if (!is_hairpin && bpf_redirect_map(&cv_ports, backend->ifindex, 0) != XDP_REDIRECT)
		return CV_DROP_NO_NEXT_HOP;
	verdict = forward_ttl(pkt);
	if (verdict)
		return verdict;
	if (listener->mss)
		mss_clamp(ctx, listener, backend, ETH_HLEN + pkt->vlans * 4 + pkt->ip_bytes - pkt->l4_bytes,
			  pkt->tcp_flags);
	verdict = forward_rewrite(ctx, pkt, dir, listener, backend, is_hairpin ? pkt->vlans : 0);
	if (verdict)
		return verdict;
	return is_hairpin ? CV_TX : CV_REDIRECT;
}

#endif
