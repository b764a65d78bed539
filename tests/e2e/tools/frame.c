/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames, byte by byte; see frame.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <netinet/in.h>
#include <string.h>

#include "e2e/tools/frame.h"

int frame_kind_parse(const char *text, enum frame_kind *ret)
{
	static const char *const names[] = {
		[FRAME_SYN] = "syn", [FRAME_ACK] = "ack", [FRAME_DATA] = "data",
		[FRAME_FIN] = "fin", [FRAME_RST] = "rst", [FRAME_UDP] = "udp",
	};

	for (size_t i = 0; i < CV_ARRAY_SIZE(names); i++) {
		if (strcmp(text, names[i]) != 0)
			continue;
		*ret = (enum frame_kind)i;
		return 0;
	}
	return -EINVAL;
}

/* Sum of 16-bit words (RFC 1071), in wire order, an odd byte padded with zero. */
static uint32_t sum(const void *bytes, size_t len)
{
	const uint8_t *byte = bytes;
	uint32_t total = 0;
	uint16_t word;

	for (; len > 1; byte += 2, len -= 2) {
		memcpy(&word, byte, sizeof(word));
		total += word;
	}
	if (len)
		total += htons((uint16_t)(*byte << 8));
	return total;
}

static uint16_t finish(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

static void *push(struct frame *frame, size_t len)
{
	void *at = frame->byte + frame->len;

	memset(at, 0, len);
	frame->len += len;
	return at;
}

static void push_ethernet(struct frame *frame, bool is_v4)
{
	struct ethhdr *eth = push(frame, sizeof(*eth));

	/* locally administered; the balancer looks at neither */
	eth->h_source[0] = eth->h_dest[0] = 2;
	eth->h_source[5] = 1;
	eth->h_dest[5] = 2;
	eth->h_proto = htons(is_v4 ? ETH_P_IP : ETH_P_IPV6);
}

static void push_ip(struct frame *frame, const struct addr *client, const struct addr *address,
		    uint8_t protocol, size_t len)
{
	size_t size;

	frame->ip = frame->len;
	if (addr_is_v4(client)) {
		struct iphdr *ip = push(frame, sizeof(*ip));

		ip->version = 4;
		ip->ihl = 5;
		ip->tot_len = htons((uint16_t)(sizeof(*ip) + len));
		ip->id = htons(FRAME_MARK);
		ip->frag_off = htons(0x4000);
		ip->ttl = 64;
		ip->protocol = protocol;
		memcpy(&ip->saddr, addr_wire(client, &size), sizeof(ip->saddr));
		memcpy(&ip->daddr, addr_wire(address, &size), sizeof(ip->daddr));
		ip->check = finish(sum(ip, sizeof(*ip)));
	} else {
		struct ipv6hdr *ip = push(frame, sizeof(*ip));

		ip->version = 6;
		ip->flow_lbl[1] = FRAME_MARK >> 8;
		ip->flow_lbl[2] = FRAME_MARK & 0xff;
		ip->payload_len = htons((uint16_t)len);
		ip->nexthdr = protocol;
		ip->hop_limit = 64;
		memcpy(&ip->saddr, addr_wire(client, &size), sizeof(ip->saddr));
		memcpy(&ip->daddr, addr_wire(address, &size), sizeof(ip->daddr));
	}
	frame->l4 = frame->len;
}

/* The pseudo header's addresses stand right before the transport header, in both families. */
static uint16_t l4_checksum(const struct frame *frame, bool is_v4, uint8_t protocol)
{
	size_t addresses = is_v4 ? 8 : 32, len = frame->len - frame->l4;

	return finish(sum(frame->byte + frame->l4 - addresses, addresses + len) + htons(protocol) +
		      htons((uint16_t)len));
}

void frame_make(enum frame_kind kind, const struct addr *client, uint16_t client_port,
		const struct addr *address, uint16_t port, struct frame *ret)
{
	bool is_v4 = addr_is_v4(client), has_data = kind == FRAME_DATA || kind == FRAME_UDP;
	struct tcphdr *tcp;
	struct udphdr *udp;

	ret->len = 0;
	push_ethernet(ret, is_v4);
	if (kind == FRAME_UDP) {
		push_ip(ret, client, address, IPPROTO_UDP, sizeof(*udp) + 1);
		udp = push(ret, sizeof(*udp));
		udp->source = htons(client_port);
		udp->dest = htons(port);
		udp->len = htons(sizeof(*udp) + 1);
		push(ret, 1);
		udp->check = l4_checksum(ret, is_v4, IPPROTO_UDP);
		return;
	}
	push_ip(ret, client, address, IPPROTO_TCP, sizeof(*tcp) + has_data);
	tcp = push(ret, sizeof(*tcp));
	tcp->source = htons(client_port);
	tcp->dest = htons(port);
	tcp->ack_seq = kind == FRAME_SYN ? 0 : htonl(2000);
	tcp->doff = sizeof(*tcp) / 4;
	tcp->syn = kind == FRAME_SYN;
	tcp->ack = kind != FRAME_SYN && kind != FRAME_RST;
	tcp->fin = kind == FRAME_FIN;
	tcp->rst = kind == FRAME_RST;
	tcp->window = htons(65535);
	push(ret, has_data);
	tcp->check = l4_checksum(ret, is_v4, IPPROTO_TCP);
}
