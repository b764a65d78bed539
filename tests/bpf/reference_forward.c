/* SPDX-License-Identifier: GPL-2.0-only */
/* The frame that a backend gets: one hop of the TTL, the segment size that a SYN may announce, and by l2, IP in IP (RFC 2003,
 * RFC 2473, RFC 4213) or GUE what comes before the packet. */
#include "bpf/reference_parts.h"

#include <netinet/in.h>
#include <string.h>

static const struct reference_port *find_port(const struct reference *reference, uint32_t ifindex)
{
	for (size_t i = 0; i < REFERENCE_PORTS; i++)
		if (reference->port[i].ifindex == ifindex)
			return &reference->port[i];
	return NULL;
}

static const struct cv_listener *listener_of(const struct reference *reference, const struct packet *packet)
{
	return &reference->image->listener[packet->listener];
}

static const struct cv_backend *backend_of(const struct reference *reference, const struct packet *packet)
{
	return &reference->image->backend[packet->backend];
}

/* What the tunnel adds: IP, of GUE also UDP and with variant 0 a header of its own. */
static size_t outer_bytes(const struct reference *reference, const struct packet *packet)
{
	size_t ip = ip_header(backend_of(reference, packet)->family == CV_FAMILY_IPV4);

	switch (listener_of(reference, packet)->forward) {
	case CV_FORWARD_IPIP:
		return ip;
	case CV_FORWARD_GUE:
		return ip + (reference->image->directory.gue_variant ? 8 : 12);
	default:
		return 0;
	}
}

size_t forward_room(const struct reference *reference, const struct packet *packet)
{
	size_t mtu = backend_of(reference, packet)->mtu, outer = outer_bytes(reference, packet);

	return mtu > outer ? mtu - outer : 0;
}

/* A packet longer than its port's MTU is one that a sender on this host will cut into segments later. */
static bool fits(const struct reference *reference, const struct packet *packet)
{
	size_t bytes = packet->ip_bytes + outer_bytes(reference, packet);

	return bytes <= 0xffff && (bytes <= backend_of(reference, packet)->mtu ||
				   packet->ip_bytes > find_port(reference, packet->ifindex)->mtu);
}

/* --- the packet itself --- */

static void take_hop(uint8_t *ip, bool is_v4)
{
	uint16_t before = get16(ip + 8);

	if (!is_v4) {
		ip[7]--;
		return;
	}
	ip[8]--;
	put16(ip + 10, sum_replace(get16(ip + 10), before, get16(ip + 8)));
}

/* Most that a SYN to this listener may announce. */
static uint16_t mss_limit(const struct reference *reference, const struct packet *packet)
{
	size_t headers = ip_header(packet->is_v4) + 20, mtu = backend_of(reference, packet)->mtu;
	size_t least = packet->is_v4 ? CV_MIN_MSS4 : CV_MIN_MSS6;

	if (listener_of(reference, packet)->mss != CV_MSS_PATH)
		return listener_of(reference, packet)->mss;
	return (uint16_t)(mtu > least + headers ? mtu - headers : least);
}

/* The first MSS option of a TCP header (RFC 9293 3.2), if it says more. One at an odd place lies across two words of the
 * checksum. */
static void lower_mss(uint8_t *tcp, uint16_t limit)
{
	size_t end = (tcp[12] >> 4) * 4u, at;

	for (at = 20; at + 4 <= end && tcp[at] != 0; at += tcp[at] == 1 ? 1 : tcp[at + 1]) {
		size_t word = (at + 2) & ~(size_t)1, words = at % 2 ? 2 : 1;

		if (tcp[at] == 1)
			continue;
		if (tcp[at + 1] < 2)
			return;
		if (tcp[at] != 2 || tcp[at + 1] != 4)
			continue;
		if (get16(tcp + at + 2) > limit) {
			uint16_t before[2] = { get16(tcp + word), get16(tcp + word + 2) };

			put16(tcp + at + 2, limit);
			for (size_t i = 0; i < words; i++)
				put16(tcp + 16,
				      sum_replace(get16(tcp + 16), before[i], get16(tcp + word + 2 * i)));
		}
		return;
	}
}

/* --- what comes before it --- */

/* A prefix given by the configuration is filled up with bits of the hash, the same in every four bytes. */
static void put_source(const struct reference *reference, const struct cv_backend *backend, uint32_t hash,
		       uint8_t *ret)
{
	const struct cv_outer_source *spread = &reference->image->directory.outer_source;
	bool is_v4 = backend->family == CV_FAMILY_IPV4;
	const uint8_t *prefix = is_v4 ? spread->prefix4 : spread->prefix6;
	const uint8_t *mask = is_v4 ? spread->mask4 : spread->mask6;
	size_t size = ip_address_bytes(is_v4);

	memcpy(ret, backend->source + 16 - size, size);
	for (size_t i = 0; mask[0] && i < size; i++)
		ret[i] = (uint8_t)(prefix[i] | (((const uint8_t *)&hash)[i % 4] & ~mask[i]));
}

/* DSCP and ECN come from the packet inside (RFC 2983, RFC 6040), DF and ID too if both are IPv4. An IPv6 packet must not be
 * fragmented on its way. */
static void put_ip(const struct reference *reference, const struct packet *packet, uint8_t *ip,
		   uint8_t protocol, size_t bytes)
{
	const struct cv_backend *backend = backend_of(reference, packet);
	const uint8_t *inner = packet->frame + packet->ip;
	uint32_t hash = (uint32_t)packet->hash;

	if (backend->family == CV_FAMILY_IPV4) {
		memset(ip, 0, 20);
		ip[0] = 0x45;
		ip[1] = packet->tos;
		put16(ip + 2, (uint32_t)bytes + 20);
		put16(ip + 4, packet->is_v4 ? get16(inner + 4) : 0);
		put16(ip + 6, packet->is_v4 ? get16(inner + 6) & 0x4000 : 0x4000);
		ip[8] = CV_OUTER_TTL;
		ip[9] = protocol;
		put_source(reference, backend, hash, ip + 12);
		memcpy(ip + 16, backend->address + 12, 4);
		put16(ip + 10, (uint16_t)~reference_sum(ip, 20));
		return;
	}
	put32(ip, 6u << 28 | (uint32_t)packet->tos << 20 | (hash & 0xfffff));
	put16(ip + 4, (uint32_t)bytes);
	ip[6] = protocol;
	ip[7] = CV_OUTER_TTL;
	put_source(reference, backend, hash, ip + 8);
	memcpy(ip + 24, backend->address, 16);
}

/* `bytes` of UDP. The checksum is zero (RFC 6935). */
static void put_gue(const struct reference *reference, const struct packet *packet, uint8_t *udp,
		    size_t bytes)
{
	const struct cv_directory *directory = &reference->image->directory;

	put16(udp, 0xc000 | (uint32_t)packet->hash >> 18);
	put16(udp + 2, directory->gue_port);
	put16(udp + 4, (uint32_t)bytes);
	put16(udp + 6, 0);
	if (directory->gue_variant)
		return;
	memset(udp + 8, 0, 4);
	udp[9] = packet->is_v4 ? IPPROTO_IPIP : IPPROTO_IPV6;
}

static void put_outer(const struct reference *reference, const struct packet *packet, uint8_t *ip)
{
	size_t header = ip_header(backend_of(reference, packet)->family == CV_FAMILY_IPV4);
	size_t bytes = packet->ip_bytes + outer_bytes(reference, packet) - header;

	if (listener_of(reference, packet)->forward == CV_FORWARD_GUE) {
		put_ip(reference, packet, ip, IPPROTO_UDP, bytes);
		put_gue(reference, packet, ip + header, bytes);
	} else {
		put_ip(reference, packet, ip, packet->is_v4 ? IPPROTO_IPIP : IPPROTO_IPV6, bytes);
	}
}

/* Tags stay on what leaves by the port it came by. What follows the IP packet goes along. */
static void put_frame(const struct reference *reference, const struct packet *packet, unsigned tags,
		      struct reference_result *ret)
{
	const struct cv_listener *listener = listener_of(reference, packet);
	const struct cv_backend *backend = backend_of(reference, packet);
	size_t outer = outer_bytes(reference, packet), link = 14 + tags * 4;
	uint8_t *inner = ret->data + link + outer;

	ret->len = packet->len - packet->ip + link + outer;
	memcpy(ret->data, backend->next_hop_mac, 6);
	memcpy(ret->data + 6, backend->port_mac, 6);
	memcpy(ret->data + 12, packet->frame + 12, tags * 4);
	if (outer)
		put16(ret->data + link - 2, backend->family == CV_FAMILY_IPV4 ? 0x0800 : 0x86dd);
	else
		put16(ret->data + link - 2, packet->is_v4 ? 0x0800 : 0x86dd);
	memcpy(inner, packet->frame + packet->ip, packet->len - packet->ip);
	take_hop(inner, packet->is_v4);
	if (listener->mss && packet->tcp_flags & PKT_SYN)
		lower_mss(inner + packet->transport - packet->ip, mss_limit(reference, packet));
	if (outer)
		put_outer(reference, packet, ret->data + link);
}

enum cv_verdict forward_packet(const struct reference *reference, const struct packet *packet,
			       struct reference_result *ret)
{
	const struct cv_listener *listener = listener_of(reference, packet);
	const struct cv_backend *backend = backend_of(reference, packet);
	const struct reference_port *port = find_port(reference, backend->ifindex);
	bool is_same_port = backend->ifindex == packet->ifindex;

	if (!backend->ifindex)
		return CV_DROP_NO_NEXT_HOP;
	if (listener->forward == CV_FORWARD_L2 &&
	    (!backend->on_link || (backend->family == CV_FAMILY_IPV4) != packet->is_v4))
		return CV_DROP_FAMILY;
	if (!fits(reference, packet))
		return CV_DROP_TOO_BIG;
	if (!is_same_port && (!port || !port->is_attached))
		return CV_DROP_NO_NEXT_HOP;
	if (packet->frame[packet->ip + (packet->is_v4 ? 8 : 7)] <= 1)
		return CV_DROP_TTL;
	put_frame(reference, packet, is_same_port ? packet->tags : 0, ret);
	return is_same_port ? CV_TX : CV_REDIRECT;
}
