/* SPDX-License-Identifier: GPL-2.0-only */
/* Timing for micro benchmarks: median, least and most of several runs, as a line for people or, with --json,
 * as one JSON object a line. Figures only, no verdict. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_RUNS 21

struct bench {
	bool json;
	size_t nr;
	double ms[BENCH_RUNS];
};

static inline int bench_init(struct bench *bench, int argc, char **argv)
{
	*bench = (struct bench){ .json = argc == 2 && strcmp(argv[1], "--json") == 0 };
	if (argc == 1 || bench->json)
		return 0;
	fprintf(stderr, "usage: %s [--json]\n", argv[0]);
	return -1;
}

static inline double bench_now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static inline int bench_compare(const void *left, const void *right)
{
	const double *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Reports and forgets the runs noted so far in ms[0..nr-1]. */
static inline void bench_report(struct bench *bench, const char *name)
{
	double median, least, most;

	qsort(bench->ms, bench->nr, sizeof(*bench->ms), bench_compare);
	median = bench->ms[bench->nr / 2];
	least = bench->ms[0];
	most = bench->ms[bench->nr - 1];
	if (bench->json)
		printf("{\"bench\": \"%s\", \"runs\": %zu, \"median_ms\": %.3f, \"min_ms\": %.3f, "
		       "\"max_ms\": %.3f}\n",
		       name, bench->nr, median, least, most);
	else
		printf("%-52s median %8.3f ms   min %8.3f   max %8.3f\n", name, median, least, most);
	bench->nr = 0;
}

#endif
