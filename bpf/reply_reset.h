/* SPDX-License-Identifier: GPL-2.0-only */
/* The TCP reset that tells a client at once that its flow is gone. Built in place from the client's own segment, so
 * that the client takes it (RFC 9293 3.10.7.1): sequence number from its ACK, or if it had none, an ACK of what it
 * sent. Leaves by the port the segment came by, VLAN tags kept. */
#ifndef REPLY_RESET_H
#define REPLY_RESET_H

#include <bpf/bpf_endian.h>

#include "csum.h"
#include "gate.h"
#include "pkt.h"
#include "reply.h"
#include "scratch.h"

/* Sum of the 16-bit words, in host order, of a 32-bit word in wire order. */
static __always_inline __u32 sum_word(__be32 word)
{
	return (bpf_ntohl(word) >> 16) + (bpf_ntohl(word) & 0xffff);
}

/* Sum of both addresses: the part of the pseudo header that the families do differently. */
static __always_inline __u32 sum_addresses(const struct pkt *pkt)
{
	__u32 sum = sum_word(pkt->client[3]) + sum_word(pkt->address[3]);

	for (int i = 0; i < 3 && pkt->family == CV_FAMILY_IPV6; i++)
		sum += sum_word(pkt->client[i]) + sum_word(pkt->address[i]);
	return sum;
}

/* What the reset has to say, from the segment it answers. */
static __always_inline void reset_numbers(const struct pkt *pkt, const struct tcphdr *tcp, __be32 *ret_seq,
					  __be32 *ret_ack, __u8 *ret_flags)
{
	__u32 length = pkt->l4_bytes - tcp->doff * 4;

	if (pkt->tcp_flags & TCP_ACK) {
		*ret_seq = tcp->ack_seq;
		*ret_ack = 0;
		*ret_flags = TCP_RST;
		return;
	}
	length += !!(pkt->tcp_flags & TCP_SYN) + !!(pkt->tcp_flags & TCP_FIN);
	*ret_seq = 0;
	*ret_ack = bpf_htonl(bpf_ntohl(tcp->seq) + length);
	*ret_flags = TCP_RST | TCP_ACK;
}

static __always_inline void fill_reset_ip4(struct iphdr *ip, const struct pkt *pkt)
{
	__u16 total = sizeof(*ip) + sizeof(struct tcphdr);

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = 0;
	ip->tot_len = bpf_htons(total);
	ip->id = 0;
	ip->frag_off = bpf_htons(0x4000);
	ip->ttl = CV_OUTER_TTL;
	ip->protocol = IPPROTO_TCP;
	ip->check =
		csum_finish(0x4500 + total + 0x4000 + (CV_OUTER_TTL << 8) + IPPROTO_TCP + sum_addresses(pkt));
	ip->saddr = pkt->address[3];
	ip->daddr = pkt->client[3];
}

static __always_inline void fill_reset_ip6(struct ipv6hdr *ip, const struct pkt *pkt)
{
	*(__be32 *)ip = bpf_htonl(6U << 28);
	ip->payload_len = bpf_htons(sizeof(struct tcphdr));
	ip->nexthdr = IPPROTO_TCP;
	ip->hop_limit = CV_OUTER_TTL;
	__builtin_memcpy(&ip->saddr, pkt->address, sizeof(ip->saddr));
	__builtin_memcpy(&ip->daddr, pkt->client, sizeof(ip->daddr));
}

static __always_inline void fill_reset_tcp(struct tcphdr *tcp, const struct pkt *pkt, __be32 seq, __be32 ack,
					   __u8 flags)
{
	__be32 *word = (__be32 *)tcp;
	__be32 ports = bpf_htonl((__u32)pkt->port << 16 | pkt->client_port);
	__be32 control = bpf_htonl(5U << 28 | (__u32)flags << 16); /* header of five words, no window */

	word[0] = ports;
	word[1] = seq;
	word[2] = ack;
	word[3] = control;
	word[4] = 0;
	tcp->check = csum_finish(sum_addresses(pkt) + IPPROTO_TCP + sizeof(*tcp) + sum_word(ports) +
				 sum_word(seq) + sum_word(ack) + sum_word(control));
}

/* Turns the segment, whose TCP header begins behind `link` bytes and `header` more, into the reset. False if that cannot
 * be. Of `asked` family, flags, tuple and the length behind the IP headers are filled in. A function that the verifier
 * checks by itself, as resets are rare. */
__noinline bool reset_answer(struct xdp_md *ctx, const struct pkt *asked, __u32 link, __u32 header)
{
	struct tcphdr *tcp = (void *)(long)ctx->data + ((link + header) & 0x7fff);
	__u8 client_mac[ETH_ALEN], flags;
	__u32 ip_header;
	struct ethhdr *eth;
	__be32 seq, ack;
	void *ip, *end;

	if (!asked || link > REPLY_MAX_LINK)
		return false;
	if ((void *)(tcp + 1) > (void *)(long)ctx->data_end)
		return false;
	reset_numbers(asked, tcp, &seq, &ack, &flags);
	ip_header = asked->family == CV_FAMILY_IPV4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	if (bpf_xdp_adjust_tail(ctx, (int)(link + ip_header + sizeof(struct tcphdr)) -
					     (int)bpf_xdp_get_buff_len(ctx)))
		return false;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	ip = (void *)eth + link;
	if ((void *)(eth + 1) > end || ip + ip_header + sizeof(struct tcphdr) > end)
		return false;
	__builtin_memcpy(client_mac, eth->h_source, ETH_ALEN);
	__builtin_memcpy(eth->h_source, eth->h_dest, ETH_ALEN);
	__builtin_memcpy(eth->h_dest, client_mac, ETH_ALEN);
	if (asked->family == CV_FAMILY_IPV4)
		fill_reset_ip4(ip, asked);
	else
		fill_reset_ip6(ip, asked);
	fill_reset_tcp(ip + ip_header, asked, seq, ack, flags);
	return true;
}

/* Turns the packet into the reset. Returns `verdict`, or the reason why there was none. */
STAGE reply_reset(struct xdp_md *ctx, const struct pkt *pkt, __u32 now, enum cv_verdict verdict)
{
	struct scratch *scratch = scratch_get(pkt->mode);
	struct pkt *asked;

	if (!gate_may_reset(pkt->mode, now))
		return CV_DROP_RESET_LIMIT;
	if (!scratch)
		return CV_DROP_INTERNAL;
	asked = &scratch->other;
	asked->family = pkt->family;
	asked->tcp_flags = pkt->tcp_flags;
	asked->l4_bytes = pkt->l4_bytes;
	asked->client_port = pkt->client_port;
	asked->port = pkt->port;
	__builtin_memcpy(asked->client, pkt->client, sizeof(asked->client));
	__builtin_memcpy(asked->address, pkt->address, sizeof(asked->address));
	return reset_answer(ctx, asked, ETH_HLEN + pkt->vlans * sizeof(vlan_tag),
			    pkt->ip_bytes - pkt->l4_bytes)
		       ? verdict
		       : CV_DROP_INTERNAL;
}

#endif
