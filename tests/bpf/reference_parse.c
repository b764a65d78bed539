/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's parser: what is in a frame (IEEE 802.1Q, RFC 791, RFC 8200, RFC 9293, RFC 768). Nothing is known to be ours
 * until the listener is found: what is odd passes before, and is dropped after. */
#include "bpf/reference_parts.h"

#include <netinet/in.h>
#include <string.h>

#define MAX_TAGS 2
#define MAX_EXTENSIONS 6

static void map_address(const uint8_t *from, uint8_t ret[16])
{
	memset(ret, 0, 10);
	memset(ret + 10, 0xff, 2);
	memcpy(ret + 12, from, 4);
}

static enum cv_verdict parse_ip4(struct packet *packet)
{
	const uint8_t *ip = packet->frame + packet->ip;
	size_t room = packet->len - packet->ip, header, total;

	if (room < 20 || ip[0] >> 4 != 4)
		return CV_PASS_MALFORMED;
	header = (ip[0] & 15) * 4u;
	total = get16(ip + 2);
	if (header < 20 || total < header || total > room)
		return CV_PASS_MALFORMED;
	packet->is_v4 = true;
	packet->tos = ip[1];
	packet->protocol = ip[9];
	packet->ip_bytes = total;
	packet->transport = packet->ip + header;
	packet->transport_bytes = total - header;
	packet->is_fragment = (get16(ip + 6) & 0x3fff) != 0; /* "more", or an offset */
	packet->fragment_at = (get16(ip + 6) & 0x1fff) * 8u;
	packet->fragment_id = get16(ip + 4);
	map_address(ip + 12, packet->tuple.client);
	map_address(ip + 16, packet->tuple.address);
	return CV_CONTINUE;
}

bool parse_is_extension(uint8_t protocol)
{
	return protocol == IPPROTO_HOPOPTS || protocol == IPPROTO_ROUTING || protocol == IPPROTO_DSTOPTS ||
	       protocol == IPPROTO_FRAGMENT;
}

/* Behind a fragment header that is no atomic one (RFC 6946) the walk ends. */
static enum cv_verdict parse_extensions(struct packet *packet)
{
	for (int i = 0; i < MAX_EXTENSIONS && parse_is_extension(packet->protocol) && !packet->is_fragment;
	     i++) {
		const uint8_t *header = packet->frame + packet->transport;
		size_t bytes = 8;

		if (packet->transport_bytes < 8)
			return CV_PASS_MALFORMED;
		if (packet->protocol == IPPROTO_FRAGMENT) {
			packet->is_fragment = (get16(header + 2) & 0xfff9) != 0;
			packet->fragment_at = get16(header + 2) & 0xfff8;
			packet->fragment_id = get32(header + 4);
		} else {
			bytes += header[1] * 8u;
		}
		if (packet->transport_bytes < bytes)
			return CV_PASS_MALFORMED;
		packet->protocol = header[0];
		packet->transport += bytes;
		packet->transport_bytes -= bytes;
	}
	return CV_CONTINUE;
}

static enum cv_verdict parse_ip6(struct packet *packet)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	const uint8_t *ip = packet->frame + packet->ip;
	size_t room = packet->len - packet->ip;

	if (room < 40 || ip[0] >> 4 != 6 || 40u + get16(ip + 4) > room)
		return CV_PASS_MALFORMED;
	memcpy(packet->tuple.client, ip + 8, 16);
	memcpy(packet->tuple.address, ip + 24, 16);
	if (!memcmp(packet->tuple.address, mapped, sizeof(mapped))) /* not on the wire (RFC 4291 2.5.5.2) */
		return CV_PASS_MALFORMED;
	packet->tos = (uint8_t)(get16(ip) >> 4);
	packet->protocol = ip[6];
	packet->ip_bytes = 40u + get16(ip + 4);
	packet->transport = packet->ip + 40;
	packet->transport_bytes = get16(ip + 4);
	return parse_extensions(packet);
}

enum cv_verdict parse_frame(struct packet *packet)
{
	uint16_t type = get16(packet->frame + 12);

	packet->ip = 14;
	while (packet->tags < MAX_TAGS && (type == 0x8100 || type == 0x88a8)) {
		if (packet->len < packet->ip + 4)
			return CV_PASS_MALFORMED;
		type = get16(packet->frame + packet->ip + 2);
		packet->ip += 4;
		packet->tags++;
	}
	if (type == 0x0800)
		return parse_ip4(packet);
	if (type == 0x86dd)
		return parse_ip6(packet);
	return CV_PASS_NOT_IP;
}

enum cv_verdict parse_transport(struct packet *packet)
{
	const uint8_t *transport = packet->frame + packet->transport;
	size_t bytes = packet->transport_bytes;

	if (packet->protocol == IPPROTO_TCP) {
		if (bytes < 20 || transport[12] >> 4 < 5)
			return CV_DROP_MALFORMED;
		if ((transport[12] >> 4) * 4u > bytes) /* RFC 7112 5 */
			return packet->is_fragment ? CV_DROP_FRAGMENT_TINY : CV_DROP_MALFORMED;
		packet->tcp_flags = transport[13];
	} else if (bytes < 8 || get16(transport + 4) < 8 ||
		   (get16(transport + 4) > bytes && !packet->is_fragment)) {
		return CV_DROP_MALFORMED;
	}
	return CV_CONTINUE;
}
