/* SPDX-License-Identifier: GPL-2.0-only */
/* How long something took, counted by ranges, two to a decade. Pure. */
#ifndef DAEMON_HISTOGRAM_H
#define DAEMON_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_RANGES 10

struct histogram {
	uint64_t count[HISTOGRAM_RANGES];
	uint64_t sum_ms; /* of all that was counted */
};

/* The longest time that belongs to a range, ms; the last range has no end. */
extern const unsigned histogram_ends_ms[HISTOGRAM_RANGES - 1];

void histogram_add(struct histogram *histogram, unsigned ms);
/* How many were counted. */
uint64_t histogram_total(const struct histogram *histogram);

#endif
