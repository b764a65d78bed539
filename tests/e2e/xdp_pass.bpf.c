/* SPDX-License-Identifier: GPL-2.0-only */
/* Lets every packet pass. The lab puts it on the far end of a veth, which takes what XDP sends only when it has
 * a program of its own; a test uses it as somebody else's program. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp.frags") /* frames longer than a page, too */
int xdp_pass(struct xdp_md *ctx)
{
	(void)ctx;
	return XDP_PASS;
}
