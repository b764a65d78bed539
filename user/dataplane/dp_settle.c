/* SPDX-License-Identifier: GPL-2.0-only */
/* Which slots of the Maglev tables are settled: every live flow in them is on their owner. Kept true here, in the one
 * thread that applies changes; the program relies on it (bpf/touched.h).
 *
 * A sweep marks every slot in which it meets a flow that is elsewhere, and a slot without such a mark is settled after
 * it. That holds, because when the sweep begins no program runs any more that saw the maps as they were before the
 * last change of the pool (dp_wait_programs): whatever put flows elsewhere has put them where the sweep finds them,
 * and from then on every new flow is put on the owner. A pool that changes while the sweep runs has to wait for the next.
 *
 * A change of a table keeps the bits of the slots that keep their owner: no flow is moved by it. What may bring flows to
 * a pool from elsewhere (plan.h: PLAN_UNSETTLE) takes all its bits off before it happens. */
#include <sys/mman.h>

#include "dataplane/dp_internal.h"

static size_t table_bytes(uint32_t slots)
{
	return (slots + CV_SLOTS_PER_LINE - 1) / CV_SLOTS_PER_LINE * sizeof(struct cv_slot_line);
}

static struct cv_slot *slot_at(struct cv_slot_line *line, uint32_t slot)
{
	return &line[slot / CV_SLOTS_PER_LINE].slot[slot % CV_SLOTS_PER_LINE];
}

/* Set by us, and taken off by the program. */
static bool is_settled(const struct cv_slot *slot)
{
	return __atomic_load_n(&slot->settled, __ATOMIC_RELAXED);
}

static uint32_t count_unsettled(struct cv_slot_line *line, uint32_t slots)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < slots; i++)
		nr += slot_at(line, i)->backend != 0 && !is_settled(slot_at(line, i));
	return nr;
}

/* What the sweep will be asked for. */
static void note_unsettled(struct dp *dp)
{
	bool has_unsettled = false;

	for (size_t pool = 1; !has_unsettled && pool <= CV_MAX_POOLS; pool++)
		has_unsettled = dp->table[pool].unsettled != 0;
	__atomic_store_n(&dp->has_unsettled, has_unsettled, __ATOMIC_RELAXED);
}

/* --- changes --- */

void dp_table_inherit(const struct dp *dp, const struct plan *plan, uint16_t pool, struct cv_slot_line *line,
		      uint32_t slots)
{
	const struct dp_table *old = &dp->table[pool];

	if (!old->line || old->slots != slots)
		return;
	for (uint32_t i = 0; i < slots; i++) {
		const struct cv_slot *was = slot_at(old->line, i);
		struct cv_slot *is = slot_at(line, i);

		is->settled = is->backend == was->backend && is_settled(was) &&
			      plan->from->backend[is->backend].generation ==
				      plan->to->backend[is->backend].generation;
	}
}

void dp_table_set(struct dp *dp, uint16_t pool, struct cv_slot_line *line, uint32_t slots)
{
	struct dp_table *table = &dp->table[pool];

	if (table->line)
		munmap(table->line, table_bytes(table->slots));
	table->line = line;
	table->slots = slots;
	table->unsettled = line ? count_unsettled(line, slots) : 0;
	table->changed = dp->changes + 1;
}

void dp_table_unsettle(struct dp *dp, uint16_t pool)
{
	struct dp_table *table = &dp->table[pool];

	for (uint32_t i = 0; table->line && i < table->slots; i++)
		__atomic_store_n(&slot_at(table->line, i)->settled, 0, __ATOMIC_RELAXED);
	/* before what follows */
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	table->unsettled = table->line ? count_unsettled(table->line, table->slots) : 0;
	table->changed = dp->changes + 1;
}

void dp_tables_changed(struct dp *dp)
{
	note_unsettled(dp);
	__atomic_store_n(&dp->changes, dp->changes + 1, __ATOMIC_RELEASE);
}

/* --- after a sweep --- */

static void settle(struct dp_table *table, uint8_t mark)
{
	uint32_t unsettled = 0;

	for (uint32_t i = 0; i < table->slots; i++) {
		struct cv_slot *slot = slot_at(table->line, i);

		if (slot->backend == 0 || is_settled(slot))
			continue;
		if (__atomic_load_n(&slot->disputed, __ATOMIC_RELAXED) == mark)
			unsettled++;
		else
			__atomic_store_n(&slot->settled, 1, __ATOMIC_RELAXED);
	}
	table->unsettled = unsettled;
}

/* The program takes a bit off where a flow objects, without a word to us. It hardly ever does: to look at one table at a
 * time is enough. */
static void recount_one(struct dp *dp)
{
	for (size_t i = 0; i < CV_MAX_POOLS; i++) {
		struct dp_table *table = &dp->table[1 + dp->recounted++ % CV_MAX_POOLS];

		if (!table->line)
			continue;
		table->unsettled = count_unsettled(table->line, table->slots);
		return;
	}
}

void dp_settle(struct dp *dp)
{
	for (size_t pool = 1; dp->swept_mark && pool <= CV_MAX_POOLS; pool++) {
		struct dp_table *table = &dp->table[pool];

		if (table->unsettled && table->changed <= dp->swept_from)
			settle(table, dp->swept_mark);
	}
	recount_one(dp);
	note_unsettled(dp);
}

uint32_t dp_unsettled(const struct dp *dp, uint16_t pool)
{
	return dp->table[pool].unsettled;
}

/* --- the books --- */

void dp_tables_move(struct dp *from, struct dp *to)
{
	for (size_t pool = 1; pool <= CV_MAX_POOLS; pool++) {
		to->table[pool] = from->table[pool];
		from->table[pool].line = NULL;
	}
	to->changes = from->changes;
	to->has_unsettled = from->has_unsettled;
}

void dp_tables_done(struct dp *dp)
{
	for (size_t pool = 1; pool <= CV_MAX_POOLS; pool++)
		dp_table_set(dp, (uint16_t)pool, NULL, 0);
}
