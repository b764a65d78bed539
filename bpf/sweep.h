/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep: one pass over the flow tables that removes what ended and counts what lives, by listener and by
 * backend. Map iterators that user space reads in pieces of a few thousand entries, so that nothing waits for it;
 * one byte of output for each entry makes the pieces. One sweep at a time.
 *
 * It also marks the slots of flows that are not on the slot's owner: those without a mark of this sweep are settled
 * (touched.h). Such an iterator may pass over an entry when another one of its bucket goes away at that moment; the
 * flow itself then objects. */
#ifndef SWEEP_H
#define SWEEP_H

#include "flow.h"
#include "listener.h"
#include "select.h"
#include "touched.h"

/* What the kernel hands an iterator over the elements of a map (its own types, as far as we look). */
struct bpf_iter_meta {
	struct seq_file *seq;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
} __attribute__((preserve_access_index));

static __always_inline struct cv_sweep *sweep_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cv_sweep, &zero);
}

/* Counts one flow in a record, which begins anew with the first flow of each sweep. */
static __always_inline void sweep_count(struct cv_flow_counts *counts, __u64 sweep, enum cv_flow_state state,
					bool is_over)
{
	if (!counts)
		return;
	if (counts->sweep != sweep) {
		counts->half_open = 0;
		counts->open = 0;
		counts->closing = 0;
		counts->ended = 0;
		counts->sweep = sweep;
	}
	if (is_over)
		counts->ended += state == CV_FLOW_OPEN || state == CV_FLOW_CLOSING;
	else if (state == CV_FLOW_HALF_OPEN)
		counts->half_open++;
	else if (state == CV_FLOW_OPEN)
		counts->open++;
	else if (state == CV_FLOW_CLOSING)
		counts->closing++;
}

static __always_inline void sweep_flow(struct cv_sweep *sweep, const struct cv_flow *flow, bool is_over)
{
	__u32 listener = flow->listener, backend = flow->backend;

	if (is_over)
		sweep->ended++;
	else if (flow->state == CV_FLOW_HALF_OPEN)
		sweep->half_open++;
	else if (flow->state == CV_FLOW_OPEN)
		sweep->open++;
	else if (flow->state == CV_FLOW_CLOSING)
		sweep->closing++;
	sweep_count(bpf_map_lookup_elem(&cv_listener_use, &listener), sweep->sweep, flow->state, is_over);
	sweep_count(bpf_map_lookup_elem(&cv_backend_use, &backend), sweep->sweep, flow->state, is_over);
}

/* Marks the slot that the flow's next packet will be in, unless its owner is what the table says too. A flow whose backend
 * is gone or another by now is placed anew by that packet, and counts as somewhere else until then: only what the table
 * says would hold when the owner changes once more. */
__noinline int sweep_slot(const struct cv_flow6_key *key, const struct cv_flow *flow, __u8 mark)
{
	struct cv_directory *dir = directory_get();
	struct cv_listener *listener;
	struct cv_backend *backend;
	struct pkt pkt = { 0 };
	struct cv_slot *slot;

	if (!dir || !key || !flow)
		return 0;
	pkt_of_key(&pkt, key);
	if (listener_at_port(&pkt, dir, cv_directory_hash(dir, pkt.address), &listener))
		return 0; /* its packets are not ours any more */
	pkt.hash = select_hash(dir, listener, &pkt);
	slot = slot_get(listener->pool, listener->table_size, pkt.hash);
	if (!slot)
		return 0;
	backend = backend_get(slot->backend);
	if (!backend || slot->backend != flow->backend || backend->generation != flow->generation)
		slot->disputed = mark;
	return 0;
}

/* Visits one element of the table at `map`, whose keys have `key_size` bytes. */
static __always_inline void sweep_element(struct bpf_iter__bpf_map_elem *ctx, void *map, void *key,
					  __u32 key_size)
{
	struct cv_flow *flow = ctx->value;
	const void *from = ctx->key;
	struct cv_sweep *sweep = sweep_get();
	struct cv_flow6_key key6;
	struct cv_expired note;
	struct cv_flow ended;
	bool is_over;

	if (!from || !flow || !sweep) { /* the call after the last element */
		touched_fit((__u64)live_flows(0));
		return;
	}
	bpf_seq_write(ctx->meta->seq, "", 1);
	is_over = cv_flow_is_expired(flow, (__u32)sweep->now_s);
	__builtin_memcpy(key, from, key_size);
	if (key_size == sizeof(struct cv_flow4_key))
		cv_flow_long_key(key, &key6);
	else
		__builtin_memcpy(&key6, key, sizeof(key6));
	if (sweep->pass == CV_SWEEP_COUNT) {
		sweep_flow(sweep, flow, is_over);
		if (sweep->mark && !is_over && flow->state != CV_FLOW_REFUSED) {
			ended = *flow;
			sweep_slot(&key6, &ended, sweep->mark);
		}
		return;
	}
	if (!is_over)
		return;
	ended = *flow;
	if (bpf_map_delete_elem(map, key))
		return;
	sweep->removed++;
	if (map == &cv_half_open)
		return; /* what came to nothing was never a flow */
	flow_ended(&key6, &ended, &note, (__u32)sweep->now_s);
}

#endif
