/* SPDX-License-Identifier: GPL-2.0-only */
/* Half-open entries of flows that have opened while their tables were copied; see dp_copy.h. */
#include <bpf/bpf.h>

#include "cv_flow.h"
#include "dataplane/dp_copy.h"

/* The table that a half-open flow opens in, and its key there. */
struct place {
	int map;
	const void *key;
	struct cv_flow4_key key4;
};

static void find_place(const struct dp *dp, const struct cv_flow6_key *key, struct place *ret)
{
	if (cv_flow_short_key(key, &ret->key4)) {
		ret->map = dp->map[DP_MAP_flows];
		ret->key = &ret->key4;
	} else {
		ret->map = dp->map[DP_MAP_flows6];
		ret->key = key;
	}
}

bool dp_has_opened(const struct dp *dp, const struct cv_flow6_key *key)
{
	struct place place;
	struct cv_flow flow;

	find_place(dp, key, &place);
	return !bpf_map_lookup_elem(place.map, place.key, &flow);
}

static int take_opened(const void *keys, const void *values, __u32 nr, void *arg)
{
	const struct cv_flow6_key *key = keys;
	const struct cv_flow *flow = values;
	const struct dp *dp = arg;
	struct place place;

	for (__u32 i = 0; i < nr; i++) {
		if (flow[i].state != CV_FLOW_OPEN && flow[i].state != CV_FLOW_CLOSING)
			continue;
		find_place(dp, &key[i], &place);
		bpf_map_update_elem(place.map, place.key, &flow[i], BPF_NOEXIST);
		bpf_map_delete_elem(dp->map[DP_MAP_half_open], &key[i]);
	}
	return 0;
}

int dp_copy_opened(struct dp *dp)
{
	return dp_each_batch(dp->map[DP_MAP_half_open], sizeof(struct cv_flow6_key), sizeof(struct cv_flow),
			     take_opened, dp);
}
