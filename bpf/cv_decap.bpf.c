/* SPDX-License-Identifier: GPL-2.0-only */
/* Takes the outer header off on a backend, IP or IP with GUE, so that it needs no tunnel interface: the kernel receives
 * the inner packet as if it had come over the wire that way.
 *
 * One level only. Outer fragments are left to the kernel, which reassembles them, and then needs a tunnel
 * interface of its own; give the path to the backends an MTU that makes none. No checksum of the inner packet is
 * computed, so one that the sender left to its hardware (CHECKSUM_PARTIAL, between virtual ports) stays so. */
#include <stdbool.h>
#include <linux/bpf.h>
#include <linux/types.h>
#include <bpf/bpf_helpers.h>

#include "decap_gue.h"
#include "decap_maps.h"
#include "decap_parse.h"

char LICENSE[] SEC("license") = "GPL";

/* Whether a tunnel from that source may end at that destination. */
DECAP_INLINE enum cv_decap_verdict decap_admit(const struct decap_pkt *pkt)
{
	struct cv_decap_from_key key = { .bits = 128 };
	const struct cv_decap_local *local;
	const struct cv_decap_from *from;

	local = bpf_map_lookup_elem(&cv_decap_local, pkt->destination);
	if (!local || local->family != pkt->outer)
		return CV_DECAP_PASS_NOT_LOCAL;
	__builtin_memcpy(key.address, pkt->source, sizeof(key.address));
	from = bpf_map_lookup_elem(&cv_decap_from, &key);
	if (!from || from->family != pkt->outer)
		return CV_DECAP_PASS_SOURCE;
	return CV_DECAP_CONTINUE;
}

static __always_inline enum cv_decap_verdict decap_done(const struct decap_pkt *pkt)
{
	bool is_gue = pkt->udp_len, is_inner4 = pkt->inner == CV_FAMILY_IPV4;

	if (pkt->outer == CV_FAMILY_IPV4 && is_inner4)
		return is_gue ? CV_DECAP_GUE_IPV4_IN_IPV4 : CV_DECAP_IPV4_IN_IPV4;
	if (pkt->outer == CV_FAMILY_IPV4)
		return is_gue ? CV_DECAP_GUE_IPV6_IN_IPV4 : CV_DECAP_IPV6_IN_IPV4;
	if (is_inner4)
		return is_gue ? CV_DECAP_GUE_IPV4_IN_IPV6 : CV_DECAP_IPV4_IN_IPV6;
	return is_gue ? CV_DECAP_GUE_IPV6_IN_IPV6 : CV_DECAP_IPV6_IN_IPV6;
}

/* What lies in front of the EtherType: two addresses, and as many tags as there are. */
struct decap_link {
	__u32 macs[3];
	__u32 tags[DECAP_MAX_TAGS];
};

/* Moves the Ethernet header and its tags up to the inner packet, with the EtherType of that. */
DECAP_INLINE enum cv_decap_verdict decap_strip(struct xdp_md *ctx, const struct decap_pkt *pkt)
{
	__u32 link_len = sizeof(struct ethhdr) + pkt->tags * DECAP_TAG_LEN;
	struct decap_link *link = pkt->start, saved;
	__be16 *ethertype;
	__u32 *tag;

	/* Both IP headers were parsed, so there are always that many bytes; the verifier has to see it. */
	if ((void *)(link + 1) > pkt->end)
		return CV_DECAP_DROP_INTERNAL;
	saved = *link;
	if (bpf_xdp_adjust_head(ctx, (int)(pkt->pos - pkt->start) - (int)link_len))
		return CV_DECAP_DROP_INTERNAL;
	link = (void *)(long)ctx->data;
	if ((void *)(link + 1) + sizeof(*ethertype) > (void *)(long)ctx->data_end)
		return CV_DECAP_DROP_INTERNAL;

	__builtin_memcpy(link->macs, saved.macs, sizeof(link->macs));
	/* A pointer that moves on, not an index: the verifier forgets the bound of a spilled count. */
	tag = link->tags;
	if (pkt->tags > 0)
		*tag++ = saved.tags[0];
	if (pkt->tags > 1)
		*tag++ = saved.tags[1];
	ethertype = (void *)tag;
	*ethertype = pkt->inner == CV_FAMILY_IPV4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);

	return decap_done(pkt);
}

DECAP_INLINE enum cv_decap_verdict decap(struct xdp_md *ctx, __u32 frame_len)
{
	struct decap_pkt pkt = {
		.start = (void *)(long)ctx->data,
		.pos = (void *)(long)ctx->data,
		.end = (void *)(long)ctx->data_end,
		.frame_len = frame_len,
	};
	const struct cv_decap_conf *conf;
	enum cv_decap_verdict verdict;
	__u32 zero = 0;

	conf = bpf_map_lookup_elem(&cv_decap_conf, &zero);
	if (conf)
		pkt.gue_port = conf->gue_port;
	verdict = decap_parse(&pkt);
	if (verdict)
		return verdict;
	verdict = decap_admit(&pkt);
	if (verdict)
		return verdict;

	/* It is ours: from here on what is odd is dropped. */
	if (pkt.udp_len) {
		verdict = decap_gue(&pkt);
		if (verdict)
			return verdict;
		verdict = decap_udp_checksum(ctx, &pkt);
		if (verdict)
			return verdict;
	}
	verdict = pkt.inner == CV_FAMILY_IPV4 ? decap_inner_ipv4(&pkt) : decap_inner_ipv6(&pkt);
	if (verdict)
		return verdict;
	return decap_strip(ctx, &pkt);
}

static __always_inline int decap_action(enum cv_decap_verdict verdict)
{
	enum { ACTION_PASS = XDP_PASS, ACTION_DECAP = XDP_PASS, ACTION_DROP = XDP_DROP };

	switch (verdict) {
#define CV_X(symbol, class, name, meaning) \
	case CV_DECAP_##symbol:            \
		return ACTION_##class;
		CV_DECAP_VERDICTS(CV_X)
#undef CV_X
	case CV_DECAP_CONTINUE:
	case CV_DECAP_VERDICT_COUNT:
		break;
	}
	return XDP_ABORTED;
}

/* frags: frames longer than a page (jumbo frames) come in several pieces; the headers are in the first. */
SEC("xdp.frags")
int cv_decap(struct xdp_md *ctx)
{
	__u32 frame_len = (__u32)bpf_xdp_get_buff_len(ctx);
	enum cv_decap_verdict verdict = decap(ctx, frame_len);
	__u32 key = verdict;
	struct cv_verdict_stats *stats = bpf_map_lookup_elem(&cv_decap_stats, &key);

	if (stats) {
		stats->packets++;
		stats->bytes += frame_len;
	}
	return decap_action(verdict);
}
