// SPDX-License-Identifier: GPL-2.0-only
/* The data path of Culvert: what happens to a packet, from top to bottom. Until its listener is found a packet
 * passes, however odd; from then on it is ours, and what cannot be forwarded is dropped by reason. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "account.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "flow.h"
#include "forward.h"
#include "listener.h"
#include "parse_eth.h"
#include "parse_ip.h"
#include "parse_l4.h"
#include "pkt.h"
#include "route.h"
#include "select.h"
#include "sweep.h"

static __always_inline CV_MUST_CHECK enum cv_verdict balance(struct xdp_md *ctx, struct pkt *pkt)
{
	struct cv_directory *dir = directory_get();
	struct cv_listener *listener;
	struct cv_backend *backend;
	enum cv_verdict verdict;

	if (!dir)
		return CV_PASS_NOT_CONFIGURED;
	verdict = parse_eth(pkt);
	if (verdict)
		return verdict;
	verdict = parse_ip(ctx, pkt);
	if (verdict)
		return verdict;
	verdict = listener_find(pkt, dir, &listener);
	if (verdict)
		return verdict;

	/* ours: no more passing */
	verdict = parse_l4(pkt);
	if (verdict)
		return verdict;
	pkt->hash = select_hash(dir, listener, pkt);
	verdict = route(listener, pkt, &backend);
	if (verdict)
		return verdict;
	verdict = forward(ctx, pkt, dir, listener, backend);
	if (verdict == CV_TX || verdict == CV_REDIRECT)
		account_forwarded(pkt);
	return verdict;
}

SEC("xdp")
int cv_balance(struct xdp_md *ctx)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 bytes = (__u32)(end - start);
	struct pkt pkt = { 0 };

	pkt_window(&pkt, start, end);
	return account_verdict(balance(ctx, &pkt), bytes);
}

/* Runs one sweep. User space numbers the sweeps, one more each time. */
SEC("syscall")
int cv_sweep(struct cv_sweep_args *args)
{
	struct cv_sweep_args sweep = { .sweep = args->sweep, .now_s = now_seconds() };

	bpf_for_each_map_elem(&cv_half_open, sweep_entry, &sweep, 0);
	bpf_for_each_map_elem(&cv_flows, sweep_entry, &sweep, 0);
	bpf_for_each_map_elem(&cv_flows6, sweep_entry, &sweep, 0);
	*args = sweep;
	return 0;
}

/* Tells user space the time of this data plane. */
SEC("syscall")
int cv_clock(struct cv_sweep_args *args)
{
	args->now_s = now_seconds();
	return 0;
}

char LICENSE[] SEC("license") = "GPL";
