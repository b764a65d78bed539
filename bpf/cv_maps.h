/* SPDX-License-Identifier: GPL-2.0-only */
/* Every map of the data plane, and nothing else. The loader pins all of them by name, and sets the
 * sizes given as 1. The user side is the only writer of configuration, BPF the only writer of flows and counters. */
#ifndef CV_MAPS_H
#define CV_MAPS_H

#include "cv_capture.h"
#include "cv_directory.h"
#include "cv_held.h"
#include "cv_probe.h"
#include "cv_types.h"
#include "cv_verdict.h"

/* clang leaves the value type of an inner map out of the BTF (libbpf 1.1: "can't determine value size") unless
 * something else holds it by value. This does; libbpf passes over its section. The names of the verdicts are there for
 * a later version, in which they have other numbers. */
const struct {
	struct cv_directory directory[0];
	struct cv_slot_line line[0];
	enum cv_verdict verdict[0];
	__u64 none;
} cv_inner_types SEC(".types");

/* --- what is balanced: written by the daemon ------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_meta);
} cv_meta SEC(".maps");

/* The whole directory is one value, so that one update of the outer map changes all listeners at once. */
struct cv_directory_map {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_directory);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct cv_directory_map);
} cv_directory SEC(".maps");

/* MMAPABLE here and below for its page-aligned memory: a record lies in whole cache lines. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CV_MAX_LISTENERS + 1);
	__type(key, __u32);
	__type(value, struct cv_listener);
} cv_listeners SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CV_MAX_POOLS + 1);
	__type(key, __u32);
	__type(value, struct cv_pool);
} cv_pools SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, CV_MAX_BACKENDS + 1);
	__type(key, __u32);
	__type(value, struct cv_backend);
} cv_backends SEC(".maps");

/* Maglev tables by pool id; INNER_MAP lets them differ in size. */
struct cv_maglev_table {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE | BPF_F_INNER_MAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_slot_line);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, CV_MAX_POOLS + 1);
	__type(key, __u32);
	__array(values, struct cv_maglev_table);
} cv_maglev SEC(".maps");

/* Ports that packets may leave by: every interface we are attached to, by ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} cv_ports SEC(".maps");

/* --- flows: written by the program ---------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH); /* HASH with when_full: reject */
	__uint(max_entries, 1);
	__type(key, struct cv_flow4_key);
	__type(value, struct cv_flow);
} cv_flows SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct cv_flow6_key);
	__type(value, struct cv_flow);
} cv_flows6 SEC(".maps");

/* Flows of which one packet was seen, of both families: forged first packets push out each other here and
 * nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CV_HALF_OPEN_FLOWS);
	__type(key, struct cv_flow6_key);
	__type(value, struct cv_flow);
} cv_half_open SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_touched);
} cv_touched SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1);
	__type(key, struct cv_flow6_key);
	__type(value, struct cv_expired);
} cv_expired SEC(".maps");

/* Forged fragments push out notes of fragments, and nothing else. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CV_FRAGMENTS);
	__type(key, struct cv_fragment_key);
	__type(value, struct cv_fragment);
} cv_fragments SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CV_MAX_LISTENERS + 1);
	__type(key, __u32);
	__type(value, struct cv_live);
} cv_live SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_gate);
} cv_gate SEC(".maps");

/* --- what culvertd finishes ------------------------------------------------------------------------ */

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, CV_HELD_RING_BYTES);
} cv_held SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_holder);
} cv_holder SEC(".maps");

/* --- counters: written by the program ------------------------------------------------------------- */

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_VERDICT_COUNT);
	__type(key, __u32);
	__type(value, struct cv_verdict_stats);
} cv_per_verdict SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MAX_LISTENERS + 1);
	__type(key, __u32);
	__type(value, struct cv_listener_stats);
} cv_per_listener SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MAX_BACKENDS + 1);
	__type(key, __u32);
	__type(value, struct cv_backend_stats);
} cv_per_backend SEC(".maps");

/* Written by cv_probe. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MAX_BACKENDS + 1);
	__type(key, __u32);
	__type(value, struct cv_probe_stats);
} cv_probes SEC(".maps");

/* What the sweep last counted. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_sweep);
} cv_sweep SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CV_MAX_LISTENERS + 1);
	__type(key, __u32);
	__type(value, struct cv_flow_counts);
} cv_listener_use SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, CV_MAX_BACKENDS + 1);
	__type(key, __u32);
	__type(value, struct cv_flow_counts);
} cv_backend_use SEC(".maps");

/* --- captures: asked for by `culvert capture`, which puts a ring in and takes it out again ------------- */

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cv_capture);
} cv_capture SEC(".maps");

/* By ifindex: the command makes the entries. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, CV_CAPTURE_PORTS);
	__type(key, __u32);
	__type(value, struct cv_capture_stats);
} cv_captures SEC(".maps");

struct cv_capture_ring {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 65536); /* that of the command is larger */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 1);
	__type(key, __u32);
	__array(values, struct cv_capture_ring);
} cv_captured SEC(".maps");

#endif
