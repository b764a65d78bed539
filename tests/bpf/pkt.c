/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet builder; see pkt.h. Every push seals the whole packet anew, from the innermost layer outwards:
 * simple, and fast enough for tests. */
#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "bpf/pkt.h"

/* --- bytes --- */

static void put16(uint8_t *at, uint32_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, value >> 16);
	put16(at + 2, value & 0xffff);
}

/* Sum of 16-bit words (RFC 1071), not folded. */
static uint32_t sum(const uint8_t *bytes, size_t len)
{
	uint32_t total = 0;

	for (size_t i = 0; i < len; i++)
		total += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	return total;
}

static uint16_t fold(uint32_t total)
{
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)~total;
}

void pkt_ipv4_checksum(uint8_t *header)
{
	put16(header + 10, 0);
	put16(header + 10, fold(sum(header, (header[0] & 15) * 4)));
}

/* --- sealing --- */

static uint16_t ethertype_after(const struct pkt *p, size_t layer)
{
	if (layer + 1 < p->layers_nr) {
		switch (p->layers[layer + 1].kind) {
		case PKT_IPV4:
			return ETH_P_IP;
		case PKT_IPV6:
			return ETH_P_IPV6;
		case PKT_VLAN:
			return p->layers[layer + 1].number;
		default:
			break;
		}
	}
	return 0x88b5; /* for experiments (IEEE 802) */
}

static uint8_t protocol_after(const struct pkt *p, size_t layer)
{
	if (p->layers[layer].next)
		return (uint8_t)p->layers[layer].next;
	if (layer + 1 < p->layers_nr) {
		switch (p->layers[layer + 1].kind) {
		case PKT_IPV4:
			return IPPROTO_IPIP;
		case PKT_IPV6:
			return IPPROTO_IPV6;
		case PKT_TCP:
			return IPPROTO_TCP;
		case PKT_UDP:
			return IPPROTO_UDP;
		case PKT_EXT:
		case PKT_ICMP:
			return (uint8_t)p->layers[layer + 1].number;
		default:
			break;
		}
	}
	return 253; /* for experiments (RFC 3692) */
}

/* Checksum of everything from `layer` on, with the pseudo header of the IP layer below. */
static uint16_t transport_checksum(const struct pkt *p, size_t layer, uint8_t protocol)
{
	size_t len = p->len - p->layers[layer].offset;
	uint32_t total = sum(p->data + p->layers[layer].offset, len) + protocol + (uint32_t)len;

	while (layer-- > 0) {
		const uint8_t *ip = p->data + p->layers[layer].offset;

		if (p->layers[layer].kind == PKT_IPV4)
			return fold(total + sum(ip + 12, 8));
		if (p->layers[layer].kind == PKT_IPV6)
			return fold(total + sum(ip + 8, 32));
	}
	return fold(total);
}

static void seal_udp(struct pkt *p, size_t layer, uint8_t *at)
{
	uint16_t checksum;

	put16(at + 4, (uint32_t)(p->len - p->layers[layer].offset));
	put16(at + 6, 0);
	if (p->layers[layer].number)
		return;
	checksum = transport_checksum(p, layer, IPPROTO_UDP);
	put16(at + 6, checksum ? checksum : 0xffff);
}

static void seal_layer(struct pkt *p, size_t layer)
{
	uint8_t *at = p->data + p->layers[layer].offset;
	size_t len = p->len - p->layers[layer].offset;

	switch (p->layers[layer].kind) {
	case PKT_ETH:
		put16(at + 12, ethertype_after(p, layer));
		break;
	case PKT_VLAN:
		put16(at + 2, ethertype_after(p, layer));
		break;
	case PKT_IPV4:
		put16(at + 2, (uint32_t)len);
		at[9] = protocol_after(p, layer);
		pkt_ipv4_checksum(at);
		break;
	case PKT_IPV6:
		put16(at + 4, (uint32_t)(len - 40));
		at[6] = protocol_after(p, layer);
		break;
	case PKT_EXT:
		at[0] = protocol_after(p, layer);
		break;
	case PKT_TCP:
		put16(at + 16, 0);
		put16(at + 16, transport_checksum(p, layer, IPPROTO_TCP));
		break;
	case PKT_UDP:
		seal_udp(p, layer, at);
		break;
	case PKT_ICMP:
		put16(at + 2, 0);
		put16(at + 2, p->layers[layer].number == IPPROTO_ICMP
				      ? fold(sum(at, len))
				      : transport_checksum(p, layer, IPPROTO_ICMPV6));
		break;
	case PKT_BYTES:
		break;
	}
}

/* Inner checksums first: outer ones may cover them. */
static void seal(struct pkt *p)
{
	for (size_t layer = p->layers_nr; layer-- > 0;)
		seal_layer(p, layer);
}

/* --- pushing --- */

/* Room of `len` zero bytes at the end. */
static uint8_t *append(struct pkt *p, size_t len)
{
	uint8_t *at = p->data + p->len;

	assert_true(p->len + len <= PKT_MAX_LEN);
	memset(at, 0, len);
	p->len += len;
	return at;
}

static uint8_t *push(struct pkt *p, enum pkt_kind kind, size_t len, uint16_t number, int next)
{
	assert_true(p->layers_nr < PKT_MAX_LAYERS);
	p->layers[p->layers_nr].kind = kind;
	p->layers[p->layers_nr].offset = p->len;
	p->layers[p->layers_nr].number = number;
	p->layers[p->layers_nr].next = next;
	p->layers_nr++;
	return append(p, len);
}

static size_t padded(size_t len)
{
	return (len + 3) / 4 * 4;
}

static void put_mac(uint8_t *at, const char *text)
{
	unsigned byte[6];

	assert_int_equal(sscanf(text, "%2x:%2x:%2x:%2x:%2x:%2x", &byte[0], &byte[1], &byte[2], &byte[3],
				&byte[4], &byte[5]),
			 6);
	for (size_t i = 0; i < 6; i++)
		at[i] = (uint8_t)byte[i];
}

static uint8_t ttl_or_default(int ttl)
{
	if (ttl == 0)
		return 64;
	return ttl < 0 ? 0 : (uint8_t)ttl;
}

void pkt_push_eth(struct pkt *p, const struct pkt_eth *eth)
{
	uint8_t *at = push(p, PKT_ETH, 14, 0, 0);

	put_mac(at, eth->dst ? eth->dst : "02:00:00:00:00:02");
	put_mac(at + 6, eth->src ? eth->src : "02:00:00:00:00:01");
	seal(p);
}

void pkt_push_vlan(struct pkt *p, const struct pkt_vlan *vlan)
{
	put16(push(p, PKT_VLAN, 4, vlan->tpid ? vlan->tpid : ETH_P_8021Q, 0), vlan->tci);
	seal(p);
}

void pkt_push_ipv4(struct pkt *p, const struct pkt_ipv4 *ip)
{
	size_t header_len = 20 + padded(ip->options_len);
	uint8_t *at = push(p, PKT_IPV4, header_len, 0, ip->protocol);

	at[0] = (uint8_t)(0x40 | header_len / 4);
	at[1] = ip->tos;
	put16(at + 4, ip->id);
	put16(at + 6, (ip->df ? 0x4000u : 0) | (ip->more ? 0x2000u : 0) | ip->offset / 8);
	at[8] = ttl_or_default(ip->ttl);
	assert_int_equal(inet_pton(AF_INET, ip->src, at + 12), 1);
	assert_int_equal(inet_pton(AF_INET, ip->dst, at + 16), 1);
	if (ip->options_len)
		memcpy(at + 20, ip->options, ip->options_len);
	seal(p);
}

void pkt_push_ipv6(struct pkt *p, const struct pkt_ipv6 *ip)
{
	uint8_t *at = push(p, PKT_IPV6, 40, 0, ip->protocol);

	put32(at, 6u << 28 | (uint32_t)ip->tclass << 20 | ip->flow_label);
	at[7] = ttl_or_default(ip->hop_limit);
	assert_int_equal(inet_pton(AF_INET6, ip->src, at + 8), 1);
	assert_int_equal(inet_pton(AF_INET6, ip->dst, at + 24), 1);
	seal(p);
}

void pkt_push_fragment(struct pkt *p, const struct pkt_fragment *fragment)
{
	uint8_t *at = push(p, PKT_EXT, 8, IPPROTO_FRAGMENT, fragment->protocol);

	put16(at + 2, (fragment->offset & ~7u) | (fragment->more ? 1 : 0));
	put32(at + 4, fragment->id);
	seal(p);
}

void pkt_ext(struct pkt *p, uint8_t protocol, size_t len)
{
	uint8_t *at = push(p, PKT_EXT, len, protocol, 0);

	assert_true(len >= 8 && len % 8 == 0);
	at[1] = (uint8_t)(len / 8 - 1);
	seal(p);
}

void pkt_push_tcp(struct pkt *p, const struct pkt_tcp *tcp)
{
	size_t header_len = 20 + padded(tcp->options_len);
	uint8_t *at = push(p, PKT_TCP, header_len, 0, 0);

	put16(at, tcp->sport);
	put16(at + 2, tcp->dport);
	put32(at + 4, tcp->seq);
	put32(at + 8, tcp->ack);
	at[12] = (uint8_t)(header_len / 4 << 4);
	at[13] = tcp->flags;
	put16(at + 14, tcp->window < 0 ? 0 : tcp->window ? (uint32_t)tcp->window : 65535);
	if (tcp->options_len)
		memcpy(at + 20, tcp->options, tcp->options_len);
	seal(p);
}

void pkt_push_udp(struct pkt *p, const struct pkt_udp *udp)
{
	uint8_t *at = push(p, PKT_UDP, 8, udp->no_checksum != 0, 0);

	put16(at, udp->sport);
	put16(at + 2, udp->dport);
	seal(p);
}

void pkt_push_icmp(struct pkt *p, const struct pkt_icmp *icmp)
{
	uint16_t protocol = IPPROTO_ICMP;
	uint8_t *at;

	for (size_t i = 0; i < p->layers_nr; i++) {
		if (p->layers[i].kind == PKT_IPV4)
			protocol = IPPROTO_ICMP;
		if (p->layers[i].kind == PKT_IPV6)
			protocol = IPPROTO_ICMPV6;
	}
	at = push(p, PKT_ICMP, 8, protocol, 0);
	at[0] = icmp->type;
	at[1] = icmp->code;
	put32(at + 4, icmp->rest);
	seal(p);
}

void pkt_bytes(struct pkt *p, const void *bytes, size_t len)
{
	memcpy(push(p, PKT_BYTES, len, 0, 0), bytes, len);
	seal(p);
}

void pkt_text(struct pkt *p, const char *text)
{
	pkt_bytes(p, text, strlen(text));
}

void pkt_pad(struct pkt *p, size_t len)
{
	append(p, len);
}

/* --- looking --- */

uint8_t *pkt_layer(struct pkt *p, size_t n)
{
	assert_true(n < p->layers_nr);
	return p->data + p->layers[n].offset;
}

static void print_row(const char *label, size_t offset, const uint8_t *bytes, const uint8_t *other,
		      size_t len, size_t other_len)
{
	fprintf(stderr, "# %s %04zx", label, offset);
	for (size_t i = offset; i < offset + 16 && i < len; i++)
		fprintf(stderr, "%c%02x", i >= other_len || bytes[i] != other[i] ? '*' : ' ', bytes[i]);
	fputc('\n', stderr);
}

void pkt_print(const struct pkt *p)
{
	for (size_t offset = 0; offset < p->len; offset += 16)
		print_row("", offset, p->data, p->data, p->len, p->len);
}

void pkt_assert(const struct pkt *want, const void *got, size_t got_len, const char *file, int line)
{
	size_t longest = want->len > got_len ? want->len : got_len;
	const uint8_t *bytes = got;

	if (want->len == got_len && memcmp(want->data, got, got_len) == 0)
		return;
	fprintf(stderr, "# want %zu bytes, got %zu; * where they differ\n", want->len, got_len);
	for (size_t offset = 0; offset < longest; offset += 16) {
		print_row("want", offset, want->data, bytes, want->len, got_len);
		print_row("got ", offset, bytes, want->data, got_len, want->len);
	}
	_fail(file, line);
}
