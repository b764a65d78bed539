// SPDX-License-Identifier: GPL-2.0-only
/* Sends health checks to the one backend they are for, by the path that clients' packets take: the same record, the
 * same outer header, the same next hop. A classifier on the egress side (tc, clsact) of every port: it sees what this
 * host itself sends, and lets all pass that does not carry our mark.
 *
 * What carries it never leaves as it is: the router would bring it back to cv_balance, which would send it to some
 * backend, and a dead one would look alive. */
#include <stdbool.h>
#include <stddef.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <bpf/bpf_helpers.h>

#include "cv_maps.h"
#include "directory.h"
#include "outer.h"

/* What is inside: the packet as the kernel made it. Tags of a VLAN device are not in the frame yet: the kernel keeps
 * them beside it, and so they stay. */
static __always_inline bool inner_read(struct __sk_buff *skb, struct inner *ret)
{
	void *ip = (void *)(long)skb->data + ETH_HLEN, *end = (void *)(long)skb->data_end;
	struct iphdr *ip4 = ip;
	struct ipv6hdr *ip6 = ip;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip4 + 1) > end)
			return false;
		ret->family = CV_FAMILY_IPV4;
		ret->tos = ip4->tos;
		ret->id = bpf_ntohs(ip4->id);
		ret->frag_off = bpf_ntohs(ip4->frag_off) & OUTER_DF;
	} else if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		if ((void *)(ip6 + 1) > end)
			return false;
		ret->family = CV_FAMILY_IPV6;
		ret->tos = (__u8)(bpf_ntohs(*(__be16 *)ip6) >> 4);
		ret->frag_off = OUTER_DF;
	} else {
		return false;
	}
	ret->bytes = (__u16)(skb->len - ETH_HLEN);
	ret->hash = bpf_get_hash_recalc(skb);
	return true;
}

/* Makes room between Ethernet and IP header and fills it. */
static __always_inline bool encapsulate(struct __sk_buff *skb, enum cv_forward forward,
					const struct cv_backend *backend, const struct inner *inner)
{
	bool is_v4 = backend->family == CV_FAMILY_IPV4;
	__u64 flags = is_v4 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV4 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV6;
	struct cv_directory *dir = directory_get();
	struct ethhdr *eth;
	void *end;

	if (!dir)
		return false;
	if (forward == CV_FORWARD_GUE)
		flags |= BPF_F_ADJ_ROOM_ENCAP_L4_UDP;
	if (bpf_skb_adjust_room(skb, (__s32)cv_outer_bytes(forward, dir->gue_variant, backend->family),
				BPF_ADJ_ROOM_MAC, flags))
		return false;
	eth = (void *)(long)skb->data;
	end = (void *)(long)skb->data_end;
	if ((void *)(eth + 1) > end)
		return false;
	eth->h_proto = is_v4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	return outer_fill(eth + 1, end, forward, backend, dir, inner);
}

static __always_inline bool rewrite(struct __sk_buff *skb, enum cv_forward forward,
				    const struct cv_backend *backend, const struct inner *inner)
{
	struct ethhdr *eth;

	switch (forward) {
	case CV_FORWARD_IPIP:
	case CV_FORWARD_GUE:
		if (!encapsulate(skb, forward, backend, inner))
			return false;
		break;
	case CV_FORWARD_L2:
		if (!backend->on_link || backend->family != inner->family)
			return false;
		break;
	case CV_FORWARD_NONE:
		return false;
	}
	eth = (void *)(long)skb->data;
	if ((void *)(eth + 1) > (void *)(long)skb->data_end)
		return false;
	__builtin_memcpy(eth->h_dest, backend->next_hop_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, backend->port_mac, ETH_ALEN);
	return true;
}

SEC("tc")
int cv_probe(struct __sk_buff *skb)
{
	__u32 mark = skb->mark, id = mark & 0xffff, zero = 0;
	struct inner inner = { 0 };
	struct cv_probe_stats *stats;
	struct cv_backend *backend;

	if ((mark & CV_PROBE_MARK_MASK) != CV_PROBE_MARK)
		return TC_ACT_UNSPEC;
	backend = bpf_map_lookup_elem(&cv_backends, &id);
	stats = bpf_map_lookup_elem(&cv_probes, backend ? &id : &zero);
	if (!stats)
		return TC_ACT_SHOT;
	if (!backend || !backend->ifindex || !inner_read(skb, &inner) ||
	    !rewrite(skb, (enum cv_forward)(mark >> 16 & 0xff), backend, &inner)) {
		stats->dropped++;
		return TC_ACT_SHOT;
	}
	stats->packets++;
	stats->bytes += inner.bytes;
	skb->mark = 0; /* done: should it meet us again on another port */
	/* UNSPEC: other filters of this port have their turn */
	return backend->ifindex == skb->ifindex ? TC_ACT_UNSPEC : (int)bpf_redirect(backend->ifindex, 0);
}

char LICENSE[] SEC("license") = "GPL";
