/* SPDX-License-Identifier: GPL-2.0-only */
/* The difference of two images as map operations, in an order in which each step is safe by itself while
 * packets go through: backend records first, then tables, listeners, directory; then what is to go away, in
 * the reverse order. A table that has fewer slots than some listener counts so far waits until after the
 * directory. dataplane/dp_apply.c carries it out; nobody else writes these maps. */
#ifndef MODEL_PLAN_H
#define MODEL_PLAN_H

#include "model/image.h"

enum plan_op_kind {
	PLAN_SET_BACKEND, /* write new->backend[id] */
	PLAN_SET_POOL,	  /* write new->pool[id] */
	PLAN_SET_TABLE,	  /* make an inner map of new->table[id] and swap it in */
	PLAN_UNSETTLE, /* take the settled bit off every slot of the pool: flows may come to it from elsewhere */
	PLAN_SET_LISTENER, /* write new->listener[id] */
	PLAN_SET_DIRECTORY,
	PLAN_CLEAR_LISTENER, /* write a record of protocol none that keeps the generation */
	PLAN_CLEAR_TABLE,    /* free the inner map */
	PLAN_CLEAR_POOL,
	PLAN_CLEAR_BACKEND, /* write a record of state none that keeps the generation */
};

struct plan_op {
	enum plan_op_kind kind;
	uint16_t id;
};

struct plan {
	const struct image *from; /* not owned; must outlive the plan */
	const struct image *to;
	struct plan_op *op;
	size_t nr;
	uint64_t slots_moved; /* slots, over all pools in both images, whose owner differs */
	uint64_t slots;	      /* slots of those pools */
};

/* 0 or -ENOMEM. Equal images give an empty plan. */
int plan_build(const struct image *from, const struct image *to, struct plan *ret);
void plan_done(struct plan *plan);

/* Whether flows at backend `id` are placed anew: it goes away, or keeps its flows no longer. */
bool plan_moves_flows(const struct plan *plan, uint16_t id);

/* Whether flows of listener `id` are no longer ours: it goes away, or has another address, protocol or ports that
 * leave out some it had. */
bool plan_ends_flows(const struct plan *plan, uint16_t id);

#endif
