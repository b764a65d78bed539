/* SPDX-License-Identifier: GPL-2.0-only */
/* What one health result costs the control side before the kernel is asked: a new image of 1,000 listeners
 * over 10,000 backends in 100 pools, in which one backend went down, and the plan from the old image to
 * it. */
#include <stdint.h>

#include "bench/bench.h"
#include "model/plan.h"

#define LISTENERS 1000
#define POOLS 100
#define BACKENDS 100 /* of each pool */

static struct listener_conf listeners[LISTENERS];
static struct pool_conf pools[POOLS];
static struct backend_conf backends[POOLS][BACKENDS];
static size_t down; /* pool whose first backend is down */

static struct addr v4(size_t a, size_t b, size_t c)
{
	return (struct addr){ { [10] = 0xff, [11] = 0xff, [12] = 10, (uint8_t)a, (uint8_t)b, (uint8_t)c } };
}

static void facts(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
		  void *arg)
{
	(void)model;
	(void)arg;
	*ret = (struct backend_facts){ .ifindex = 2, .mtu = 1500, .weight = -1 };
	ret->state = pool == down && backend == 0 ? CV_BACKEND_DOWN : CV_BACKEND_UP;
}

static void make_model(struct model *model)
{
	model->listeners = listeners;
	model->listeners_nr = LISTENERS;
	model->pools = pools;
	model->pools_nr = POOLS;
	for (size_t i = 0; i < LISTENERS; i++) {
		listeners[i] = (struct listener_conf){
			.address = v4(255, i / 200, i % 200),
			.protocol = CV_PROTOCOL_TCP,
			.port_first = 443,
			.port_last = 443,
			.pool = i % POOLS,
		};
		snprintf(listeners[i].name, sizeof(listeners[i].name), "listener%zu", i);
	}
	for (size_t i = 0; i < POOLS; i++) {
		pools[i] = (struct pool_conf){
			.table_size = CV_DEFAULT_TABLE_SIZE,
			.backends = backends[i],
			.backends_nr = BACKENDS,
		};
		snprintf(pools[i].name, sizeof(pools[i].name), "pool%zu", i);
		for (size_t j = 0; j < BACKENDS; j++)
			backends[i][j] = (struct backend_conf){ .address = v4(i, 0, j), .weight = 100 };
	}
}

int main(void)
{
	static struct model model;
	struct image *old = image_new(), *new;
	struct bench bench = { 0 };
	struct plan plan;
	double start;

	make_model(&model);
	start = bench_now_ms();
	if (!old || image_build(&model, old, facts, NULL, &new, NULL) < 0)
		return 1;
	bench.ms[bench.nr++] = bench_now_ms() - start;
	bench_report(&bench, "image, 1,000 listeners, 10,000 backends, all new");

	for (down = 1; bench.nr < BENCH_RUNS; down++) {
		image_free(old);
		old = new;
		start = bench_now_ms();
		if (image_build(&model, old, facts, NULL, &new, NULL) < 0 || plan_build(old, new, &plan) < 0)
			return 1;
		bench.ms[bench.nr++] = bench_now_ms() - start;
		plan_done(&plan);
	}
	bench_report(&bench, "the same, one backend down, one up, with plan");
	image_free(old);
	image_free(new);
	return 0;
}
