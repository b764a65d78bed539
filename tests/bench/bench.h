/* SPDX-License-Identifier: GPL-2.0-only */
/* Timing for micro benchmarks: median, least and most of several runs, as a line for people, and as one JSON object a
 * line in the file that BENCH_JSON names, if it does. Figures only, no verdict. */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define BENCH_RUNS 21

struct bench {
	size_t nr;
	double ms[BENCH_RUNS];
};

/* An object for programs. */
static inline __attribute__((format(printf, 1, 2))) void bench_json(const char *format, ...)
{
	const char *path = getenv("BENCH_JSON");
	FILE *file = path ? fopen(path, "a") : NULL;
	va_list args;

	if (!file)
		return;
	va_start(args, format);
	vfprintf(file, format, args);
	va_end(args);
	fputc('\n', file);
	fclose(file);
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
	printf("%-52s median %8.3f ms   min %8.3f   max %8.3f\n", name, median, least, most);
	bench_json(
		"{\"bench\": \"%s\", \"runs\": %zu, \"median_ms\": %.3f, \"min_ms\": %.3f, \"max_ms\": %.3f}",
		name, bench->nr, median, least, most);
	bench->nr = 0;
}

#endif
