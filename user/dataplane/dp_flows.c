/* SPDX-License-Identifier: GPL-2.0-only */
/* Walking the flow tables in batches: memory stays bounded, and the order of an LRU is not disturbed (a look-up
 * from user space does not count as use). */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>

#include "cv_flow.h"
#include "dataplane/dp_internal.h"

/* The kernel hands out whole buckets; this holds the fullest that will be met. */
#define BATCH 4096

typedef int (*batch_fn)(const void *keys, const struct cv_flow *flows, __u32 nr, void *arg);

static int each_batch(int map, size_t key_size, batch_fn each, void *arg)
{
	char *keys = malloc(BATCH * key_size);
	struct cv_flow *flows = malloc(BATCH * sizeof(*flows));
	__u32 token = 0;
	bool is_first = true, is_last = false;
	int r = keys && flows ? 0 : -ENOMEM;

	while (!r && !is_last) {
		__u32 nr = BATCH;

		r = bpf_map_lookup_batch(map, is_first ? NULL : &token, &token, keys, flows, &nr, NULL);
		is_last = r == -ENOENT;
		if (r && !is_last)
			break;
		is_first = false;
		r = nr ? each(keys, flows, nr, arg) : 0;
	}
	free(keys);
	free(flows);
	return r;
}

struct flow_walk {
	dp_flow_fn each;
	void *arg;
};

static int walk_flows4(const void *keys, const struct cv_flow *flows, __u32 nr, void *arg)
{
	const struct cv_flow4_key *key = keys;
	const struct flow_walk *walk = arg;
	struct cv_flow6_key key6;
	int r = 0;

	for (__u32 i = 0; !r && i < nr; i++) {
		cv_flow_long_key(&key[i], &key6);
		r = walk->each(&key6, &flows[i], walk->arg);
	}
	return r;
}

static int walk_flows6(const void *keys, const struct cv_flow *flows, __u32 nr, void *arg)
{
	const struct cv_flow6_key *key = keys;
	const struct flow_walk *walk = arg;
	int r = 0;

	for (__u32 i = 0; !r && i < nr; i++)
		r = walk->each(&key[i], &flows[i], walk->arg);
	return r;
}

int dp_flows(struct dp *dp, dp_flow_fn each, void *arg, struct err *err)
{
	struct flow_walk walk = { .each = each, .arg = arg };
	int r;

	r = each_batch(dp->map[DP_MAP_flows], sizeof(struct cv_flow4_key), walk_flows4, &walk);
	if (!r)
		r = each_batch(dp->map[DP_MAP_flows6], sizeof(struct cv_flow6_key), walk_flows6, &walk);
	if (!r)
		r = each_batch(dp->map[DP_MAP_half_open], sizeof(struct cv_flow6_key), walk_flows6, &walk);
	return r < 0 ? err_set(err, r, "reading the flow table: %s", strerror(-r)) : r;
}

struct flow_copy {
	int to;
	size_t key_size;
};

/* A flow that was copied before. It had packets since then in the old table, in the new one, or in both: the record that
 * saw more of them knows better how old the flow is and whether it is closing. */
static int copy_again(int to, const void *key, const struct cv_flow *flow)
{
	struct cv_flow copied;
	int r = bpf_map_lookup_elem(to, key, &copied);

	if (!r && flow->packets > copied.packets)
		r = bpf_map_update_elem(to, key, flow, BPF_EXIST);
	return r == -ENOENT ? 0 : r;
}

static int copy_batch(const void *keys, const struct cv_flow *flows, __u32 nr, void *arg)
{
	const struct flow_copy *copy = arg;

	for (__u32 i = 0; i < nr; i++) {
		const void *key = (const char *)keys + i * copy->key_size;
		int r = bpf_map_update_elem(copy->to, key, &flows[i], BPF_NOEXIST);

		if (r == -EEXIST)
			r = copy_again(copy->to, key, &flows[i]);
		/* a smaller table takes what fits */
		if (r && r != -E2BIG && r != -ENOMEM)
			return r;
	}
	return 0;
}

int dp_copy_flows(int from, int to, size_t key_size)
{
	struct flow_copy copy = { .to = to, .key_size = key_size };

	return each_batch(from, key_size, copy_batch, &copy);
}
