/* SPDX-License-Identifier: GPL-2.0-only */
/* From map to map; see dp_copy.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cv_directory.h"
#include "cv_flow.h"
#include "dataplane/dp_copy.h"

static int map_info(int map, struct bpf_map_info *ret)
{
	__u32 size = sizeof(*ret);

	memset(ret, 0, sizeof(*ret));
	return bpf_obj_get_info_by_fd(map, ret, &size);
}

/* The record as the new map has it: in `room`, or where it is. */
static const void *move(const struct layout *layout, const void *from, void *room)
{
	if (!layout)
		return from;
	layout_move(layout, from, room);
	return room;
}

/* --- hashes ---------------------------------------------------------------------------------------- */

struct entries {
	struct dp_copy *copy;
	struct dp *dp;
	enum dp_map which;
	bool is_again;
	size_t key_size, value_size; /* of the old map */
};

/* Whether this record of a flow knows more of it than that one: it saw its last packet, or if both did in one second, more
 * of them; and it is not that one which saw its end. */
static bool knows_more(const struct cv_flow *flow, const struct cv_flow *other)
{
	if (flow->last_seen_s != other->last_seen_s)
		return (int32_t)(flow->last_seen_s - other->last_seen_s) > 0;
	return flow->packets > other->packets && other->state == CV_FLOW_OPEN;
}

/* A flow that was copied before. It had packets since then in the old table, in the new one, or in both. */
static int copy_flow_again(int to, const void *key, const struct cv_flow *flow)
{
	struct cv_flow copied;
	int r = bpf_map_lookup_elem(to, key, &copied);

	if (!r && knows_more(flow, &copied))
		r = bpf_map_update_elem(to, key, flow, BPF_EXIST);
	return r == -ENOENT ? 0 : r;
}

/* A flow that opened after its half-open entry was copied: that one is over. */
static void forget_half_open(const struct entries *entries, const void *key)
{
	struct cv_flow6_key key6;

	if (entries->which == DP_MAP_flows)
		cv_flow_long_key(key, &key6);
	else
		memcpy(&key6, key, sizeof(key6));
	bpf_map_delete_elem(entries->dp->map[DP_MAP_half_open], &key6);
}

static int copy_entry(const struct entries *entries, const void *key, const void *value)
{
	int to = entries->dp->map[entries->which], r;
	bool is_flow = entries->copy->kind == DP_COPY_FLOWS;

	if (entries->which == DP_MAP_half_open && entries->is_again && dp_has_opened(entries->dp, key))
		return 0;
	r = bpf_map_update_elem(to, key, value, BPF_NOEXIST);
	if (!r) {
		entries->copy->copied++;
		if (is_flow && entries->is_again && entries->which != DP_MAP_half_open)
			forget_half_open(entries, key);
	}
	if (r == -EEXIST)
		r = is_flow ? copy_flow_again(to, key, value) : 0;
	return r == -E2BIG || r == -ENOMEM ? 0 : r;
}

static int copy_batch(const void *keys, const void *values, __u32 nr, void *arg)
{
	const struct entries *entries = arg;
	char key_room[256], value_room[256];
	int r = 0;

	for (__u32 i = 0; !r && i < nr; i++)
		r = copy_entry(entries,
			       move(entries->copy->key, (const char *)keys + i * entries->key_size, key_room),
			       move(entries->copy->value, (const char *)values + i * entries->value_size,
				    value_room));
	return r;
}

static int copy_hash(struct dp_copy *copy, struct dp *dp, enum dp_map which, bool is_again)
{
	struct entries entries = { .copy = copy, .dp = dp, .which = which, .is_again = is_again };
	struct bpf_map_info info;
	int r = map_info(copy->from, &info);

	if (r)
		return r;
	if ((copy->key && layout_size(copy->key) > 256) || (copy->value && layout_size(copy->value) > 256))
		return -E2BIG;
	entries.key_size = info.key_size;
	entries.value_size = info.value_size;
	return dp_each_batch(copy->from, info.key_size, info.value_size, copy_batch, &entries);
}

static int copy_ports(const struct dp_copy *copy, int to)
{
	__u32 key, next, value;
	int r = bpf_map_get_next_key(copy->from, NULL, &next);

	while (!r) {
		key = next;
		if (!bpf_map_lookup_elem(copy->from, &key, &value))
			r = bpf_map_update_elem(to, &key, &value, BPF_ANY);
		if (!r)
			r = bpf_map_get_next_key(copy->from, &key, &next);
	}
	return r == -ENOENT ? 0 : r;
}

/* --- arrays ---------------------------------------------------------------------------------------- */

/* Two arrays, and room for an entry of each: what all processors have of it, if it is per CPU. */
struct arrays {
	__u32 nr; /* that both have */
	unsigned cpus;
	size_t from_size, size; /* of one record */
	char *from, *to;
};

static int open_arrays(const struct dp_copy *copy, const struct dp *dp, enum dp_map which, struct arrays *ret)
{
	struct bpf_map_info from, to;
	int r = map_info(copy->from, &from);

	if (!r)
		r = map_info(dp->map[which], &to);
	if (r)
		return r;
	*ret = (struct arrays){
		.nr = from.max_entries < to.max_entries || copy->index ? from.max_entries : to.max_entries,
		.cpus = to.type == BPF_MAP_TYPE_PERCPU_ARRAY ? dp->cpus : 1,
		.from_size = from.value_size,
		.size = to.value_size,
	};
	ret->from = calloc(ret->cpus, ret->from_size);
	ret->to = calloc(ret->cpus, ret->size);
	return ret->from && ret->to ? 0 : -ENOMEM;
}

static void close_arrays(struct arrays *arrays)
{
	free(arrays->from);
	free(arrays->to);
}

static int copy_records(const struct dp_copy *copy, const struct dp *dp, enum dp_map which)
{
	struct arrays arrays = { 0 };
	int r = open_arrays(copy, dp, which, &arrays);

	for (__u32 i = 0; !r && i < arrays.nr; i++) {
		r = bpf_map_lookup_elem(copy->from, &i, arrays.from);
		if (!r)
			r = bpf_map_update_elem(dp->map[which], &i, move(copy->value, arrays.from, arrays.to),
						BPF_ANY);
	}
	close_arrays(&arrays);
	return r;
}

/* Adds to an entry what its origin counted since it was looked at before; *ret_more says if that is anything. */
static void add_since(const struct dp_copy *copy, const struct arrays *arrays, uint64_t *before, char *room,
		      uint64_t *sum, bool *ret_more)
{
	size_t words = arrays->size / sizeof(uint64_t);

	*ret_more = false;
	for (unsigned cpu = 0; cpu < arrays->cpus; cpu++) {
		const uint64_t *now = move(copy->value, arrays->from + cpu * arrays->from_size, room);

		for (size_t i = 0; i < words; i++, before++, sum++) {
			*ret_more = *ret_more || now[i] != *before;
			*sum += now[i] - *before;
			*before = now[i];
		}
	}
}

/* What is counted between the look at the new entry and its change is lost: a microsecond for each entry that has
 * anything to add. */
static int copy_counters(struct dp_copy *copy, const struct dp *dp, enum dp_map which)
{
	struct arrays arrays = { 0 };
	int r = open_arrays(copy, dp, which, &arrays), to = dp->map[which];
	size_t words = arrays.cpus * (arrays.size / sizeof(uint64_t));
	uint64_t *room = r ? NULL : malloc(arrays.size), *sum = (uint64_t *)arrays.to;

	if (!r && !copy->before)
		copy->before = calloc((size_t)arrays.nr * words, sizeof(*copy->before));
	if (!r && (!room || !copy->before))
		r = -ENOMEM;
	for (__u32 i = 0; !r && i < arrays.nr; i++) {
		__u32 index = copy->index ? copy->index[i] : i;
		bool has_more;

		if (index == UINT32_MAX)
			continue;
		r = bpf_map_lookup_elem(copy->from, &i, arrays.from);
		if (!r)
			r = bpf_map_lookup_elem(to, &index, sum);
		if (r)
			break;
		add_since(copy, &arrays, copy->before + i * words, (char *)room, sum, &has_more);
		if (has_more)
			r = bpf_map_update_elem(to, &index, sum, BPF_ANY);
	}
	free(room);
	close_arrays(&arrays);
	return r;
}

/* --- maps of maps ---------------------------------------------------------------------------------- */

static int copy_values(const struct dp_copy *copy, int from, const struct bpf_map_info *info, int to)
{
	size_t size = copy->value ? layout_size(copy->value) : info->value_size;
	char *old = malloc(info->value_size), *now = malloc(size);
	int r = old && now ? 0 : -ENOMEM;

	for (__u32 i = 0; !r && i < info->max_entries; i++) {
		r = bpf_map_lookup_elem(from, &i, old);
		if (!r)
			r = bpf_map_update_elem(to, &i, move(copy->value, old, now), BPF_ANY);
	}
	free(old);
	free(now);
	return r;
}

/* Copies that are not in their places yet. */
struct tables {
	__u32 key[DP_TABLE_BATCH];
	int fd[DP_TABLE_BATCH];
	__u32 nr;
};

static void close_tables(struct tables *tables)
{
	while (tables->nr)
		close(tables->fd[--tables->nr]);
}

static int put_tables(int to, struct tables *tables)
{
	__u32 count = tables->nr;
	int r = count ? bpf_map_update_batch(to, tables->key, tables->fd, &count, NULL) : 0;

	close_tables(tables);
	return r;
}

/* What a pool that is gone left in its place (dp_apply.c): a real table has more lines. */
static bool is_left_over(enum dp_map which, const struct bpf_map_info *info)
{
	return which == DP_MAP_maglev && info->max_entries == 1;
}

/* The copy of the table of that id, if it is one that counts. */
static int copy_table(const struct dp_copy *copy, const struct dp *dp, enum dp_map which, __u32 id,
		      struct tables *tables)
{
	int from = bpf_map_get_fd_by_id(id), to;
	struct bpf_map_info info;
	int r = from < 0 ? from : map_info(from, &info);

	if (!r && !is_left_over(which, &info)) {
		to = which == DP_MAP_directory ? dp_make_directory(dp) : dp_make_table(dp, info.max_entries);
		r = to < 0 ? to : copy_values(copy, from, &info, to);
		if (to >= 0)
			tables->fd[tables->nr++] = to;
	}
	if (from >= 0)
		close(from);
	return r;
}

static int copy_tables(const struct dp_copy *copy, const struct dp *dp, enum dp_map which)
{
	struct tables tables = { .nr = 0 };
	struct bpf_map_info from, to;
	int r = map_info(copy->from, &from);
	__u32 id;

	if (!r)
		r = map_info(dp->map[which], &to);
	for (__u32 key = 0; !r && key < from.max_entries && key < to.max_entries; key++) {
		if (bpf_map_lookup_elem(copy->from, &key, &id))
			continue;
		tables.key[tables.nr] = key;
		r = copy_table(copy, dp, which, id, &tables);
		if (!r && tables.nr == DP_TABLE_BATCH)
			r = put_tables(dp->map[which], &tables);
	}
	if (!r)
		r = put_tables(dp->map[which], &tables);
	close_tables(&tables);
	return r;
}

/* --- all of them ----------------------------------------------------------------------------------- */

int dp_copy(struct dp_copy *copy, struct dp *dp, enum dp_map which, bool is_again)
{
	switch (copy->kind) {
	case DP_COPY_NOTHING:
		return 0;
	case DP_COPY_FLOWS:
	case DP_COPY_ENTRIES:
		return copy_hash(copy, dp, which, is_again);
	case DP_COPY_COUNTERS:
		return copy_counters(copy, dp, which);
	case DP_COPY_RECORDS:
		return is_again ? 0 : copy_records(copy, dp, which);
	case DP_COPY_TABLES:
		return is_again ? 0 : copy_tables(copy, dp, which);
	case DP_COPY_PORTS:
		return is_again ? 0 : copy_ports(copy, dp->map[which]);
	}
	return -EINVAL;
}

void dp_copy_done(struct dp_copy *copy)
{
	if (copy->from >= 0)
		close(copy->from);
	layout_free(copy->key);
	layout_free(copy->value);
	free(copy->index);
	free(copy->before);
	*copy = (struct dp_copy){ .from = -1 };
}
