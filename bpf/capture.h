/* SPDX-License-Identifier: GPL-2.0-only */
/* For `culvert capture`: packets as they come and as they leave, with what became of them. The main program asks
 * capture_is_on once for each packet; all else is in functions of its own, which a packet enters only while somebody
 * looks on. Nothing here waits, changes a packet or decides about one. */
#ifndef CAPTURE_H
#define CAPTURE_H

#include <bpf/bpf_endian.h>

#include "account.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "parse_ip.h"
#include "pkt.h"

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MODE_COUNT);
	__type(key, __u32);
	__type(value, struct cv_snapshot);
} cv_snapshot SEC(".maps");

static __always_inline struct cv_capture *capture_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&cv_capture, &zero);
}

static __always_inline struct cv_snapshot *capture_snapshot(__u32 mode)
{
	return bpf_map_lookup_elem(&cv_snapshot, &mode);
}

/* The command renews its lease as long as it lives. What is over is put out, unless it was renewed just now. */
static __always_inline bool capture_is_leased(struct cv_capture *capture)
{
	__u32 until = capture->until_s;

	if (!until)
		return false;
	if ((__s32)(now_seconds() - until) <= 0)
		return true;
	__sync_val_compare_and_swap(&capture->until_s, until, 0);
	return false;
}

/* The IP header at `offset` of the frame: addresses and protocol. Returns where the transport header is, 0 if there is
 * none to read. */
static __always_inline __u32 capture_ip(struct xdp_md *ctx, __be16 ethertype, void *ip, __u32 offset,
					struct cv_capture_tuple *ret)
{
	void *end = (void *)(long)ctx->data_end;
	struct extensions at = { 0 };
	struct ipv6hdr *ip6 = ip;
	struct iphdr *ip4 = ip;

	if (ethertype == bpf_htons(ETH_P_IP)) {
		if ((void *)(ip4 + 1) > end)
			return 0;
		ret->client[2] = ret->address[2] = bpf_htonl(0xffff);
		ret->client[3] = ip4->saddr;
		ret->address[3] = ip4->daddr;
		ret->protocol = ip4->protocol;
		return ip4->frag_off & bpf_htons(0x1fff) ? 0 : offset + ip4->ihl * 4;
	}
	if (ethertype != bpf_htons(ETH_P_IPV6) || (void *)(ip6 + 1) > end)
		return 0;
	__builtin_memcpy(ret->client, &ip6->saddr, sizeof(ret->client));
	__builtin_memcpy(ret->address, &ip6->daddr, sizeof(ret->address));
	at.offset = offset + (__u32)sizeof(*ip6);
	at.left = bpf_ntohs(ip6->payload_len);
	at.next = ip6->nexthdr;
	if (extensions_parse(ctx, &at))
		return 0;
	ret->protocol = at.next;
	return at.is_fragment ? 0 : at.offset;
}

static __always_inline void capture_read(struct xdp_md *ctx, struct cv_capture_tuple *ret)
{
	void *start = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	__u32 offset = sizeof(struct ethhdr), transport;
	__be16 ports[2] = { 0 };
	__be16 *type = start + 2 * ETH_ALEN;

	__builtin_memset(ret, 0, sizeof(*ret));
	for (int i = 0; i < PKT_MAX_VLANS; i++) {
		if ((void *)(type + 1) > end)
			return;
		if (*type != bpf_htons(ETH_P_8021Q) && *type != bpf_htons(ETH_P_8021AD))
			break;
		type += 2;
		offset += sizeof(vlan_tag);
	}
	if ((void *)(type + 1) > end)
		return;
	transport = capture_ip(ctx, *type, type + 1, offset, ret);
	if (!transport || (ret->protocol != IPPROTO_TCP && ret->protocol != IPPROTO_UDP) ||
	    bpf_xdp_load_bytes(ctx, transport, ports, sizeof(ports)))
		return;
	ret->client_port = bpf_ntohs(ports[0]);
	ret->port = bpf_ntohs(ports[1]);
}

static __always_inline bool capture_is_in(const struct cv_capture_prefix *prefix, const __u32 *address)
{
	const __u32 *want = (const __u32 *)prefix->address, *mask = (const __u32 *)prefix->mask;

	return !(((address[0] ^ want[0]) & mask[0]) | ((address[1] ^ want[1]) & mask[1]) |
		 ((address[2] ^ want[2]) & mask[2]) | ((address[3] ^ want[3]) & mask[3]));
}

static __always_inline bool capture_wants_tuple(const struct cv_capture *capture,
						const struct cv_capture_tuple *tuple)
{
	return (!capture->protocol || capture->protocol == tuple->protocol) &&
	       tuple->client_port >= capture->client_port_first &&
	       tuple->client_port <= capture->client_port_last && tuple->port >= capture->port_first &&
	       tuple->port <= capture->port_last && capture_is_in(&capture->client, tuple->client) &&
	       capture_is_in(&capture->address, tuple->address) &&
	       (capture_is_in(&capture->host, tuple->client) ||
		capture_is_in(&capture->host, tuple->address));
}

/* Copies the first bytes of the frame as it is now; returns how many. */
static __always_inline __u16 capture_bytes(struct xdp_md *ctx, __u8 *to, __u32 bytes, __u32 snaplen)
{
	__u32 more = (bytes < snaplen ? bytes : snaplen) - 1;

	/* Bytes beyond the first one: the verifier of 6.1 learns nothing from a comparison with zero. And opaque to clang,
	 * which would reason about the sum, where the verifier does not follow. */
	asm volatile("" : "+r"(more));
	if (more >= CV_CAPTURE_SNAPLEN_MAX || bpf_xdp_load_bytes(ctx, 0, to, more + 1))
		return 0;
	return (__u16)(more + 1);
}

/* The packet has just come in. Saves it if it is wanted, as far as can be said by now. */
__noinline int capture_before(struct xdp_md *ctx, __u32 mode)
{
	struct cv_snapshot *snapshot = capture_snapshot(mode);
	struct cv_capture *capture = capture_get();
	struct cv_captured *captured;

	if (!capture || !snapshot || mode == CV_MODE_DRY)
		return 0;
	snapshot->is_taken = false;
	if (!capture_is_leased(capture))
		return 0;
	capture_read(ctx, &snapshot->tuple);
	if (!capture_wants_tuple(capture, &snapshot->tuple) ||
	    (capture->sample && bpf_get_prandom_u32() >= capture->sample))
		return 0;
	captured = &snapshot->captured;
	__builtin_memset(captured, 0, sizeof(*captured));
	captured->time_ns = bpf_ktime_get_ns();
	captured->number = capture->number;
	captured->cpu = bpf_get_smp_processor_id();
	captured->packet = (__u64)captured->cpu << 40 | (__u64)mode << 38 | snapshot->packets++;
	captured->ifindex = ctx->ingress_ifindex;
	captured->queue = ctx->rx_queue_index;
	captured->bytes_before = (__u32)bpf_xdp_get_buff_len(ctx);
	captured->saved_before =
		capture_bytes(ctx, snapshot->bytes, captured->bytes_before, capture->snaplen);
	snapshot->is_taken = true;
	return 0;
}

static __always_inline bool capture_wants_listener(const struct cv_capture *capture,
						   const struct cv_listener *listener)
{
	const __u64 *want = (const __u64 *)capture->listener, *is = (const __u64 *)listener->name;

	return !capture->listener[0] ||
	       !((want[0] ^ is[0]) | (want[1] ^ is[1]) | (want[2] ^ is[2]) | (want[3] ^ is[3]));
}

static __always_inline bool capture_wants_backend(const struct cv_capture *capture,
						  const struct cv_backend *backend)
{
	const __u64 *want = (const __u64 *)capture->backend, *is = (const __u64 *)backend->address;

	return !(want[0] | want[1]) || !((want[0] ^ is[0]) | (want[1] ^ is[1]));
}

static __always_inline void capture_count(const struct cv_captured *captured, bool is_lost)
{
	__u32 port = captured->ifindex, other = 0;
	struct cv_capture_stats *stats = bpf_map_lookup_elem(&cv_captures, &port);

	if (!stats)
		stats = bpf_map_lookup_elem(&cv_captures, &other);
	if (!stats)
		return;
	stats->captured += !is_lost;
	stats->lost += is_lost;
}

/* Hands the record over; a full ring loses it. The command looks into the ring by itself several times a second: it is
 * called only when that would be too late. */
static __always_inline void capture_send(struct cv_snapshot *snapshot)
{
	struct cv_captured *captured = &snapshot->captured;
	__u64 size = sizeof(*captured) + captured->saved_before + captured->saved_after, flags;
	__u32 zero = 0;
	void *ring = bpf_map_lookup_elem(&cv_captured, &zero);

	asm volatile("" : "+r"(size));
	if (!ring || size > sizeof(*captured) + sizeof(snapshot->bytes))
		return;
	flags = bpf_ringbuf_query(ring, BPF_RB_AVAIL_DATA) > bpf_ringbuf_query(ring, BPF_RB_RING_SIZE) / 4
			? BPF_RB_FORCE_WAKEUP
			: BPF_RB_NO_WAKEUP;
	capture_count(captured, bpf_ringbuf_output(ring, captured, size, flags) != 0);
}

/* The packet that capture_before took is about to leave under its verdict, for these ids of listener and backend. */
__noinline int capture_after(struct xdp_md *ctx, __u32 mode, __u32 verdict, __u32 listener_id,
			     __u32 backend_id)
{
	struct cv_listener *listener = bpf_map_lookup_elem(&cv_listeners, &listener_id);
	struct cv_backend *backend = bpf_map_lookup_elem(&cv_backends, &backend_id);
	struct cv_snapshot *snapshot = capture_snapshot(mode);
	struct cv_capture *capture = capture_get();
	int action = verdict_action((enum cv_verdict)verdict);
	struct cv_captured *captured;
	__u32 before;

	if (!capture || !snapshot || !snapshot->is_taken || !listener || !backend ||
	    verdict >= CV_VERDICT_COUNT || !(capture->verdicts[verdict / 64] & 1ULL << verdict % 64) ||
	    !capture_wants_listener(capture, listener) || !capture_wants_backend(capture, backend))
		return 0;
	captured = &snapshot->captured;
	captured->verdict = (__u16)verdict;
	__builtin_memcpy(captured->listener, listener->name, sizeof(captured->listener));
	__builtin_memcpy(captured->backend, backend->address, sizeof(captured->backend));
	captured->backend_port = backend->port;
	before = captured->saved_before;
	if ((action == XDP_TX || action == XDP_REDIRECT) && before <= CV_CAPTURE_SNAPLEN_MAX) {
		captured->out_ifindex = action == XDP_TX ? captured->ifindex : backend->ifindex;
		captured->bytes_after = (__u32)bpf_xdp_get_buff_len(ctx);
		captured->saved_after =
			capture_bytes(ctx, snapshot->bytes + before, captured->bytes_after, capture->snaplen);
	}
	capture_send(snapshot);
	return 0;
}

/* What the main program calls first for each packet: the one test that a packet costs while nobody looks on. True if
 * capture_end must be called for it. */
static __always_inline __u32 capture_begin(struct xdp_md *ctx, __u32 mode)
{
	const volatile struct cv_capture *capture = capture_get();
	__u32 is_on;

	if (!cv_has_capture || !capture)
		return 0;
	/* Read once more for the test: were it the same word, the verifier would know it in either branch, and follow
	 * every packet's way twice. */
	is_on = capture->until_s;
	if (capture->until_s)
		capture_before(ctx, mode);
	return is_on;
}

#endif
