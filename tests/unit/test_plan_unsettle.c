/* SPDX-License-Identifier: GPL-2.0-only */
/* Which pools a plan unsettles: those that flows may come to from elsewhere. What else it does, in test_plan.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/plan.h"
#include "unit/model_maker.h"

enum { WEB, OTHER };

/* Listeners web (192.0.2.1:443), all (192.0.2.1:any) and apart (192.0.2.2:443), the first with pool web, the others with
 * pool other. */
static void make_three(struct maker *maker)
{
	maker_init(maker);
	maker_pool(maker, "web", 251);
	maker_backend(maker, WEB, maker_v4(10, 0, 1, 1), 100);
	maker_backend(maker, WEB, maker_v4(10, 0, 1, 2), 100);
	maker_pool(maker, "other", 251);
	maker_backend(maker, OTHER, maker_v4(10, 0, 2, 1), 100);
	maker_listener(maker, "web", maker_v4(192, 0, 2, 1), 443, 443, WEB);
	maker_listener(maker, "all", maker_v4(192, 0, 2, 1), 1, 65535, OTHER);
	maker_listener(maker, "apart", maker_v4(192, 0, 2, 2), 443, 443, OTHER);
}

static void nothing(struct maker *maker)
{
	(void)maker;
}

static void drain_backend(struct maker *maker)
{
	maker->facts[WEB][0].weight = 0;
}

static void give_more_patience(struct maker *maker)
{
	maker->listeners[0].idle_timeout_s = 1000;
	maker->listeners[0].max_flows = 7;
}

static void change_pool(struct maker *maker)
{
	maker->listeners[0].pool = OTHER;
}

static void change_hash(struct maker *maker)
{
	maker->listeners[0].hash = CV_HASH_SOURCE;
}

static void change_port(struct maker *maker)
{
	maker->listeners[0].port_first = maker->listeners[0].port_last = 444;
}

static void take_away(struct maker *maker)
{
	maker->listeners[0] = maker->listeners[2];
	maker->model.listeners_nr = 2;
}

static void add_one(struct maker *maker)
{
	maker_listener(maker, "more", maker_v4(192, 0, 2, 2), 80, 80, WEB);
}

static void change_seed(struct maker *maker)
{
	snprintf(maker->model.seed, sizeof(maker->model.seed), "another");
}

static void change_size(struct maker *maker)
{
	maker->pools[WEB].table_size = 509;
}

/* A pool is unsettled exactly when it has to be, and before packets find the new listeners. */
static void test_unsettled(void **state)
{
	static const struct {
		void (*change)(struct maker *maker);
		bool web, other;
	} rows[] = {
		{ nothing, false, false },
		{ drain_backend, false, false },
		{ give_more_patience, false, false },
		{ change_pool, false, true },
		{ change_hash, true, false },
		{ change_port, true, true },
		{ take_away, false, true },
		{ add_one, true, false },
		{ change_seed, true, true },
		{ change_size, true, false },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		struct image *empty = image_new(), *old, *new;
		bool is_late = false, unsettled[CV_MAX_POOLS + 1] = { false };
		struct maker maker;
		struct plan plan;

		make_three(&maker);
		assert_int_equal(maker_build(&maker, empty, &old), 0);
		rows[i].change(&maker);
		assert_int_equal(maker_build(&maker, old, &new), 0);
		assert_int_equal(plan_build(old, new, &plan), 0);
		for (size_t op = 0; op < plan.nr; op++) {
			is_late = is_late || plan.op[op].kind == PLAN_SET_LISTENER ||
				  plan.op[op].kind == PLAN_SET_DIRECTORY;
			if (plan.op[op].kind != PLAN_UNSETTLE)
				continue;
			assert_false(is_late);
			unsettled[plan.op[op].id] = true;
		}
		assert_int_equal(unsettled[image_pool_id(old, "web")], rows[i].web);
		assert_int_equal(unsettled[image_pool_id(old, "other")], rows[i].other);
		plan_done(&plan);
		image_free(empty);
		image_free(old);
		image_free(new);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unsettled),
	};

	return cmocka_run_group_tests_name("plan_unsettle", tests, NULL, NULL);
}
