/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet, with up to two VLAN tags (IEEE 802.1Q, 802.1ad). */
#ifndef PARSE_ETH_H
#define PARSE_ETH_H

#include <bpf/bpf_endian.h>

#include "frame.h"
#include "pkt.h"

static __always_inline bool is_vlan(__be16 ethertype)
{
	return ethertype == bpf_htons(ETH_P_8021Q) || ethertype == bpf_htons(ETH_P_8021AD);
}

/* Lets the verifier forget how many tags there are: it sees no bounds to the difference of two pointers but those of the
 * mask. Else it would follow the rest of the program once for each number of them. */
static __always_inline void forget_vlans(struct pkt *pkt)
{
	void *here = pkt->cursor;
	__u64 link;

	asm volatile("" : "+r"(here)); /* clang would see the difference */
	link = (__u64)(here - pkt->start) & 0x1f;
	pkt->cursor = pkt->start + link;
	pkt->vlans = (__u8)((link - ETH_HLEN) / sizeof(vlan_tag));
}

/* Sets ethertype and tags. Behind a third tag nobody looks: it passes as "not IP". */
STAGE parse_eth(struct xdp_md *ctx, struct pkt *pkt)
{
	__be16 *words = pkt_take(pkt, ETH_HLEN); /* struct ethhdr is packed, and would be read byte by byte */

	if (!words)
		return frame_lack(ctx, pkt, ETH_HLEN);
	pkt->ethertype = words[ETH_HLEN / 2 - 1];
	for (int i = 0; i < PKT_MAX_VLANS; i++) {
		__be16 *tag; /* control, then the type of what follows */

		if (!is_vlan(pkt->ethertype))
			break;
		tag = pkt_take(pkt, 2 * sizeof(*tag));
		if (!tag)
			return frame_lack(ctx, pkt, 2 * sizeof(*tag));
		pkt->vlan[i] = *(vlan_tag *)(tag - 1);
		pkt->ethertype = tag[1];
	}
	forget_vlans(pkt);
	return CV_CONTINUE;
}

#endif
