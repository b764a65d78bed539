/* SPDX-License-Identifier: GPL-2.0-only */
/* The data plane of an older version; see old.h. Records go back to the old make by the means by which they come over
 * later; that they arrived is seen by what the old program does with them. */
#include "bpf/old.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "cv_clock.h"
#include "cv_old.skel.h"
#include "dataplane/dp_migrate.h"
#include "dataplane/dp_object.h"

static __u32 type_of(const struct cv_old *old, const char *name)
{
	int type = btf__find_by_name_kind(bpf_object__btf(old->obj), name, BTF_KIND_STRUCT);

	assert_true(type > 0);
	return (__u32)type;
}

static struct bpf_map_info info_of(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	assert_return_code(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	return info;
}

/* Sizes and constants as the world has them. A map that is the same in both is the world's. */
static void set_up(const struct world *world, struct cv_old *old, struct dp_copy copy[DP_MAP_COUNT])
{
	struct cv_meta meta;
	struct err err;

	assert_ok(dp_meta(world->dp, &meta, &err), err);
	old->rodata->cv_clock_knobs = cv_clock_base(meta.hz);
	old->rodata->cv_reject_when_full = meta.when_full == CV_FULL_REJECT;
	old->rodata->cv_max_flows = meta.max_flows;
	for (int i = 0; i < DP_MAP_COUNT; i++) {
		struct bpf_map *map = dp_object_map(old->obj, (enum dp_map)i);
		struct bpf_map_info info = info_of(world->dp->map[i]);
		const struct dp_migration migration = { .which = (enum dp_map)i,
							.from = dup(world->dp->map[i]),
							.object = old->obj,
							.map = map,
							.is_other_schema = true };

		if (i != DP_MAP_per_verdict)
			assert_int_equal(bpf_map__set_max_entries(map, info.max_entries), 0);
		assert_int_equal(bpf_map__set_type(map, info.type), 0);
		assert_ok(dp_migration_find(&migration, &copy[i], &err), err);
		if (copy[i].from >= 0)
			continue;
		assert_int_equal(bpf_map__reuse_fd(map, migration.from), 0);
		close(migration.from);
	}
	assert_int_equal(cv_old__load(old), 0);
}

/* The maps in a map of maps, one by one. */
static void copy_tables(const struct cv_old *old, const struct dp_copy *copy, int outer, const char *type)
{
	struct bpf_map_info info = info_of(copy->from);
	size_t size = layout_size(copy->value);
	char *room = malloc(size), *record = malloc(layout_from_size(copy->value));
	__u32 id;

	assert_true(room && record);
	for (__u32 key = 0; key < info.max_entries; key++) {
		LIBBPF_OPTS(bpf_map_create_opts, opts, .btf_fd = (__u32)bpf_object__btf_fd(old->obj));
		struct bpf_map_info inner;
		int from, to;

		if (bpf_map_lookup_elem(copy->from, &key, &id))
			continue;
		from = bpf_map_get_fd_by_id(id);
		inner = info_of(from);
		opts.map_flags = inner.map_flags;
		opts.btf_key_type_id = (__u32)btf__find_by_name_kind(bpf_object__btf(old->obj),
								     "unsigned int", BTF_KIND_INT);
		opts.btf_value_type_id = type_of(old, type);
		to = bpf_map_create(BPF_MAP_TYPE_ARRAY, "old", sizeof(__u32), (__u32)size, inner.max_entries,
				    &opts);
		assert_return_code(to, -to);
		for (__u32 i = 0; i < inner.max_entries; i++) {
			assert_int_equal(bpf_map_lookup_elem(from, &i, record), 0);
			layout_move(copy->value, record, room);
			assert_int_equal(bpf_map_update_elem(to, &i, room, BPF_ANY), 0);
		}
		assert_int_equal(bpf_map_update_elem(outer, &key, &to, BPF_ANY), 0);
		close(from);
		close(to);
	}
	free(room);
	free(record);
}

static void pin(int fd, const char *folder, const char *name)
{
	char path[128];

	snprintf(path, sizeof(path), "%s/%s%s", DP_DEFAULT_PIN_DIR, folder, name);
	unlink(path);
	assert_return_code(bpf_obj_pin(fd, path), 0);
}

/* What the world's maps hold goes into the old ones, which take their pins. */
static void go_back(const struct world *world, const struct cv_old *old, struct dp_copy copy[DP_MAP_COUNT])
{
	struct dp to = *world->dp;

	for (int i = 0; i < DP_MAP_COUNT; i++)
		to.map[i] = bpf_map__fd(dp_object_map(old->obj, (enum dp_map)i));
	for (int i = 0; i < DP_MAP_COUNT; i++) {
		if (copy[i].kind == DP_COPY_TABLES && copy[i].from >= 0)
			copy_tables(old, &copy[i], to.map[i],
				    i == DP_MAP_directory ? "cv_directory" : "cv_slot_line");
		else
			assert_int_equal(dp_copy(&copy[i], &to, (enum dp_map)i, false), 0);
		pin(to.map[i], "", dp_map_pin((enum dp_map)i));
		dp_copy_done(&copy[i]);
	}
}

/* The old program on every port. */
static void attach(const struct cv_old *old)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	struct err err;
	int nr = dp_interfaces(DP_DEFAULT_PIN_DIR, list, CV_MAX_INTERFACES, &err);

	for (int i = 0; i < nr; i++) {
		char path[128];
		int link;

		snprintf(path, sizeof(path), "%s/links/%u", DP_DEFAULT_PIN_DIR, list[i].ifindex);
		link = bpf_obj_get(path);
		assert_return_code(link, -link);
		assert_int_equal(bpf_link_update(link, bpf_program__fd(old->progs.cv_balance), NULL), 0);
		close(link);
	}
}

static void open_program(struct world *world)
{
	if (world->program >= 0)
		close(world->program);
	world->program = bpf_obj_get(DP_DEFAULT_PIN_DIR "/programs/cv_balance");
	assert_return_code(world->program, -world->program);
}

void old_set_meta(struct world *world, uint32_t schema, const char *version)
{
	int map = world_map(world, "cv_meta");
	struct cv_meta meta;
	__u32 zero = 0;

	assert_int_equal(bpf_map_lookup_elem(map, &zero, &meta), 0);
	meta.schema = schema;
	snprintf(meta.version, sizeof(meta.version), "%s", version);
	assert_int_equal(bpf_map_update_elem(map, &zero, &meta, BPF_ANY), 0);
	close(map);
}

void old_lay_down(struct world *world)
{
	struct cv_old *old = cv_old__open();
	struct dp_copy copy[DP_MAP_COUNT];

	assert_non_null(old);
	set_up(world, old, copy);
	/* what it is all about is really of another make */
	assert_non_null(copy[DP_MAP_flows].value);
	assert_non_null(copy[DP_MAP_backends].value);
	assert_non_null(copy[DP_MAP_directory].value);
	assert_non_null(copy[DP_MAP_maglev].value);
	assert_non_null(copy[DP_MAP_per_verdict].index);
	go_back(world, old, copy);
	for (int i = 0; i < DP_PROGRAM_COUNT; i++)
		pin(bpf_program__fd(dp_object_program(old->obj, (enum dp_program)i)), "programs/",
		    dp_program_name((enum dp_program)i));
	old_set_meta(world, OLD_SCHEMA, OLD_VERSION);
	attach(old);
	cv_old__destroy(old);
	dp_free(world->dp);
	world->dp = NULL;
	open_program(world);
}

int old_take_over(struct world *world, struct err *err)
{
	int r = dp_take(DP_DEFAULT_PIN_DIR, &world->model->flow_table, &world->dp, err);

	if (!r)
		open_program(world);
	return r;
}
