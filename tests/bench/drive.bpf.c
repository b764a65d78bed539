/* SPDX-License-Identifier: GPL-2.0-only */
/* Calls an XDP program, as it is, for 32 packets in a run. They lie in a row; head and tail of the frame are moved along, so
 * that it is one packet after the other, each written anew, and the program is reached by a tail call out of a function,
 * which on x86-64 returns to the caller of that function. What the driver itself costs is measured with a program that
 * does nothing (cv_floor). */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/drive.h"

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} cv_under_test SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct drive_plan);
} cv_plan SEC(".maps");

#define TCP_SYN 0x02
#define TCP_ACK 0x10

static __noinline int run_program(struct xdp_md *ctx)
{
	volatile int action = XDP_ABORTED;

	bpf_tail_call(ctx, &cv_under_test, 0);
	return action; /* only without a program to call */
}

/* Moves the start of the frame, wherever the program left it, to `length` bytes before its end. */
static __always_inline long set_start(struct xdp_md *ctx, __u32 length)
{
	int change = (int)((long)ctx->data_end - (long)ctx->data) - (int)length;

	return change ? bpf_xdp_adjust_head(ctx, change) : 0;
}

/* Writes the next packet. */
static __always_inline long write_packet(struct xdp_md *ctx, struct drive_plan *plan)
{
	__u8 *packet = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u8 *flags = packet + (plan->flags & 0x7f);
	__u16 *source = (void *)(packet + (plan->source & 0x7f));
	__u64 *to = (void *)packet, *from = (void *)plan->template;
	__u32 flow;

	if (packet + DRIVE_SLOT > end || (void *)(source + 2) > (void *)end || flags + 1 > end)
		return -1;
	for (int i = 0; i < DRIVE_SLOT / 8; i++)
		to[i] = from[i];
	if (plan->in_order) {
		flow = (__u32)(plan->next / plan->per_flow);
		if (plan->flags)
			*flags = plan->next % plan->per_flow ? TCP_ACK : TCP_SYN;
		plan->next++;
	} else {
		/* Knuth's MMIX generator; its high bits are good */
		plan->next = plan->next * 6364136223846793005ULL + 1442695040888963407ULL;
		flow = (__u32)((plan->next >> 32) * plan->flows >> 32);
	}
	flow = bpf_htonl(flow + plan->first);
	source[0] ^= (__u16)flow;
	source[1] ^= (__u16)(flow >> 16);
	return 0;
}

SEC("xdp.frags")
int cv_drive(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct drive_plan *plan = bpf_map_lookup_elem(&cv_plan, &zero);

	if (!plan)
		return XDP_ABORTED;
	for (int i = 0; i < DRIVE_PACKETS; i++) {
		if (i && (bpf_xdp_adjust_tail(ctx, DRIVE_SLOT) || set_start(ctx, DRIVE_SLOT)))
			return XDP_ABORTED;
		if (write_packet(ctx, plan))
			return XDP_ABORTED;
		plan->action[run_program(ctx) & 7]++;
	}
	if (set_start(ctx, DRIVE_PACKETS * DRIVE_SLOT) ||
	    bpf_xdp_adjust_tail(ctx, -(DRIVE_PACKETS - 1) * DRIVE_SLOT))
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp.frags")
int cv_floor(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_TX;
}

char LICENSE[] SEC("license") = "GPL";
