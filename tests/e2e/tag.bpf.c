/* SPDX-License-Identifier: GPL-2.0-only */
/* Classifiers that put VLAN tags on what leaves a port and take them off what comes in: VLAN devices for a kernel that has
 * none. Two tags are QinQ (IEEE 802.1ad), the service's outside. */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

SEC("tc")
int push_one(struct __sk_buff *skb)
{
	return bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 100) ? TC_ACT_SHOT : TC_ACT_UNSPEC;
}

SEC("tc")
int push_two(struct __sk_buff *skb)
{
	if (bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021Q), 100) ||
	    bpf_skb_vlan_push(skb, bpf_htons(ETH_P_8021AD), 200))
		return TC_ACT_SHOT;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int pop_all(struct __sk_buff *skb)
{
	bpf_skb_vlan_pop(skb);
	bpf_skb_vlan_pop(skb);
	return TC_ACT_UNSPEC;
}

char LICENSE[] SEC("license") = "GPL";
