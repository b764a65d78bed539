// SPDX-License-Identifier: GPL-2.0-only
/* Rates from two readings of the counters; see top.h. */
#include <stdlib.h>
#include <string.h>

#include "cli/top.h"
#include "dataplane/dp.h"

static double per_second(uint64_t from, uint64_t to, double seconds)
{
	return to > from && seconds > 0 ? (double)(to - from) / seconds : 0;
}

/* The busiest first; those that are equal by name, as the image has them. */
static int compare_rows(const void *a, const void *b)
{
	const struct top_row *one = a, *two = b;

	if (one->packets_per_s != two->packets_per_s)
		return one->packets_per_s > two->packets_per_s ? -1 : 1;
	if (one->active_flows != two->active_flows)
		return one->active_flows > two->active_flows ? -1 : 1;
	return one->id < two->id ? -1 : one->id > two->id;
}

static struct top_row listener_row(uint16_t id, const struct top_sample *from, const struct top_sample *to,
				   double seconds)
{
	const struct cv_listener_stats *was = &from->listener[id], *is = &to->listener[id];

	return (struct top_row){
		.id = id,
		.packets_per_s = per_second(was->packets, is->packets, seconds),
		.bits_per_s = 8 * per_second(was->bytes, is->bytes, seconds),
		.new_flows_per_s = per_second(was->new_flows, is->new_flows, seconds),
		.active_flows = to->listener_use[id].open,
	};
}

static struct top_row backend_row(uint16_t id, const struct top_sample *from, const struct top_sample *to,
				  double seconds)
{
	const struct cv_backend_stats *was = &from->backend[id], *is = &to->backend[id];

	return (struct top_row){
		.id = id,
		.packets_per_s = per_second(was->packets, is->packets, seconds),
		.bits_per_s = 8 * per_second(was->bytes, is->bytes, seconds),
		.new_flows_per_s = per_second(was->new_flows, is->new_flows, seconds),
		.active_flows = to->backend_use[id].open,
	};
}

static void add_row(struct top_row *sum, const struct top_row *row)
{
	sum->packets_per_s += row->packets_per_s;
	sum->bits_per_s += row->bits_per_s;
	sum->new_flows_per_s += row->new_flows_per_s;
	sum->active_flows += row->active_flows;
}

void top_build(const struct image *image, const struct top_sample *from, const struct top_sample *to,
	       struct top *ret)
{
	double seconds = to->at_ns > from->at_ns ? (double)(to->at_ns - from->at_ns) / 1e9 : 0;

	memset(ret, 0, sizeof(*ret));
	ret->seconds = seconds;
	for (size_t i = 0; i < image->listeners_nr; i++) {
		struct top_row *row = &ret->listener[ret->listeners++];

		*row = listener_row(image->listeners[i], from, to, seconds);
		add_row(&ret->all, row);
	}
	for (size_t i = 0; i < image->backends_nr; i++)
		ret->backend[ret->backends++] = backend_row(image->backends[i], from, to, seconds);
	for (size_t i = 0; i < CV_VERDICT_COUNT; i++) {
		ret->verdict[i] = to->verdict[i].packets;
		ret->verdict_per_s[i] = per_second(from->verdict[i].packets, to->verdict[i].packets, seconds);
	}
	qsort(ret->listener, ret->listeners, sizeof(ret->listener[0]), compare_rows);
	qsort(ret->backend, ret->backends, sizeof(ret->backend[0]), compare_rows);
}

double top_class_per_s(const struct top *top, enum cv_verdict_class class)
{
	double sum = 0;

	for (int i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++)
		if (dp_verdict_class((enum cv_verdict)i) == class)
			sum += top->verdict_per_s[i];
	return sum;
}
