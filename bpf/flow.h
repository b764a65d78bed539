/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table: which backend has this flow, from its first packet to its last.
 *
 *   half-open  One packet was seen, which anybody may have forged. Lives in cv_half_open, where such entries push
 *              out only each other.
 *   open       The client went on: an active flow, in cv_flows or cv_flows6.
 *   closing    The client's FIN or RST was seen. Keeps its backend for a while: the last ACKs are due.
 *
 * A TCP flow that idles out leaves a note in cv_expired. The keys are two, the code is one: the family picks the
 * map.
 */
#ifndef FLOW_H
#define FLOW_H

#include <bpf/bpf_endian.h>

#include <linux/errno.h>

#include "account.h"
#include "cv_flow.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "pkt.h"
#include "scratch.h"
#include "select.h"

static __always_inline void flow_ref_init(struct flow_ref *ref, const struct pkt *pkt)
{
	__builtin_memset(ref, 0, sizeof(*ref));
	__builtin_memcpy(ref->key4.client, &pkt->client[3], 4);
	__builtin_memcpy(ref->key4.address, &pkt->address[3], 4);
	ref->key4.client_port = pkt->client_port;
	ref->key4.port = pkt->port;
	ref->key4.protocol = pkt->protocol;
	__builtin_memcpy(ref->key6.client, pkt->client, 16);
	__builtin_memcpy(ref->key6.address, pkt->address, 16);
	ref->key6.client_port = pkt->client_port;
	ref->key6.port = pkt->port;
	ref->key6.protocol = pkt->protocol;
}

/* The packet that such a key would be of, as far as it says. */
static __always_inline void pkt_of_key(struct pkt *pkt, const struct cv_flow6_key *key)
{
	__builtin_memcpy(pkt->client, key->client, 16);
	__builtin_memcpy(pkt->address, key->address, 16);
	pkt->family = pkt->client[0] | pkt->client[1] | (pkt->client[2] ^ bpf_htonl(0xffff)) ? CV_FAMILY_IPV6
											     : CV_FAMILY_IPV4;
	pkt->protocol = key->protocol;
	pkt->client_port = key->client_port;
	pkt->port = key->port;
}

static __always_inline struct cv_flow *flow_lookup(const struct pkt *pkt, const struct flow_ref *ref)
{
	if (pkt->family == CV_FAMILY_IPV4)
		return bpf_map_lookup_elem(&cv_flows, &ref->key4);
	return bpf_map_lookup_elem(&cv_flows6, &ref->key6);
}

/* False if another processor was faster, or this is a question. */
static __always_inline bool flow_delete(const struct pkt *pkt, const struct flow_ref *ref)
{
	if (pkt_is_dry(pkt))
		return false;
	if (pkt->family == CV_FAMILY_IPV4)
		return !bpf_map_delete_elem(&cv_flows, &ref->key4);
	return !bpf_map_delete_elem(&cv_flows6, &ref->key6);
}

/* The flow in the scratch record of `mode`, half-open until now, goes into its table. Its half-open entry goes, or where it
 * is needed still (cv_meta), is marked; without room it stays, and the next packet tries again. 0 if this is a flow more. A
 * function that the verifier checks by itself, for its stack. */
__noinline int flow_open(__u32 mode, __u32 family, __u32 is_reset)
{
	struct scratch *scratch = scratch_get((enum cv_mode)mode);
	__u32 zero = 0;
	const struct cv_meta *meta = bpf_map_lookup_elem(&cv_meta, &zero);
	long r;

	if (!scratch)
		return -EINVAL;
	/* a handshake given up was never a flow */
	if (is_reset && scratch->half_state == CV_FLOW_HALF_OPEN) {
		bpf_map_delete_elem(&cv_half_open, &scratch->ref.key6);
		return -ECANCELED;
	}
	if (family == CV_FAMILY_IPV4)
		r = bpf_map_update_elem(&cv_flows, &scratch->ref.key4, &scratch->flow, BPF_NOEXIST);
	else
		r = bpf_map_update_elem(&cv_flows6, &scratch->ref.key6, &scratch->flow, BPF_NOEXIST);
	if (r && r != -EEXIST)
		return (int)r;
	if (meta && meta->is_copied)
		bpf_map_update_elem(&cv_half_open, &scratch->ref.key6, &scratch->flow, BPF_EXIST);
	else
		bpf_map_delete_elem(&cv_half_open, &scratch->ref.key6);
	/* one that has opened in the tables before these is counted already */
	return r || scratch->half_state != CV_FLOW_HALF_OPEN;
}

static __always_inline __s64 live_flows(__u32 listener)
{
	struct cv_live *live = bpf_map_lookup_elem(&cv_live, &listener);

	return live ? live->flows : 0;
}

/* Counts a flow in (1) or out (-1) of the table. */
static __always_inline void live_add(__u32 listener, __s64 change)
{
	__u32 all = 0;
	struct cv_live *of_listener = bpf_map_lookup_elem(&cv_live, &listener);
	struct cv_live *of_table = bpf_map_lookup_elem(&cv_live, &all);

	if (of_listener && of_table) {
		__sync_fetch_and_add(&of_listener->flows, change);
		__sync_fetch_and_add(&of_table->flows, change);
	}
}

/* Books the end of a flow that was just removed from the table, by us or by the sweep. `note` is room for the note that
 * it leaves. */
static __always_inline void flow_ended(const struct cv_flow6_key *key, const struct cv_flow *flow,
				       struct cv_expired *note, __u32 now)
{
	__u32 listener = flow->listener;
	struct cv_listener_stats *stats = bpf_map_lookup_elem(&cv_per_listener, &listener);

	live_add(listener, -1);
	/* atomic: the sweep runs where packets may interrupt it */
	if (flow->state == CV_FLOW_CLOSING) {
		if (stats)
			__sync_fetch_and_add(&stats->closed_flows, 1);
		return;
	}
	if (stats)
		__sync_fetch_and_add(&stats->expired_flows, 1);
	*note = (struct cv_expired){ .expired_s = now, .listener = flow->listener };
	if (key->protocol == CV_PROTOCOL_TCP)
		bpf_map_update_elem(&cv_expired, key, note, BPF_ANY);
}

static __always_inline bool is_first_packet(const struct pkt *pkt)
{
	return pkt->protocol == CV_PROTOCOL_UDP ||
	       (pkt->tcp_flags & (TCP_SYN | TCP_ACK | TCP_RST)) == TCP_SYN;
}

/* A new connection on a tuple whose old one is ending (RFC 9293 3.6.1). */
static __always_inline bool is_reuse(const struct cv_flow *flow, const struct pkt *pkt)
{
	return flow->state == CV_FLOW_CLOSING && pkt->protocol == CV_PROTOCOL_TCP && is_first_packet(pkt);
}

/* What this packet makes of the flow's state. */
static __always_inline void flow_advance(struct cv_flow *flow, const struct pkt *pkt)
{
	if (pkt->protocol != CV_PROTOCOL_TCP || pkt_is_dry(pkt))
		return;
	if (pkt->tcp_flags & TCP_RST) {
		flow->state = CV_FLOW_CLOSING;
		flow->brief_timeout_s = CV_CLOSING_RST_TIMEOUT_S;
	} else if (pkt->tcp_flags & TCP_FIN) {
		flow->state = CV_FLOW_CLOSING;
		flow->brief_timeout_s = CV_CLOSING_FIN_TIMEOUT_S;
	} else if (flow->state == CV_FLOW_CLOSING && flow->brief_timeout_s == CV_CLOSING_RST_TIMEOUT_S) {
		/* who goes on after a RST did not send it (RFC 5961 3.2 is what it ran into at the server) */
		flow->state = CV_FLOW_OPEN;
	}
}

static __always_inline void flow_touch(struct cv_flow *flow, const struct pkt *pkt, __u32 now)
{
	if (pkt_is_dry(pkt))
		return;
	if (flow->last_seen_s != now)
		flow->last_seen_s = now;
	__sync_fetch_and_add(&flow->packets, 1);
	__sync_fetch_and_add(&flow->bytes, pkt->ip_bytes);
}

/* Notes for the answer which entry a question met. */
static __always_inline void flow_answer(const struct pkt *pkt, const struct cv_flow *flow, __u32 now)
{
	struct scratch *scratch = pkt_is_dry(pkt) ? scratch_get(pkt->mode) : NULL;

	if (!scratch)
		return;
	scratch->answer.state = flow->state;
	scratch->answer.idle_left_s = cv_flow_timeout(flow) - cv_clock_idle(now, flow->last_seen_s);
}

/* The backend that has the flow, if it is still the same one and keeps its flows; else NULL. */
static __always_inline struct cv_backend *flow_backend(const struct cv_flow *flow)
{
	struct cv_backend *backend = backend_get(flow->backend);

	if (!backend || backend->generation != flow->generation || !backend->keeps_flows)
		return NULL;
	return backend;
}

#endif
