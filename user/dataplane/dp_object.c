/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening this binary's object; see dp_object.h. */
#include <errno.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cv_clock.h"
#include "cv_types.h"
#include "cv_balance.skel.h" /* uses the types of both */
#include "dataplane/bpf_log.h"
#include "dataplane/dp_object.h"

static bool is_flow_table(enum dp_map map)
{
	return map == DP_MAP_flows || map == DP_MAP_flows6;
}

/* The coarse clock's resolution is one tick. */
__u32 dp_kernel_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || !tick.tv_nsec)
		return 250;
	return (__u32)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
}

struct bpf_map *dp_object_map(struct bpf_object *object, enum dp_map map)
{
	return bpf_object__find_map_by_name(object, dp_map_name(map));
}

struct bpf_program *dp_object_program(struct bpf_object *object, enum dp_program program)
{
	return bpf_object__find_program_by_name(object, dp_program_name(program));
}

static __u32 touched_sets(const struct cv_meta *meta)
{
	return model_touched_sets(&(struct flow_table_conf){
		.max_flows = (uint32_t)meta->max_flows,
		.shortcut = meta->shortcut,
	});
}

static int set_sizes(struct bpf_object *object, const struct cv_meta *meta)
{
	bool is_reject = meta->when_full == CV_FULL_REJECT;
	enum bpf_map_type type = is_reject ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_LRU_HASH;
	__u64 flows = meta->max_flows + (is_reject ? CV_FLOWS_SLACK : 0);
	int r = bpf_map__set_max_entries(dp_object_map(object, DP_MAP_expired),
					 (__u32)(meta->max_flows / CV_EXPIRED_SHARE));

	if (!r)
		r = bpf_map__set_max_entries(dp_object_map(object, DP_MAP_touched), touched_sets(meta));

	for (int i = 0; !r && i < DP_MAP_COUNT; i++) {
		if (!is_flow_table(i))
			continue;
		r = bpf_map__set_max_entries(dp_object_map(object, i), (__u32)flows);
		if (!r)
			r = bpf_map__set_type(dp_object_map(object, i), type);
	}
	return r;
}

static int set_knobs(struct bpf_object *object, const struct cv_meta *meta)
{
	struct bpf_map *map = bpf_object__find_map_by_name(object, ".rodata");
	size_t size = 0;
	const struct cv_balance__rodata *old = map ? bpf_map__initial_value(map, &size) : NULL;
	struct cv_balance__rodata knobs;

	if (!old || size != sizeof(knobs))
		return -EINVAL;
	knobs = *old;
	knobs.cv_clock_knobs = cv_clock_base(meta->hz);
	knobs.cv_reject_when_full = meta->when_full == CV_FULL_REJECT;
	knobs.cv_max_flows = meta->max_flows;
	knobs.cv_ask_key = meta->ask_key;
	knobs.cv_shortcut = meta->shortcut;
	knobs.cv_touched_mask = touched_sets(meta) - 1;
	return bpf_map__set_initial_value(map, &knobs, sizeof(knobs));
}

int dp_object_open(const struct cv_meta *meta, struct bpf_object **ret, struct err *err)
{
	LIBBPF_OPTS(bpf_object_open_opts, opts, .object_name = "cv_balance");
	size_t size;
	const void *elf = cv_balance__elf_bytes(&size);
	struct bpf_object *object = bpf_object__open_mem(elf, size, &opts);
	int r = object ? set_sizes(object, meta) : -errno;

	if (!r)
		r = set_knobs(object, meta);
	if (r) {
		bpf_object__close(object);
		return err_set(err, r, "opening the program: %s (%s)", strerror(-r), bpf_log_last());
	}
	*ret = object;
	return 0;
}

int dp_object_open_over(struct dp *dp, struct bpf_object **ret, struct err *err)
{
	struct bpf_object *object = NULL;
	struct cv_meta meta;
	int r = dp_meta(dp, &meta, err);

	if (!r)
		r = dp_object_open(&meta, &object, err);
	if (r)
		return r;
	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		r = bpf_map__reuse_fd(dp_object_map(object, i), dp->map[i]);
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = bpf_program__set_autoload(dp_object_program(object, i), i == DP_PROGRAM_balance);
	if (r) {
		bpf_object__close(object);
		return err_set(err, r, "opening the program: %s (%s)", strerror(-r), bpf_log_last());
	}
	*ret = object;
	return 0;
}
