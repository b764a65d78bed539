/* SPDX-License-Identifier: GPL-2.0-only */
/* What a new file changes, by name; and which flows a plan touches. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "model/change.h"
#include "model/plan.h"
#include "unit/model_maker.h"

/* Writes "listeners+web pools*web " and so on. */
static void note(enum change_what what, enum change_how how, const char *name, void *arg)
{
	char *text = arg;
	size_t used = strlen(text);

	snprintf(text + used, 512 - used, "%s%c%s ", change_what_name(what), "+*-"[how], name);
}

static void expect(const struct maker *from, const struct maker *to, const char *wanted)
{
	char text[512] = "";

	assert_int_equal(change_list(&from->model, &to->model, note, text), 0);
	assert_string_equal(text, wanted);
}

/* Two pools of two backends, and a listener on each. */
static void make(struct maker *maker)
{
	maker_init(maker);
	for (uint8_t i = 0; i < 2; i++) {
		size_t pool = maker_pool(maker, i ? "b" : "a", 251);

		maker_backend(maker, pool, maker_v4(10, 0, i, 1), 100);
		maker_backend(maker, pool, maker_v6((uint8_t)(10 + i)), 100);
		maker_listener(maker, i ? "two" : "one", maker_v4(192, 0, 2, i), 80, 89, pool);
	}
}

static void nothing_changes_nothing(void **state)
{
	static struct maker from, to;

	(void)state;
	make(&from);
	make(&to);
	to.backends[0][0].mark = (struct mark){ 7, 7 }; /* where it stands does not matter */
	expect(&from, &to, "");
}

static void order_in_the_file_is_no_change(void **state)
{
	static struct maker from, to;
	struct backend_conf other;

	(void)state;
	make(&from);
	make(&to);
	other = to.backends[0][0];
	to.backends[0][0] = to.backends[0][1];
	to.backends[0][1] = other;
	expect(&from, &to, "");
}

static void every_kind_of_change_is_named(void **state)
{
	static struct maker from, to;

	(void)state;
	make(&from);
	make(&to);
	snprintf(from.model.interfaces[0].name, 16, "eth0");
	snprintf(to.model.interfaces[0].name, 16, "eth1");
	from.model.interfaces_nr = to.model.interfaces_nr = 1;
	to.listeners[0].idle_timeout_s++;
	to.listeners[1].pool = 0;
	to.pools[1].health.match[0] = 'x';
	to.pools[0].backends[0].weight = 7;
	to.pools[0].backends[1].port = 8080;
	to.model.flow_table.max_flows = 5;
	to.model.metrics.port = 5;
	snprintf(to.model.seed, sizeof(to.model.seed), "other");
	to.model.encapsulation.source4_length = 8;
	to.model.icmp.echo = !from.model.icmp.echo;
	to.model.gue.variant = 1;
	expect(&from, &to,
	       "interfaces-eth0 interfaces+eth1 listeners*one listeners*two pools*b backends*a/10.0.0.1 "
	       "backends-a/2001:db8::a backends+a/[2001:db8::a]:8080 settings*encapsulation "
	       "settings*flow_table settings*gue settings*icmp settings*metrics settings*seed ");
}

static void all_and_nothing(void **state)
{
	static struct maker none, some;

	(void)state;
	maker_init(&none);
	make(&some);
	expect(&none, &some,
	       "listeners+one listeners+two pools+a pools+b backends+a/10.0.0.1 backends+a/2001:db8::a "
	       "backends+b/10.0.1.1 backends+b/2001:db8::b ");
	expect(&some, &none,
	       "listeners-one listeners-two pools-a pools-b backends-a/10.0.0.1 backends-a/2001:db8::a "
	       "backends-b/10.0.1.1 backends-b/2001:db8::b ");
}

/* A plan from one maker's model to that of another. */
struct step {
	struct image *empty, *from, *to;
	struct plan plan;
};

static void step_make(struct step *step, struct maker *from, struct maker *to)
{
	step->empty = image_new();
	assert_int_equal(maker_build(from, step->empty, &step->from), 0);
	assert_int_equal(maker_build(to, step->from, &step->to), 0);
	assert_int_equal(plan_build(step->from, step->to, &step->plan), 0);
}

static void step_done(struct step *step)
{
	plan_done(&step->plan);
	image_free(step->to);
	image_free(step->from);
	image_free(step->empty);
}

static void flows_move_from_backends_that_keep_none(void **state)
{
	static struct maker from, to;
	struct step step;
	uint16_t gone, disabled, draining, stays;

	(void)state;
	make(&from);
	make(&to);
	to.facts[1][0].state = CV_BACKEND_DRAINING;
	to.facts[1][1].state = CV_BACKEND_DISABLED;
	to.pools[0].backends_nr = 1;
	step_make(&step, &from, &to);
	stays = image_backend_id(step.from, 1, &from.backends[0][0].address, 0);
	gone = image_backend_id(step.from, 1, &from.backends[0][1].address, 0);
	draining = image_backend_id(step.from, 2, &from.backends[1][0].address, 0);
	disabled = image_backend_id(step.from, 2, &from.backends[1][1].address, 0);
	assert_false(plan_moves_flows(&step.plan, stays));
	assert_false(plan_moves_flows(&step.plan, draining));
	assert_true(plan_moves_flows(&step.plan, gone));
	assert_true(plan_moves_flows(&step.plan, disabled));
	step_done(&step);
}

static void flows_end_with_what_their_listener_gives_up(void **state)
{
	static struct maker from, to;
	struct step step;

	(void)state;
	make(&from);
	make(&to);
	to.listeners[0].port_last = 99;
	step_make(&step, &from, &to);
	assert_false(plan_ends_flows(&step.plan, 1));
	assert_false(plan_ends_flows(&step.plan, 2));
	step_done(&step);
	to.listeners[0].port_last = 88;
	to.listeners[1].address = maker_v4(192, 0, 2, 9);
	step_make(&step, &from, &to);
	assert_true(plan_ends_flows(&step.plan, 1));
	assert_true(plan_ends_flows(&step.plan, 2));
	step_done(&step);
	to.model.listeners_nr = 0;
	step_make(&step, &from, &to);
	assert_true(plan_ends_flows(&step.plan, 1));
	assert_false(plan_ends_flows(&step.plan, 3)); /* there never was one */
	step_done(&step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_changes_nothing),
		cmocka_unit_test(order_in_the_file_is_no_change),
		cmocka_unit_test(every_kind_of_change_is_named),
		cmocka_unit_test(all_and_nothing),
		cmocka_unit_test(flows_move_from_backends_that_keep_none),
		cmocka_unit_test(flows_end_with_what_their_listener_gives_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
