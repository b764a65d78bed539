/* SPDX-License-Identifier: GPL-2.0-only */
/* libxdp's dispatcher on one interface: which of its programs are ours, how one joins, how they leave. Only for
 * dp_dispatch.c.
 *
 * To look takes no more than the rights that culvertd keeps: libxdp publishes where it pins what it runs
 * (dispatch-<ifindex>-<program id>/prog<n>-prog). To change takes CAP_SYS_ADMIN, and is libxdp's business. */
#ifndef DATAPLANE_DISPATCHER_H
#define DATAPLANE_DISPATCHER_H

#include <xdp/prog_dispatcher.h>

#include "dataplane/dp.h"

struct dispatcher {
	uint32_t ifindex;
	const char *ifname; /* for messages; the caller's */
	uint32_t id;	    /* of the dispatcher itself, a program too */
	enum attach_mode mode;
	char names[256]; /* of all its programs, for messages */
	int ours[MAX_DISPATCHER_ACTIONS];
	size_t ours_nr;
};

/* Looks at what runs on an interface; ours are the programs that use the map with the id own_map. -ENOENT if there is
 * no dispatcher, or libxdp's pins of it are not there. */
int dispatcher_open(uint32_t ifindex, const char *ifname, uint32_t own_map, struct dispatcher *ret);
void dispatcher_close(struct dispatcher *dispatcher);

/* This binary's program, over the maps of `dp`, joins; all of `ours` leave. Either swaps the whole dispatcher in one
 * step, or changes nothing and says why: -EPERM without CAP_SYS_ADMIN. `dispatcher` stays what was found. */
int dispatcher_join(const struct dispatcher *dispatcher, struct dp *dp, struct err *err);
int dispatcher_leave(const struct dispatcher *dispatcher, struct err *err);

#endif
