/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps of the decapsulating program. The program only counts; the command fills the others. */
#ifndef DECAP_MAPS_H
#define DECAP_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "cv_decap.h"

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CV_DECAP_MAX_LOCAL);
	__type(key, struct cv_decap_local_key);
	__type(value, struct cv_decap_local);
} cv_decap_local SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CV_DECAP_MAX_FROM);
	__type(key, struct cv_decap_from_key);
	__type(value, struct cv_decap_from);
} cv_decap_from SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_decap_conf);
} cv_decap_conf SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_DECAP_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, struct cv_verdict_stats);
} cv_decap_stats SEC(".maps");

#endif
