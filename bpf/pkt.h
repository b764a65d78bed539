/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet on its way through the stages: where its headers are, and what they said. Stages fill it from
 * top to bottom; whoever moves head or tail of the frame has no use for the pointers any more. */
#ifndef PKT_H
#define PKT_H

#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "cv_ask.h"
#include "cv_types.h"
#include "cv_verdict.h"

#ifndef __always_inline
#define __always_inline inline __attribute__((always_inline))
#endif

/* A stage of the data path: CV_CONTINUE, or the verdict that ends the packet. */
#define STAGE static __always_inline CV_MUST_CHECK enum cv_verdict

#define PKT_MAX_VLANS 2

/* A tag behind the addresses of an Ethernet header (IEEE 802.1Q), as it lies in the frame: what it is, 802.1Q or 802.1ad,
 * and its control word. One number, as that is one slot of the stack. */
typedef __u32 vlan_tag;

/* A TCP header's flags, byte 13 (RFC 9293 3.1). */
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

struct pkt {
	/* the window (frame.h): a cursor behind the last header parsed, and the end of what can be read directly */
	void *start;
	void *cursor;
	void *end;
	__u32 first_bytes; /* of the first piece of the frame */
	enum cv_mode mode;
	/* link layer */
	__be16 ethertype; /* behind the tags */
	__u8 vlans;
	vlan_tag vlan[PKT_MAX_VLANS];
	/* network layer */
	union {
		void *ip;
		struct iphdr *ip4;
		struct ipv6hdr *ip6;
	};
	enum cv_family family;
	enum cv_protocol protocol;
	__u8 tos; /* or traffic class */
	bool is_fragment;
	__u16 fragment_at; /* bytes of the datagram before this fragment's */
	__u32 fragment_id; /* in host order */
	__u16 ip_bytes;	   /* of the whole packet, header included */
	__u16 l4_bytes;	   /* of what follows the IP headers */
	/* transport layer */
	__u8 tcp_flags;
	/* the 5-tuple: addresses as words in wire order (IPv4 v4-mapped), ports in host order */
	__u32 client[4];
	__u32 address[4];
	__u16 client_port;
	__u16 port;
	/* what the stages decided */
	__u16 listener;
	__u16 backend;
	__u64 hash;	       /* of what the listener's `hash` names: chooses the slot */
	__u16 ended_of;	       /* listener of the flow that this packet found over; 0: it found none */
	bool is_late;	       /* that one was a TCP flow and idled out */
	bool is_short;	       /* went past the flow table */
	bool is_icmp_error;    /* about a packet of the flow that has this hash */
	enum cv_source source; /* what named the backend */
};

/* A question changes nothing that outlives its run, and answers as if it had: whatever writes to a map (but cv_scratch),
 * or to what a map's lookup gave, asks this first. */
static __always_inline bool pkt_is_dry(const struct pkt *pkt)
{
	return pkt->mode == CV_MODE_DRY;
}

/* Both ports, as they lie in the packet. */
static __always_inline __be32 pkt_ports(const struct pkt *pkt)
{
	return bpf_htonl((__u32)pkt->client_port << 16 | pkt->port);
}

/* The next `size` bytes, and the cursor behind them; NULL if the first piece ends before that: frame_lack says why. */
static __always_inline void *pkt_take(struct pkt *pkt, __u32 size)
{
	void *here = pkt->cursor;

	if (here + size > pkt->end)
		return NULL;
	pkt->cursor = here + size;
	return here;
}

#endif
