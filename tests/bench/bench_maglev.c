/* SPDX-License-Identifier: GPL-2.0-only */
/* How long a Maglev table takes to build. The paper (its section 5.3, 1,000 backends): 1.8 ms for 65537
 * slots, 22.9 ms for 655373. */
#include <stdint.h>

#include "bench/bench.h"
#include "cv_defs.h"
#include "cv_limits.h"
#include "model/maglev.h"

#define MAX_BACKENDS 1000

static char names[MAX_BACKENDS][32];
static struct maglev_backend backends[MAX_BACKENDS];
static uint16_t slots[CV_MAX_TABLE_SIZE];

static int measure(struct bench *bench, size_t nr, uint32_t size, bool weighted)
{
	char name[64];

	for (size_t i = 0; i < nr; i++) {
		snprintf(names[i], sizeof(names[i]), "10.0.%zu.%zu", i / 256, i % 256);
		backends[i] = (struct maglev_backend){
			.name = names[i],
			.id = (uint16_t)(i + 1),
			.weight = weighted ? (uint16_t)(i % CV_MAX_WEIGHT + 1) : CV_DEFAULT_WEIGHT,
		};
	}
	for (bench->nr = 0; bench->nr < BENCH_RUNS; bench->nr++) {
		double start = bench_now_ms();

		if (maglev_build(backends, nr, "", slots, size) < 0)
			return EXIT_FAILURE;
		bench->ms[bench->nr] = bench_now_ms() - start;
	}
	snprintf(name, sizeof(name), "maglev, %zu backends%s, %u slots", nr,
		 weighted ? " of all weights" : "", size);
	bench_report(bench, name);
	return 0;
}

int main(void)
{
	static const size_t nrs[] = { 100, 1000 };
	static const uint32_t sizes[] = { 65537, 655373 };
	struct bench bench = { 0 };
	int r = 0;

	for (size_t i = 0; i < CV_ARRAY_SIZE(sizes) && r == 0; i++)
		for (size_t j = 0; j < CV_ARRAY_SIZE(nrs) && r == 0; j++)
			r = measure(&bench, nrs[j], sizes[i], false);
	for (size_t i = 0; i < CV_ARRAY_SIZE(sizes) && r == 0; i++)
		r = measure(&bench, MAX_BACKENDS, sizes[i], true);
	return r;
}
