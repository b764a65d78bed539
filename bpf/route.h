/* SPDX-License-Identifier: GPL-2.0-only */
/* Which backend gets this packet: the one that has its flow, or for a new flow the owner of its slot. Sets
 * pkt->backend, and keeps the flow table true. */
#ifndef ROUTE_H
#define ROUTE_H

#include "account.h"
#include "flow.h"
#include "fragment.h"
#include "gate.h"
#include "listener.h"
#include "reply.h"
#include "select.h"
#include "touched.h"

/* Maglev's choice, and its record. */
STAGE route_anew(const struct cv_listener *listener, struct pkt *pkt, struct cv_backend **ret)
{
	const struct cv_slot *slot = slot_get(listener->pool, listener->table_size, pkt->hash);

	if (!slot || !slot->backend)
		return CV_DROP_NO_BACKEND;
	pkt->source = CV_SOURCE_MAGLEV;
	pkt->backend = slot->backend;
	*ret = backend_get(pkt->backend);
	return *ret ? CV_CONTINUE : CV_DROP_INTERNAL;
}

/* Whether the packet may pass the flow table by (touched.h). Not what begins or ends a flow, nor a question: one test for
 * all, as the verifier follows both ways of each. */
static __always_inline bool route_is_short(const struct cv_listener *listener, struct pkt *pkt, __u32 now)
{
	__u32 impatient = (listener->idle_timeout_s - CV_SHORTCUT_TIMEOUT_S) >> 31;
	__u32 odd = pkt->tcp_flags & (TCP_SYN | TCP_FIN | TCP_RST);
	const struct cv_slot *slot;
	struct touched touched;
	__u16 owner;

	if (!cv_shortcut || (odd | impatient | (pkt->mode & CV_MODE_DRY)))
		return false;
	touched = touched_get(touched_tuple(pkt), now);
	slot = slot_get(listener->pool, listener->table_size, pkt->hash);
	if (!slot || !slot->settled || !touched.set)
		return false;
	owner = slot->backend;
	if (!touched_is(&touched, owner))
		return false;
	pkt->backend = owner;
	pkt->is_short = true;
	return true;
}

/* What a visit to the table, in second `now`, says of the packets to come: in a settled slot, those of a flow that is on the
 * owner may pass it by, until the epoch or the flow ends. A flow that is elsewhere takes the slot's settled bit off. The
 * verifier checks this alone, to follow it once. */
__noinline int route_learn(const struct cv_listener *listener, __u64 hash, __u64 tuple, __u32 backend,
			   __u64 now_and_may)
{
	struct cv_slot *slot = listener ? slot_get(listener->pool, listener->table_size, hash) : NULL;

	if (!slot || !slot->settled)
		return 0;
	if (slot->backend == backend)
		touched_note(tuple, backend, (__u32)(now_and_may >> 1), now_and_may & 1);
	else
		slot->settled = 0;
	return 0;
}

/* A flow we know: its backend, or if that one is gone or keeps no flows, another from here on. */
STAGE route_known(const struct cv_listener *listener, struct pkt *pkt, struct cv_flow *flow, __u32 now,
		  struct cv_backend **ret)
{
	flow_answer(pkt, flow, now);
	*ret = flow_backend(flow);
	if (*ret) {
		pkt->backend = flow->backend;
		pkt->source = flow->state == CV_FLOW_HALF_OPEN ? CV_SOURCE_HALF_OPEN : CV_SOURCE_FLOW;
	} else {
		struct cv_listener_stats *stats = listener_stats(pkt);
		enum cv_verdict verdict = route_anew(listener, pkt, ret);

		if (verdict)
			return verdict;
		if (pkt_is_dry(pkt))
			return CV_CONTINUE;
		/* while a change is at work, the slot may be the same backend's still */
		if (stats && flow->state != CV_FLOW_HALF_OPEN &&
		    (flow->backend != pkt->backend || flow->generation != (*ret)->generation))
			stats->moved_flows++;
		flow->backend = pkt->backend;
		flow->generation = (*ret)->generation;
	}
	flow_touch(flow, pkt, now);
	return CV_CONTINUE;
}

/* The client went on: the flow is open from here. Without room the packet goes to its backend all the same, and
 * the next one tries again. There is no moment in which a sweep would find it in neither table. */
static __always_inline void route_open(struct scratch *scratch, struct pkt *pkt, const struct cv_flow *half)
{
	struct cv_flow *flow = &scratch->flow;

	if (pkt_is_dry(pkt))
		return;
	*flow = *half;
	if (flow->state == CV_FLOW_HALF_OPEN)
		flow->state = CV_FLOW_OPEN;
	flow->listener = pkt->listener;
	flow_advance(flow, pkt);
	if (flow_open(pkt->mode, pkt->family, pkt->tcp_flags & TCP_RST))
		return;
	live_add(pkt->listener, 1);
	touched_fit((__u64)live_flows(0));
	account_new_flow(pkt);
}

/* A reload gave this tuple to another listener: the flow ends at one and begins at the other. */
static __always_inline void route_over(struct cv_flow *flow, const struct pkt *pkt)
{
	__u32 old = flow->listener;
	struct cv_listener_stats *ends = bpf_map_lookup_elem(&cv_per_listener, &old);
	struct cv_listener_stats *begins = listener_stats(pkt);

	if (pkt_is_dry(pkt))
		return;
	live_add(old, -1);
	live_add(pkt->listener, 1);
	flow->listener = pkt->listener;
	if (ends)
		ends->closed_flows++;
	if (begins)
		begins->new_flows++;
}

/* One packet was seen before. The first one again goes where it went, whatever became of the Maglev table since. */
STAGE route_half_open(const struct cv_listener *listener, struct pkt *pkt, struct scratch *scratch,
		      struct cv_flow *half, __u32 now, struct cv_backend **ret)
{
	enum cv_verdict verdict = route_known(listener, pkt, half, now, ret);

	if (!verdict && !(pkt->protocol == CV_PROTOCOL_TCP && is_first_packet(pkt)))
		route_open(scratch, pkt, half);
	return verdict;
}

/* Flows in the table, of a listener or of all (0), without the one that this packet found over: a question left that
 * one where it was. */
static __always_inline __s64 route_live(const struct pkt *pkt, __u32 listener)
{
	bool is_counted = pkt_is_dry(pkt) && pkt->ended_of && (!listener || listener == pkt->ended_of);

	return live_flows(listener) - is_counted;
}

/* Whether what is counted as live lives: only the sweep takes flows off that have ended, and without the daemon there is
 * none. A function that the verifier checks by itself, for its stack. */
__noinline bool route_is_swept(__u32 now)
{
	__u32 zero = 0;
	const struct cv_sweep *sweep = bpf_map_lookup_elem(&cv_sweep, &zero);

	/* in a new table the first is still to come */
	return sweep && (!sweep->now_s || cv_clock_idle(now, (__u32)sweep->now_s) <= CV_SWEEP_MISSED_S);
}

/* Room for one more? Only first packets are asked: what belongs to a running flow goes on. */
STAGE route_admit(const struct cv_listener *listener, const struct pkt *pkt, __u32 now)
{
	if (!(cv_reject_when_full || listener->max_flows) || !route_is_swept(now))
		return CV_CONTINUE;
	if (cv_reject_when_full && route_live(pkt, 0) >= (__s64)cv_max_flows)
		return CV_DROP_TABLE_FULL;
	if (listener->max_flows && route_live(pkt, pkt->listener) >= listener->max_flows)
		return CV_DROP_QUOTA;
	return CV_CONTINUE;
}

/* A new flow is refused: that counts once, however often its first packet comes. A function that the verifier checks by
 * itself, for its stack. */
__noinline int route_refuse(__u32 listener, enum cv_verdict why)
{
	struct cv_listener_stats *stats = bpf_map_lookup_elem(&cv_per_listener, &listener);

	if (!stats)
		return 0;
	if (why == CV_DROP_TABLE_FULL)
		stats->rejected_table_full++;
	else if (why == CV_DROP_QUOTA)
		stats->rejected_quota++;
	else if (why == CV_DROP_NO_BACKEND)
		stats->rejected_no_backend++;
	return 0;
}

/* How long the record of a first packet lives. A handshake may take longer than its flow may be idle, and so may the
 * retransmissions of one that was refused; UDP has neither. */
static __always_inline __u8 half_open_timeout(const struct cv_listener *listener, const struct pkt *pkt)
{
	if (pkt->protocol == CV_PROTOCOL_UDP && listener->idle_timeout_s < CV_HALF_OPEN_TIMEOUT_S)
		return (__u8)listener->idle_timeout_s;
	return CV_HALF_OPEN_TIMEOUT_S;
}

/* A flow we have not seen, by its first packet, or by a later one if it began before us or at a neighbour: then
 * Maglev sends it where the neighbour did. Either way one packet proves nothing, and the entry is half-open. */
STAGE route_new(const struct cv_listener *listener, struct pkt *pkt, struct scratch *scratch, __u32 now,
		struct cv_backend **ret)
{
	enum cv_verdict verdict = is_first_packet(pkt) ? route_admit(listener, pkt, now) : CV_CONTINUE;
	struct cv_flow *flow = &scratch->flow;

	*flow = (struct cv_flow){
		.packets = 1,
		.bytes = pkt->ip_bytes,
		.born_s = now,
		.last_seen_s = now,
		.idle_timeout_s = listener->idle_timeout_s,
		.listener = pkt->listener,
		.state = CV_FLOW_HALF_OPEN,
		.brief_timeout_s = half_open_timeout(listener, pkt),
	};

	if (!verdict)
		verdict = route_anew(listener, pkt, ret);
	if (!verdict) {
		flow->backend = pkt->backend;
		flow->generation = (*ret)->generation;
	} else {
		if (!is_first_packet(pkt))
			return verdict;
		if (scratch->half_state != CV_FLOW_REFUSED && !pkt_is_dry(pkt))
			route_refuse(pkt->listener, verdict);
		flow->state = CV_FLOW_REFUSED;
	}
	/* the end of a flow is not worth an entry */
	if (pkt->tcp_flags & (TCP_FIN | TCP_RST) || pkt_is_dry(pkt) || !gate_may_begin(pkt->mode, now))
		return verdict;
	bpf_map_update_elem(&cv_half_open, &scratch->ref.key6, flow, BPF_ANY);
	/* no tag of another flow may keep the next packet, which opens this one, from the table */
	if (cv_shortcut && !verdict)
		route_learn(listener, pkt->hash, touched_tuple(pkt), pkt->backend, (__u64)now << 1);
	return verdict;
}

/* Whether a note says that the flow of this tuple idled out. One that is older than any timeout says nothing: the flow may
 * have lived on at a neighbour since. */
static __always_inline bool route_is_late(const struct pkt *pkt, const struct flow_ref *ref, __u32 now)
{
	const struct cv_expired *note;

	if (pkt->is_late)
		return true;
	note = bpf_map_lookup_elem(&cv_expired, &ref->key6);
	return note && cv_clock_idle(now, note->expired_s) <= CV_IDLE_TIMEOUT_MAX_S;
}

/* A TCP packet in the middle of a flow that is not in the table: did the flow idle out, and if not, do we take it
 * for one of a neighbour's, or in a flood, for one whose first packet left no entry? A reset answers neither a reset (RFC
 * 9293 3.10.7.1) nor a first packet, and goes to a single host. */
STAGE route_stray(const struct cv_listener *listener, const struct pkt *pkt, const struct flow_ref *ref,
		  __u32 now)
{
	const __be32 *from = pkt->client;
	bool is_late;

	if (is_first_packet(pkt)) {
		/* the tuple is in use again: later packets of it are not late */
		if (pkt->protocol == CV_PROTOCOL_TCP && !pkt_is_dry(pkt))
			bpf_map_delete_elem(&cv_expired, &ref->key6);
		return CV_CONTINUE;
	}
	if (pkt->tcp_flags & TCP_RST || !is_one_host(pkt->family, from[0], from[1], from[2], from[3]))
		return CV_CONTINUE;
	is_late = route_is_late(pkt, ref, now);
	if (is_late && listener->late_packet == CV_STRAY_RESET)
		return CV_RESET_LATE;
	if (!is_late && listener->unknown_packet == CV_STRAY_RESET && !gate_was_flooded(now))
		return CV_RESET_UNKNOWN;
	return CV_CONTINUE;
}

/* The flow of this tuple is over: takes it off the table. */
static __always_inline void route_end(struct pkt *pkt, struct scratch *scratch, const struct cv_flow *flow,
				      __u32 now)
{
	scratch->flow = *flow;
	pkt->ended_of = flow->listener;
	pkt->is_late = flow->state != CV_FLOW_CLOSING;
	if (flow_delete(pkt, &scratch->ref))
		flow_ended(&scratch->ref.key6, &scratch->flow, &scratch->expired, now);
}

STAGE route(const struct cv_listener *listener, struct pkt *pkt, __u32 now, struct cv_backend **ret)
{
	struct scratch *scratch;
	enum cv_verdict verdict;
	struct flow_ref *ref;
	struct cv_flow *flow;

	if (route_is_short(listener, pkt, now)) {
		*ret = backend_get(pkt->backend);
		return *ret ? CV_CONTINUE : CV_DROP_INTERNAL;
	}
	scratch = scratch_get(pkt->mode);
	if (!scratch)
		return CV_DROP_INTERNAL;
	ref = &scratch->ref;
	flow_ref_init(ref, pkt);
	flow = flow_lookup(pkt, ref);
	if (flow) {
		if (!cv_flow_is_expired(flow, now) && !is_reuse(flow, pkt)) {
			if (flow->listener != pkt->listener)
				route_over(flow, pkt);
			flow_advance(flow, pkt);
			verdict = route_known(listener, pkt, flow, now, ret);
			if (cv_shortcut && !verdict && !pkt_is_dry(pkt))
				route_learn(listener, pkt->hash, touched_tuple(pkt), pkt->backend,
					    (__u64)now << 1 | cv_flow_has_shortcut(flow));
			return verdict;
		}
		route_end(pkt, scratch, flow, now);
	}
	flow = bpf_map_lookup_elem(&cv_half_open, &ref->key6);
	if (flow && cv_flow_is_expired(flow, now))
		flow = NULL;
	scratch->half_state = flow ? flow->state : CV_FLOW_NONE;
	if (flow && flow->state != CV_FLOW_REFUSED)
		return route_half_open(listener, pkt, scratch, flow, now, ret);
	verdict = route_stray(listener, pkt, ref, now);
	if (verdict)
		return verdict;
	return route_new(listener, pkt, scratch, now, ret);
}

/* A fragment that follows the first one of its datagram: listener, backend and ports are those of the note, and so are
 * the outer header and the way through the network. */
STAGE route_follow(struct xdp_md *ctx, struct pkt *pkt, const struct cv_directory *dir, __u32 now,
		   struct cv_listener **ret_listener, struct cv_backend **ret)
{
	struct fragment_ref *ref = fragment_ref(pkt, now);
	const struct cv_fragment *note;
	enum cv_verdict verdict;

	if (!ref)
		return CV_DROP_INTERNAL;
	verdict = fragment_verdict(fragment_find(ctx, pkt->mode));
	if (verdict)
		return verdict;
	note = &ref->note;
	*ret_listener = listener_get(note->listener);
	*ret = backend_get(note->backend);
	if (!*ret_listener || !*ret)
		return CV_DROP_INTERNAL;
	/* a reload may have come between the two */
	if (!listener_is_at(*ret_listener, pkt) || (*ret)->generation != note->generation)
		return CV_DROP_FRAGMENT_ORPHAN;
	pkt->source = CV_SOURCE_FRAGMENT;
	pkt->listener = note->listener;
	pkt->backend = note->backend;
	pkt->client_port = note->client_port;
	pkt->port = note->port;
	pkt->hash = select_hash(dir, *ret_listener, pkt);
	return CV_CONTINUE;
}

#endif
