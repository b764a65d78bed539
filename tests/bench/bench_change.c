/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a change takes until packets follow it, in the real kernel: 1,000 listeners over 10,000 backends in 100 pools from
 * the text of the file to the maps, whose writes have all been waited for; and one backend's failure, from the verdict to the
 * moment in which packets find the new Maglev table. The daemon waits 1 ms before that, in which events gather. Needs root;
 * maps lie in a BPF file system of its own. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench/bench.h"
#include "config/config.h"
#include "dataplane/dp.h"

#define LISTENERS 1000
#define POOLS 100
#define BACKENDS 100 /* of each pool */

static size_t down = SIZE_MAX; /* pool whose first backend is down */

static void facts(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
		  void *arg)
{
	(void)model;
	(void)arg;
	*ret = (struct backend_facts){ .ifindex = 1, .mtu = 1500, .weight = -1 };
	ret->state = pool == down && backend == 0 ? CV_BACKEND_DOWN : CV_BACKEND_UP;
}

/* The caller frees it. */
static char *write_file(size_t *ret_size)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, ret_size);

	if (!file)
		return NULL;
	fputs("flow_table: { max_flows: 65536 }\nlisteners:\n", file);
	for (unsigned i = 0; i < LISTENERS; i++)
		fprintf(file,
			"  - { name: listener%u, address: 192.0.%u.%u, protocol: tcp, port: 443, pool: pool%u }\n",
			i, 2 + i / 200, 1 + i % 200, i % POOLS);
	fputs("pools:\n", file);
	for (unsigned i = 0; i < POOLS; i++) {
		fprintf(file, "  - name: pool%u\n    backends:\n", i);
		for (unsigned j = 0; j < BACKENDS; j++)
			fprintf(file, "      - { address: 10.%u.0.%u }\n", i, 1 + j);
	}
	return fclose(file) ? NULL : text;
}

static int apply(struct dp *dp, const struct model *model, struct image **image)
{
	struct image *next;
	struct plan plan;
	struct err err = { "" };
	int r = image_build(model, *image, facts, NULL, &next, &err);

	if (r)
		goto out;
	r = plan_build(*image, next, &plan);
	if (!r)
		r = dp_apply(dp, &plan, &err);
	plan_done(&plan);
	image_free(*image);
	*image = next;
out:
	if (r)
		fprintf(stderr, "bench_change: %s\n", err.text);
	return r;
}

/* From an empty data plane to all of the file. */
static int measure_file(struct bench *bench, struct dp *dp, const char *text, size_t size,
			struct model **model, struct image **image)
{
	struct config_errors errors = { 0 };
	struct model *none = NULL;
	int r = config_parse("flow_table: { max_flows: 65536 }\n", 33, &none, &errors);

	for (bench->nr = 0; !r && bench->nr < 7; bench->nr++) {
		double began;

		r = apply(dp, none, image);
		model_free(*model);
		*model = NULL;
		began = bench_now_ms();
		if (!r)
			r = config_parse(text, size, model, &errors);
		if (!r)
			r = apply(dp, *model, image);
		bench->ms[bench->nr] = bench_now_ms() - began;
	}
	model_free(none);
	if (!r)
		bench_report(bench, "file to kernel, 1,000 listeners, 10,000 backends");
	return r;
}

/* Looks, as a packet does, which table a pool has, until it is another one. */
struct watch {
	int map;
	uint32_t pool, table;
	atomic_bool is_ready;
	double changed_ms;
};

static void *watch_table(void *arg)
{
	struct watch *watch = arg;
	uint32_t table = watch->table;

	while (table == watch->table && !bpf_map_lookup_elem(watch->map, &watch->pool, &table))
		watch->is_ready = true;
	watch->changed_ms = bench_now_ms();
	return NULL;
}

static int fail_one(struct dp *dp, const struct model *model, struct image **image, int map, double *ret_ms)
{
	struct watch watch = { .map = map, .pool = image_pool_id(*image, model->pools[down].name) };
	pthread_t thread;
	double began;
	int r = bpf_map_lookup_elem(map, &watch.pool, &watch.table);

	if (r || pthread_create(&thread, NULL, watch_table, &watch))
		return -EIO;
	while (!watch.is_ready)
		usleep(100);
	began = bench_now_ms();
	r = apply(dp, model, image);
	if (r)
		return r; /* the process ends, and with it the thread */
	pthread_join(thread, NULL);
	*ret_ms = watch.changed_ms - began;
	return 0;
}

static int measure_failure(struct bench *bench, struct dp *dp, const struct model *model,
			   struct image **image)
{
	int map = bpf_obj_get(DP_DEFAULT_PIN_DIR "/tables/cv_maglev"), r = map < 0 ? map : 0;

	for (bench->nr = 0; !r && bench->nr < BENCH_RUNS; bench->nr++) {
		down = bench->nr;
		r = fail_one(dp, model, image, map, &bench->ms[bench->nr]);
		down = SIZE_MAX;
		if (!r)
			r = apply(dp, model, image);
	}
	if (!r)
		bench_report(bench, "the same, one backend fails, until it is in force");
	return r;
}

int main(void)
{
	const struct flow_table_conf flow_table = { .max_flows = 65536 };
	struct image *image = image_new();
	struct model *model = NULL;
	struct dp *dp = NULL;
	struct bench bench = { 0 };
	struct err err;
	size_t size = 0;
	char *text = write_file(&size);
	int r = -ENOMEM;

	if (geteuid()) {
		fprintf(stderr, "bench_change: needs root, left out\n");
		return 0;
	}
	if (unshare(CLONE_NEWNS | CLONE_NEWNET) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"))
		return 1;
	if (text && image)
		r = dp_take(DP_DEFAULT_PIN_DIR, &flow_table, &dp, &err);
	if (r)
		fprintf(stderr, "bench_change: %s\n", err.text);
	if (!r)
		r = measure_file(&bench, dp, text, size, &model, &image);
	if (!r)
		r = measure_failure(&bench, dp, model, &image);
	dp_free(dp);
	image_free(image);
	model_free(model);
	free(text);
	return r ? 1 : 0;
}
