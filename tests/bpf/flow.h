/* SPDX-License-Identifier: GPL-2.0-only */
/* The entry of a probe's flow, as the maps hold it: to look at, and to put back in time. */
#ifndef TESTS_FLOW_H
#define TESTS_FLOW_H

#include "bpf/world.h"

/* Looks the flow up wherever it may be. Its state says where it is: CV_FLOW_NONE nowhere, open and closing
 * in the flow table, half-open and refused in cv_half_open. Never may it be in both. */
enum cv_flow_state flow_find(struct world *world, const struct probe *probe, struct cv_flow *ret);

/* The state must be that one. Returns the entry. */
struct cv_flow flow_expect(struct world *world, const struct probe *probe, enum cv_flow_state state);

/* Writes an entry to where its state says it belongs. */
void flow_write(struct world *world, const struct probe *probe, const struct cv_flow *flow);

/* As if the last packet of the flow had come `seconds` before now, and none of any flow in this epoch. What follows at once
 * happens within this second. */
void flow_age(struct world *world, const struct probe *probe, uint32_t seconds);

/* Whether there is a note that it idled out. */
bool flow_has_note(struct world *world, const struct probe *probe);

/* Sends the two packets that open a flow; all else is as in the probe. Returns the backend of both. */
uint16_t flow_open(struct world *world, const struct probe *probe);

/* A copy of the probe with other TCP flags. */
struct probe flow_flags(const struct probe *probe, uint8_t flags);

/* A packet in the middle of flow `i`, of kind i % PROBE_KINDS. */
struct probe flow_running(size_t i);

#endif
