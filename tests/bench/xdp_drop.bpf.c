/* SPDX-License-Identifier: GPL-2.0-only */
/* Drops every packet: what a packet costs before any program does something with it. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int xdp_drop(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_DROP;
}
