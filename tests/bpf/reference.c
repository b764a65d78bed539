/* SPDX-License-Identifier: GPL-2.0-only */
/* The way of a packet through the reference, from top to bottom, and its counters; see reference.h. */
#include "bpf/reference.h"

#include <stdlib.h>
#include <string.h>

#include "bpf/reference_parts.h"

struct reference *reference_new(void)
{
	struct reference *reference = calloc(1, sizeof(*reference));

	if (!reference)
		return NULL;
	if (reference_table_init(&reference->flows, sizeof(struct cv_flow6_key), sizeof(struct cv_flow)) &&
	    reference_table_init(&reference->half_open, sizeof(struct cv_flow6_key),
				 sizeof(struct cv_flow)) &&
	    reference_table_init(&reference->expired, sizeof(struct cv_flow6_key),
				 sizeof(struct cv_expired)) &&
	    reference_table_init(&reference->fragments, sizeof(struct cv_fragment_key),
				 sizeof(struct cv_fragment)))
		return reference;
	reference_free(reference);
	return NULL;
}

void reference_free(struct reference *reference)
{
	if (!reference)
		return;
	free(reference->flows.slot);
	free(reference->half_open.slot);
	free(reference->expired.slot);
	free(reference->fragments.slot);
	free(reference);
}

void reference_forget(struct reference *reference)
{
	reference_table_clear(&reference->flows);
	reference_table_clear(&reference->half_open);
	reference_table_clear(&reference->expired);
	reference_table_clear(&reference->fragments);
	memset(reference->verdict, 0, sizeof(reference->verdict));
	memset(reference->listener, 0, sizeof(reference->listener));
	memset(reference->backend, 0, sizeof(reference->backend));
	memset(reference->live, 0, sizeof(reference->live));
	memset(&reference->gate, 0, sizeof(reference->gate));
	reference->releases = 0;
}

/* RFC 1858 3.1: the transport header has to be whole in a first fragment. RFC 3128 4: no later one may reach into it. */
static bool is_tiny(const struct packet *packet)
{
	size_t header = packet->protocol == CV_PROTOCOL_TCP ? 20 : 8;

	if (packet->fragment_at)
		return packet->protocol == CV_PROTOCOL_TCP && packet->fragment_at < header;
	return packet->transport_bytes < header;
}

/* To a port of a listener, or of none; a first fragment tells the rest of its datagram. */
static enum cv_verdict find_way(struct reference *reference, struct packet *packet)
{
	enum cv_verdict verdict;

	if (packet->transport_bytes < 4)
		return CV_PASS_MALFORMED;
	packet->tuple.client_port = get16(packet->frame + packet->transport);
	packet->tuple.port = get16(packet->frame + packet->transport + 2);
	packet->listener = listener_find(reference->image, &packet->tuple);
	if (!packet->listener)
		return packet->is_fragment
			       ? fragment_first(reference, packet, CV_FRAGMENT_FOREIGN, CV_PASS_NO_LISTENER)
			       : CV_PASS_NO_LISTENER;
	verdict = parse_transport(packet);
	if (!verdict) {
		packet->hash =
			listener_hash(reference->image, packet->listener, &packet->tuple, packet->is_v4);
		verdict = flow_route(reference, packet);
	}
	if (packet->is_fragment)
		return fragment_first(reference, packet, verdict ? CV_FRAGMENT_REFUSED : CV_FRAGMENT_KNOWN,
				      verdict);
	return verdict;
}

static enum cv_verdict place(struct reference *reference, struct packet *packet, struct reference_result *ret)
{
	enum cv_verdict verdict;

	if (!listener_filter(reference->image, packet->tuple.address))
		return CV_PASS_NOT_VIP;
	if (packet->frame[0] & 1)
		return CV_PASS_GROUP;
	if (packet->protocol != CV_PROTOCOL_TCP && packet->protocol != CV_PROTOCOL_UDP)
		return icmp_take(reference, packet, ret);
	packet->tuple.protocol = (enum cv_protocol)packet->protocol;
	if (packet->is_fragment) {
		if (!listener_has_protocol(reference->image, packet->tuple.address, packet->protocol))
			return CV_PASS_NO_LISTENER;
		if (is_tiny(packet))
			return CV_DROP_FRAGMENT_TINY;
		if (packet->fragment_at)
			return fragment_follow(reference, packet, &ret->held);
	}
	verdict = find_way(reference, packet);
	if (verdict == CV_RESET_LATE || verdict == CV_RESET_UNKNOWN)
		return reply_reset(reference, packet, verdict, ret);
	return verdict;
}

/* IPv4 may be cut on its way unless its sender said otherwise. */
static bool may_cut(const struct packet *packet)
{
	return packet->is_v4 && !packet->is_icmp_error && !(packet->frame[packet->ip + 6] & 0x40);
}

static enum cv_verdict balance(struct reference *reference, struct packet *packet,
			       struct reference_result *ret)
{
	enum cv_verdict verdict = parse_frame(packet);

	if (!verdict)
		verdict = place(reference, packet, ret);
	if (verdict)
		return verdict;
	verdict = forward_packet(reference, packet, ret);
	if (verdict != CV_DROP_TOO_BIG)
		return verdict;
	if (may_cut(packet))
		return fragment_cut(reference, packet, forward_room(reference, packet), &ret->held);
	return reply_too_big(reference, packet, forward_room(reference, packet), ret);
}

static void count(struct reference *reference, const struct packet *packet, enum cv_verdict verdict)
{
	struct cv_listener_stats *listener = &reference->listener[packet->listener];
	struct cv_backend_stats *backend = &reference->backend[packet->backend];

	reference->verdict[verdict].packets++;
	reference->verdict[verdict].bytes += packet->len;
	if (verdict == CV_RESET_LATE || verdict == CV_RESET_UNKNOWN)
		listener->resets_sent++;
	if (verdict != CV_TX && verdict != CV_REDIRECT)
		return;
	if (packet->is_icmp_error) {
		listener->icmp_errors++;
		return;
	}
	listener->client_resets += !!(packet->tcp_flags & PKT_RST);
	listener->packets++;
	listener->bytes += packet->ip_bytes;
	backend->packets++;
	backend->bytes += packet->ip_bytes;
}

void reference_run(struct reference *reference, const struct pkt *in, uint32_t ifindex,
		   struct reference_result *ret)
{
	struct packet packet = { .frame = in->data, .len = in->len, .ifindex = ifindex };

	ret->len = in->len;
	memcpy(ret->data, in->data, in->len);
	ret->verdict = balance(reference, &packet, ret);
	count(reference, &packet, ret->verdict);
}
