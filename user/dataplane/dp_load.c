/* SPDX-License-Identifier: GPL-2.0-only */
/* Loading: this binary's program over the maps that are pinned, or over new ones, into which the content of the old ones
 * goes over, twice: before the change, and after it, for what happened meanwhile. What is attached goes on forwarding with
 * the old program until the new one takes its place in one step. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"
#include "dataplane/dp_dispatch.h"
#include "dataplane/dp_egress.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_link.h"
#include "dataplane/dp_migrate.h"
#include "dataplane/dp_object.h"
#include "dataplane/dp_pins.h"

/* One load in progress. */
struct load {
	struct dp *dp;
	struct bpf_object *object;
	struct cv_meta meta;		   /* as it is to be */
	struct cv_meta old_meta;	   /* as it was; no schema if nothing was pinned */
	struct dp_copy copy[DP_MAP_COUNT]; /* what goes over from maps that are replaced */
	bool is_pinned[DP_MAP_COUNT];	   /* the pin is there and its map in use */
	uint32_t old_backends;		   /* id of the pinned cv_backends; 0: none */
	uint64_t began_ns;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* What is pinned there, if anything: its meta record, and the sizes that hold unless told otherwise. */
static int read_meta(struct load *load, const struct flow_table_conf *flow_table, struct err *err)
{
	const char *pin_dir = load->dp->pin_dir;
	int map = dp_get_pin(pin_dir, NULL, dp_map_pin(DP_MAP_meta)), r = 0;

	load->meta = (struct cv_meta){
		.max_flows = CV_DEFAULT_MAX_FLOWS,
		.when_full = CV_FULL_EVICT,
		.shortcut = CV_SHORTCUT_ON,
	};
	if (map >= 0) {
		r = dp_read_meta(pin_dir, map, &load->old_meta, err);
		close(map);
		load->old_meta.is_copied = 0; /* a load that did not come to its end */
		load->meta = load->old_meta;
		/* a schema before this one did not say */
		if (load->meta.schema != CV_SCHEMA_VERSION)
			load->meta.shortcut = CV_SHORTCUT_ON;
	} else if (map != -ENOENT) {
		r = err_set(err, map, "%s: %s", pin_dir, strerror(-map));
	}
	load->meta.schema = CV_SCHEMA_VERSION;
	load->meta.hz = dp_kernel_hz();
	if (!load->meta.ask_key && getrandom(&load->meta.ask_key, sizeof(load->meta.ask_key), 0) < 0)
		return err_set(err, -errno, "random numbers: %s", strerror(errno));
	snprintf(load->meta.version, sizeof(load->meta.version), "%s", CV_VERSION);
	if (flow_table) {
		load->meta.max_flows = flow_table->max_flows;
		load->meta.when_full = flow_table->when_full;
		load->meta.shortcut = flow_table->shortcut;
	}
	return r;
}

static bool is_other_schema(const struct load *load)
{
	return load->old_meta.schema && load->old_meta.schema != CV_SCHEMA_VERSION;
}

static uint32_t map_id(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

/* Uses the pinned map if it is what the program wants; else a new one takes its place, and its content is copied later. The
 * meta record says what the pins are, and so changes with the last of them. */
static int adopt_map(struct load *load, enum dp_map which, struct err *err)
{
	struct bpf_map *map = dp_object_map(load->object, which);
	struct dp_migration migration = {
		.which = which,
		.from = dp_get_pin(load->dp->pin_dir, NULL, dp_map_pin(which)),
		.object = load->object,
		.map = map,
		.is_other_schema = is_other_schema(load),
	};
	int r = 0;

	if (migration.from == -ENOENT)
		return 0;
	if (migration.from < 0)
		return err_set(err, migration.from, "%s/%s: %s", load->dp->pin_dir, dp_map_pin(which),
			       strerror(-migration.from));
	if (which == DP_MAP_backends)
		load->old_backends = map_id(migration.from);
	if (which != DP_MAP_meta || !is_other_schema(load))
		r = dp_migration_find(&migration, &load->copy[which], err);
	if (!r && load->copy[which].from >= 0)
		return 0;
	if (!r && (which != DP_MAP_meta || !is_other_schema(load))) {
		r = bpf_map__reuse_fd(map, migration.from);
		load->is_pinned[which] = !r;
		if (r)
			err_set(err, r, "%s: %s", dp_map_name(which), strerror(-r));
	}
	close(migration.from);
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
		if (!load->is_pinned[i] && i != DP_MAP_meta)
			r = pin(dp, NULL, dp_map_pin(i), dp->map[i]);
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = pin(dp, DP_PROGRAM_DIR, dp_program_name(i), dp->program[i]);
	if (!r && !load->is_pinned[DP_MAP_meta])
		r = pin(dp, NULL, dp_map_pin(DP_MAP_meta), dp->map[DP_MAP_meta]);
	return r ? err_set(err, r, "pinning in %s: %s", dp->pin_dir, strerror(-r)) : 0;
}

/* Takes the descriptors over, so that the object can go. */
static int take_fds(struct load *load)
{
	struct dp *dp = load->dp;

	for (int i = 0; i < DP_MAP_COUNT; i++) {
		dp->map[i] = dup(bpf_map__fd(dp_object_map(load->object, i)));
		if (dp->map[i] < 0)
			return -errno;
	}
	for (int i = 0; i < DP_PROGRAM_COUNT; i++) {
		dp->program[i] = dup(bpf_program__fd(dp_object_program(load->object, i)));
		if (dp->program[i] < 0)
			return -errno;
	}
	return 0;
}

static int copy(struct load *load, bool is_again, struct err *err)
{
	int r = 0;

	for (int i = 0; !r && i < DP_MAP_COUNT; i++) {
		r = dp_copy(&load->copy[i], load->dp, i, is_again);
		if (r)
			err_set(err, r, "copying %s: %s", dp_map_name(i), strerror(-r));
	}
	return r;
}

/* The filter for health checks over an old table of backends is nobody's any more. */
static void drop_old_egress(const struct load *load)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	int nr;

	if (!load->old_backends || load->is_pinned[DP_MAP_backends])
		return;
	nr = dp_interfaces(load->dp->pin_dir, list, CV_ARRAY_SIZE(list), NULL);
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++)
		dp_egress_drop(load->old_backends, list[i].ifindex);
}

static int write_meta(const struct load *load, const struct cv_meta *meta)
{
	__u32 zero = 0;

	return bpf_map_update_elem(load->dp->map[DP_MAP_meta], &zero, meta, BPF_ANY);
}

/* Everything is copied before the change, so that packets find theirs at once. What opens meanwhile leaves its half-open
 * entry for the new program to find. */
static int put_in_force(struct load *load, struct err *err)
{
	bool is_moved = false;
	int r;

	load->meta.is_copied = 1;
	r = write_meta(load, &load->meta);
	if (r)
		return err_set(err, r, "writing cv_meta: %s", strerror(-r));
	r = copy(load, false, err);
	if (r)
		return r;
	for (int i = 0; i < DP_MAP_COUNT; i++)
		is_moved = is_moved || !load->is_pinned[i];
	r = dp_dispatch_replace(load->dp, is_moved, err);
	if (r)
		return r;
	r = dp_link_replace(load->dp);
	if (r)
		return err_set(err, r, "replacing the program on an interface: %s", strerror(-r));
	drop_old_egress(load);
	/* the old one may be at a packet still */
	if (load->old_meta.schema)
		dp_wait_programs(load->dp);
	load->meta.is_copied = 0;
	write_meta(load, &load->meta);
	return 0;
}

/* The new program is in force, and found by its pins. What the old one made of its tables meanwhile goes over, too; an end
 * before that loses no flow, as those that opened are among the half-open ones. */
static int catch_up(struct load *load, struct err *err)
{
	int r = copy(load, true, err);

	if (r)
		return r;
	r = dp_copy_opened(load->dp);
	return r ? err_set(err, r, "copying flows that opened: %s", strerror(-r)) : 0;
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

/* For whoever asks what became of the old maps. */
static void note_migration(const struct load *load)
{
	const struct dp_copy *copy = load->copy;

	if (!is_other_schema(load))
		return;
	load->dp->migration = (struct dp_migrated){
		.schema = load->old_meta.schema,
		.flows = copy[DP_MAP_flows].copied + copy[DP_MAP_flows6].copied,
		.took_ms = (now_ns() - load->began_ns) / 1000000,
		.verdicts_lost = copy[DP_MAP_per_verdict].kind == DP_COPY_NOTHING,
	};
	memcpy(load->dp->migration.version, load->old_meta.version, sizeof(load->old_meta.version));
}

/* From open objects to pins. */
static int take_over(struct load *load, struct err *err)
{
	int r = load_program(load, err);

	if (r)
		return r;
	r = take_fds(load);
	if (!r)
		r = find_btf(load);
	if (r)
		err_set(err, r, "taking the program over: %s", strerror(-r));
	else
		r = put_in_force(load, err);
	if (r && load->is_pinned[DP_MAP_meta])
		write_meta(load, &load->old_meta);
	if (!r)
		r = pin_all(load, err);
	return r ? r : catch_up(load, err);
}

int dp_load(struct dp *dp, const struct flow_table_conf *flow_table, struct err *err)
{
	struct load load = { .dp = dp, .began_ns = now_ns() };
	int r;

	for (int i = 0; i < DP_MAP_COUNT; i++)
		load.copy[i].from = -1;
	r = read_meta(&load, flow_table, err);
	if (!r)
		r = dp_object_open(&load.meta, &load.object, err);
	dp->has_shortcut = load.meta.shortcut != CV_SHORTCUT_OFF;
	if (!r)
		r = take_over(&load, err);
	if (!r)
		note_migration(&load);
	for (int i = 0; i < DP_MAP_COUNT; i++)
		dp_copy_done(&load.copy[i]);
	bpf_object__close(load.object);
	return r;
}
