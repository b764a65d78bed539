/* SPDX-License-Identifier: GPL-2.0-only */
/* From one schema to another; see dp_migrate.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/btf.h>
#include <bpf/libbpf.h>

#include "dataplane/dp_migrate.h"

/* A map as it lies pinned, with its types. An array of maps has those of the maps in it. */
struct old_map {
	struct bpf_map_info info;
	struct btf *btf; /* NULL: it has none, or none was asked for */
	uint32_t key, value;
};

static int map_info(int map, struct bpf_map_info *ret)
{
	__u32 size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(map, ret, &size);
}

/* --- types ----------------------------------------------------------------------------------------- */

/* The first map in an array of maps: all have the same types. -ENOENT if there is none. */
static int find_inner(int outer, __u32 entries, struct bpf_map_info *ret)
{
	__u32 key, id;
	int inner, r;

	for (key = 0; key < entries; key++)
		if (!bpf_map_lookup_elem(outer, &key, &id))
			break;
	if (key == entries)
		return -ENOENT;
	inner = bpf_map_get_fd_by_id(id);
	if (inner < 0)
		return inner;
	r = map_info(inner, ret);
	close(inner);
	return r;
}

static int read_types(int map, struct old_map *old)
{
	struct bpf_map_info typed = old->info;
	int r = old->info.type == BPF_MAP_TYPE_ARRAY_OF_MAPS ? find_inner(map, old->info.max_entries, &typed)
							     : 0;

	if (r || !typed.btf_id)
		return r == -ENOENT ? 0 : r;
	old->btf = btf__load_from_kernel_by_id(typed.btf_id);
	old->key = typed.btf_key_type_id;
	old->value = typed.btf_value_type_id;
	return old->btf ? 0 : -errno;
}

/* The type of the wanted map's values; libbpf has none for arrays of maps. */
static uint32_t wanted_value(const struct dp_migration *migration)
{
	const struct btf *btf = bpf_object__btf(migration->object);
	const char *name = NULL;
	int type;

	if (migration->which == DP_MAP_directory)
		name = "cv_directory";
	else if (migration->which == DP_MAP_maglev)
		name = "cv_slot_line";
	if (!name)
		return bpf_map__btf_value_type_id(migration->map);
	type = btf__find_by_name_kind(btf, name, BTF_KIND_STRUCT);
	return type > 0 ? (uint32_t)type : 0;
}

/* NULL in *ret if records go over as they are. */
static int find_layout(const struct old_map *old, uint32_t from_type, const struct dp_migration *migration,
		       uint32_t type, struct layout **ret)
{
	struct layout *layout;
	int r = layout_new(old->btf, from_type, bpf_object__btf(migration->object), type, &layout);

	*ret = NULL;
	if (r)
		return r;
	if (layout_is_same(layout))
		layout_free(layout);
	else
		*ret = layout;
	return 0;
}

/* --- the way --------------------------------------------------------------------------------------- */

static bool is_hash(__u32 type)
{
	return type == BPF_MAP_TYPE_HASH || type == BPF_MAP_TYPE_LRU_HASH;
}

static bool is_flows(enum dp_map which)
{
	return which == DP_MAP_flows || which == DP_MAP_flows6 || which == DP_MAP_half_open;
}

static enum dp_copy_kind find_kind(const struct dp_migration *migration, const struct old_map *old)
{
	__u32 type = bpf_map__type(migration->map);

	/* a capture ends with the maps that it was made on */
	if (migration->which == DP_MAP_capture || migration->which == DP_MAP_captured)
		return DP_COPY_NOTHING;
	if (migration->which == DP_MAP_touched)
		return DP_COPY_NOTHING; /* the next packets write it anew */
	if (is_hash(type) && is_hash(old->info.type))
		return is_flows(migration->which) ? DP_COPY_FLOWS : DP_COPY_ENTRIES;
	if (type != old->info.type)
		return DP_COPY_NOTHING;
	switch (type) {
	case BPF_MAP_TYPE_ARRAY:
		return migration->which == DP_MAP_live ? DP_COPY_COUNTERS : DP_COPY_RECORDS;
	case BPF_MAP_TYPE_PERCPU_ARRAY:
		/* the others hold what counts for a moment only */
		return layout_is_numbers(bpf_object__btf(migration->object),
					 bpf_map__btf_value_type_id(migration->map))
			       ? DP_COPY_COUNTERS
			       : DP_COPY_NOTHING;
	case BPF_MAP_TYPE_ARRAY_OF_MAPS:
		return old->btf ? DP_COPY_TABLES : DP_COPY_NOTHING;
	case BPF_MAP_TYPE_DEVMAP_HASH:
		return DP_COPY_PORTS;
	default:
		return DP_COPY_NOTHING;
	}
}

/* Verdicts have other numbers in another schema: their counters go by name. Schema 1 did not know the names: its begin
 * anew. *ret is NULL if every number stays what it is. */
static int find_verdicts(const struct dp_migration *migration, const struct old_map *old, uint32_t **ret)
{
	__u32 nr = old->info.max_entries;
	uint32_t *index = malloc(nr * sizeof(*index));
	bool is_same = nr == bpf_map__max_entries(migration->map);
	int r = index ? layout_enum(old->btf, bpf_object__btf(migration->object), "cv_verdict", index, nr)
		      : -ENOMEM;

	for (__u32 i = 0; !r && i < nr; i++) {
		if (index[i] >= bpf_map__max_entries(migration->map))
			index[i] = UINT32_MAX;
		is_same = is_same && index[i] == i;
	}
	if (r || is_same) {
		free(index);
		index = NULL;
	}
	*ret = index;
	return r;
}

static int find_layouts(const struct dp_migration *migration, const struct old_map *old, struct dp_copy *copy)
{
	int r = 0;

	if (copy->kind == DP_COPY_NOTHING || copy->kind == DP_COPY_PORTS || !old->btf)
		return 0;
	if (copy->kind == DP_COPY_FLOWS || copy->kind == DP_COPY_ENTRIES)
		r = find_layout(old, old->key, migration, bpf_map__btf_key_type_id(migration->map),
				&copy->key);
	if (!r)
		r = find_layout(old, old->value, migration, wanted_value(migration), &copy->value);
	if (!r && migration->which == DP_MAP_per_verdict) {
		r = find_verdicts(migration, old, &copy->index);
		if (r == -ENOENT) {
			copy->kind = DP_COPY_NOTHING;
			r = 0;
		}
	}
	return r;
}

static bool is_same_make(const struct dp_migration *migration, const struct bpf_map_info *info)
{
	const struct bpf_map *map = migration->map;

	return info->type == bpf_map__type(map) && info->max_entries == bpf_map__max_entries(map) &&
	       info->key_size == bpf_map__key_size(map) && info->value_size == bpf_map__value_size(map);
}

/* Records of another size, or another number of them, are of another make, whatever the schema says: that of a developer,
 * say. A flow table may have any size. */
static bool has_other_records(const struct dp_migration *migration, const struct bpf_map_info *info)
{
	const struct bpf_map *map = migration->map;

	if (migration->which == DP_MAP_touched)
		return false;
	return migration->is_other_schema || info->key_size != bpf_map__key_size(map) ||
	       info->value_size != bpf_map__value_size(map) ||
	       (!is_hash(info->type) && info->max_entries != bpf_map__max_entries(map));
}

int dp_migration_find(const struct dp_migration *migration, struct dp_copy *ret, struct err *err)
{
	struct dp_copy copy = { .from = -1 };
	struct old_map old = { 0 };
	const char *name = dp_map_name(migration->which);
	int r = map_info(migration->from, &old.info);
	bool is_usable;

	if (!r && has_other_records(migration, &old.info))
		r = read_types(migration->from, &old);
	if (!r) {
		copy.kind = find_kind(migration, &old);
		r = find_layouts(migration, &old, &copy);
	}
	btf__free(old.btf);
	if (r) {
		dp_copy_done(&copy);
		return r == -EPERM
			       ? err_set(err, r,
					 "%s is of another map schema; to read it takes CAP_SYS_ADMIN: run "
					 "\"culvert upgrade\" as root, then start culvertd again",
					 name)
			       : err_set(err, r, "%s cannot be migrated: %s", name, strerror(-r));
	}
	is_usable = is_same_make(migration, &old.info) && !copy.key && !copy.value && !copy.index &&
		    (copy.kind != DP_COPY_NOTHING || !migration->is_other_schema);
	if (is_usable) {
		*ret = (struct dp_copy){ .from = -1 };
		return 0;
	}
	copy.from = migration->from;
	*ret = copy;
	return 0;
}
