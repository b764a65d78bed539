/* SPDX-License-Identifier: GPL-2.0-only */
/* BTF: `bpftool map dump` prints names and not bytes, because every map knows the types of its keys and
 * values. Those in the kernel must be those of include/, by name and size, in the maps that are made while
 * running too. */
#include "bpf/world.h"

#include <dirent.h>
#include <stdio.h>
#include <linux/bpf.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include "cv_capture.h"
#include "cv_directory.h"
#include "cv_held.h"

struct map_type {
	const char *map;
	const char *key; /* NULL: the kernel takes no BTF for this type of map */
	const char *value;
	size_t key_size;
	size_t value_size;
};

#define WORD "unsigned int"
#define ARRAY_OF(map_, struct_)                                             \
	{                                                                   \
		map_, WORD, #struct_, sizeof(__u32), sizeof(struct struct_) \
	}
#define HASH_OF(map_, key_, struct_)                                               \
	{                                                                          \
		map_, #key_, #struct_, sizeof(struct key_), sizeof(struct struct_) \
	}
#define WITHOUT(map_)                                          \
	{                                                      \
		map_, NULL, NULL, sizeof(__u32), sizeof(__u32) \
	}

static const struct map_type maps[] = {
	ARRAY_OF("cv_meta", cv_meta),
	ARRAY_OF("cv_listeners", cv_listener),
	ARRAY_OF("cv_pools", cv_pool),
	ARRAY_OF("cv_backends", cv_backend),
	HASH_OF("cv_flows", cv_flow4_key, cv_flow),
	HASH_OF("cv_flows6", cv_flow6_key, cv_flow),
	HASH_OF("cv_half_open", cv_flow6_key, cv_flow),
	HASH_OF("cv_expired", cv_flow6_key, cv_expired),
	ARRAY_OF("cv_touched", cv_touched),
	HASH_OF("cv_fragments", cv_fragment_key, cv_fragment),
	ARRAY_OF("cv_holder", cv_holder),
	ARRAY_OF("cv_live", cv_live),
	ARRAY_OF("cv_gate", cv_gate),
	ARRAY_OF("cv_per_verdict", cv_verdict_stats),
	ARRAY_OF("cv_per_listener", cv_listener_stats),
	ARRAY_OF("cv_per_backend", cv_backend_stats),
	ARRAY_OF("cv_probes", cv_probe_stats),
	ARRAY_OF("cv_sweep", cv_sweep),
	ARRAY_OF("cv_listener_use", cv_flow_counts),
	ARRAY_OF("cv_backend_use", cv_flow_counts),
	ARRAY_OF("cv_capture", cv_capture),
	ARRAY_OF("cv_captures", cv_capture_stats),
};

/* The kernel takes no types for these: they lie in a folder of their own. */
static const struct map_type tables[] = {
	WITHOUT("cv_directory"), WITHOUT("cv_maglev"), WITHOUT("cv_ports"),
	WITHOUT("cv_captured"),	 { .map = "cv_held" },
};

static const struct map_type inner_directory = ARRAY_OF("cv_directory", cv_directory);
static const struct map_type inner_table = ARRAY_OF("cv_maglev", cv_slot_line);

static struct bpf_map_info info_of(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	assert_return_code(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	return info;
}

static void assert_type(const struct btf *btf, __u32 id, const char *name, size_t size)
{
	const struct btf_type *type = btf__type_by_id(btf, (__u32)btf__resolve_type(btf, id));

	assert_non_null(type);
	assert_string_equal(btf__name_by_offset(btf, type->name_off), name);
	assert_int_equal(type->size, size);
}

static void check_map(int map, const struct map_type *want)
{
	struct bpf_map_info info = info_of(map);
	struct btf *btf;

	assert_int_equal(info.key_size, want->key_size);
	assert_int_equal(info.value_size, want->value_size);
	if (!want->key) {
		assert_int_equal(info.btf_value_type_id, 0);
		return;
	}
	assert_int_not_equal(info.btf_id, 0);
	btf = btf__load_from_kernel_by_id(info.btf_id);
	assert_non_null(btf);
	assert_type(btf, info.btf_key_type_id, want->key, want->key_size);
	assert_type(btf, info.btf_value_type_id, want->value, want->value_size);
	btf__free(btf);
}

static void check_folder(const char *folder, const struct map_type *types, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		char path[128];
		struct bpf_map_info info;
		int map;

		snprintf(path, sizeof(path), "%s/%s", folder, types[i].map);
		map = bpf_obj_get(path);
		assert_return_code(map, 0);
		info = info_of(map);
		/* not cut short: the kernel keeps 15 characters */
		assert_string_equal(info.name, types[i].map);
		check_map(map, &types[i]);
		close(map);
	}
}

static void every_map_knows_its_types(void **state)
{
	(void)state;
	check_folder(DP_DEFAULT_PIN_DIR, maps, CV_ARRAY_SIZE(maps));
	check_folder(DP_DEFAULT_PIN_DIR "/tables", tables, CV_ARRAY_SIZE(tables));
}

static size_t count_pins(const char *folder)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	size_t pinned = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		pinned += strncmp(entry->d_name, "cv_", 3) == 0;
	closedir(dir);
	return pinned;
}

/* A map that is pinned and not in the lists above would go unchecked. */
static void every_pinned_map_is_listed(void **state)
{
	(void)state;
	assert_int_equal(count_pins(DP_DEFAULT_PIN_DIR), CV_ARRAY_SIZE(maps));
	assert_int_equal(count_pins(DP_DEFAULT_PIN_DIR "/tables"), CV_ARRAY_SIZE(tables));
}

/* The map inside one of the maps of maps, at `key`. */
static void check_inner(const char *pin, __u32 key, const struct map_type *want)
{
	int outer = bpf_obj_get(pin), inner;
	__u32 id;

	assert_return_code(outer, 0);
	assert_return_code(bpf_map_lookup_elem(outer, &key, &id), 0);
	close(outer);
	inner = bpf_map_get_fd_by_id(id);
	assert_return_code(inner, -inner);
	check_map(inner, want);
	close(inner);
}

static void maps_made_later_know_their_types(void **state)
{
	struct world *world = *state;

	check_inner(DP_DEFAULT_PIN_DIR "/tables/cv_directory", 0, &inner_directory);
	check_inner(DP_DEFAULT_PIN_DIR "/tables/cv_maglev", image_pool_id(world->image, "web"), &inner_table);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_map_knows_its_types),
		cmocka_unit_test(every_pinned_map_is_listed),
		cmocka_unit_test(maps_made_later_know_their_types),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("btf", tests, world_up, world_down);
}
