/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads what reports and metrics show out of the maps; see numbers.h. */
#include <stdlib.h>

#include "daemon/numbers.h"
#include "util/log.h"

struct numbers *numbers_read(struct daemon *d)
{
	struct numbers *n = calloc(1, sizeof(*n));
	struct err err = { "out of memory" };

	counts_save(d); /* whoever reads them must never be told less */
	if (!n || dp_verdict_stats(d->dp, n->verdict, CV_ARRAY_SIZE(n->verdict), &err) ||
	    dp_listener_stats(d->dp, n->listener, CV_ARRAY_SIZE(n->listener), &err) ||
	    dp_backend_stats(d->dp, n->backend, CV_ARRAY_SIZE(n->backend), &err) ||
	    dp_listener_use(d->dp, n->listener_use, CV_ARRAY_SIZE(n->listener_use), &err) ||
	    dp_backend_use(d->dp, n->backend_use, CV_ARRAY_SIZE(n->backend_use), &err) ||
	    dp_probe_stats(d->dp, n->probe, CV_ARRAY_SIZE(n->probe), &err)) {
		log_err("reading the counters failed error=\"%s\"", err.text);
		free(n);
		return NULL;
	}
	for (size_t id = 0; id < CV_ARRAY_SIZE(n->evicted); id++)
		n->evicted[id] = sweep_evicted(d, (uint16_t)id);
	image_all_slots(d->image, n->slots);
	for (size_t id = 1; id < CV_ARRAY_SIZE(n->unsettled); id++)
		n->unsettled[id] = dp_unsettled(d->dp, (uint16_t)id);
	n->sweep = *sweep_last(d);
	n->sweep_ns = sweep_took_ns(d);
	return n;
}
