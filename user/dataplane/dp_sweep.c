/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep of the flow tables: kernel iterators, read in pieces so that packets never wait for it. */
#include <errno.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/dp_internal.h"

/* The iterator writes a byte for each entry it visits: the most that one system call visits. */
#define PIECE 4096

static int iterate(int program, int map)
{
	union bpf_iter_link_info info = { .map.map_fd = (__u32)map };
	LIBBPF_OPTS(bpf_link_create_opts, opts, .iter_info = &info, .iter_info_len = sizeof(info));
	int link = bpf_link_create(program, 0, BPF_TRACE_ITER, &opts), fd;
	char bytes[PIECE];
	ssize_t got;
	int r;

	if (link < 0)
		return link;
	fd = bpf_iter_create(link);
	close(link);
	if (fd < 0)
		return fd;
	do {
		got = read(fd, bytes, sizeof(bytes));
	} while (got > 0 || (got < 0 && (errno == EAGAIN || errno == EINTR)));
	r = got < 0 ? -errno : 0;
	close(fd);
	return r;
}

static int run_pass(struct dp *dp, struct cv_sweep *sweep)
{
	static const struct {
		enum dp_program program;
		enum dp_map map;
	} tables[] = {
		{ DP_PROGRAM_sweep_half, DP_MAP_half_open },
		{ DP_PROGRAM_sweep_flows, DP_MAP_flows },
		{ DP_PROGRAM_sweep_flows6, DP_MAP_flows6 },
	};
	__u32 zero = 0;
	int r = bpf_map_update_elem(dp->map[DP_MAP_sweep], &zero, sweep, BPF_ANY);

	for (size_t i = 0; !r && i < CV_ARRAY_SIZE(tables); i++)
		r = iterate(dp->program[tables[i].program], dp->map[tables[i].map]);
	return r ? r : bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, sweep);
}

/* What an LRU pushed out was not counted when it went. */
static int correct_live(struct dp *dp, const struct cv_sweep *sweep, struct err *err)
{
	struct cv_flow_counts use[CV_MAX_LISTENERS + 1];
	struct cv_live live[CV_MAX_LISTENERS + 1] = { { .flows = (__s64)(sweep->open + sweep->closing) } };
	__u32 ids[CV_MAX_LISTENERS + 1], nr = CV_ARRAY_SIZE(ids);
	int r = dp_listener_use(dp, use, CV_ARRAY_SIZE(use), err);

	if (r)
		return r;
	for (__u32 i = 0; i < nr; i++) {
		ids[i] = i;
		if (i)
			live[i].flows = (__s64)(use[i].open + use[i].closing);
	}
	return bpf_map_update_batch(dp->map[DP_MAP_live], ids, live, &nr, NULL);
}

int dp_sweep(struct dp *dp, struct cv_sweep *ret, struct err *err)
{
	struct cv_sweep last, sweep;
	struct cv_meta meta;
	uint32_t now;
	__u32 zero = 0;
	int r = dp_meta(dp, &meta, err);

	if (!r)
		r = dp_clock(dp, &now, err);
	if (r)
		return r;
	r = bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, &last);
	sweep = (struct cv_sweep){ .sweep = last.sweep + 1, .now_s = now, .pass = CV_SWEEP_COUNT };
	if (!r)
		r = run_pass(dp, &sweep);
	if (!r && sweep.ended) {
		/* the counts stay for those who read the map; only the removals are added */
		sweep.ended = 0;
		sweep.pass = CV_SWEEP_REMOVE;
		r = run_pass(dp, &sweep);
	}
	/* last: removing takes off what it removes */
	if (!r && meta.when_full == CV_FULL_EVICT)
		r = correct_live(dp, &sweep, err);
	if (r)
		return err_set(err, r, "sweeping the flow table: %s", strerror(-r));
	*ret = sweep;
	return 0;
}
