/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's ICMP (RFC 792, RFC 4443): an error goes to the backend of the flow that it quotes a packet of. That one
 * came from the backend, so its addresses and ports are the flow's turned round. */
#include "bpf/reference_parts.h"

#include <netinet/in.h>
#include <string.h>

#define HEADER 8
#define MAX_EXTENSIONS 6

/* How far the quoted packet is read, and where the quote ends. */
struct quote {
	const uint8_t *frame;
	size_t at;
	size_t end;
	uint8_t protocol;
	bool is_later_fragment;
	struct cv_flow6_key tuple; /* of the flow */
};

static size_t left(const struct quote *quote)
{
	return quote->end - quote->at;
}

/* Addresses are compared before the rest is read: the error must be about a packet from where it was sent to. */
static enum cv_verdict read_ip(struct quote *quote, bool is_v4)
{
	const uint8_t *ip = quote->frame + quote->at;
	size_t header = ip_header(is_v4), source = ip_source(is_v4), size = ip_address_bytes(is_v4);

	if (left(quote) < header || ip[0] >> 4 != (is_v4 ? 4 : 6))
		return CV_DROP_ICMP_QUOTE;
	if (is_v4) {
		header = (ip[0] & 15) * 4u;
		if (header < 20 || header > left(quote))
			return CV_DROP_ICMP_QUOTE;
		quote->is_later_fragment = (get16(ip + 6) & 0x1fff) != 0;
	}
	if (memcmp(ip + source, quote->tuple.address + 16 - size, size) != 0)
		return CV_DROP_ICMP_FOREIGN;
	memcpy(quote->tuple.client, quote->tuple.address, 16); /* what makes it v4-mapped */
	memcpy(quote->tuple.client + 16 - size, ip + source + size, size);
	quote->protocol = ip[is_v4 ? 9 : 6];
	quote->at += header;
	return CV_CONTINUE;
}

/* Of a first fragment, as many headers again behind its fragment header. */
static enum cv_verdict read_extensions(struct quote *quote)
{
	for (int i = 0; i < MAX_EXTENSIONS && parse_is_extension(quote->protocol); i++) {
		const uint8_t *header = quote->frame + quote->at;
		size_t bytes = 8;

		if (left(quote) < 8)
			return CV_DROP_ICMP_QUOTE;
		if (quote->protocol == IPPROTO_FRAGMENT) {
			quote->is_later_fragment = get16(header + 2) >> 3 != 0;
			if ((get16(header + 2) & 0xfff9) != 0)
				i = -1;
		} else {
			bytes += header[1] * 8u;
		}
		quote->protocol = header[0];
		if (quote->is_later_fragment)
			break;
		if (left(quote) < bytes)
			return CV_DROP_ICMP_QUOTE;
		quote->at += bytes;
	}
	return CV_CONTINUE;
}

static enum cv_verdict read_quote(struct quote *quote, bool is_v4)
{
	enum cv_verdict verdict = read_ip(quote, is_v4);

	if (!verdict && !is_v4)
		verdict = read_extensions(quote);
	if (verdict)
		return verdict;
	if (quote->protocol != IPPROTO_TCP && quote->protocol != IPPROTO_UDP)
		return CV_PASS_PROTOCOL;
	if (quote->is_later_fragment)
		return CV_DROP_ICMP_NO_PORTS;
	if (left(quote) < 8)
		return CV_DROP_ICMP_QUOTE;
	quote->tuple.protocol = (enum cv_protocol)quote->protocol;
	quote->tuple.port = get16(quote->frame + quote->at);
	quote->tuple.client_port = get16(quote->frame + quote->at + 2);
	return CV_CONTINUE;
}

/* The backend that has the flow, even if its time is over; of an unknown one where Maglev sends a neighbour's. */
static enum cv_verdict find_backend(struct reference *reference, struct packet *packet,
				    const struct cv_flow6_key *tuple)
{
	const struct cv_flow *flow = reference_table_find(&reference->flows, tuple);

	if (!flow)
		flow = reference_table_find(&reference->half_open, tuple);
	if (flow && flow->state != CV_FLOW_REFUSED) {
		if (!flow_keeps_backend(reference, flow))
			return flow_owner(reference, packet);
		packet->backend = flow->backend;
		return CV_CONTINUE;
	}
	if (reference->image->listener[packet->listener].unknown_packet == CV_STRAY_RESET)
		return CV_DROP_ICMP_UNKNOWN;
	reference->listener[packet->listener].icmp_unknown_flow++;
	return flow_owner(reference, packet);
}

static enum cv_verdict take_error(struct reference *reference, struct packet *packet)
{
	struct quote quote = {
		.frame = packet->frame,
		.at = packet->transport + HEADER,
		.end = packet->transport + packet->transport_bytes,
	};
	enum cv_verdict verdict;

	if (!listener_has_address(reference->image, packet->tuple.address))
		return CV_PASS_NO_LISTENER;
	memcpy(quote.tuple.address, packet->tuple.address, 16);
	verdict = read_quote(&quote, packet->is_v4);
	if (verdict)
		return verdict;
	packet->listener = listener_find(reference->image, &quote.tuple);
	if (!packet->listener)
		return CV_PASS_NO_LISTENER;
	packet->is_icmp_error = true;
	packet->hash = listener_hash(reference->image, packet->listener, &quote.tuple, packet->is_v4);
	return find_backend(reference, packet, &quote.tuple);
}

enum cv_verdict icmp_take(struct reference *reference, struct packet *packet, struct reference_result *ret)
{
	bool is_v4 = packet->is_v4;
	uint8_t type;

	if (packet->protocol != (is_v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6))
		return CV_PASS_PROTOCOL;
	if (packet->is_fragment)
		return CV_PASS_ICMP_FRAGMENT;
	if (packet->transport_bytes < HEADER)
		return CV_PASS_MALFORMED;
	type = packet->frame[packet->transport];
	if (type == (is_v4 ? 8 : 128))
		return reply_echo(reference, packet, ret);
	if (is_v4 ? type == 3 || type == 11 || type == 12 : type >= 1 && type <= 4)
		return take_error(reference, packet);
	return CV_PASS_PROTOCOL;
}
