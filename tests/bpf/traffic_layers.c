/* SPDX-License-Identifier: GPL-2.0-only */
/* The kinds of packets of random traffic, byte by byte: far faster than building them with pkt.h, and as wrong as may be.
 * Transport checksums are random: nobody on the way may look at them, or mend them. */
#include "bpf/traffic_put.h"

#include <netinet/in.h>

#include "cv_defs.h"
#include "bpf/reference.h"

/* --- link --- */

static void put_link(struct traffic *traffic, bool is_v4, struct pkt *p)
{
	static const uint8_t macs[] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	uint32_t tags = traffic_one_in(traffic, 6) ? traffic_below(traffic, 4) : 0;

	p->len = 0;
	put(p, macs, sizeof(macs));
	if (traffic_one_in(traffic, 64))
		p->data[0] |= 1; /* to all */
	while (tags--) {
		put16(p, traffic_one_in(traffic, 2) ? 0x8100 : 0x88a8);
		put16(p, (uint32_t)traffic_random(traffic));
	}
	put16(p, is_v4 ? 0x0800 : 0x86dd);
}

/* --- IP --- */

static void put_client(bool is_v4, uint8_t client, struct pkt *p)
{
	static const uint8_t net6[14] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0xc };
	static const uint8_t odd4[4][4] = {
		{ 127, 0, 0, 1 }, { 0, 0, 0, 1 }, { 224, 0, 0, 1 }, { 192, 0, 2, 10 }
	};

	if (is_v4 && client < CV_ARRAY_SIZE(odd4)) {
		put(p, odd4[client], 4);
	} else if (is_v4) {
		put32(p, 198u << 24 | 51 << 16 | 100 << 8 | client);
	} else if (client < 2) { /* loopback, and multicast */
		put16(p, client ? 0xff02 : 0);
		for (size_t i = 0; i < 6; i++)
			put16(p, 0);
		put16(p, 1);
	} else {
		put(p, net6, sizeof(net6));
		put16(p, client);
	}
}

static void put_vip(bool is_v4, uint8_t vip, struct pkt *p)
{
	static const uint8_t net6[14] = { 0x20, 0x01, 0x0d, 0xb8, 0, 0xa };
	static const uint8_t last[] = { 0x10, 0x20, 0x30 }, last4[] = { 10, 20, 30 };

	if (is_v4) {
		put32(p, 192u << 24 | 2 << 8 | last4[vip]);
	} else {
		put(p, net6, sizeof(net6));
		put16(p, last[vip]);
	}
}

/* An IP packet as it comes into being. */
struct layer {
	size_t ip;
	size_t payload; /* where the transport begins */
	bool is_v4;
};

struct ip {
	const struct traffic_tuple *tuple;
	bool is_answer; /* of the backend: addresses the other way round */
	uint8_t protocol;
	bool is_fragment;
	bool is_more;
	uint32_t at; /* of a fragment: bytes, a multiple of 8 */
	uint32_t id;
};

static void put_addresses(const struct ip *ip, struct pkt *p)
{
	const struct traffic_tuple *tuple = ip->tuple;

	if (ip->is_answer)
		put_vip(tuple->is_v4, tuple->vip, p);
	put_client(tuple->is_v4, tuple->client, p);
	if (!ip->is_answer)
		put_vip(tuple->is_v4, tuple->vip, p);
}

static uint32_t ttl(struct traffic *traffic)
{
	return traffic_one_in(traffic, 32) ? traffic_below(traffic, 3) : 64;
}

static void begin_ip4(struct traffic *traffic, const struct ip *ip, struct pkt *p)
{
	uint32_t options = traffic_one_in(traffic, 10) ? traffic_below(traffic, 11) : 0;
	uint32_t df = traffic_one_in(traffic, 2) ? 0x4000 : 0;

	put8(p, 0x45 + options);
	put8(p, (uint32_t)traffic_random(traffic));
	put16(p, 0);
	put16(p, ip->id);
	put16(p, df | (ip->is_more ? 0x2000 : 0) | ip->at / 8);
	put8(p, ttl(traffic));
	put8(p, ip->protocol);
	put16(p, 0);
	put_addresses(ip, p);
	put_random(traffic, p, (size_t)options * 4);
}

/* Extension headers come in any order, and a fragment header somewhere among them. */
static void begin_ip6(struct traffic *traffic, const struct ip *ip, struct pkt *p)
{
	static const uint8_t kinds[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH };
	uint32_t extensions = traffic_one_in(traffic, 8) ? traffic_below(traffic, 8) : 0;
	uint32_t fragment = ip->is_fragment ? traffic_below(traffic, extensions + 1) : UINT32_MAX;
	size_t next;

	put32(p, 6u << 28 | (uint32_t)(traffic_random(traffic) & 0xfffffff));
	put16(p, 0);
	next = p->len;
	put8(p, ip->protocol);
	put8(p, ttl(traffic));
	put_addresses(ip, p);
	for (uint32_t i = 0; i < extensions || i == fragment; i++) {
		bool is_atomic = i != fragment && traffic_one_in(traffic, 16);
		uint32_t units = i == fragment || is_atomic ? 0 : traffic_below(traffic, 3);

		p->data[next] = i == fragment || is_atomic
					? IPPROTO_FRAGMENT
					: kinds[traffic_below(traffic, traffic_one_in(traffic, 16) ? 4 : 3)];
		next = p->len;
		put8(p, ip->protocol);
		put8(p, units);
		if (i == fragment || is_atomic) {
			put16(p, is_atomic ? 0 : ip->at | ip->is_more);
			put32(p, ip->id);
		} else {
			put_random(traffic, p, 6 + (size_t)units * 8);
		}
	}
}

static struct layer begin_ip(struct traffic *traffic, const struct ip *ip, struct pkt *p)
{
	struct layer layer = { .ip = p->len, .is_v4 = ip->tuple->is_v4 };

	if (layer.is_v4)
		begin_ip4(traffic, ip, p);
	else
		begin_ip6(traffic, ip, p);
	layer.payload = p->len;
	return layer;
}

static void end_ip(const struct layer *layer, struct pkt *p)
{
	if (!layer->is_v4) {
		set16(p, layer->ip + 4, (uint32_t)(p->len - layer->ip - 40));
		return;
	}
	set16(p, layer->ip + 2, (uint32_t)(p->len - layer->ip));
	set16(p, layer->ip + 10,
	      (uint16_t)~reference_sum(p->data + layer->ip, (p->data[layer->ip] & 15) * 4u));
}

/* What no header counts: padding, a trailer. */
static void put_trailer(struct traffic *traffic, struct pkt *p)
{
	if (traffic_one_in(traffic, 8))
		put_random(traffic, p, traffic_below(traffic, 20));
}

/* --- transport --- */

static uint8_t tcp_flags(struct traffic *traffic)
{
	switch (traffic_below(traffic, 16)) {
	case 0 ... 3:
		return PKT_SYN;
	case 4 ... 11:
		return PKT_ACK;
	case 12:
		return PKT_FIN | PKT_ACK;
	case 13:
		return traffic_one_in(traffic, 2) ? PKT_RST : PKT_RST | PKT_ACK;
	case 14:
		return PKT_SYN | PKT_ACK;
	default:
		return (uint8_t)traffic_random(traffic);
	}
}

/* A segment size somewhere among others, or options that are none. */
static void put_tcp_options(struct traffic *traffic, struct pkt *p, size_t bytes)
{
	size_t end = p->len + bytes;

	while (p->len < end && traffic_one_in(traffic, 2))
		put8(p, 1);
	if (p->len + 4 <= end) {
		put8(p, traffic_one_in(traffic, 8) ? traffic_below(traffic, 9) : 2);
		put8(p, traffic_one_in(traffic, 8) ? traffic_below(traffic, 9) : 4);
		put16(p, traffic_below(traffic, 2) ? 1460 : (uint32_t)traffic_random(traffic));
	}
	put_random(traffic, p, end - p->len);
}

static void put_ports(const struct traffic_tuple *tuple, bool is_answer, struct pkt *p)
{
	put16(p, is_answer ? tuple->port : tuple->client_port);
	put16(p, is_answer ? tuple->client_port : tuple->port);
}

/* Header and `payload` bytes. */
static void put_transport(struct traffic *traffic, const struct traffic_tuple *tuple, bool is_answer,
			  size_t payload, struct pkt *p)
{
	size_t options = traffic_one_in(traffic, 2) ? traffic_below(traffic, 11) : 0;

	put_ports(tuple, is_answer, p);
	if (!tuple->is_tcp) {
		put16(p, (uint32_t)payload + 8);
		put16(p, (uint32_t)traffic_random(traffic));
	} else {
		put_random(traffic, p, 8);
		put8(p, (uint32_t)(5 + options) << 4);
		put8(p, tcp_flags(traffic));
		put_random(traffic, p, 6);
		put_tcp_options(traffic, p, options * 4);
	}
	put_random(traffic, p, payload);
}

/* Mostly short; around the usual limits; jumbo. */
static size_t payload_size(struct traffic *traffic)
{
	switch (traffic_below(traffic, 32)) {
	case 0 ... 1:
		return 1180 + traffic_below(traffic, 60);
	case 2 ... 4:
		return 1400 + traffic_below(traffic, 80);
	case 5:
		return traffic_below(traffic, 1600);
	case 6:
		return traffic_one_in(traffic, 4) ? traffic_below(traffic, 8700) : 0;
	default:
		return traffic_below(traffic, 64);
	}
}

void traffic_plain(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret)
{
	struct ip ip = {
		.tuple = tuple,
		.protocol = tuple->is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.id = traffic_below(traffic, 16),
	};
	struct layer layer;

	put_link(traffic, tuple->is_v4, ret);
	layer = begin_ip(traffic, &ip, ret);
	put_transport(traffic, tuple, false, payload_size(traffic), ret);
	end_ip(&layer, ret);
	put_trailer(traffic, ret);
}

/* Some of a datagram's fragments, in any order, once or twice: identifications are few, so that they meet. */
void traffic_fragment(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret)
{
	struct ip ip = {
		.tuple = tuple,
		.protocol = tuple->is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.is_fragment = true,
		.is_more = !traffic_one_in(traffic, 3),
		.at = traffic_one_in(traffic, 3) ? 0 : 8 * traffic_below(traffic, 16),
		.id = traffic_below(traffic, 6),
	};
	struct layer layer;

	put_link(traffic, tuple->is_v4, ret);
	layer = begin_ip(traffic, &ip, ret);
	if (ip.at)
		put_random(traffic, ret, payload_size(traffic));
	else
		put_transport(traffic, tuple, false, payload_size(traffic), ret);
	if (traffic_one_in(traffic, 8)) /* tiny */
		ret->len = layer.payload + traffic_below(traffic, (uint32_t)(ret->len - layer.payload) + 1);
	end_ip(&layer, ret);
	put_trailer(traffic, ret);
}

/* --- ICMP --- */

static struct layer begin_icmp(struct traffic *traffic, const struct traffic_tuple *tuple, uint32_t type,
			       uint32_t code, struct pkt *p)
{
	struct ip ip = {
		.tuple = tuple,
		.protocol = tuple->is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6,
		.is_fragment = traffic_one_in(traffic, 32),
		.id = traffic_below(traffic, 8),
	};
	struct layer layer;

	ip.is_more = ip.is_fragment;
	put_link(traffic, tuple->is_v4, p);
	layer = begin_ip(traffic, &ip, p);
	put8(p, type);
	put8(p, code);
	put16(p, traffic_one_in(traffic, 16) ? 0xffff * traffic_below(traffic, 2)
					     : (uint32_t)traffic_random(traffic));
	put32(p, (uint32_t)traffic_random(traffic));
	return layer;
}

/* About a packet of a backend's, cut where routers like. */
void traffic_error(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret)
{
	static const uint8_t types4[] = { 3, 3, 11, 12 };
	bool is_odd = traffic_one_in(traffic, 16);
	uint32_t type = is_odd	       ? traffic_below(traffic, 14)
			: tuple->is_v4 ? types4[traffic_below(traffic, CV_ARRAY_SIZE(types4))]
				       : 1 + traffic_below(traffic, 4);
	struct traffic_tuple router = *tuple;
	struct ip quoted = {
		.tuple = tuple,
		.is_answer = !traffic_one_in(traffic, 16),
		.protocol = tuple->is_tcp ? IPPROTO_TCP : IPPROTO_UDP,
		.is_fragment = traffic_one_in(traffic, 8),
		.is_more = traffic_one_in(traffic, 2),
		.at = 8 * traffic_below(traffic, 2),
		.id = traffic_below(traffic, 8),
	};
	struct layer layer, quote;

	router.client = (uint8_t)(100 + traffic_below(traffic, 4));
	layer = begin_icmp(traffic, &router, type, traffic_below(traffic, 6), ret);
	if (!quoted.is_fragment) {
		quoted.is_more = false;
		quoted.at = 0;
	}
	quote = begin_ip(traffic, &quoted, ret);
	put_transport(traffic, tuple, quoted.is_answer, payload_size(traffic) % 1300, ret);
	end_ip(&quote, ret);
	if (traffic_one_in(traffic, 2)) /* IP headers and 8 bytes are the least that is due */
		ret->len = quote.payload + 8;
	else if (traffic_one_in(traffic, 4))
		ret->len = quote.ip + traffic_below(traffic, (uint32_t)(ret->len - quote.ip) + 1);
	end_ip(&layer, ret);
	put_trailer(traffic, ret);
}

void traffic_ping(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret)
{
	struct layer layer = begin_icmp(traffic, tuple, tuple->is_v4 ? 8 : 128, 0, ret);

	put_random(traffic, ret, payload_size(traffic));
	end_ip(&layer, ret);
	put_trailer(traffic, ret);
}
