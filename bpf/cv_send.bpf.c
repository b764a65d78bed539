// SPDX-License-Identifier: GPL-2.0-only
/* Sends a frame of user space's by a port. Attached nowhere: culvertd runs it (BPF_PROG_TEST_RUN) with the frame and, in
 * cb[0], the index of the port. So it needs neither a packet socket nor the right to open one. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int cv_send(struct __sk_buff *skb)
{
	__u32 ifindex = skb->cb[0];

	skb->cb[0] = 0;
	return (int)bpf_clone_redirect(skb, ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
