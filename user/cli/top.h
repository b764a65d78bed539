/* SPDX-License-Identifier: GPL-2.0-only */
/* What `culvert top` shows: the difference of two readings of the counters. top.c is pure. */
#ifndef CLI_TOP_H
#define CLI_TOP_H

#include <jansson.h>
#include <stdint.h>
#include <stdio.h>

#include "cv_types.h"
#include "cv_verdict.h"
#include "model/image.h"

/* One reading, by id. */
struct top_sample {
	uint64_t at_ns; /* on a clock that never steps */
	struct cv_verdict_stats verdict[CV_VERDICT_COUNT];
	struct cv_listener_stats listener[CV_MAX_LISTENERS + 1];
	struct cv_flow_counts listener_use[CV_MAX_LISTENERS + 1];
	struct cv_backend_stats backend[CV_MAX_BACKENDS + 1];
	struct cv_flow_counts backend_use[CV_MAX_BACKENDS + 1];
};

struct top_row {
	uint16_t id;
	double packets_per_s;
	double bits_per_s;
	double new_flows_per_s;
	uint64_t active_flows; /* as of the last sweep */
};

struct top {
	double seconds; /* between the readings */
	struct top_row all;
	struct top_row listener[CV_MAX_LISTENERS]; /* the busiest first */
	size_t listeners;
	struct top_row backend[CV_MAX_BACKENDS];
	size_t backends;
	double verdict_per_s[CV_VERDICT_COUNT];
	uint64_t verdict[CV_VERDICT_COUNT]; /* since the program was attached */
};

/* Listeners and backends of the image, with what changed from one reading to the next. A counter that went back, as its
 * id has another owner or the program was attached anew, counts as still. */
void top_build(const struct image *image, const struct top_sample *from, const struct top_sample *to,
	       struct top *ret);

/* All verdicts of a class, a second. */
double top_class_per_s(const struct top *top, enum cv_verdict_class class);

/* One screen of at most `lines` lines (0: no limit), no line longer than needed. 0 or -ENOMEM. */
int top_print(const struct top *top, const struct image *image, unsigned lines, FILE *to);
/* NULL when out of memory. */
json_t *top_json(const struct top *top, const struct image *image);

#endif
