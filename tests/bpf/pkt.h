/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds packets layer by layer, outermost first, for tests:
 *
 *	struct pkt p = PKT_NEW;
 *
 *	pkt_eth(&p);
 *	pkt_ipv4(&p, "10.0.0.1", "192.0.2.10", .ttl = 3);
 *	pkt_tcp(&p, 40000, 443, .flags = PKT_SYN);
 *	pkt_text(&p, "hello");
 *
 * After every call the packet is whole: the lengths, the protocol fields of the layer below and all checksums
 * are filled in, so nothing has to be finished. What shall be wrong is poked in afterwards, through
 * pkt_layer. A field that is not named is zero, or has the default written beside it. Ports and numbers are in
 * host order. A mistake (no such address, no room) fails the test. */
#ifndef TESTS_PKT_H
#define TESTS_PKT_H

#include <stddef.h>
#include <stdint.h>

#define PKT_MAX_LEN 9216
#define PKT_MAX_LAYERS 16

enum pkt_kind {
	PKT_ETH,
	PKT_VLAN,
	PKT_IPV4,
	PKT_IPV6,
	PKT_EXT, /* an IPv6 extension header, the fragment header too */
	PKT_TCP,
	PKT_UDP,
	PKT_ICMP,
	PKT_BYTES,
};

struct pkt {
	size_t len;
	size_t layers_nr;
	struct {
		enum pkt_kind kind;
		size_t offset;
		uint16_t
			number; /* VLAN: its TPID; EXT: its number in the chain; UDP: 1 for no checksum; ICMP: protocol */
		int next; /* the protocol it announces; 0: that of the next layer */
	} layers[PKT_MAX_LAYERS];
	uint8_t data[PKT_MAX_LEN];
};

#define PKT_NEW          \
	{                \
		.len = 0 \
	}

struct pkt_eth {
	const char *src; /* 02:00:00:00:00:01 */
	const char *dst; /* 02:00:00:00:00:02 */
};

struct pkt_vlan {
	uint16_t tpid; /* 0x8100 */
	uint16_t tci;
};

struct pkt_ipv4 {
	const char *src;
	const char *dst;
	int ttl; /* 64; -1 for 0 */
	uint8_t tos;
	uint16_t id;
	int df;			/* 1: don't fragment */
	int more;		/* 1: more fragments */
	uint16_t offset;	/* of a fragment, bytes */
	const uint8_t *options; /* as they are, padded with zeros to a multiple of 4 */
	size_t options_len;
	int protocol; /* that of the next layer; 253 (RFC 3692) if there is none */
};

struct pkt_ipv6 {
	const char *src;
	const char *dst;
	int hop_limit; /* 64; -1 for 0 */
	uint8_t tclass;
	uint32_t flow_label;
	int protocol; /* as in IPv4 */
};

struct pkt_fragment {
	uint16_t offset; /* bytes */
	int more;
	uint32_t id;
	int protocol; /* as in IPv4 */
};

#define PKT_FIN 0x01
#define PKT_SYN 0x02
#define PKT_RST 0x04
#define PKT_PSH 0x08
#define PKT_ACK 0x10

struct pkt_tcp {
	uint16_t sport;
	uint16_t dport;
	uint32_t seq;
	uint32_t ack;
	uint8_t flags;
	int window;		/* 65535; -1 for 0 */
	const uint8_t *options; /* padded as in IPv4 */
	size_t options_len;
};

struct pkt_udp {
	uint16_t sport;
	uint16_t dport;
	int no_checksum;
};

/* ICMPv6 behind an IPv6 header, else ICMP. */
struct pkt_icmp {
	uint8_t type;
	uint8_t code;
	uint32_t rest; /* of its header of 8 bytes */
};

#define pkt_eth(p, ...) pkt_push_eth(p, &(struct pkt_eth){ __VA_ARGS__ })
#define pkt_vlan(p, ...) pkt_push_vlan(p, &(struct pkt_vlan){ __VA_ARGS__ })
#define pkt_ipv4(p, s, d, ...) pkt_push_ipv4(p, &(struct pkt_ipv4){ .src = (s), .dst = (d), __VA_ARGS__ })
#define pkt_ipv6(p, s, d, ...) pkt_push_ipv6(p, &(struct pkt_ipv6){ .src = (s), .dst = (d), __VA_ARGS__ })
#define pkt_fragment(p, ...) pkt_push_fragment(p, &(struct pkt_fragment){ __VA_ARGS__ })
#define pkt_tcp(p, s, d, ...) pkt_push_tcp(p, &(struct pkt_tcp){ .sport = (s), .dport = (d), __VA_ARGS__ })
#define pkt_udp(p, s, d, ...) pkt_push_udp(p, &(struct pkt_udp){ .sport = (s), .dport = (d), __VA_ARGS__ })
#define pkt_icmp(p, t, c, ...) pkt_push_icmp(p, &(struct pkt_icmp){ .type = (t), .code = (c), __VA_ARGS__ })

void pkt_push_eth(struct pkt *p, const struct pkt_eth *eth);
void pkt_push_vlan(struct pkt *p, const struct pkt_vlan *vlan);
void pkt_push_ipv4(struct pkt *p, const struct pkt_ipv4 *ip);
void pkt_push_ipv6(struct pkt *p, const struct pkt_ipv6 *ip);
void pkt_push_fragment(struct pkt *p, const struct pkt_fragment *fragment);
void pkt_push_tcp(struct pkt *p, const struct pkt_tcp *tcp);
void pkt_push_udp(struct pkt *p, const struct pkt_udp *udp);
void pkt_push_icmp(struct pkt *p, const struct pkt_icmp *icmp);

/* An extension header of `protocol` with `len` bytes in all (a multiple of 8), filled with zeros (Pad1). */
void pkt_ext(struct pkt *p, uint8_t protocol, size_t len);
void pkt_bytes(struct pkt *p, const void *bytes, size_t len);
void pkt_text(struct pkt *p, const char *text);

/* Bytes behind the packet that no header counts, as Ethernet pads. Nothing can be pushed after. */
void pkt_pad(struct pkt *p, size_t len);

/* The header of the n-th layer, the Ethernet header being number 0. */
uint8_t *pkt_layer(struct pkt *p, size_t n);

/* Puts the right checksum into an IPv4 header that was changed by hand. */
void pkt_ipv4_checksum(uint8_t *header);

/* Shows the bytes on standard error. */
void pkt_print(const struct pkt *p);

/* Fails, showing both side by side where they differ, unless the bytes are those of `want`. */
#define assert_pkt(want, got, got_len) pkt_assert(want, got, got_len, __FILE__, __LINE__)
void pkt_assert(const struct pkt *want, const void *got, size_t got_len, const char *file, int line);

#endif
