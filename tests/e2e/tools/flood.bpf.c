// SPDX-License-Identifier: GPL-2.0-only
/* The two programs of a flood (flood.c).
 *
 * cv_flood makes each frame: the template, from a random source or one of flood_flows, sent out of the port that it seems
 * to come in by. The kernel hands out the same frames again and again, as their receiver left them, so all of the frame is written each
 * time. cv_sink takes what the balancer forwarded of it, so that backends do not spend the processor that the flood
 * needs; everything else passes. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* The template has zeroes where random numbers go. Places are bytes from the start of the frame. */
const volatile __u8 flood_template[80] = { 0 };
const volatile __u32 flood_len = 0;
const volatile __u32 flood_source = 0; /* the last 4 bytes of the source address */
const volatile __u32 flood_port = 0;
const volatile __u32 flood_seq = 0;	 /* 0: there is none */
const volatile __u32 flood_ip_check = 0; /* 0: there is none */
const volatile __u32 flood_l4_check = 0;
const volatile __u16 flood_mark = 0;  /* FRAME_MARK */
const volatile __u32 flood_flows = 0; /* 0: as many as there are */

/* Where so many flows come from: addresses from here on, and always the same port. */
#define FLOWS_FIRST 0x0a000000u
#define FLOWS_PORT 1024

/* Writes a number where two words were zero; returns the sum of both. */
static __always_inline __u32 fill(void *at, __u32 number)
{
	((__u16 *)at)[0] = (__u16)number;
	((__u16 *)at)[1] = (__u16)(number >> 16);
	return (number & 0xffff) + (number >> 16);
}

/* Adds to a checksum what was added to the words that it covers (RFC 1624). */
static __always_inline void check_add(__u16 *check, __u32 added)
{
	__u32 sum = (__u16) ~*check + added;

	sum = (sum >> 16) + (sum & 0xffff);
	sum = (sum >> 16) + (sum & 0xffff);
	*check = (__u16)~sum;
}

SEC("xdp")
int cv_flood(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 source = bpf_get_prandom_u32(), added;
	__u16 port = (__u16)bpf_get_prandom_u32();

	if (data + sizeof(flood_template) > end)
		return XDP_DROP;
	for (__u32 i = 0; i < sizeof(flood_template); i++)
		((__u8 *)data)[i] = flood_template[i];
	if (flood_flows) {
		source = bpf_htonl(FLOWS_FIRST + source % flood_flows);
		port = bpf_htons(FLOWS_PORT);
	}
	added = fill(data + flood_source, source);
	if (flood_ip_check)
		check_add(data + flood_ip_check, added);
	*(__u16 *)(data + flood_port) = port;
	added += port;
	if (flood_seq)
		added += fill(data + flood_seq, bpf_get_prandom_u32());
	check_add(data + flood_l4_check, added);
	return XDP_TX;
}

/* Is the packet that this tunnel carries one of ours? */
SEC("xdp")
int cv_sink(struct xdp_md *ctx)
{
	void *data = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	struct ethhdr *eth = data;
	__u16 *inner;

	if (data + sizeof(*eth) > end)
		return XDP_PASS;
	if (eth->h_proto == bpf_htons(ETH_P_IP))
		inner = data + sizeof(*eth) + sizeof(struct iphdr);
	else
		inner = data + sizeof(*eth) + sizeof(struct ipv6hdr);
	/* identification of IPv4 is the third word, the low end of IPv6's flow label the second */
	if ((void *)(inner + 3) > end)
		return XDP_PASS;
	return bpf_ntohs(inner[2]) == flood_mark || bpf_ntohs(inner[1]) == flood_mark ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "GPL";
