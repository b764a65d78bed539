/* SPDX-License-Identifier: GPL-2.0-only */
/* Rates of the listeners: differences of their counters over the last seconds. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

#define SAMPLES 3 /* a rate is over the two intervals between them */

struct sample {
	uint64_t at_ns;
	struct cv_listener_stats stats[CV_MAX_LISTENERS + 1];
};

struct rates {
	struct sample sample[SAMPLES];
	unsigned newest;
	unsigned nr;
};

int rates_start(struct daemon *d, struct err *err)
{
	d->rates = calloc(1, sizeof(*d->rates));
	return d->rates ? 0 : err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
}

void rates_close(struct daemon *d)
{
	free(d->rates);
	d->rates = NULL;
}

void rates_sample(struct daemon *d)
{
	struct rates *rates = d->rates;
	unsigned next = (rates->newest + 1) % SAMPLES;
	struct err err;

	if (dp_listener_stats(d->dp, rates->sample[next].stats, CV_MAX_LISTENERS + 1, &err)) {
		log_err("no rates error=\"%s\"", err.text);
		return;
	}
	rates->sample[next].at_ns = uv_hrtime();
	rates->newest = next;
	if (rates->nr < SAMPLES)
		rates->nr++;
}

/* A counter that began anew with a new listener of the same id gives no rate. */
static double per_second(uint64_t from, uint64_t to, double seconds)
{
	return to > from ? (double)(to - from) / seconds : 0;
}

struct rate rates_of(const struct daemon *d, uint16_t listener)
{
	const struct rates *rates = d->rates;
	const struct sample *to = &rates->sample[rates->newest];
	const struct sample *from = &rates->sample[(rates->newest + SAMPLES + 1 - rates->nr) % SAMPLES];
	double seconds = (double)(to->at_ns - from->at_ns) / 1e9;
	struct rate rate = { 0 };

	if (rates->nr < 2 || seconds <= 0)
		return rate;
	rate.packets_per_s = per_second(from->stats[listener].packets, to->stats[listener].packets, seconds);
	rate.bits_per_s = 8 * per_second(from->stats[listener].bytes, to->stats[listener].bytes, seconds);
	rate.new_flows_per_s =
		per_second(from->stats[listener].new_flows, to->stats[listener].new_flows, seconds);
	return rate;
}
