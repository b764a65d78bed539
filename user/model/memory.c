/* SPDX-License-Identifier: GPL-2.0-only */
/* What the maps of a model take of the kernel's memory (model_memory in model.h): the sizes that the kernel
 * allocates, as kernel/bpf/hashtab.c and arraymap.c do, for the maps that bpf/cv_maps.h defines (left out
 * are cv_ports and cv_captured, of some bytes, and the few KiB for each processor that are not pinned; a capture's ring is
 * there only while it lasts). */
#include <stdbool.h>

#include "cv_capture.h"
#include "cv_directory.h"
#include "cv_held.h"
#include "cv_probe.h"
#include "cv_types.h"
#include "cv_verdict.h"
#include "model/model.h"

/* struct htab_elem before the key, struct bucket, and struct bpf_array with struct bpf_map in it. */
#define HASH_ELEMENT_BYTES 48
#define HASH_BUCKET_BYTES 16
#define MAP_BYTES 320
#define PAGE_BYTES 4096

static uint64_t round_up(uint64_t n, uint64_t to)
{
	return (n + to - 1) / to * to;
}

static uint64_t array_bytes(uint64_t entries, uint64_t value)
{
	return MAP_BYTES + entries * round_up(value, 8);
}

/* With BPF_F_MMAPABLE the values begin on a page of their own. */
static uint64_t paged_bytes(uint64_t entries, uint64_t value)
{
	return round_up(MAP_BYTES, PAGE_BYTES) + round_up(entries * round_up(value, 8), PAGE_BYTES);
}

static uint64_t percpu_bytes(uint64_t entries, uint64_t value, unsigned cpus)
{
	return MAP_BYTES + entries * (sizeof(void *) + cpus * round_up(value, 8));
}

/* Hashes that are not LRU keep a spare element for each processor. */
static uint64_t hash_bytes(uint64_t entries, uint64_t key, uint64_t value, unsigned spares)
{
	uint64_t element = HASH_ELEMENT_BYTES + round_up(key, 8) + round_up(value, 8);
	uint64_t buckets = 1;

	while (buckets < entries)
		buckets *= 2;
	return MAP_BYTES + buckets * HASH_BUCKET_BYTES + (entries + spares) * element;
}

/* Elements hold a pointer to the values, and there is a spare one for each processor, too. */
static uint64_t percpu_hash_bytes(uint64_t entries, uint64_t key, uint64_t value, unsigned cpus)
{
	return hash_bytes(entries, key, sizeof(void *), cpus) + (entries + cpus) * cpus * round_up(value, 8);
}

static uint64_t maglev_bytes(const struct model *model)
{
	uint64_t sum = array_bytes(CV_MAX_POOLS + 1, sizeof(void *));

	for (size_t i = 0; i < model->pools_nr; i++) {
		uint64_t lines = round_up(model->pools[i].table_size, CV_SLOTS_PER_LINE) / CV_SLOTS_PER_LINE;

		sum += paged_bytes(lines, sizeof(struct cv_slot_line));
	}
	return sum;
}

uint32_t model_touched_sets(const struct flow_table_conf *flow_table)
{
	uint32_t sets = 1;

	while (flow_table->shortcut == CV_SHORTCUT_ON &&
	       sets * sizeof(struct cv_touched) < (uint64_t)flow_table->max_flows * CV_TOUCHED_BYTES)
		sets *= 2;
	return sets;
}

uint64_t model_memory(const struct model *model, unsigned cpus,
		      void (*each)(const char *map, uint64_t bytes, void *arg), void *arg)
{
	const uint64_t listeners = CV_MAX_LISTENERS + 1, pools = CV_MAX_POOLS + 1,
		       backends = CV_MAX_BACKENDS + 1;
	const uint64_t key4 = sizeof(struct cv_flow4_key), key6 = sizeof(struct cv_flow6_key);
	const uint64_t flow = sizeof(struct cv_flow), max_flows = model->flow_table.max_flows;
	const bool is_reject = model->flow_table.when_full == CV_FULL_REJECT;
	const uint64_t flows = max_flows + (is_reject ? CV_FLOWS_SLACK : 0);
	const unsigned spares = is_reject ? cpus : 0;
	const struct {
		const char *name;
		uint64_t bytes;
	} maps[] = {
		{ "cv_meta", array_bytes(1, sizeof(struct cv_meta)) },
		{ "cv_directory",
		  array_bytes(1, sizeof(void *)) + array_bytes(1, sizeof(struct cv_directory)) },
		{ "cv_listeners", paged_bytes(listeners, sizeof(struct cv_listener)) },
		{ "cv_pools", array_bytes(pools, sizeof(struct cv_pool)) },
		{ "cv_backends", paged_bytes(backends, sizeof(struct cv_backend)) },
		{ "cv_maglev", maglev_bytes(model) },
		{ "cv_flows", hash_bytes(flows, key4, flow, spares) },
		{ "cv_flows6", hash_bytes(flows, key6, flow, spares) },
		{ "cv_half_open", hash_bytes(CV_HALF_OPEN_FLOWS, key6, flow, 0) },
		{ "cv_expired",
		  hash_bytes(max_flows / CV_EXPIRED_SHARE, key6, sizeof(struct cv_expired), 0) },
		{ "cv_touched",
		  paged_bytes(model_touched_sets(&model->flow_table), sizeof(struct cv_touched)) },
		{ "cv_fragments",
		  hash_bytes(CV_FRAGMENTS, sizeof(struct cv_fragment_key), sizeof(struct cv_fragment), 0) },
		{ "cv_held", MAP_BYTES + CV_HELD_RING_BYTES },
		{ "cv_holder", array_bytes(1, sizeof(struct cv_holder)) },
		{ "cv_live", array_bytes(listeners, sizeof(struct cv_live)) },
		{ "cv_gate", percpu_bytes(1, sizeof(struct cv_gate), cpus) },
		{ "cv_per_verdict", percpu_bytes(CV_VERDICT_COUNT, sizeof(struct cv_verdict_stats), cpus) },
		{ "cv_per_listener", percpu_bytes(listeners, sizeof(struct cv_listener_stats), cpus) },
		{ "cv_per_backend", percpu_bytes(backends, sizeof(struct cv_backend_stats), cpus) },
		{ "cv_probes", percpu_bytes(backends, sizeof(struct cv_probe_stats), cpus) },
		{ "cv_sweep", array_bytes(1, sizeof(struct cv_sweep)) },
		{ "cv_listener_use", array_bytes(listeners, sizeof(struct cv_flow_counts)) },
		{ "cv_backend_use", array_bytes(backends, sizeof(struct cv_flow_counts)) },
		{ "cv_capture", array_bytes(1, sizeof(struct cv_capture)) },
		{ "cv_captures",
		  percpu_hash_bytes(CV_CAPTURE_PORTS, sizeof(__u32), sizeof(struct cv_capture_stats), cpus) },
	};
	uint64_t sum = 0;

	for (size_t i = 0; i < CV_ARRAY_SIZE(maps); i++) {
		each(maps[i].name, maps[i].bytes, arg);
		sum += maps[i].bytes;
	}
	return sum;
}
