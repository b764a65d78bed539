/* SPDX-License-Identifier: GPL-2.0-only */
#ifndef HALF_H
#define HALF_H

#include "cv_hash.h"
#include "cv_knobs.h"
#include "cv_maps.h"

#define HALF_TIME_BITS 24
#define HALF_TIME ((1U << HALF_TIME_BITS) - 1)

static __always_inline __u64 half_hash(const struct cv_flow6_key *key)
{
	__u64 hash = cv_hash_mix(cv_hash_nh((const __u32 *)cv_half_key, (const __u32 *)key, 10));
	return hash | 1 << HALF_TIME_BITS;
}

static __always_inline bool half_is(const struct cv_flow6_key *a, const struct cv_flow6_key *b)
{
	const __u64 *x = (const __u64 *)a, *y = (const __u64 *)b;
	return !((x[0] ^ y[0]) | (x[1] ^ y[1]) | (x[2] ^ y[2]) | (x[3] ^ y[3]) | (x[4] ^ y[4]));
}

__noinline int half_find(const struct cv_flow6_key *key)
{
	struct cv_half_set *set;
	__u64 hash;
	__u32 at;

	if (!key)
		return -1;
	hash = half_hash(key);
	at = (__u32)hash % (CV_HALF_OPEN_FLOWS / CV_HALF_SET);
	set = bpf_map_lookup_elem(&cv_half_sets, &at);
	if (!set)
		return -1;
	at *= CV_HALF_SET;
	for (int i = 0; i < CV_HALF_SET; i++) {
		__u32 place = at + i;
		struct cv_half_open *half;
		if ((set->place[i] ^ hash) >> HALF_TIME_BITS)
			continue;
		half = bpf_map_lookup_elem(&cv_half_open, &place);
		if (half && half_is(&half->key, key))
			return place;
	}
	return -1;
}

__noinline int half_put(const struct cv_flow6_key *key, const struct cv_flow *flow)
{
	struct cv_half_set *set;
	struct cv_half_open *half;
	__u64 hash, oldest = 0, was, word;
	__u32 at, now;

	if (!key || !flow)
		return -1;
	now = flow->last_seen_s;
	hash = half_hash(key);
	at = (__u32)hash % (CV_HALF_OPEN_FLOWS / CV_HALF_SET);
	set = bpf_map_lookup_elem(&cv_half_sets, &at);
	if (!set)
		return -1;
	at *= CV_HALF_SET;
	for (int i = 0; i < CV_HALF_SET; i++) {
		word = set->place[i];
		__u64 age = (word ? (now - (__u32)word) & HALF_TIME : HALF_TIME) << 3 | i;
		oldest = age > oldest ? age : oldest;
	}
	at += oldest & 7;
	half = bpf_map_lookup_elem(&cv_half_open, &at);
	if (!half)
		return -1;
	was = set->place[oldest & 7];
	if (__sync_val_compare_and_swap(&set->place[oldest & 7], was, 1) != was)
		return -1;
	half->key = *key;
	half->flow = *flow;
	set->place[oldest & 7] = (hash >> HALF_TIME_BITS << HALF_TIME_BITS) | (now & HALF_TIME);
	return 0;
}

static __always_inline struct cv_flow *half_lookup(const struct cv_flow6_key *key)
{
	__u32 place = (__u32)half_find(key);
	struct cv_half_open *half = bpf_map_lookup_elem(&cv_half_open, &place);

	return half ? &half->flow : NULL;
}

__noinline int half_delete(const struct cv_flow6_key *key)
{
	__u32 place, at;
	struct cv_half_set *set;
	if (!key)
		return 0;
	place = (__u32)half_find(key);
	at = place / CV_HALF_SET;
	set = bpf_map_lookup_elem(&cv_half_sets, &at);
	if (set)
		set->place[place % CV_HALF_SET] = 0;
	return 0;
}

#endif
