/* SPDX-License-Identifier: GPL-2.0-only */
/* The difference of two images; see plan.h. Called by the daemon before it applies an image, and by the plan
 * command. Pure.
 *
 * A record that differs is one operation; the rest is their order, in plan_build. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/plan.h"
#include "model/table.h"

/* One for each backend and listener, three for each pool, and the directory. */
#define MAX_OPS (CV_MAX_BACKENDS + CV_MAX_LISTENERS + 3 * CV_MAX_POOLS + 1)

#define IS_EQUAL(plan, field) \
	(memcmp(&(plan)->from->field, &(plan)->to->field, sizeof((plan)->to->field)) == 0)

static void add(struct plan *plan, enum plan_op_kind kind, uint16_t id)
{
	plan->op[plan->nr++] = (struct plan_op){ .kind = kind, .id = id };
}

static bool has_pool(const struct image *image, uint16_t id)
{
	return image->pool[id].name[0] != '\0';
}

static void add_backends(struct plan *plan, bool present, enum plan_op_kind kind)
{
	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++)
		if ((plan->to->backend[id].state != CV_BACKEND_NONE) == present &&
		    !IS_EQUAL(plan, backend[id]))
			add(plan, kind, id);
}

static void add_listeners(struct plan *plan, bool present, enum plan_op_kind kind)
{
	for (uint16_t id = 1; id <= CV_MAX_LISTENERS; id++)
		if ((plan->to->listener[id].protocol != CV_PROTOCOL_NONE) == present &&
		    !IS_EQUAL(plan, listener[id]))
			add(plan, kind, id);
}

static void add_pools(struct plan *plan, bool present, enum plan_op_kind kind)
{
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++)
		if (has_pool(plan->to, id) == present && !IS_EQUAL(plan, pool[id]))
			add(plan, kind, id);
}

/* Slots that listeners in force count in each pool's table. */
static void count_slots(const struct image *image, uint32_t ret_counted[CV_MAX_POOLS + 1])
{
	memset(ret_counted, 0, (CV_MAX_POOLS + 1) * sizeof(*ret_counted));
	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++) {
		const struct cv_listener *listener = &image->listener[id];

		if (listener->pool <= CV_MAX_POOLS && ret_counted[listener->pool] < listener->table_size)
			ret_counted[listener->pool] = listener->table_size;
	}
}

/* Tables in which all slots that listeners still count are there (`late` false), or not. */
static void add_tables(struct plan *plan, const uint32_t counted[CV_MAX_POOLS + 1], bool late)
{
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++) {
		const struct image_table *table = plan->to->table[id];

		if (table && (table->size < counted[id]) == late &&
		    !table_is_equal(plan->from->table[id], table))
			add(plan, PLAN_SET_TABLE, id);
	}
}

/* --- where flows may come from elsewhere --- */

static bool is_same_place(const struct cv_listener *a, const struct cv_listener *b)
{
	return a->protocol == b->protocol && memcmp(a->address, b->address, sizeof(a->address)) == 0;
}

/* Notes the pools that flows of listener `id` may come to, as they keep the backends they have in another pool, or in
 * another slot. */
static void note_listener(const struct plan *plan, size_t id, bool *pools)
{
	const struct cv_listener *from = &plan->from->listener[id], *to = &plan->to->listener[id];
	bool keeps_place = is_same_place(from, to) && from->port_first == to->port_first &&
			   from->port_last == to->port_last;

	if (keeps_place && from->pool == to->pool && from->hash == to->hash &&
	    from->table_size == to->table_size)
		return;
	pools[to->pool] = true;
	if (keeps_place || from->protocol == CV_PROTOCOL_NONE)
		return;
	/* those that stay behind may be another's from now on */
	for (size_t i = 1; i <= CV_MAX_LISTENERS; i++)
		if (is_same_place(from, &plan->to->listener[i]))
			pools[plan->to->listener[i].pool] = true;
}

/* A slot that has the same id has the same owner, unless the id went over to another backend. */
static void note_backend(const struct plan *plan, size_t id, bool *pools)
{
	const struct cv_backend *from = &plan->from->backend[id], *to = &plan->to->backend[id];

	if (from->state != CV_BACKEND_NONE && from->generation != to->generation)
		pools[to->pool] = true;
}

static void add_unsettled(struct plan *plan)
{
	bool all = memcmp(plan->from->directory.hash_key, plan->to->directory.hash_key,
			  sizeof(plan->to->directory.hash_key)) != 0;
	bool pools[CV_MAX_POOLS + 1] = { false };

	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++)
		note_listener(plan, id, pools);
	for (size_t id = 1; id <= CV_MAX_BACKENDS; id++)
		note_backend(plan, id, pools);
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++)
		if ((all || pools[id]) && has_pool(plan->from, id) && has_pool(plan->to, id))
			add(plan, PLAN_UNSETTLE, id);
}

static void clear_tables(struct plan *plan)
{
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++)
		if (has_pool(plan->from, id) && !has_pool(plan->to, id))
			add(plan, PLAN_CLEAR_TABLE, id);
}

/* A slot stands for a span of the flows' hashes; where sizes differ, for the one that holds its beginning. */
static uint64_t count_moved(const struct image_table *from, const struct image_table *to)
{
	uint64_t ratio = ((uint64_t)from->size << 32) / to->size;
	uint64_t moved = 0;

	for (uint32_t i = 0; i < to->size; i++)
		moved += table_owner(from, (uint32_t)(i * ratio >> 32)) != table_owner(to, i);
	return moved;
}

static void count_all_moved(struct plan *plan)
{
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++) {
		const struct image_table *from = plan->from->table[id], *to = plan->to->table[id];

		if (!from || !to)
			continue;
		plan->slots += to->size;
		if (from != to)
			plan->slots_moved += count_moved(from, to);
	}
}

int plan_build(const struct image *from, const struct image *to, struct plan *ret)
{
	struct plan plan = { .from = from, .to = to };
	uint32_t counted[CV_MAX_POOLS + 1];

	plan.op = calloc(MAX_OPS, sizeof(*plan.op));
	if (!plan.op)
		return -ENOMEM;
	count_slots(from, counted);

	/* What others will point to comes before what points to it. */
	add_backends(&plan, true, PLAN_SET_BACKEND);
	add_pools(&plan, true, PLAN_SET_POOL);
	add_tables(&plan, counted, false);
	add_unsettled(&plan);
	add_listeners(&plan, true, PLAN_SET_LISTENER);
	if (!IS_EQUAL(&plan, directory))
		add(&plan, PLAN_SET_DIRECTORY, 0);

	/* From here on packets find the new listeners only. */
	add_listeners(&plan, false, PLAN_CLEAR_LISTENER);
	add_tables(&plan, counted, true);
	clear_tables(&plan);
	add_pools(&plan, false, PLAN_CLEAR_POOL);
	add_backends(&plan, false, PLAN_CLEAR_BACKEND);

	count_all_moved(&plan);
	*ret = plan;
	return 0;
}

bool plan_moves_flows(const struct plan *plan, uint16_t id)
{
	const struct cv_backend *from = &plan->from->backend[id], *to = &plan->to->backend[id];

	return from->state != CV_BACKEND_NONE && from->keeps_flows &&
	       (from->generation != to->generation || !to->keeps_flows);
}

bool plan_ends_flows(const struct plan *plan, uint16_t id)
{
	const struct cv_listener *from = &plan->from->listener[id], *to = &plan->to->listener[id];

	return from->protocol != CV_PROTOCOL_NONE &&
	       (from->protocol != to->protocol ||
		memcmp(from->address, to->address, sizeof(to->address)) != 0 ||
		from->port_first < to->port_first || from->port_last > to->port_last);
}

void plan_done(struct plan *plan)
{
	free(plan->op);
	*plan = (struct plan){ 0 };
}
