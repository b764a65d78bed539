/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading: this binary's program over the maps that are pinned, or over new ones. What is attached goes on
 * forwarding with the old program until the new one takes its place in one step. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cv_clock.h"
#include "cv_balance.skel.h" /* uses the types of cv_clock.h */
#include "dataplane/bpf_log.h"
#include "dataplane/dp_dispatch.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_link.h"
#include "dataplane/dp_pins.h"

/* One load in progress. */
struct load {
	struct dp *dp;
	struct bpf_object *object;
	struct cv_meta meta;	      /* as it is to be */
	struct cv_meta old_meta;      /* as it was; no schema if nothing was pinned */
	int old_flows[DP_MAP_COUNT];  /* tables to copy flows from: cv_flows, cv_flows6; else -1 */
	bool is_pinned[DP_MAP_COUNT]; /* the pin is there and its map in use */
};

static bool is_flow_table(enum dp_map map)
{
	return map == DP_MAP_flows || map == DP_MAP_flows6;
}

/* The kernel's ticks a second: its coarse clock's resolution is one tick. */
static __u32 kernel_hz(void)
{
	struct timespec tick;

	if (clock_getres(CLOCK_MONOTONIC_COARSE, &tick) || tick.tv_sec || !tick.tv_nsec)
		return 250;
	return (__u32)((1000000000 + tick.tv_nsec / 2) / tick.tv_nsec);
}

static struct bpf_map *find_map(struct bpf_object *object, enum dp_map map)
{
	return bpf_object__find_map_by_name(object, dp_map_name(map));
}

static struct bpf_program *find_program(struct bpf_object *object, enum dp_program program)
{
	return bpf_object__find_program_by_name(object, dp_program_name(program));
}

/* What is pinned there, if anything: its meta record, and the sizes that hold unless told otherwise. */
static int read_meta(struct load *load, const struct flow_table_conf *flow_table, struct err *err)
{
	struct dp *old = NULL;
	int r = dp_open(load->dp->pin_dir, &old, err);

	load->meta = (struct cv_meta){
		.max_flows = CV_DEFAULT_MAX_FLOWS,
		.when_full = CV_FULL_EVICT,
	};
	if (!r)
		r = dp_meta(old, &load->old_meta, err);
	dp_free(old);
	if (r && r != -ENOENT)
		return r;
	if (!r)
		load->meta = load->old_meta;
	load->meta.schema = CV_SCHEMA_VERSION;
	load->meta.hz = kernel_hz();
	snprintf(load->meta.version, sizeof(load->meta.version), "%s", CV_VERSION);
	if (flow_table) {
		load->meta.max_flows = flow_table->max_flows;
		load->meta.when_full = flow_table->when_full;
	}
	return 0;
}

static int set_sizes(struct bpf_object *object, const struct cv_meta *meta)
{
	bool is_reject = meta->when_full == CV_FULL_REJECT;
	enum bpf_map_type type = is_reject ? BPF_MAP_TYPE_HASH : BPF_MAP_TYPE_LRU_HASH;
	__u64 flows = meta->max_flows + (is_reject ? CV_FLOWS_SLACK : 0);
	int r = bpf_map__set_max_entries(find_map(object, DP_MAP_expired),
					 (__u32)(meta->max_flows / CV_EXPIRED_SHARE));

	for (int i = 0; !r && i < DP_MAP_COUNT; i++) {
		if (!is_flow_table(i))
			continue;
		r = bpf_map__set_max_entries(find_map(object, i), (__u32)flows);
		if (!r)
			r = bpf_map__set_type(find_map(object, i), type);
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
	return bpf_map__set_initial_value(map, &knobs, sizeof(knobs));
}

/* This binary's programs and maps as `meta` wants them; nothing is in the kernel yet. */
static int open_object(const struct cv_meta *meta, struct bpf_object **ret, struct err *err)
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

int dp_open_object(struct dp *dp, struct bpf_object **ret, struct err *err)
{
	struct bpf_object *object = NULL;
	struct cv_meta meta;
	int r = dp_meta(dp, &meta, err);

	if (!r)
		r = open_object(&meta, &object, err);
	if (r)
		return r;
	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		r = bpf_map__reuse_fd(find_map(object, i), dp->map[i]);
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = bpf_program__set_autoload(find_program(object, i), i == DP_PROGRAM_balance);
	if (r) {
		bpf_object__close(object);
		return err_set(err, r, "opening the program: %s (%s)", strerror(-r), bpf_log_last());
	}
	*ret = object;
	return 0;
}

/* Uses the pinned map if it is what the program wants. A flow table of another size or policy is replaced, its
 * flows copied later; the notes on expired flows begin anew when their number changes; any other difference
 * under the same schema is somebody's meddling. */
static int adopt_map(struct load *load, enum dp_map which, struct err *err)
{
	struct bpf_map *map = find_map(load->object, which);
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	char path[PATH_MAX];
	int fd, r;

	r = dp_path(path, sizeof(path), load->dp->pin_dir, NULL, dp_map_pin(which));
	if (r)
		return err_set(err, r, "%s: %s", load->dp->pin_dir, strerror(-r));
	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return 0;
	r = fd < 0 ? fd : bpf_obj_get_info_by_fd(fd, &info, &size);
	if (r) {
		err_set(err, r, "%s: %s", path, strerror(-r));
	} else if (info.key_size != bpf_map__key_size(map) || info.value_size != bpf_map__value_size(map)) {
		r = err_set(err, -EPROTO, "%s: keys or values of another size than schema %u has", path,
			    CV_SCHEMA_VERSION);
	} else if (info.type == bpf_map__type(map) && info.max_entries == bpf_map__max_entries(map)) {
		r = bpf_map__reuse_fd(map, fd);
		load->is_pinned[which] = !r;
	} else if (is_flow_table(which)) {
		load->old_flows[which] = fd;
		return 0;
	} else if (which != DP_MAP_expired) {
		r = err_set(err, -EPROTO, "%s: another type or size than schema %u has", path,
			    CV_SCHEMA_VERSION);
	}
	if (fd >= 0)
		close(fd);
	return r;
}

/* Types of the values of inner maps, which are made while running. */
static int find_btf(struct load *load)
{
	const struct btf *btf = bpf_object__btf(load->object);
	int key = btf__find_by_name_kind(btf, "unsigned int", BTF_KIND_INT);
	int line = btf__find_by_name_kind(btf, "cv_slot_line", BTF_KIND_STRUCT);
	int directory = btf__find_by_name_kind(btf, "cv_directory", BTF_KIND_STRUCT);

	if (key < 0 || line < 0 || directory < 0)
		return -ENOENT;
	load->dp->btf = dup(bpf_object__btf_fd(load->object));
	load->dp->btf_key = (uint32_t)key;
	load->dp->btf_slot_line = (uint32_t)line;
	load->dp->btf_directory = (uint32_t)directory;
	return load->dp->btf < 0 ? -errno : 0;
}

/* Pins fd as `name`, in the place of whatever is pinned there: never is there a moment without. */
static int pin(const struct dp *dp, const char *folder, const char *name, int fd)
{
	char path[PATH_MAX], beside[PATH_MAX];
	int r = dp_path(path, sizeof(path), dp->pin_dir, folder, name);

	if (!r)
		r = snprintf(beside, sizeof(beside), "%s_new", path) >= (int)sizeof(beside) ? -ENAMETOOLONG
											    : 0;
	if (r)
		return r;
	unlink(beside);
	r = bpf_obj_pin(fd, beside);
	if (!r && rename(beside, path))
		r = -errno;
	if (r)
		unlink(beside);
	return r;
}

static int make_folder(const struct dp *dp, const char *folder)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), dp->pin_dir, NULL, folder);

	return r ? r : mkdir(path, 0700) && errno != EEXIST ? -errno : 0;
}

static int pin_all(struct load *load, struct err *err)
{
	struct dp *dp = load->dp;
	int r = make_folder(dp, DP_PROGRAM_DIR);

	if (!r)
		r = make_folder(dp, DP_TABLE_DIR);
	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		if (!load->is_pinned[i])
			r = pin(dp, NULL, dp_map_pin(i), dp->map[i]);
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = pin(dp, DP_PROGRAM_DIR, dp_program_name(i), dp->program[i]);
	return r ? err_set(err, r, "pinning in %s: %s", dp->pin_dir, strerror(-r)) : 0;
}

/* Takes the descriptors over, so that the object can go. */
static int take_fds(struct load *load)
{
	struct dp *dp = load->dp;

	for (int i = 0; i < DP_MAP_COUNT; i++) {
		dp->map[i] = dup(bpf_map__fd(find_map(load->object, i)));
		if (dp->map[i] < 0)
			return -errno;
	}
	for (int i = 0; i < DP_PROGRAM_COUNT; i++) {
		dp->program[i] = dup(bpf_program__fd(find_program(load->object, i)));
		if (dp->program[i] < 0)
			return -errno;
	}
	return 0;
}

static int copy_flows(const struct load *load)
{
	int r = 0;

	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		if (load->old_flows[i] >= 0)
			r = dp_copy_flows(load->old_flows[i], load->dp->map[i],
					  i == DP_MAP_flows ? sizeof(struct cv_flow4_key)
							    : sizeof(struct cv_flow6_key));
	return r;
}

/* Flows are copied once before the change, so that packets find theirs at once, and once after it, for those that
 * the old program made meanwhile. */
static int put_in_force(const struct load *load, struct err *err)
{
	bool is_moved = false;
	int r = copy_flows(load);

	if (r)
		return err_set(err, r, "copying flows: %s", strerror(-r));
	for (int i = 0; i < DP_MAP_COUNT; i++)
		is_moved = is_moved || !load->is_pinned[i];
	r = dp_dispatch_replace(load->dp, is_moved, err);
	if (r)
		return r;
	r = dp_link_replace(load->dp);
	if (r)
		return err_set(err, r, "replacing the program on an interface: %s", strerror(-r));
	r = copy_flows(load);
	return r ? err_set(err, r, "copying flows: %s", strerror(-r)) : 0;
}

static int write_meta(const struct load *load, const struct cv_meta *meta)
{
	__u32 zero = 0;

	return bpf_map_update_elem(load->dp->map[DP_MAP_meta], &zero, meta, BPF_ANY);
}

static int load_program(struct load *load, struct err *err)
{
	int r = 0;

	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		r = adopt_map(load, i, err);
	if (r)
		return r;
	r = bpf_object__load(load->object);
	if (r)
		return err_set(err, r, "the kernel refused the program: %s (%s)", strerror(-r),
			       bpf_log_last());
	return 0;
}

int dp_load(struct dp *dp, const struct flow_table_conf *flow_table, struct err *err)
{
	struct load load = { .dp = dp };
	int r;

	for (int i = 0; i < DP_MAP_COUNT; i++)
		load.old_flows[i] = -1;
	r = read_meta(&load, flow_table, err);
	if (r)
		return r;
	r = open_object(&load.meta, &load.object, err);
	if (r)
		return r;
	r = load_program(&load, err);
	if (r)
		goto out;
	r = take_fds(&load);
	if (!r)
		r = find_btf(&load);
	if (!r)
		r = write_meta(&load, &load.meta);
	if (r)
		err_set(err, r, "taking the program over: %s", strerror(-r));
	else
		r = put_in_force(&load, err);
	if (r && load.old_meta.schema)
		write_meta(&load, &load.old_meta);
	if (!r)
		r = pin_all(&load, err);
out:
	for (int i = 0; i < DP_MAP_COUNT; i++)
		if (load.old_flows[i] >= 0)
			close(load.old_flows[i]);
	bpf_object__close(load.object);
	return r;
}
