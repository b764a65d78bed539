/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's flow table. One packet makes a half-open flow, the client's next one opens it, FIN or RST begins its end,
 * and time ends it. */
#include "bpf/reference_parts.h"

#include "cv_flow.h"
#include "model/table.h"

#define FIN PKT_FIN
#define SYN PKT_SYN
#define RST PKT_RST
#define ACK PKT_ACK

static bool is_tcp(const struct packet *packet)
{
	return packet->protocol == CV_PROTOCOL_TCP;
}

/* Every UDP packet may be the first one. */
static bool is_first(const struct packet *packet)
{
	return !is_tcp(packet) || (packet->tcp_flags & (SYN | ACK | RST)) == SYN;
}

static const struct cv_listener *listener_of(const struct reference *reference, const struct packet *packet)
{
	return &reference->image->listener[packet->listener];
}

enum cv_verdict flow_owner(const struct reference *reference, struct packet *packet)
{
	const struct image_table *table = reference->image->table[listener_of(reference, packet)->pool];

	packet->backend = table_owner(table, cv_hash_slot(packet->hash, table->size));
	return packet->backend ? CV_CONTINUE : CV_DROP_NO_BACKEND;
}

bool flow_keeps_backend(const struct reference *reference, const struct cv_flow *flow)
{
	const struct cv_backend *backend = &reference->image->backend[flow->backend];

	return backend->generation == flow->generation && backend->keeps_flows;
}

/* The flow left the table. */
static void book_end(struct reference *reference, const struct cv_flow6_key *key, const struct cv_flow *flow)
{
	struct cv_listener_stats *stats = &reference->listener[flow->listener];
	struct cv_expired note = { .expired_s = reference->now_s, .listener = flow->listener };

	reference->live[flow->listener]--;
	reference->live[0]--;
	if (flow->state == CV_FLOW_CLOSING) {
		stats->closed_flows++;
		return;
	}
	stats->expired_flows++;
	if (key->protocol == CV_PROTOCOL_TCP)
		reference_table_put(&reference->expired, key, &note);
}

/* What a packet's flags make of an open or closing flow. */
static void advance(struct cv_flow *flow, const struct packet *packet)
{
	if (!is_tcp(packet))
		return;
	if (packet->tcp_flags & (RST | FIN)) {
		flow->state = CV_FLOW_CLOSING;
		flow->brief_timeout_s =
			packet->tcp_flags & RST ? CV_CLOSING_RST_TIMEOUT_S : CV_CLOSING_FIN_TIMEOUT_S;
	} else if (flow->state == CV_FLOW_CLOSING && flow->brief_timeout_s == CV_CLOSING_RST_TIMEOUT_S) {
		flow->state = CV_FLOW_OPEN; /* who goes on did not send that RST */
	}
}

/* A reload gave the tuple to another listener. */
static void change_listener(struct reference *reference, const struct packet *packet, struct cv_flow *flow)
{
	reference->listener[flow->listener].closed_flows++;
	reference->live[flow->listener]--;
	flow->listener = packet->listener;
	reference->listener[flow->listener].new_flows++;
	reference->live[flow->listener]++;
}

/* To the backend that has the flow; to another one if that one is gone, or keeps none. */
static enum cv_verdict go_on(struct reference *reference, struct packet *packet, struct cv_flow *flow)
{
	if (flow_keeps_backend(reference, flow)) {
		packet->backend = flow->backend;
	} else {
		enum cv_verdict verdict = flow_owner(reference, packet);

		if (verdict)
			return verdict;
		flow->backend = packet->backend;
		flow->generation = reference->image->backend[packet->backend].generation;
		if (flow->state != CV_FLOW_HALF_OPEN)
			reference->listener[packet->listener].moved_flows++;
	}
	flow->last_seen_s = reference->now_s;
	flow->packets++;
	flow->bytes += packet->ip_bytes;
	return CV_CONTINUE;
}

/* The second packet, unless it is the first one again. A handshake that is given up never was a flow. */
static void open_flow(struct reference *reference, const struct packet *packet, const struct cv_flow *half)
{
	struct cv_flow flow = *half;

	if (is_tcp(packet) && is_first(packet))
		return;
	reference_table_remove(&reference->half_open, &packet->tuple);
	if (packet->tcp_flags & RST)
		return;
	flow.state = CV_FLOW_OPEN;
	flow.listener = packet->listener;
	advance(&flow, packet);
	reference_table_put(&reference->flows, &packet->tuple, &flow);
	reference->live[packet->listener]++;
	reference->live[0]++;
	reference->listener[packet->listener].new_flows++;
	reference->backend[packet->backend].new_flows++;
}

static enum cv_verdict admit(const struct reference *reference, const struct packet *packet)
{
	const struct cv_listener *listener = listener_of(reference, packet);

	if (!is_first(packet) || !listener->max_flows ||
	    reference->live[packet->listener] < (int64_t)listener->max_flows)
		return CV_CONTINUE;
	return CV_DROP_QUOTA;
}

/* A first packet that comes again after it was refused is not counted again. */
static void count_refused(struct reference *reference, const struct packet *packet, enum cv_verdict why)
{
	struct cv_listener_stats *stats = &reference->listener[packet->listener];

	if (why == CV_DROP_QUOTA)
		stats->rejected_quota++;
	else
		stats->rejected_no_backend++;
}

static enum cv_verdict begin_flow(struct reference *reference, struct packet *packet, bool was_refused)
{
	const struct cv_listener *listener = listener_of(reference, packet);
	enum cv_verdict verdict = admit(reference, packet);
	struct cv_flow flow = {
		.packets = 1,
		.bytes = packet->ip_bytes,
		.born_s = reference->now_s,
		.last_seen_s = reference->now_s,
		.idle_timeout_s = listener->idle_timeout_s,
		.listener = packet->listener,
		.state = CV_FLOW_HALF_OPEN,
		.brief_timeout_s = CV_HALF_OPEN_TIMEOUT_S,
	};

	if (!is_tcp(packet) && listener->idle_timeout_s < CV_HALF_OPEN_TIMEOUT_S)
		flow.brief_timeout_s = (uint8_t)listener->idle_timeout_s;
	if (!verdict)
		verdict = flow_owner(reference, packet);
	if (verdict && !is_first(packet))
		return verdict;
	if (verdict) {
		flow.state = CV_FLOW_REFUSED;
		if (!was_refused)
			count_refused(reference, packet, verdict);
	} else {
		flow.backend = packet->backend;
		flow.generation = reference->image->backend[packet->backend].generation;
	}
	if (packet->tcp_flags & (FIN | RST))
		return verdict;
	if (reference->gate.begun >= CV_FLOOD_PER_S)
		reference->gate.flooded_s = reference->now_s;
	if (reference->gate.begun++ < CV_BEGUN_PER_S)
		reference_table_put(&reference->half_open, &packet->tuple, &flow);
	return verdict;
}

/* In a flood a flow may be unknown for want of room. */
static bool is_flooded(const struct reference *reference)
{
	return reference->gate.flooded_s &&
	       reference->now_s - reference->gate.flooded_s <= CV_HALF_OPEN_TIMEOUT_S;
}

/* A TCP packet from the middle of a flow that is not here. Neither a reset nor a first packet is answered with a reset, nor
 * what came from no single host. */
static enum cv_verdict judge_stray(struct reference *reference, const struct packet *packet, bool is_late)
{
	const struct cv_listener *listener = listener_of(reference, packet);

	if (is_first(packet)) {
		if (is_tcp(packet))
			reference_table_remove(&reference->expired, &packet->tuple);
		return CV_CONTINUE;
	}
	if (packet->tcp_flags & RST || !reply_finds_one_host(packet))
		return CV_CONTINUE;
	if (is_late || reference_table_find(&reference->expired, &packet->tuple))
		return listener->late_packet == CV_STRAY_RESET ? CV_RESET_LATE : CV_CONTINUE;
	return listener->unknown_packet == CV_STRAY_RESET && !is_flooded(reference) ? CV_RESET_UNKNOWN
										    : CV_CONTINUE;
}

enum cv_verdict flow_route(struct reference *reference, struct packet *packet)
{
	struct cv_flow *flow = reference_table_find(&reference->flows, &packet->tuple), *half;
	bool is_late = false, was_refused;
	enum cv_verdict verdict;

	if (flow) {
		bool is_reused = flow->state == CV_FLOW_CLOSING && is_tcp(packet) && is_first(packet);

		if (!cv_flow_is_expired(flow, reference->now_s) && !is_reused) {
			if (flow->listener != packet->listener)
				change_listener(reference, packet, flow);
			advance(flow, packet);
			return go_on(reference, packet, flow);
		}
		is_late = flow->state == CV_FLOW_OPEN;
		book_end(reference, &packet->tuple, flow);
		reference_table_remove(&reference->flows, &packet->tuple);
	}
	half = reference_table_find(&reference->half_open, &packet->tuple);
	if (half && cv_flow_is_expired(half, reference->now_s))
		half = NULL;
	was_refused = half && half->state == CV_FLOW_REFUSED;
	if (half && !was_refused) {
		verdict = go_on(reference, packet, half);
		if (!verdict)
			open_flow(reference, packet, half);
		return verdict;
	}
	verdict = judge_stray(reference, packet, is_late);
	return verdict ? verdict : begin_flow(reference, packet, was_refused);
}

void reference_sweep(struct reference *reference)
{
	struct reference_table *tables[] = { &reference->flows, &reference->half_open };

	for (size_t i = 0; i < CV_ARRAY_SIZE(tables); i++)
		for (size_t n = 0; n < REFERENCE_TABLE_SLOTS; n++) {
			struct reference_entry *entry = &tables[i]->slot[n];
			const struct cv_flow *flow = (const struct cv_flow *)entry->value;

			if (entry->state != REFERENCE_USED || !cv_flow_is_expired(flow, reference->now_s))
				continue;
			if (tables[i] == &reference->flows)
				book_end(reference, (const struct cv_flow6_key *)entry->key, flow);
			reference_table_remove(tables[i], entry->key);
		}
}
