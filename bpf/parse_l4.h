/* SPDX-License-Identifier: GPL-2.0-only */
/* TCP (RFC 9293) and UDP (RFC 768), in two steps: the ports, which are needed to know whether the packet is
 * ours, and, once it is, the rest. */
#ifndef PARSE_L4_H
#define PARSE_L4_H

#include <linux/udp.h>
#include <bpf/bpf_endian.h>

#include "pkt.h"

/* Reads the ports, and leaves the cursor at the transport header. */
STAGE parse_ports(struct pkt *pkt)
{
	__be32 *ports = pkt->cursor;

	if (pkt->l4_bytes < sizeof(*ports))
		return CV_PASS_MALFORMED;
	if ((void *)(ports + 1) > pkt->end)
		return CV_PASS_SPLIT; /* the frame holds the packet */
	pkt->client_port = (__u16)(bpf_ntohl(*ports) >> 16);
	pkt->port = (__u16)bpf_ntohl(*ports);
	return CV_CONTINUE;
}

/* Holds the lengths against each other: the IP header said how much there is. A first fragment has the header at least
 * (fragment_check), and of UDP need not have more. */
STAGE parse_l4(struct pkt *pkt)
{
	if (pkt->protocol == CV_PROTOCOL_TCP) {
		struct tcphdr *tcp = pkt_take(pkt, sizeof(*tcp));

		if (!tcp && pkt->l4_bytes >= sizeof(*tcp))
			return CV_DROP_SPLIT;
		if (!tcp || tcp->doff < 5)
			return CV_DROP_MALFORMED;
		if (pkt->l4_bytes < tcp->doff * 4)
			return pkt->is_fragment ? CV_DROP_FRAGMENT_TINY : CV_DROP_MALFORMED;
		pkt->tcp_flags = ((__u8 *)tcp)[13];
	} else {
		struct udphdr *udp = pkt_take(pkt, sizeof(*udp));

		if (!udp && pkt->l4_bytes >= sizeof(*udp))
			return CV_DROP_SPLIT;
		if (!udp || bpf_ntohs(udp->len) < sizeof(*udp) ||
		    (bpf_ntohs(udp->len) > pkt->l4_bytes && !pkt->is_fragment))
			return CV_DROP_MALFORMED;
	}
	return CV_CONTINUE;
}

#endif
