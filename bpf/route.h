/* SPDX-License-Identifier: GPL-2.0-only */
/* Which backend gets this packet: the one that has its flow, or for a new flow the owner of its slot. Sets
 * pkt->backend, and keeps the flow table true. */
#ifndef ROUTE_H
#define ROUTE_H

#include "account.h"
#include "flow.h"
#include "select.h"

/* Maglev's choice, and its record. */
static __always_inline CV_MUST_CHECK enum cv_verdict route_anew(const struct cv_listener *listener,
								struct pkt *pkt, struct cv_backend **ret)
{
	enum cv_verdict verdict = select_backend(listener, pkt);

	if (verdict)
		return verdict;
	*ret = backend_get(pkt->backend);
	return *ret ? CV_CONTINUE : CV_DROP_INTERNAL;
}

/* A flow we know: its backend, or if that one is gone or keeps no flows, another from here on. */
static __always_inline CV_MUST_CHECK enum cv_verdict route_known(const struct cv_listener *listener,
								 struct pkt *pkt, struct cv_flow *flow,
								 __u32 now, struct cv_backend **ret)
{
	enum cv_verdict verdict;

	*ret = flow_backend(flow);
	if (*ret) {
		pkt->backend = flow->backend;
	} else {
		verdict = route_anew(listener, pkt, ret);
		if (verdict)
			return verdict;
		flow->backend = pkt->backend;
		flow->generation = (*ret)->generation;
	}
	if (flow->listener != pkt->listener)
		flow->listener = pkt->listener;
	flow_advance(flow, pkt);
	flow_touch(flow, pkt, now);
	return CV_CONTINUE;
}

/* Enters an open flow. Without room: an evicting table lets the packet go by Maglev all the same, a rejecting
 * one refuses it. */
static __always_inline CV_MUST_CHECK enum cv_verdict route_enter(const struct flow_ref *ref, struct pkt *pkt,
								 struct cv_flow *flow)
{
	struct cv_listener_stats *stats;

	flow->state = CV_FLOW_OPEN;
	flow_advance(flow, pkt);
	if (flow_insert(ref, pkt->family, flow)) {
		account_new_flow(pkt);
		return CV_CONTINUE;
	}
	stats = listener_stats(pkt);
	if (stats)
		stats->rejected_flows++;
	return cv_reject_when_full ? CV_DROP_TABLE_FULL : CV_CONTINUE;
}

/* The flow has an entry in cv_half_open: a first packet once more goes where the first one went, whatever
 * became of the table since; any other packet opens the flow. */
static __always_inline CV_MUST_CHECK enum cv_verdict route_half_open(const struct cv_listener *listener,
								     struct pkt *pkt,
								     const struct flow_ref *ref,
								     struct cv_flow *half, __u32 now,
								     struct cv_backend **ret)
{
	enum cv_verdict verdict = route_known(listener, pkt, half, now, ret);
	struct cv_flow flow;

	if (verdict)
		return verdict;
	if (pkt->protocol == CV_PROTOCOL_TCP && is_first_packet(pkt))
		return CV_CONTINUE;
	flow = *half;
	bpf_map_delete_elem(&cv_half_open, &ref->key6);
	if (pkt->tcp_flags & TCP_RST)
		return CV_CONTINUE; /* a handshake given up was never a flow */
	return route_enter(ref, pkt, &flow);
}

/* A flow we have not seen. Its first packet makes a half-open entry. Any other packet is one of a flow that
 * began before us, or at a neighbour: Maglev sends it where the neighbour did, and from now on it is ours. */
static __always_inline CV_MUST_CHECK enum cv_verdict route_new(const struct cv_listener *listener,
							       struct pkt *pkt, const struct flow_ref *ref,
							       __u32 now, struct cv_backend **ret)
{
	enum cv_verdict verdict = route_anew(listener, pkt, ret);
	struct cv_flow flow = {
		.packets = 1,
		.bytes = pkt->ip_bytes,
		.born_s = now,
		.last_seen_s = now,
		.idle_timeout_s = listener->idle_timeout_s,
		.listener = pkt->listener,
		.backend = pkt->backend,
		.state = CV_FLOW_HALF_OPEN,
	};

	if (verdict)
		return verdict;
	flow.generation = (*ret)->generation;
	if (is_first_packet(pkt)) {
		bpf_map_update_elem(&cv_half_open, &ref->key6, &flow, BPF_ANY);
		return CV_CONTINUE;
	}
	if (pkt->tcp_flags & (TCP_FIN | TCP_RST))
		return CV_CONTINUE; /* the end of a flow is not worth an entry */
	return route_enter(ref, pkt, &flow);
}

static __always_inline CV_MUST_CHECK enum cv_verdict route(const struct cv_listener *listener,
							   struct pkt *pkt, struct cv_backend **ret)
{
	__u32 now = now_seconds();
	struct cv_flow *flow, *half;
	struct flow_ref ref;

	flow_ref_init(&ref, pkt);
	flow = flow_lookup(&ref, pkt->family);
	if (flow) {
		bool is_expired = flow_is_expired(flow, now);

		/* a SYN may use the tuple of a connection that ended (RFC 9293 3.6.1): a new flow */
		if (!is_expired && !(flow->state == CV_FLOW_CLOSING && pkt->protocol == CV_PROTOCOL_TCP &&
				     is_first_packet(pkt)))
			return route_known(listener, pkt, flow, now, ret);
		if (is_expired)
			account_expired(pkt);
		flow_delete(&ref, pkt->family);
	}
	half = bpf_map_lookup_elem(&cv_half_open, &ref.key6);
	if (half && !flow_is_expired(half, now))
		return route_half_open(listener, pkt, &ref, half, now, ret);
	return route_new(listener, pkt, &ref, now, ret);
}

#endif
