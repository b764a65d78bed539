/* SPDX-License-Identifier: GPL-2.0-only */
/* The only way out: a verdict becomes an XDP action, and is counted. */
#ifndef ACCOUNT_H
#define ACCOUNT_H

#include "cv_maps.h"
#include "frame.h"
#include "pkt.h"

/* By verdict, CV_CONTINUE first, which is none. A look is less than the comparisons of a switch. */
#define CV_X(symbol, class_, name, meaning, remedy) CV_CLASS_##class_,
const __u8 cv_verdict_classes[CV_VERDICT_COUNT] = { CV_CLASS_DROP, CV_VERDICTS(CV_X) };
#undef CV_X

static __always_inline enum cv_verdict_class verdict_class(enum cv_verdict verdict)
{
	return verdict < CV_VERDICT_COUNT ? cv_verdict_classes[verdict] : CV_CLASS_DROP;
}

static __always_inline int verdict_action(enum cv_verdict verdict)
{
	switch (verdict_class(verdict)) {
	case CV_CLASS_PASS:
		return XDP_PASS;
	case CV_CLASS_TX:
		return XDP_TX;
	case CV_CLASS_REDIRECT:
		return XDP_REDIRECT;
	case CV_CLASS_HOLD: /* a copy of it lives on */
	case CV_CLASS_DROP:
		break;
	}
	return XDP_DROP;
}

/* Counts the frame, as it came in, under its verdict. */
static __always_inline int account_verdict(const struct pkt *pkt, enum cv_verdict verdict)
{
	__u32 index = verdict;
	struct cv_verdict_stats *stats =
		pkt_is_dry(pkt) ? NULL : bpf_map_lookup_elem(&cv_per_verdict, &index);

	if (stats) {
		stats->packets++;
		stats->bytes += frame_bytes(pkt);
	}
	return verdict_action(verdict);
}

/* The counters of this packet's listener and backend; NULL for a question. */
static __always_inline struct cv_listener_stats *listener_stats(const struct pkt *pkt)
{
	__u32 id = pkt->listener;

	return pkt_is_dry(pkt) ? NULL : bpf_map_lookup_elem(&cv_per_listener, &id);
}

static __always_inline struct cv_backend_stats *backend_stats(const struct pkt *pkt)
{
	__u32 id = pkt->backend;

	return pkt_is_dry(pkt) ? NULL : bpf_map_lookup_elem(&cv_per_backend, &id);
}

/* Counts what became of a packet for its listener and backend. */
static __always_inline void account_packet(const struct pkt *pkt, enum cv_verdict verdict)
{
	struct cv_listener_stats *listener;
	struct cv_backend_stats *backend;

	if (!pkt->listener)
		return;
	listener = listener_stats(pkt);
	backend = backend_stats(pkt);
	if (!listener || !backend)
		return;
	if (verdict == CV_RESET_LATE || verdict == CV_RESET_UNKNOWN)
		listener->resets_sent++;
	if (verdict != CV_TX && verdict != CV_REDIRECT)
		return;
	if (pkt->is_icmp_error) {
		listener->icmp_errors++;
		return;
	}
	if (pkt->tcp_flags & TCP_RST)
		listener->client_resets++;
	listener->packets++;
	listener->bytes += pkt->ip_bytes;
	listener->shortcut_packets += pkt->is_short;
	backend->packets++;
	backend->bytes += pkt->ip_bytes;
}

static __always_inline void account_new_flow(const struct pkt *pkt)
{
	struct cv_listener_stats *listener = listener_stats(pkt);
	struct cv_backend_stats *backend = backend_stats(pkt);

	if (listener)
		listener->new_flows++;
	if (backend)
		backend->new_flows++;
}

#endif
