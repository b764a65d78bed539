/* SPDX-License-Identifier: GPL-2.0-only */
/* Two balancers to measure ours against, reduced to what a packet pays for: both find the listener first, in a hash map by
 * address, port and protocol; take the backend from a Maglev table; and build the outer header of IPIP for each packet.
 *
 *   cv_classic    The way of most: every packet looks for its flow, by a 40-byte key for both families, in an LRU map of its
 *                 processor; the first packet of a flow chooses a backend and makes the entry.
 *   cv_stateless  No flows: every packet chooses. Loses connections when backends change.
 *
 * Both do with a packet what ours does: hold it against the path's MTU, take one from its TTL, count packets and bytes by
 * listener, backend and verdict; and the classic one keeps the time of a flow's last packet. What they spare themselves: tags of
 * VLANs, IP options, fragments, ICMP, listeners for port ranges, whoever asks or captures, and for new flows every defence: no
 * half-open flows, no limits, no gate. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "bench/rivals.h"

#define INLINE static inline __attribute__((always_inline))

/* clang leaves the types of an inner map out of the BTF unless something else holds them by value. */
const struct {
	struct rival_flow_key key[0];
	struct rival_flow flow[0];
	__u64 none;
} rival_inner_types SEC(".types");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, struct rival_listener_key);
	__type(value, struct rival_listener);
} rival_listeners SEC(".maps");

struct rival_flows_map {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct rival_flow_key);
	__type(value, struct rival_flow);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, RIVAL_CPUS);
	__type(key, __u32);
	__array(values, struct rival_flows_map);
} rival_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RIVAL_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} rival_maglev SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, RIVAL_BACKENDS);
	__type(key, __u32);
	__type(value, struct rival_backend);
} rival_backends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct rival_count);
} rival_counts SEC(".maps"), rival_backend_counts SEC(".maps"), rival_verdict_counts SEC(".maps");

struct rival_packet {
	struct rival_flow_key key;
	bool is_v4;
	bool is_syn;
	__u16 bytes; /* of the IP packet */
};

INLINE bool rival_parse(void *data, void *end, struct rival_packet *ret)
{
	struct ethhdr *eth = data;
	struct tcphdr *tcp; /* ports as UDP has them */

	if ((void *)(eth + 1) > end)
		return false;
	ret->is_v4 = eth->h_proto == bpf_htons(ETH_P_IP);
	if (ret->is_v4) {
		struct iphdr *ip = (void *)(eth + 1);

		if ((void *)(ip + 1) > end || ip->ihl != 5 || ip->frag_off & bpf_htons(0x3fff))
			return false;
		ret->key.client[0] = ip->saddr;
		ret->key.address[0] = ip->daddr;
		ret->key.protocol = ip->protocol;
		ret->bytes = bpf_ntohs(ip->tot_len);
		tcp = (void *)(ip + 1);
	} else {
		struct ipv6hdr *ip = (void *)(eth + 1);

		if (eth->h_proto != bpf_htons(ETH_P_IPV6) || (void *)(ip + 1) > end)
			return false;
		__builtin_memcpy(ret->key.client, &ip->saddr, 16);
		__builtin_memcpy(ret->key.address, &ip->daddr, 16);
		ret->key.protocol = ip->nexthdr;
		ret->bytes = (__u16)(bpf_ntohs(ip->payload_len) + sizeof(*ip));
		tcp = (void *)(ip + 1);
	}
	if (ret->key.protocol == IPPROTO_TCP) {
		if ((void *)(tcp + 1) > end)
			return false;
		ret->is_syn = tcp->syn;
	} else if (ret->key.protocol != IPPROTO_UDP || (void *)tcp + 8 > end) {
		return false;
	}
	ret->key.client_port = tcp->source;
	ret->key.port = tcp->dest;
	return true;
}

INLINE __u32 rival_hash(const struct rival_flow_key *key)
{
	const __u32 *word = (const void *)key;
	__u64 hash = 0x9e3779b97f4a7c15ULL;

	for (int i = 0; i < (int)(sizeof(*key) / 4); i++)
		hash = (hash ^ word[i]) * 0xff51afd7ed558ccdULL;
	return (__u32)(hash >> 32);
}

INLINE __u32 rival_choose(const struct rival_flow_key *key)
{
	__u32 slot = rival_hash(key) % RIVAL_SLOTS;
	__u32 *backend = bpf_map_lookup_elem(&rival_maglev, &slot);

	return backend ? *backend : 0;
}

/* The backend of the packet's flow, by the table of this processor. */
INLINE __u32 rival_find(const struct rival_packet *packet)
{
	__u32 cpu = bpf_get_smp_processor_id();
	void *flows = bpf_map_lookup_elem(&rival_flows, &cpu);
	struct rival_flow flow = { 0 }, *known;

	if (!flows)
		return rival_choose(&packet->key);
	flow.last_seen = bpf_jiffies64();
	known = packet->is_syn ? NULL : bpf_map_lookup_elem(flows, &packet->key);
	if (known) {
		if (known->last_seen != flow.last_seen)
			known->last_seen = flow.last_seen;
		return known->backend;
	}
	flow.backend = rival_choose(&packet->key);
	bpf_map_update_elem(flows, &packet->key, &flow, BPF_ANY);
	return flow.backend;
}

INLINE void fill4(struct iphdr *ip, const struct rival_backend *backend, __u16 bytes)
{
	__u16 *word = (void *)ip;
	__u32 sum = 0;

	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons((__u16)(bytes + sizeof(*ip)));
	ip->ttl = 64;
	ip->protocol = IPPROTO_IPIP;
	ip->saddr = backend->source[0];
	ip->daddr = backend->address[0];
	for (int i = 0; i < 10; i++)
		sum += word[i];
	sum = (sum & 0xffff) + (sum >> 16);
	ip->check = (__u16) ~((sum & 0xffff) + (sum >> 16));
}

INLINE void fill6(struct ipv6hdr *ip, const struct rival_backend *backend, __u16 bytes)
{
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 6;
	ip->payload_len = bpf_htons(bytes);
	ip->nexthdr = IPPROTO_IPV6;
	ip->hop_limit = 64;
	__builtin_memcpy(&ip->saddr, backend->source, 16);
	__builtin_memcpy(&ip->daddr, backend->address, 16);
}

/* False: the packet's time is over. The frame was checked when it was parsed. */
INLINE bool rival_take_ttl(struct xdp_md *ctx, const struct rival_packet *packet)
{
	struct ethhdr *eth = (void *)(long)ctx->data;
	struct iphdr *ip4 = (void *)(eth + 1);
	struct ipv6hdr *ip6 = (void *)(eth + 1);
	void *end = (void *)(long)ctx->data_end;
	__u32 sum;

	if (packet->is_v4) {
		if ((void *)(ip4 + 1) > end || ip4->ttl <= 1)
			return false;
		ip4->ttl--;
		sum = ip4->check + bpf_htons(0x0100); /* RFC 1624, for a TTL less by one */
		ip4->check = (__u16)(sum + (sum >= 0xffff));
		return true;
	}
	if ((void *)(ip6 + 1) > end || ip6->hop_limit <= 1)
		return false;
	ip6->hop_limit--;
	return true;
}

INLINE void rival_count(void *counts, __u32 number, __u32 bytes)
{
	struct rival_count *count = bpf_map_lookup_elem(counts, &number);

	if (!count)
		return;
	count->packets++;
	count->bytes += bytes;
}

INLINE int rival_send(struct xdp_md *ctx, const struct rival_packet *packet,
		      const struct rival_backend *backend)
{
	int outer = packet->is_v4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	struct ethhdr *eth;
	void *end;

	if (bpf_xdp_adjust_head(ctx, -outer))
		return XDP_DROP;
	eth = (void *)(long)ctx->data;
	end = (void *)(long)ctx->data_end;
	if ((void *)(eth + 1) + sizeof(struct ipv6hdr) > end)
		return XDP_DROP;
	__builtin_memcpy(eth->h_dest, backend->next_hop_mac, ETH_ALEN);
	__builtin_memcpy(eth->h_source, backend->port_mac, ETH_ALEN);
	if (packet->is_v4) {
		eth->h_proto = bpf_htons(ETH_P_IP);
		fill4((void *)(eth + 1), backend, packet->bytes);
	} else {
		eth->h_proto = bpf_htons(ETH_P_IPV6);
		fill6((void *)(eth + 1), backend, packet->bytes);
	}
	return XDP_TX;
}

INLINE int rival(struct xdp_md *ctx, bool is_stateless)
{
	struct rival_listener_key at = { 0 };
	struct rival_packet packet = { 0 };
	struct rival_listener *listener;
	struct rival_backend *backend;
	__u32 id, frame = (__u32)(ctx->data_end - ctx->data);

	if (!rival_parse((void *)(long)ctx->data, (void *)(long)ctx->data_end, &packet))
		return XDP_PASS;
	__builtin_memcpy(at.address, packet.key.address, sizeof(at.address));
	at.port = packet.key.port;
	at.protocol = packet.key.protocol;
	listener = bpf_map_lookup_elem(&rival_listeners, &at);
	if (!listener) {
		rival_count(&rival_verdict_counts, XDP_PASS, frame);
		return XDP_PASS;
	}
	id = is_stateless ? rival_choose(&packet.key) : rival_find(&packet);
	backend = bpf_map_lookup_elem(&rival_backends, &id);
	if (!backend || packet.bytes + sizeof(struct ipv6hdr) > backend->mtu ||
	    !rival_take_ttl(ctx, &packet)) {
		rival_count(&rival_verdict_counts, XDP_DROP, frame);
		return XDP_DROP;
	}
	rival_count(&rival_counts, listener->number, packet.bytes);
	rival_count(&rival_backend_counts, id, packet.bytes);
	rival_count(&rival_verdict_counts, XDP_TX, frame);
	return rival_send(ctx, &packet, backend);
}

SEC("xdp.frags")
int cv_classic(struct xdp_md *ctx)
{
	return rival(ctx, false);
}

SEC("xdp.frags")
int cv_stateless(struct xdp_md *ctx)
{
	return rival(ctx, true);
}

char LICENSE[] SEC("license") = "GPL";
