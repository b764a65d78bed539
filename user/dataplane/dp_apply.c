/* SPDX-License-Identifier: GPL-2.0-only */
/* Carries out a plan: the only writer of the configuration maps. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/dp_internal.h"

static int write_record(struct dp *dp, enum dp_map map, __u32 id, const void *record)
{
	return bpf_map_update_elem(dp->map[map], &id, record, BPF_ANY);
}

/* Makes an inner array map. Returns its descriptor or -errno. */
static int make_inner(const struct dp *dp, const char *name, __u32 value_size, uint32_t value_type,
		      __u32 entries, __u32 flags)
{
	LIBBPF_OPTS(bpf_map_create_opts, opts, .map_flags = flags, .btf_fd = (__u32)dp->btf,
		    .btf_key_type_id = dp->btf_key, .btf_value_type_id = value_type);

	return bpf_map_create(BPF_MAP_TYPE_ARRAY, name, sizeof(__u32), value_size, entries, &opts);
}

int dp_make_directory(const struct dp *dp)
{
	return make_inner(dp, "cv_listener_dir", sizeof(struct cv_directory), dp->btf_directory, 1, 0);
}

int dp_make_table(const struct dp *dp, __u32 lines)
{
	return make_inner(dp, "cv_maglev_table", sizeof(struct cv_slot_line), dp->btf_slot_line, lines,
			  BPF_F_MMAPABLE | BPF_F_INNER_MAP);
}

/* A table that is not in force yet. */
struct fresh {
	struct cv_slot_line *line;
	size_t bytes;
	int fd;
};

static int make_fresh(const struct dp *dp, const struct plan *plan, uint16_t pool, struct fresh *ret)
{
	const struct image_table *table = plan->to->table[pool];
	struct fresh fresh = { .bytes = table->lines * sizeof(table->line[0]) };

	fresh.fd = dp_make_table(dp, table->lines);
	if (fresh.fd < 0)
		return fresh.fd;
	fresh.line = mmap(NULL, fresh.bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fresh.fd, 0);
	if (fresh.line == MAP_FAILED) {
		int r = -errno;

		close(fresh.fd);
		return r;
	}
	memcpy(fresh.line, table->line, fresh.bytes);
	dp_table_inherit(dp, plan, pool, fresh.line, table->size);
	*ret = fresh;
	return 0;
}

/* Swaps in the tables of the operations op[0..nr-1], and closes what it made: the outer map holds them. */
static int set_tables(struct dp *dp, const struct plan *plan, const struct plan_op *op, __u32 nr)
{
	__u32 ids[DP_TABLE_BATCH], made = 0, count = nr;
	struct fresh fresh[DP_TABLE_BATCH] = { 0 };
	int fds[DP_TABLE_BATCH];
	int r = 0;

	for (; made < nr; made++) {
		r = make_fresh(dp, plan, op[made].id, &fresh[made]);
		if (r)
			break;
		ids[made] = op[made].id;
		fds[made] = fresh[made].fd;
	}
	if (!r)
		r = bpf_map_update_batch(dp->map[DP_MAP_maglev], ids, fds, &count, NULL);
	for (__u32 i = 0; i < made; i++) {
		uint16_t pool = op[i].id;

		close(fresh[i].fd);
		/* after an error nobody knows which of them is in force */
		if (r)
			munmap(fresh[i].line, fresh[i].bytes);
		dp_table_set(dp, pool, r ? NULL : fresh[i].line, r ? 0 : plan->to->table[pool]->size);
	}
	return r;
}

/* Pools that are gone share a table of one line, in which nobody looks: to put it in their places is one change of the
 * map, while each deletion would be one of its own. */
static int clear_tables(struct dp *dp, const struct plan_op *op, __u32 nr)
{
	__u32 ids[DP_TABLE_BATCH], count = nr;
	int fds[DP_TABLE_BATCH], fd = dp_make_table(dp, 1), r;

	if (fd < 0)
		return fd;
	for (__u32 i = 0; i < nr; i++) {
		dp_table_set(dp, op[i].id, NULL, 0);
		ids[i] = op[i].id;
		fds[i] = fd;
	}
	r = bpf_map_update_batch(dp->map[DP_MAP_maglev], ids, fds, &count, NULL);
	close(fd);
	return r;
}

/* The kernel waits after a change of a map of maps. Pool 0 is nobody's. */
int dp_wait_programs(struct dp *dp)
{
	int fd = dp_make_table(dp, 1), r = fd;

	if (fd >= 0) {
		r = write_record(dp, DP_MAP_maglev, 0, &fd);
		close(fd);
	}
	return r;
}

static int set_directory(struct dp *dp, const struct cv_directory *directory)
{
	int fd = dp_make_directory(dp);
	__u32 zero = 0;
	int r;

	if (fd < 0)
		return fd;
	r = bpf_map_update_elem(fd, &zero, directory, BPF_ANY);
	if (!r)
		r = write_record(dp, DP_MAP_directory, 0, &fd);
	close(fd);
	return r;
}

/* Counters belong to whoever has the id: they begin anew with it. */
static int clear_counters(struct dp *dp, enum dp_map map, __u32 id, size_t record)
{
	void *zeroes = calloc(dp->cpus, record);
	int r = zeroes ? write_record(dp, map, id, zeroes) : -ENOMEM;

	free(zeroes);
	return r;
}

static int clear_backend(struct dp *dp, __u32 id)
{
	int r = clear_counters(dp, DP_MAP_per_backend, id, sizeof(struct cv_backend_stats));

	return r ? r : clear_counters(dp, DP_MAP_probes, id, sizeof(struct cv_probe_stats));
}

/* Operations of one kind: more than one of those with tables only. */
static int carry_out(struct dp *dp, const struct plan *plan, const struct plan_op *op, __u32 nr)
{
	static const struct cv_pool no_pool;
	const struct image *to = plan->to;
	__u32 id = op->id;
	int r = 0;

	switch (op->kind) {
	case PLAN_SET_BACKEND:
		if (plan->from->backend[id].state == CV_BACKEND_NONE)
			r = clear_backend(dp, id);
		return r ? r : write_record(dp, DP_MAP_backends, id, &to->backend[id]);
	case PLAN_SET_POOL:
		return write_record(dp, DP_MAP_pools, id, &to->pool[id]);
	case PLAN_SET_TABLE:
		return set_tables(dp, plan, op, nr);
	case PLAN_UNSETTLE:
		dp_table_unsettle(dp, op->id);
		return 0;
	case PLAN_SET_LISTENER:
		if (plan->from->listener[id].protocol == CV_PROTOCOL_NONE)
			r = clear_counters(dp, DP_MAP_per_listener, id, sizeof(struct cv_listener_stats));
		return r ? r : write_record(dp, DP_MAP_listeners, id, &to->listener[id]);
	case PLAN_SET_DIRECTORY:
		return set_directory(dp, &to->directory);
	case PLAN_CLEAR_LISTENER:
		return write_record(dp, DP_MAP_listeners, id, &to->listener[id]);
	case PLAN_CLEAR_TABLE:
		return clear_tables(dp, op, nr);
	case PLAN_CLEAR_POOL:
		return write_record(dp, DP_MAP_pools, id, &no_pool);
	case PLAN_CLEAR_BACKEND:
		return write_record(dp, DP_MAP_backends, id, &to->backend[id]);
	}
	return -EINVAL;
}

/* How many operations from this one on are carried out together. */
static __u32 count_together(const struct plan_op *op, size_t left)
{
	__u32 nr = 1;

	if (op->kind == PLAN_SET_TABLE || op->kind == PLAN_CLEAR_TABLE)
		while (nr < DP_TABLE_BATCH && nr < left && op[nr].kind == op->kind)
			nr++;
	return nr;
}

int dp_apply(struct dp *dp, const struct plan *plan, struct err *err)
{
	size_t done = 0;
	int r = 0;

	while (!r && done < plan->nr) {
		const struct plan_op *op = &plan->op[done];
		__u32 nr = count_together(op, plan->nr - done);

		r = carry_out(dp, plan, op, nr);
		if (r)
			err_set(err, r, "writing the maps (step %zu of %zu): %s", done + 1, plan->nr,
				strerror(-r));
		done += nr;
	}
	dp_tables_changed(dp);
	return r;
}
