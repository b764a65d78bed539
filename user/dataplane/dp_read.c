/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading back: clock, counters, the image. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "dataplane/dp_internal.h"

/* Records read with one system call. */
#define BATCH 256u

/* A sweep counts ten million flows within that. */
#define COUNT_MS 1000

int dp_meta(struct dp *dp, struct cv_meta *ret, struct err *err)
{
	__u32 zero = 0;
	int r = bpf_map_lookup_elem(dp->map[DP_MAP_meta], &zero, ret);

	return r ? err_set(err, r, "reading cv_meta: %s", strerror(-r)) : 0;
}

int dp_clock(struct dp *dp, uint32_t *ret_now_s, struct err *err)
{
	struct cv_clock_args args = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .ctx_in = &args, .ctx_size_in = sizeof(args));
	int r = bpf_prog_test_run_opts(dp->program[DP_PROGRAM_clock], &opts);

	if (r)
		return err_set(err, r, "asking for the data plane's clock: %s", strerror(-r));
	*ret_now_s = (uint32_t)args.now_s;
	return 0;
}

/* Reads entries 0 to nr-1 of an array, `values` records of `size` bytes each, a batch at a time, and hands them
 * to `take` with the index of the first. */
typedef void (*take_fn)(__u32 first, __u32 nr, const void *records, void *arg);

static int read_array(int map, size_t record, __u32 nr, take_fn take, void *arg)
{
	char *records = malloc(BATCH * record);
	__u32 keys[BATCH];
	__u32 token = 0, done = 0;
	int r = records ? 0 : -ENOMEM;

	while (!r && done < nr) {
		__u32 count = BATCH < nr - done ? BATCH : nr - done;

		r = bpf_map_lookup_batch(map, done ? &token : NULL, &token, keys, records, &count, NULL);
		if (r == -ENOENT && count)
			r = 0;
		if (r || !count)
			break;
		take(done, count, records, arg);
		done += count;
	}
	free(records);
	return r;
}

/* Sums of records that are nothing but 64-bit counters. */
struct sum {
	__u64 *ret;
	size_t words; /* of one record */
	unsigned cpus;
};

static void take_sum(__u32 first, __u32 nr, const void *records, void *arg)
{
	const struct sum *sum = arg;
	const __u64 *word = records;

	for (__u32 i = first; i < first + nr; i++) {
		__u64 *ret = sum->ret + i * sum->words;

		memset(ret, 0, sum->words * sizeof(*ret));
		for (unsigned cpu = 0; cpu < sum->cpus; cpu++)
			for (size_t w = 0; w < sum->words; w++)
				ret[w] += *word++;
	}
}

static int read_sums(struct dp *dp, enum dp_map map, void *ret, size_t record, size_t nr, struct err *err)
{
	struct sum sum = { .ret = ret, .words = record / sizeof(__u64), .cpus = dp->cpus };
	int r = read_array(dp->map[map], record * dp->cpus, (__u32)nr, take_sum, &sum);

	return r ? err_set(err, r, "reading %s: %s", dp_map_name(map), strerror(-r)) : 0;
}

int dp_verdict_stats(struct dp *dp, struct cv_verdict_stats *ret, size_t nr, struct err *err)
{
	return read_sums(dp, DP_MAP_per_verdict, ret, sizeof(*ret), nr, err);
}

int dp_listener_stats(struct dp *dp, struct cv_listener_stats *ret, size_t nr, struct err *err)
{
	return read_sums(dp, DP_MAP_per_listener, ret, sizeof(*ret), nr, err);
}

int dp_backend_stats(struct dp *dp, struct cv_backend_stats *ret, size_t nr, struct err *err)
{
	return read_sums(dp, DP_MAP_per_backend, ret, sizeof(*ret), nr, err);
}

int dp_probe_stats(struct dp *dp, struct cv_probe_stats *ret, size_t nr, struct err *err)
{
	return read_sums(dp, DP_MAP_probes, ret, sizeof(*ret), nr, err);
}

/* Plain records, one after the other. */
struct copy {
	char *ret;
	size_t size;
};

static void take_copy(__u32 first, __u32 nr, const void *records, void *arg)
{
	const struct copy *copy = arg;

	memcpy(copy->ret + first * copy->size, records, nr * copy->size);
}

static int read_records(struct dp *dp, enum dp_map map, void *ret, size_t size, size_t nr, struct err *err)
{
	struct copy copy = { .ret = ret, .size = size };
	int r = read_array(dp->map[map], size, (__u32)nr, take_copy, &copy);

	return r ? err_set(err, r, "reading %s: %s", dp_map_name(map), strerror(-r)) : 0;
}

int dp_live(struct dp *dp, struct cv_live *ret, size_t nr, struct err *err)
{
	return read_records(dp, DP_MAP_live, ret, sizeof(*ret), nr, err);
}

/* The sweep whose counts are in the maps. One that counts still writes over those of the last one: it is waited for, though
 * not for long; should its daemon have been killed over it, there is nothing better. */
static int await_counts(struct dp *dp, struct cv_sweep *ret)
{
	const struct timespec pause = { .tv_nsec = 5 * 1000 * 1000 };
	__u32 zero = 0;
	int r = bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, ret);

	for (unsigned ms = 0; !r && ret->sweep && ret->pass == CV_SWEEP_COUNT && ms < COUNT_MS; ms += 5) {
		nanosleep(&pause, NULL);
		r = bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, ret);
	}
	return r;
}

static int read_use(struct dp *dp, enum dp_map map, struct cv_flow_counts *ret, size_t nr, struct err *err)
{
	struct cv_sweep last, now;
	__u32 zero = 0;
	int r;

	/* until no other one began meanwhile */
	do {
		r = await_counts(dp, &last);
		if (!r)
			r = read_records(dp, map, ret, sizeof(*ret), nr, err);
		if (!r)
			r = bpf_map_lookup_elem(dp->map[DP_MAP_sweep], &zero, &now);
	} while (!r && now.sweep != last.sweep);
	if (r)
		return err_set(err, r, "reading %s: %s", dp_map_name(map), strerror(-r));
	for (size_t i = 0; i < nr; i++)
		if (ret[i].sweep != last.sweep)
			memset(&ret[i], 0, sizeof(ret[i]));
	return 0;
}

int dp_listener_use(struct dp *dp, struct cv_flow_counts *ret, size_t nr, struct err *err)
{
	return read_use(dp, DP_MAP_listener_use, ret, nr, err);
}

int dp_backend_use(struct dp *dp, struct cv_flow_counts *ret, size_t nr, struct err *err)
{
	return read_use(dp, DP_MAP_backend_use, ret, nr, err);
}

int dp_read_image(struct dp *dp, struct image **ret, struct err *err)
{
	struct image *image = image_new();
	int r;

	if (!image)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	r = read_records(dp, DP_MAP_listeners, image->listener, sizeof(image->listener[0]),
			 CV_ARRAY_SIZE(image->listener), err);
	if (!r)
		r = read_records(dp, DP_MAP_pools, image->pool, sizeof(image->pool[0]),
				 CV_ARRAY_SIZE(image->pool), err);
	if (!r)
		r = read_records(dp, DP_MAP_backends, image->backend, sizeof(image->backend[0]),
				 CV_ARRAY_SIZE(image->backend), err);
	if (r) {
		image_free(image);
		return r;
	}
	image_index(image);
	*ret = image;
	return 0;
}
