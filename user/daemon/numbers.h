/* SPDX-License-Identifier: GPL-2.0-only */
/* The numbers of the data plane as reports and metrics show them, all read at one time. */
#ifndef DAEMON_NUMBERS_H
#define DAEMON_NUMBERS_H

#include "daemon/daemon.h"

/* By verdict, and the ids of listeners, backends and pools. */
struct numbers {
	struct cv_verdict_stats verdict[CV_VERDICT_COUNT];
	struct cv_listener_stats listener[CV_MAX_LISTENERS + 1];
	struct cv_flow_counts listener_use[CV_MAX_LISTENERS + 1];
	uint64_t evicted[CV_MAX_LISTENERS + 1]; /* flows that the table pushed out */
	struct cv_backend_stats backend[CV_MAX_BACKENDS + 1];
	struct cv_flow_counts backend_use[CV_MAX_BACKENDS + 1];
	struct cv_probe_stats probe[CV_MAX_BACKENDS + 1];
	uint32_t slots[CV_MAX_BACKENDS + 1];  /* of the Maglev tables, by owner */
	uint64_t unsettled[CV_MAX_POOLS + 1]; /* slots whose packets all visit the flow table */
	struct cv_sweep sweep;		      /* the one that counted the flows */
	uint64_t sweep_ns;		      /* how long it took */
};

/* Counts of flows are those of the last sweep: see sweep_then. Saves the counts of checks, which are told with these. The caller frees the result; NULL, and the log says
 * why, if the maps cannot be read. */
struct numbers *numbers_read(struct daemon *d);

#endif
