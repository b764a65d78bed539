/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's own answers: TCP resets (RFC 9293 3.10.7.1), ICMP errors about packets that are too long (RFC 1191 4, RFC
 * 4443 3.2), replies to pings. All leave by the port that they are an answer to, tags kept. */
#include "bpf/reference_parts.h"

#include <netinet/in.h>
#include <string.h>

/* Link header back to where the packet came from. */
static void turn_link(const struct packet *packet, struct reference_result *ret)
{
	memcpy(ret->data, packet->frame + 6, 6);
	memcpy(ret->data + 6, packet->frame, 6);
	memcpy(ret->data + 12, packet->frame + 12, packet->ip - 12);
}

/* An IP header from the address that the packet was for to its client, `bytes` follow it; returns its length. */
static size_t put_ip(const struct packet *packet, uint8_t tos, uint8_t protocol, size_t bytes, uint8_t *ip)
{
	if (!packet->is_v4) {
		put32(ip, 6u << 28);
		put16(ip + 4, (uint32_t)bytes);
		ip[6] = protocol;
		ip[7] = CV_OUTER_TTL;
		memcpy(ip + 8, packet->tuple.address, 16);
		memcpy(ip + 24, packet->tuple.client, 16);
		return 40;
	}
	memset(ip, 0, 20);
	ip[0] = 0x45;
	ip[1] = tos;
	put16(ip + 2, (uint32_t)bytes + 20);
	put16(ip + 6, 0x4000);
	ip[8] = CV_OUTER_TTL;
	ip[9] = protocol;
	memcpy(ip + 12, packet->tuple.address + 12, 4);
	memcpy(ip + 16, packet->tuple.client + 12, 4);
	put16(ip + 10, (uint16_t)~reference_sum(ip, 20));
	return 20;
}

/* Over the pseudo header (RFC 9293 3.1, RFC 8200 8.1) and the `bytes` behind the IP header. */
static uint16_t checksum(const struct packet *packet, uint8_t protocol, const uint8_t *message, size_t bytes)
{
	uint8_t pseudo[40 + 8 + CV_QUOTE6_BYTES] = { 0 };

	memcpy(pseudo, packet->tuple.address, 16);
	memcpy(pseudo + 16, packet->tuple.client, 16);
	if (packet->is_v4) { /* not what makes them v4-mapped */
		memset(pseudo, 0, 12);
		memset(pseudo + 16, 0, 12);
	}
	put32(pseudo + 32, (uint32_t)bytes);
	pseudo[39] = protocol;
	memcpy(pseudo + 40, message, bytes);
	return (uint16_t)~reference_sum(pseudo, sizeof(pseudo)); /* what is not there is zero */
}

enum cv_verdict reply_reset(struct reference *reference, const struct packet *packet, enum cv_verdict verdict,
			    struct reference_result *ret)
{
	const uint8_t *segment = packet->frame + packet->transport;
	uint8_t *ip = ret->data + packet->ip, *tcp;
	uint8_t flags = packet->tcp_flags;

	if (reference->gate.resets++ >= CV_RESETS_PER_S)
		return CV_DROP_RESET_LIMIT;
	turn_link(packet, ret);
	tcp = ip + put_ip(packet, 0, IPPROTO_TCP, 20, ip);
	memset(tcp, 0, 20);
	memcpy(tcp, segment + 2, 2);
	memcpy(tcp + 2, segment, 2);
	tcp[12] = 0x50;
	tcp[13] = PKT_RST;
	if (flags & PKT_ACK) {
		memcpy(tcp + 4, segment + 8, 4);
	} else {
		size_t bytes = packet->transport_bytes - (segment[12] >> 4) * 4u;

		tcp[13] |= PKT_ACK;
		put32(tcp + 8,
		      get32(segment + 4) + (uint32_t)bytes + !!(flags & PKT_SYN) + !!(flags & PKT_FIN));
	}
	put16(tcp + 16, checksum(packet, IPPROTO_TCP, tcp, 20));
	ret->len = (size_t)(tcp + 20 - ret->data);
	return verdict;
}

/* Not this net, loopback, multicast or above (RFC 1122 3.2.2); not unspecified, loopback or multicast (RFC 4443 2.4 e). */
static bool is_one_host(const uint8_t *address, bool is_v4)
{
	static const uint8_t zeroes[15];

	if (is_v4)
		return address[0] != 0 && address[0] != 127 && address[0] < 224;
	return address[0] != 0xff && (memcmp(address, zeroes, 15) != 0 || address[15] > 1);
}

bool reply_finds_one_host(const struct packet *packet)
{
	return is_one_host(packet->frame + packet->ip + ip_source(packet->is_v4), packet->is_v4);
}

/* Whether an ICMP error may answer it: it came from a host, and of IPv4 is no later fragment and not to be cut. */
static bool may_answer(const struct packet *packet)
{
	const uint8_t *ip = packet->frame + packet->ip;

	if (!reply_finds_one_host(packet))
		return false;
	return !packet->is_v4 || (get16(ip + 6) & 0x5fff) == 0x4000;
}

enum cv_verdict reply_too_big(struct reference *reference, const struct packet *packet, size_t room,
			      struct reference_result *ret)
{
	size_t quote = packet->is_v4 ? CV_QUOTE4_BYTES : CV_QUOTE6_BYTES;
	uint8_t *ip = ret->data + packet->ip, *icmp;
	uint8_t protocol = packet->is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;

	if (!packet->is_v4 && room < CV_MIN_MTU6) {
		room = CV_MIN_MTU6;
		if (packet->ip_bytes <= room)
			return CV_DROP_PATH_NARROW;
	}
	/* an error is not answered by another */
	if ((packet->protocol != IPPROTO_TCP && packet->protocol != IPPROTO_UDP) || packet->ip_bytes < quote)
		return CV_DROP_TOO_BIG;
	if (!may_answer(packet))
		return CV_DROP_TOO_BIG;
	if (reference->gate.icmp_replies++ >= CV_ICMP_REPLIES_PER_S)
		return CV_DROP_ICMP_LIMIT;
	turn_link(packet, ret);
	icmp = ip + put_ip(packet, 0xc0, protocol, 8 + quote, ip);
	memset(icmp, 0, 8);
	icmp[0] = packet->is_v4 ? 3 : 2;
	icmp[1] = packet->is_v4 ? 4 : 0;
	put32(icmp + 4, (uint32_t)room);
	memcpy(icmp + 8, packet->frame + packet->ip, quote);
	/* ICMP has no pseudo header, ICMPv6 does */
	put16(icmp + 2, packet->is_v4 ? (uint16_t)~reference_sum(icmp, 8 + quote)
				      : checksum(packet, protocol, icmp, 8 + quote));
	ret->len = (size_t)(icmp + 8 + quote - ret->data);
	return CV_TOO_BIG_ANSWERED;
}

/* In place, as right or wrong as it came: type, TTL and addresses change, and the checksums with them. A checksum of zero is
 * written as 0xffff. */
enum cv_verdict reply_echo(struct reference *reference, const struct packet *packet,
			   struct reference_result *ret)
{
	size_t header = ip_header(packet->is_v4), source = ip_source(packet->is_v4);
	size_t size = ip_address_bytes(packet->is_v4);
	const uint8_t *from = packet->frame + packet->ip + source;
	uint8_t *ip = ret->data + packet->ip, *icmp = ip + header;
	uint16_t before;

	if (!reference->image->directory.answers_echo)
		return CV_PASS_PROTOCOL;
	if (!listener_has_address(reference->image, packet->tuple.address))
		return CV_PASS_NO_LISTENER;
	if (packet->transport != packet->ip + header || !reply_finds_one_host(packet) ||
	    !memcmp(from, from + size, size))
		return CV_PASS_PROTOCOL;
	if (reference->gate.icmp_replies++ >= CV_ICMP_REPLIES_PER_S)
		return CV_DROP_ICMP_LIMIT;
	turn_link(packet, ret);
	memcpy(ip + source, from + size, size);
	memcpy(ip + source + size, from, size);
	before = get16(ip + 8);
	ip[packet->is_v4 ? 8 : 7] = CV_OUTER_TTL;
	if (packet->is_v4)
		put16(ip + 10, sum_replace(get16(ip + 10), before, get16(ip + 8)));
	before = get16(icmp);
	icmp[0] = packet->is_v4 ? 0 : 129;
	put16(icmp + 2, sum_replace(get16(icmp + 2), before, get16(icmp)));
	if (!get16(icmp + 2))
		put16(icmp + 2, 0xffff);
	return CV_ECHO_ANSWERED;
}
