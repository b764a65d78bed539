/* SPDX-License-Identifier: GPL-2.0-only */
/* What is known of each backend beside the file, carried over from one model to the next. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"

static int compare_runs(const void *left, const void *right)
{
	const struct backend_run *a = *(const struct backend_run *const *)left;
	const struct backend_run *b = *(const struct backend_run *const *)right;
	int order = strcmp(a->pool, b->pool);

	if (!order)
		order = addr_compare(&a->address, &b->address);
	return order ? order : (int)a->port - (int)b->port;
}

/* Pointers to the runs of a table in the order of identity. */
static const struct backend_run **sort_runs(const struct run_table *runs)
{
	const struct backend_run **sorted = calloc(runs->nr + 1, sizeof(*sorted));

	if (!sorted)
		return NULL;
	for (size_t i = 0; i < runs->nr; i++)
		sorted[i] = &runs->run[i];
	qsort(sorted, runs->nr, sizeof(*sorted), compare_runs);
	return sorted;
}

static void init_run(struct daemon *d, struct backend_run *run, const struct pool_conf *pool,
		     const struct backend_conf *backend)
{
	memset(run, 0, sizeof(*run));
	memcpy(run->pool, pool->name, sizeof(run->pool));
	run->address = backend->address;
	run->port = backend->port;
	run->key = ++d->next_key;
	run->weight = -1;
	health_init(&run->health);
}

static int compare_keys(const void *left, const void *right)
{
	uint64_t a = (*(struct backend_run *const *)left)->key,
		 b = (*(struct backend_run *const *)right)->key;

	return a < b ? -1 : a > b;
}

static void fill_runs(struct daemon *d, const struct model *model, const struct backend_run **known,
		      size_t known_nr, struct run_table *ret)
{
	for (size_t i = 0; i < model->pools_nr; i++) {
		const struct pool_conf *pool = &model->pools[i];

		ret->first[i] = ret->nr;
		for (size_t j = 0; j < pool->backends_nr; j++) {
			struct backend_run *run = &ret->run[ret->nr];
			const struct backend_run **old;

			init_run(d, run, pool, &pool->backends[j]);
			old = bsearch(&run, known, known_nr, sizeof(*known), compare_runs);
			if (old)
				*run = **old;
			run->pool_index = i;
			ret->by_key[ret->nr++] = run;
		}
	}
	qsort(ret->by_key, ret->nr, sizeof(*ret->by_key), compare_keys);
}

int runs_build(struct daemon *d, const struct model *model, const struct run_table *old,
	       struct run_table *ret)
{
	const struct backend_run **sorted = sort_runs(old);
	struct run_table runs = { 0 };
	size_t nr = 0;

	for (size_t i = 0; i < model->pools_nr; i++)
		nr += model->pools[i].backends_nr;
	runs.run = calloc(nr + 1, sizeof(*runs.run));
	runs.first = calloc(model->pools_nr + 1, sizeof(*runs.first));
	runs.by_key = calloc(nr + 1, sizeof(*runs.by_key));
	if (!sorted || !runs.run || !runs.first || !runs.by_key) {
		free(sorted);
		runs_done(&runs);
		return -ENOMEM;
	}
	fill_runs(d, model, sorted, old->nr, &runs);
	free(sorted);
	*ret = runs;
	return 0;
}

void runs_done(struct run_table *runs)
{
	free(runs->run);
	free(runs->first);
	free(runs->by_key);
	memset(runs, 0, sizeof(*runs));
}

struct backend_run *runs_at(const struct run_table *runs, size_t pool, size_t backend)
{
	return &runs->run[runs->first[pool] + backend];
}

struct backend_run *runs_find(const struct run_table *runs, uint64_t key)
{
	const struct backend_run wanted = { .key = key };
	const struct backend_run *pointer = &wanted;
	struct backend_run **found = bsearch(&pointer, runs->by_key, runs->nr, sizeof(pointer), compare_keys);

	return found ? *found : NULL;
}

enum cv_backend_state run_state(const struct backend_run *run)
{
	if (run->is_disabled || run->is_drained)
		return CV_BACKEND_DISABLED;
	if (run->is_draining)
		return CV_BACKEND_DRAINING;
	return run->health.up ? CV_BACKEND_UP : CV_BACKEND_DOWN;
}
