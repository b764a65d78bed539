/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep: one pass over the flow tables that removes what idled out and counts what lives, by listener and by
 * backend. The daemon runs it; packets never wait for it. One sweep at a time. */
#ifndef SWEEP_H
#define SWEEP_H

#include "flow.h"

/* Counts one live flow in a record, which begins anew with the first flow of each sweep. */
static __always_inline void sweep_count(struct cv_flow_counts *counts, __u64 sweep, enum cv_flow_state state)
{
	if (!counts)
		return;
	if (counts->sweep != sweep) {
		counts->half_open = 0;
		counts->open = 0;
		counts->closing = 0;
		counts->sweep = sweep;
	}
	if (state == CV_FLOW_HALF_OPEN)
		counts->half_open++;
	else if (state == CV_FLOW_OPEN)
		counts->open++;
	else
		counts->closing++;
}

static __always_inline void sweep_expired(struct cv_sweep_args *args, const struct cv_flow *flow)
{
	__u32 listener = flow->listener;
	struct cv_listener_stats *stats = bpf_map_lookup_elem(&cv_per_listener, &listener);

	args->expired++;
	/* a handshake that came to nothing was never a flow */
	if (stats && flow->state != CV_FLOW_HALF_OPEN)
		__sync_fetch_and_add(&stats->expired_flows, 1);
}

static long sweep_entry(void *map, const void *key, struct cv_flow *flow, struct cv_sweep_args *args)
{
	__u32 listener = flow->listener, backend = flow->backend;

	if (flow_is_expired(flow, (__u32)args->now_s)) {
		sweep_expired(args, flow);
		bpf_map_delete_elem(map, key);
		return 0;
	}
	if (flow->state == CV_FLOW_HALF_OPEN)
		args->half_open++;
	else if (flow->state == CV_FLOW_OPEN)
		args->open++;
	else
		args->closing++;
	sweep_count(bpf_map_lookup_elem(&cv_listener_use, &listener), args->sweep, flow->state);
	sweep_count(bpf_map_lookup_elem(&cv_backend_use, &backend), args->sweep, flow->state);
	return 0;
}

#endif
