/* SPDX-License-Identifier: GPL-2.0-only */
/* Plans as a property: carried out on a copy of one image they give the other, and after every single
 * operation a packet finds all that it needs. Which pools a plan unsettles, in test_plan_unsettle.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/plan.h"
#include "model/table.h"
#include "unit/model_maker.h"

#define ROUNDS 60

/* What the maps would hold. Tables are borrowed, so this is freed as plain memory. */
static struct image *copy(const struct image *image)
{
	struct image *twin = image_new();

	assert_non_null(twin);
	memcpy(twin, image, sizeof(*twin));
	return twin;
}

/* As the data plane does it. */
static void apply(struct image *image, const struct image *to, struct plan_op op)
{
	static const struct cv_pool no_pool;

	switch (op.kind) {
	case PLAN_SET_BACKEND:
		image->backend[op.id] = to->backend[op.id];
		break;
	case PLAN_SET_POOL:
		image->pool[op.id] = to->pool[op.id];
		break;
	case PLAN_SET_TABLE:
		image->table[op.id] = to->table[op.id];
		break;
	case PLAN_UNSETTLE: /* is not in the image */
		break;
	case PLAN_SET_LISTENER:
		image->listener[op.id] = to->listener[op.id];
		break;
	case PLAN_SET_DIRECTORY:
		image->directory = to->directory;
		break;
	case PLAN_CLEAR_LISTENER:
		image->listener[op.id] =
			(struct cv_listener){ .generation = image->listener[op.id].generation };
		break;
	case PLAN_CLEAR_TABLE:
		image->table[op.id] = NULL;
		break;
	case PLAN_CLEAR_POOL:
		image->pool[op.id] = no_pool;
		break;
	case PLAN_CLEAR_BACKEND:
		image->backend[op.id] = (struct cv_backend){ .generation = image->backend[op.id].generation };
		break;
	}
}

static void assert_equal(const struct image *a, const struct image *b)
{
	assert_memory_equal(a->listener, b->listener, sizeof(a->listener));
	assert_memory_equal(a->pool, b->pool, sizeof(a->pool));
	assert_memory_equal(a->backend, b->backend, sizeof(a->backend));
	assert_memory_equal(&a->directory, &b->directory, sizeof(a->directory));
	for (size_t id = 0; id <= CV_MAX_POOLS; id++)
		assert_true((!a->table[id] && !b->table[id]) || table_is_equal(a->table[id], b->table[id]));
}

static void assert_listener(const struct image *image, uint16_t id)
{
	if (id != 0)
		assert_int_not_equal(image->listener[id].protocol, CV_PROTOCOL_NONE);
}

/* The directory finds all that is at an address by the record of one listener: that one is still there. */
static void assert_way(const struct cv_directory *dir, const struct image *image, const struct cv_vip *vip)
{
	const struct cv_listener *listener = &image->listener[vip->listener];
	uint32_t address[4];

	if (!vip->listener)
		return;
	memcpy(address, listener->address, sizeof(address));
	assert_int_equal(
		cv_directory_entry(cv_directory_hash(dir, address), dir->salt, listener->protocol, 0) >> 48,
		vip->tag);
}

/* Whatever a packet may follow from the directory on is there. */
static void assert_safe(const struct image *image)
{
	for (size_t i = 0; i < CV_DIRECTORY_BUCKETS; i++) {
		for (size_t j = 0; j < CV_DIRECTORY_WAYS; j++) {
			assert_listener(image, image->directory.exact[i].way[j].listener);
			assert_listener(image, image->directory.vip[i].way[j].listener);
			assert_listener(image, image->directory.vip[i].way[j].any);
			assert_way(&image->directory, image, &image->directory.vip[i].way[j]);
		}
	}
	for (size_t i = 0; i < CV_MAX_LISTENERS; i++)
		assert_listener(image, image->directory.span[i].listener);
	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++) {
		const struct cv_listener *listener = &image->listener[id];

		if (listener->protocol == CV_PROTOCOL_NONE)
			continue;
		assert_non_null(image->table[listener->pool]);
		assert_true(listener->table_size <= image->table[listener->pool]->size);
	}
	for (size_t id = 1; id <= CV_MAX_POOLS; id++) {
		const struct image_table *table = image->table[id];

		if (!table)
			continue;
		assert_int_not_equal(image->pool[id].name[0], '\0');
		for (uint32_t slot = 0; slot < table->size; slot++) {
			uint16_t owner = table_owner(table, slot);

			if (owner != 0)
				assert_int_not_equal(image->backend[owner].state, CV_BACKEND_NONE);
		}
	}
}

static size_t count_ops(const struct plan *plan, enum plan_op_kind kind)
{
	size_t nr = 0;

	for (size_t i = 0; i < plan->nr; i++)
		nr += plan->op[i].kind == kind;
	return nr;
}

static struct image *build(struct maker *maker, const struct image *old)
{
	struct image *image = NULL;

	assert_int_equal(maker_build(maker, old, &image), 0);
	return image;
}

/* A long life: each configuration by chance follows the one before. */
static void test_random(void **state)
{
	struct image *old = image_new(), *maps = image_new(), *new;
	struct maker maker;
	struct plan plan;

	(void)state;
	srandom(4);
	for (int round = 0; round < ROUNDS; round++) {
		maker_randomize(&maker);
		new = build(&maker, old);
		assert_int_equal(plan_build(old, new, &plan), 0);
		assert_true(plan.slots_moved <= plan.slots);
		for (size_t i = 0; i < plan.nr; i++) {
			apply(maps, new, plan.op[i]);
			assert_safe(maps);
		}
		assert_equal(maps, new);
		plan_done(&plan);
		image_free(old);
		old = new;
		memcpy(maps->table, new->table, sizeof(maps->table));
	}
	free(maps);
	image_free(old);
}

/* The same configuration twice is no work, shared tables or not. */
static void test_equal(void **state)
{
	struct image *empty = image_new(), *a, *b, *c;
	struct maker maker;
	struct plan plan;

	(void)state;
	srandom(5);
	maker_randomize(&maker);
	a = build(&maker, empty);
	b = build(&maker, empty);
	c = build(&maker, a);
	assert_int_equal(plan_build(a, b, &plan), 0);
	assert_int_equal(plan.nr, 0);
	assert_int_equal(plan.slots_moved, 0);
	plan_done(&plan);
	assert_int_equal(plan_build(a, c, &plan), 0);
	assert_int_equal(plan.nr, 0);
	plan_done(&plan);
	image_free(empty);
	image_free(a);
	image_free(b);
	image_free(c);
}

/* After a restart of the daemon tables are not known: they are written anew, and those of pools that went
 * away meanwhile are removed. */
static void test_read_back(void **state)
{
	struct image *empty = image_new(), *old, *maps, *new;
	struct maker maker;
	struct plan plan;

	(void)state;
	maker_init(&maker);
	maker_pool(&maker, "stays", 251);
	maker_backend(&maker, 0, maker_v4(10, 0, 0, 2), 100);
	maker_pool(&maker, "goes", 251);
	old = build(&maker, empty);
	maps = copy(old);
	memset(maps->table, 0, sizeof(maps->table));
	maker.model.pools_nr = 1;
	new = build(&maker, maps);
	assert_int_equal(plan_build(maps, new, &plan), 0);
	assert_int_equal(plan.nr, 3);
	assert_int_equal(count_ops(&plan, PLAN_SET_TABLE), 1);
	assert_int_equal(count_ops(&plan, PLAN_CLEAR_TABLE), 1);
	assert_int_equal(count_ops(&plan, PLAN_CLEAR_POOL), 1);
	plan_done(&plan);
	free(maps);
	image_free(empty);
	image_free(old);
	image_free(new);
}

/* A new MAC address of a router is one record for each backend behind it, and nothing else. */
static void test_small_change(void **state)
{
	struct image *empty = image_new(), *old, *new;
	struct maker maker;
	struct plan plan;

	(void)state;
	maker_init(&maker);
	maker_pool(&maker, "web", 65537);
	for (uint8_t i = 0; i < 10; i++)
		maker_backend(&maker, 0, maker_v4(10, 0, 1, i), 100);
	maker_listener(&maker, "web", maker_v4(192, 0, 2, 1), 443, 443, 0);
	old = build(&maker, empty);
	maker.facts[0][3].next_hop_mac[5] = 9;
	new = build(&maker, old);
	assert_int_equal(plan_build(old, new, &plan), 0);
	assert_int_equal(plan.nr, 1);
	assert_int_equal(plan.op[0].kind, PLAN_SET_BACKEND);
	assert_int_equal(plan.op[0].id, image_backend_id(new, 1, &maker.backends[0][3].address, 0));
	plan_done(&plan);
	image_free(empty);
	image_free(old);
	image_free(new);
}

/* One update of one map: no packet sees the port of one file with the variant of another. */
static void test_gue(void **state)
{
	static struct maker maker;
	struct image *old, *new, *empty = image_new();
	struct plan plan;

	(void)state;
	maker_init(&maker);
	assert_int_equal(maker_build(&maker, empty, &old), 0);
	maker.model.gue = (struct gue_conf){ .port = 7000, .variant = 1 };
	assert_int_equal(maker_build(&maker, old, &new), 0);
	assert_int_equal(new->directory.gue_port, 7000);
	assert_int_equal(new->directory.gue_variant, 1);
	assert_int_equal(plan_build(old, new, &plan), 0);
	assert_int_equal(plan.nr, 1);
	assert_int_equal(plan.op[0].kind, PLAN_SET_DIRECTORY);
	plan_done(&plan);
	image_free(new);
	image_free(old);
	image_free(empty);
}

static void test_slots_moved(void **state)
{
	struct image *empty = image_new(), *old, *new;
	struct maker maker;
	struct plan plan;
	uint64_t moved = 0;

	(void)state;
	maker_init(&maker);
	maker_pool(&maker, "web", 65537);
	for (uint8_t i = 0; i < 4; i++)
		maker_backend(&maker, 0, maker_v4(10, 0, 1, i), 100);
	maker_pool(&maker, "same", 251);
	maker_pool(&maker, "grows", 251);
	maker_backend(&maker, 2, maker_v4(10, 0, 2, 1), 100);
	old = build(&maker, empty);
	maker.facts[0][1].state = CV_BACKEND_DOWN;
	maker.pools[2].table_size = 1021;
	new = build(&maker, old);
	for (uint32_t i = 0; i < 65537; i++)
		moved += table_owner(old->table[1], i) != table_owner(new->table[1], i);
	assert_in_range(moved, 65537 / 4, 65537 * 3 / 10);
	assert_int_equal(plan_build(old, new, &plan), 0);
	assert_int_equal(plan.slots_moved, moved);
	assert_int_equal(plan.slots, 65537 + 251 + 1021);
	plan_done(&plan);
	image_free(empty);
	image_free(old);
	image_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	  cmocka_unit_test(test_equal),
		cmocka_unit_test(test_read_back), cmocka_unit_test(test_small_change),
		cmocka_unit_test(test_gue),	  cmocka_unit_test(test_slots_moved),
	};

	return cmocka_run_group_tests_name("plan", tests, NULL, NULL);
}
