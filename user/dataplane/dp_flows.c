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

int dp_each_batch(int map, size_t key_size, size_t value_size, dp_batch_fn each, void *arg)
{
	char *keys = malloc(BATCH * key_size);
	char *values = malloc(BATCH * value_size);
	__u32 token = 0;
	bool is_first = true, is_last = false;
	int r = keys && values ? 0 : -ENOMEM;

	while (!r && !is_last) {
		__u32 nr = BATCH;

		r = bpf_map_lookup_batch(map, is_first ? NULL : &token, &token, keys, values, &nr, NULL);
		is_last = r == -ENOENT;
		if (r && !is_last)
			break;
		is_first = false;
		r = nr ? each(keys, values, nr, arg) : 0;
	}
	free(keys);
	free(values);
	return r;
}

struct flow_walk {
	dp_flow_fn each;
	void *arg;
};

static int walk_flows4(const void *keys, const void *values, __u32 nr, void *arg)
{
	const struct cv_flow4_key *key = keys;
	const struct cv_flow *flows = values;
	const struct flow_walk *walk = arg;
	struct cv_flow6_key key6;
	int r = 0;

	for (__u32 i = 0; !r && i < nr; i++) {
		cv_flow_long_key(&key[i], &key6);
		r = walk->each(&key6, &flows[i], walk->arg);
	}
	return r;
}

static int walk_flows6(const void *keys, const void *values, __u32 nr, void *arg)
{
	const struct cv_flow6_key *key = keys;
	const struct cv_flow *flows = values;
	const struct flow_walk *walk = arg;
	int r = 0;

	for (__u32 i = 0; !r && i < nr; i++)
		r = walk->each(&key[i], &flows[i], walk->arg);
	return r;
}

int dp_flows(struct dp *dp, dp_flow_fn each, void *arg, struct err *err)
{
	const size_t size = sizeof(struct cv_flow), size4 = sizeof(struct cv_flow4_key),
		     size6 = sizeof(struct cv_flow6_key);
	struct flow_walk walk = { .each = each, .arg = arg };
	int r;

	r = dp_each_batch(dp->map[DP_MAP_flows], size4, size, walk_flows4, &walk);
	if (!r)
		r = dp_each_batch(dp->map[DP_MAP_flows6], size6, size, walk_flows6, &walk);
	if (!r)
		r = dp_each_batch(dp->map[DP_MAP_half_open], size6, size, walk_flows6, &walk);
	return r < 0 ? err_set(err, r, "reading the flow table: %s", strerror(-r)) : r;
}
