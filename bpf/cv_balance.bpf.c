// SPDX-License-Identifier: GPL-2.0-only
/* The data path of Culvert: what happens to a packet, from top to bottom. Until its listener is found a packet
 * passes, however odd; from then on it is ours, and what cannot be forwarded is dropped by reason. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "account.h"
#include "ask.h"
#include "capture.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "flow.h"
#include "forward.h"
#include "fragment.h"
#include "frame.h"
#include "icmp.h"
#include "listener.h"
#include "parse_eth.h"
#include "parse_ip.h"
#include "parse_l4.h"
#include "pkt.h"
#include "reply_reset.h"
#include "reply_too_big.h"
#include "route.h"
#include "select.h"
#include "sweep.h"

/* The way of a packet that has its ports. A first fragment leaves it to the rest of its datagram. */
STAGE find_way(struct pkt *pkt, const struct cv_directory *dir, const struct cv_listener *listener, __u32 now,
	       struct cv_backend **ret)
{
	enum cv_verdict verdict = parse_l4(pkt);

	if (!verdict) {
		pkt->hash = select_hash(dir, listener, pkt);
		verdict = route(listener, pkt, now, ret);
	}
	if (pkt->is_fragment)
		return fragment_first(pkt, verdict ? CV_FRAGMENT_REFUSED : CV_FRAGMENT_KNOWN,
				      verdict ? 0 : (*ret)->generation, now, verdict);
	return verdict;
}

/* The way of a packet of ours: no more passing, but for fragments whose first one passed. */
STAGE place(struct xdp_md *ctx, struct pkt *pkt, const struct cv_directory *dir,
	    struct cv_listener **listener, struct cv_backend **ret)
{
	enum cv_verdict verdict;
	__u32 now = now_seconds();

	if (*listener)
		verdict = find_way(pkt, dir, *listener, now, ret);
	else
		verdict = route_follow(ctx, pkt, dir, now, listener, ret);
	if (verdict == CV_RESET_LATE || verdict == CV_RESET_UNKNOWN)
		return reply_reset(ctx, pkt, now, verdict);
	return verdict;
}

STAGE balance(struct xdp_md *ctx, struct pkt *pkt)
{
	struct cv_directory *dir = directory_get();
	struct cv_listener *listener = NULL;
	struct cv_backend *backend = NULL;
	enum cv_verdict verdict;

	if (!dir)
		return CV_PASS_NOT_CONFIGURED;
	verdict = parse_eth(ctx, pkt);
	if (verdict)
		return verdict;
	verdict = parse_ip(ctx, pkt);
	if (verdict)
		return verdict;
	verdict = listener_find(pkt, dir, &listener);
	if (!verdict)
		verdict = place(ctx, pkt, dir, &listener, &backend);
	else if (verdict == CV_PASS_PROTOCOL)
		verdict = icmp(ctx, pkt, dir, &listener, &backend);
	if (verdict)
		return verdict;
	verdict = forward(ctx, pkt, dir, listener, backend);
	if (verdict == CV_DROP_TOO_BIG && fragment_may_cut(pkt))
		return fragment_large(ctx, pkt, backend->generation, forward_room(dir, listener, backend));
	if (verdict == CV_DROP_TOO_BIG)
		return reply_too_big(ctx, pkt, forward_room(dir, listener, backend));
	return verdict;
}

/* frags: frames longer than a page (jumbo frames) come in several pieces. */
SEC("xdp.frags")
int cv_balance(struct xdp_md *ctx)
{
	struct pkt pkt = { 0 };
	enum cv_verdict verdict;
	__u32 is_captured;

	pkt.mode = ask_mode(ctx);
	is_captured = capture_begin(ctx, pkt.mode);
	frame_begin(&pkt, ctx);
	verdict = balance(ctx, &pkt);
	account_packet(&pkt, verdict);
	if (is_captured)
		capture_after(ctx, pkt.mode, verdict, pkt.listener, pkt.backend);
	if (pkt.mode != CV_MODE_LIVE)
		ask_answer(ctx, &pkt, verdict);
	return account_verdict(&pkt, verdict);
}

/* The sweep, one iterator for each table (sweep.h). */
SEC("iter/bpf_map_elem")
int cv_sweep_flows(struct bpf_iter__bpf_map_elem *ctx)
{
	struct cv_flow4_key key;

	sweep_element(ctx, &cv_flows, &key, sizeof(key));
	return 0;
}

SEC("iter/bpf_map_elem")
int cv_sweep_flows6(struct bpf_iter__bpf_map_elem *ctx)
{
	struct cv_flow6_key key;

	sweep_element(ctx, &cv_flows6, &key, sizeof(key));
	return 0;
}

SEC("iter/bpf_map_elem")
int cv_sweep_half(struct bpf_iter__bpf_map_elem *ctx)
{
	struct cv_flow6_key key;

	sweep_element(ctx, &cv_half_open, &key, sizeof(key));
	return 0;
}

/* Corrects the number of live flows, where some went without a word. */
SEC("syscall")
int cv_correct(struct cv_correct_args *args)
{
	live_add(args->listener, args->change);
	return 0;
}

/* Tells user space the time of this data plane. */
SEC("syscall")
int cv_clock(struct cv_clock_args *args)
{
	args->now_s = now_seconds();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
