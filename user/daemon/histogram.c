/* SPDX-License-Identifier: GPL-2.0-only */
/* Times by ranges; see histogram.h. */
#include "daemon/histogram.h"

const unsigned histogram_ends_ms[HISTOGRAM_RANGES - 1] = { 1, 3, 10, 30, 100, 300, 1000, 3000, 10000 };

void histogram_add(struct histogram *histogram, unsigned ms)
{
	unsigned range = 0;

	while (range < HISTOGRAM_RANGES - 1 && ms > histogram_ends_ms[range])
		range++;
	histogram->count[range]++;
	histogram->sum_ms += ms;
}

uint64_t histogram_total(const struct histogram *histogram)
{
	uint64_t total = 0;

	for (unsigned range = 0; range < HISTOGRAM_RANGES; range++)
		total += histogram->count[range];
	return total;
}
