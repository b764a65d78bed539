/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep of the flow tables: kernel iterators, read in pieces so that packets never wait for it. */
#include <errno.h>
#include <stdlib.h>
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

static int write_sweep(const struct dp *dp, const struct cv_sweep *sweep)
{
	__u32 zero = 0;

	return bpf_map_update_elem(dp->map[DP_MAP_sweep], &zero, sweep, BPF_ANY);
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
	int r = write_sweep(dp, sweep);

	for (size_t i = 0; !r && i < CV_ARRAY_SIZE(tables); i++)
		r = iterate(dp->program[tables[i].program], dp->map[tables[i].map]);
	return r ? r : bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, sweep);
}

/* What the program has counted up to some moment. */
struct tally {
	struct cv_live live[CV_MAX_LISTENERS + 1];
	struct cv_listener_stats stats[CV_MAX_LISTENERS + 1];
};

/* A count of the table, by listener, and what the program had counted before and after it. */
struct count {
	struct tally before, after;
	struct cv_flow_counts use[CV_MAX_LISTENERS + 1];
};

static int take_tally(struct dp *dp, struct tally *ret)
{
	int r = dp_live(dp, ret->live, CV_ARRAY_SIZE(ret->live), NULL);

	return r ? r : dp_listener_stats(dp, ret->stats, CV_ARRAY_SIZE(ret->stats), NULL);
}

static __s64 began_and_ended(const struct cv_listener_stats *stats)
{
	return (__s64)(stats->new_flows + stats->expired_flows + stats->closed_flows);
}

/* By how much the number of a listener's live flows is certainly wrong: an LRU says nothing of what it pushes out, and a
 * smaller table nothing of what did not fit. What began or ended during the count may have been met or not, and flows
 * that have ended are live until they are removed. */
static __s64 live_error(const struct count *count, size_t listener)
{
	const struct tally *before = &count->before, *after = &count->after;
	const struct cv_flow_counts *use = &count->use[listener];
	__s64 was = before->live[listener].flows, is = after->live[listener].flows;
	__s64 low = was < is ? was : is, high = was < is ? is : was;
	__s64 churn = began_and_ended(&after->stats[listener]) - began_and_ended(&before->stats[listener]);
	__s64 counted = (__s64)(use->open + use->closing + use->ended);

	if (churn < 0)
		return 0; /* the id has another listener now */
	if (counted > high + churn)
		return counted - churn - high;
	if (counted < low - churn)
		return counted + churn - low;
	return 0;
}

static int correct_live(struct dp *dp, const struct count *count)
{
	int r = 0;

	for (size_t i = 1; !r && i <= CV_MAX_LISTENERS; i++) {
		struct cv_correct_args args = { .change = live_error(count, i), .listener = (__u32)i };
		LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args, .ctx_size_in = sizeof(args));

		if (args.change)
			r = bpf_prog_test_run_opts(dp->program[DP_PROGRAM_correct], &opts);
	}
	return r;
}

/* The pass that counts, with its consequence for cv_live. Who waits for the counts sees by the next pass that they are
 * whole. */
static int count_flows(struct dp *dp, struct cv_sweep *sweep)
{
	struct count *count = malloc(sizeof(*count));
	int r = count ? take_tally(dp, &count->before) : -ENOMEM;

	if (!r)
		r = run_pass(dp, sweep);
	if (!r) {
		sweep->pass = CV_SWEEP_REMOVE;
		r = write_sweep(dp, sweep);
	}
	if (!r)
		r = take_tally(dp, &count->after);
	if (!r)
		r = dp_listener_use(dp, count->use, CV_ARRAY_SIZE(count->use), NULL);
	if (!r)
		r = correct_live(dp, count);
	free(count);
	return r;
}

/* Whether this sweep is to mark slots (dp_settle.c). What was applied until now it will judge. */
static int begin_marking(struct dp *dp, struct cv_sweep *sweep)
{
	dp->swept_mark = 0;
	if (!dp->has_shortcut || !__atomic_load_n(&dp->has_unsettled, __ATOMIC_RELAXED))
		return 0;
	dp->swept_from = __atomic_load_n(&dp->changes, __ATOMIC_ACQUIRE);
	/* a mark that was left by the sweep so many before this one delays a slot, no more */
	sweep->mark = (uint8_t)(1 + sweep->sweep % 255);
	return dp_wait_programs(dp);
}

int dp_sweep(struct dp *dp, struct cv_sweep *ret, struct err *err)
{
	struct cv_sweep last, sweep;
	__u32 zero = 0;
	uint32_t now;
	int r = dp_clock(dp, &now, err);

	if (r)
		return r;
	r = bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, &last);
	sweep = (struct cv_sweep){ .sweep = last.sweep + 1, .now_s = now, .pass = CV_SWEEP_COUNT };
	if (!r)
		r = begin_marking(dp, &sweep);
	if (!r)
		r = count_flows(dp, &sweep);
	if (!r)
		dp->swept_mark = sweep.mark;
	/* the counts stay for those who read the map; only the removals are added */
	if (!r && sweep.ended)
		r = run_pass(dp, &sweep);
	if (r)
		return err_set(err, r, "sweeping the flow table: %s", strerror(-r));
	*ret = sweep;
	return 0;
}
