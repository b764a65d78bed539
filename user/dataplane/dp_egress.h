/* SPDX-License-Identifier: GPL-2.0-only */
/* The program cv_probe on the egress side of the ports, so that health checks take the path of what they check: a
 * filter of the clsact qdisc, which every kernel has that Culvert runs on. The daemon decides where it is needed. */
#ifndef DATAPLANE_DP_EGRESS_H
#define DATAPLANE_DP_EGRESS_H

#include "dataplane/dp.h"

/* Puts this binary's program on an interface, in one step in the place of what an earlier daemon put there; 0 also if it
 * is there already. Adds the clsact qdisc if there is none, which then stays. Filters of others are left alone: ours comes
 * first, and passes on whatever is not a health check. -errno of rtnetlink(7): -ENOENT if the
 * kernel has no clsact, -EINVAL if a filter of another kind has priority 1. */
int dp_egress_attach(struct dp *dp, uint32_t ifindex, struct err *err);

/* Takes it off, whoever's daemon put it there, if its maps are this data plane's. 0 also if none was there. */
int dp_egress_detach(struct dp *dp, uint32_t ifindex, struct err *err);

/* Takes off what was put there over a table of backends with that id, which is no longer in use. */
void dp_egress_drop(uint32_t backends_id, uint32_t ifindex);

#endif
