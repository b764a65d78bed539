/* SPDX-License-Identifier: GPL-2.0-only */
/* Which targets are checked; see check.h. Each is a job (check_job.h) in an array sorted by key, so that a
 * new set is one merge, whose cost is that of sorting it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/check_curl.h"
#include "check/check_job.h"

struct checker {
	struct check_env env;
	check_report report;
	void *arg;
	struct check_job **jobs; /* by key */
	size_t nr;
	unsigned round; /* counts the calls of checker_set */
};

/* What a check depends on; rise and fall it does not know. */
static bool is_same_check(const struct check_target *a, const struct check_target *b)
{
	return !addr_compare(&a->address, &b->address) && a->port == b->port && a->mark == b->mark &&
	       a->conf.type == b->conf.type && !strcmp(a->conf.path, b->conf.path) &&
	       !strcmp(a->conf.host, b->conf.host) && !strcmp(a->conf.match, b->conf.match) &&
	       !strcmp(a->conf.ca, b->conf.ca) && a->conf.verify == b->conf.verify &&
	       a->conf.expect_first == b->conf.expect_first && a->conf.expect_last == b->conf.expect_last &&
	       a->conf.interval_ms == b->conf.interval_ms && a->conf.timeout_ms == b->conf.timeout_ms;
}

static int compare_targets(const void *a, const void *b)
{
	uint64_t x = (*(const struct check_target *const *)a)->key;
	uint64_t y = (*(const struct check_target *const *)b)->key;

	return x < y ? -1 : x > y;
}

/* The targets by key. NULL when out of memory; one more than needed, as malloc may give NULL for nothing. */
static const struct check_target **sort_targets(const struct check_target *targets, size_t nr)
{
	const struct check_target **sorted;
	size_t i;

	sorted = calloc(nr + 1, sizeof(*sorted));
	if (!sorted)
		return NULL;
	for (i = 0; i < nr; i++)
		sorted[i] = &targets[i];
	qsort(sorted, nr, sizeof(*sorted), compare_targets);
	return sorted;
}

/* Merges the running jobs with the sorted targets: `jobs` gets those that go on, marked with this round,
 * and new ones, not started. 0, or -ENOMEM and nothing to clean up. */
static int merge_jobs(struct checker *checker, const struct check_target **sorted, size_t nr,
		      struct check_job **jobs)
{
	size_t i, old = 0;

	for (i = 0; i < nr; i++) {
		while (old < checker->nr && checker->jobs[old]->target.key < sorted[i]->key)
			old++;
		if (old < checker->nr && checker->jobs[old]->target.key == sorted[i]->key &&
		    is_same_check(&checker->jobs[old]->target, sorted[i]))
			jobs[i] = checker->jobs[old++];
		else
			jobs[i] = check_job_new(&checker->env, sorted[i], checker->report, checker->arg);
		if (!jobs[i])
			goto out_free;
		jobs[i]->round = checker->round;
	}
	return 0;
out_free:
	while (i-- > 0)
		if (!jobs[i]->is_started)
			check_job_close(jobs[i]);
	return -ENOMEM;
}

int checker_set(struct checker *checker, const struct check_target *targets, size_t nr)
{
	const struct check_target **sorted;
	struct check_job **jobs;
	int r = -ENOMEM;
	size_t i;

	sorted = sort_targets(targets, nr);
	jobs = calloc(nr + 1, sizeof(*jobs));
	if (!sorted || !jobs)
		goto out;
	checker->round++;
	r = merge_jobs(checker, sorted, nr, jobs);
	if (r < 0)
		goto out;
	for (i = 0; i < checker->nr; i++)
		if (checker->jobs[i]->round != checker->round)
			check_job_close(checker->jobs[i]);
	for (i = 0; i < nr; i++)
		if (!jobs[i]->is_started)
			check_job_start(jobs[i]);
	free(checker->jobs);
	checker->jobs = jobs;
	checker->nr = nr;
	jobs = NULL;
out:
	free(sorted);
	free(jobs);
	return r;
}

int checker_new(uv_loop_t *loop, check_report report, void *arg, struct checker **ret, struct err *err)
{
	struct checker *checker;
	int r;

	checker = calloc(1, sizeof(*checker));
	if (!checker)
		return err_set(err, -ENOMEM, "out of memory");
	r = check_curl_new(loop, &checker->env.curl, err);
	if (r < 0) {
		free(checker);
		return r;
	}
	checker->env.loop = loop;
	checker->report = report;
	checker->arg = arg;
	*ret = checker;
	return 0;
}

/* Jobs and the libcurl side free themselves once the loop has let go of their handles. */
void checker_close(struct checker *checker)
{
	size_t i;

	if (!checker)
		return;
	for (i = 0; i < checker->nr; i++)
		check_job_close(checker->jobs[i]);
	check_curl_close(checker->env.curl);
	free(checker->jobs);
	free(checker);
}
