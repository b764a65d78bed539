/* SPDX-License-Identifier: GPL-2.0-only */
/* The state file: what is saved is read again, and what saving it costs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/daemon.h"

struct world {
	struct daemon daemon;
	char dir[32];
	char file[48];
};

static int make_world(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	assert_non_null(world);
	strcpy(world->dir, "/tmp/test_state.XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(world->file, sizeof(world->file), "%s/state.json", world->dir);
	world->daemon.options.state_dir = world->dir;
	uv_loop_init(&world->daemon.loop);
	*state = world;
	return 0;
}

static int end_world(void **state)
{
	struct world *world = *state;

	runs_done(&world->daemon.runs);
	uv_loop_close(&world->daemon.loop);
	unlink(world->file);
	assert_int_equal(rmdir(world->dir), 0);
	free(world);
	return 0;
}

/* So many backends of one pool, each with something to say. */
static void add_runs(struct world *world, size_t nr)
{
	struct run_table *runs = &world->daemon.runs;
	char address[32];

	runs->run = calloc(nr, sizeof(*runs->run));
	assert_non_null(runs->run);
	for (runs->nr = 0; runs->nr < nr; runs->nr++) {
		struct backend_run *run = &runs->run[runs->nr];

		strcpy(run->pool, "web");
		snprintf(address, sizeof(address), "10.0.%zu.%zu", runs->nr / 250, 1 + runs->nr % 250);
		assert_int_equal(addr_parse(address, &run->address), 0);
		run->weight = (int)(runs->nr % 100);
		run->health = (struct health){ .known = true, .up = runs->nr % 2 };
	}
}

/* Forgets what is known, and reads the file. */
static void load(struct world *world)
{
	runs_done(&world->daemon.runs);
	state_load(&world->daemon);
}

static void test_what_is_saved_is_read_again(void **state)
{
	struct world *world = *state;
	const struct backend_run *run;

	add_runs(world, 2);
	world->daemon.runs.run[1].is_draining = true;
	world->daemon.runs.run[1].drain_deadline_ms = uv_now(&world->daemon.loop) + 300000;
	world->daemon.is_state_dirty = true;
	state_save(&world->daemon);
	assert_false(world->daemon.is_state_dirty);
	load(world);
	assert_int_equal(world->daemon.runs.nr, 2);
	run = &world->daemon.runs.run[1];
	assert_string_equal(run->pool, "web");
	assert_int_equal(run->weight, 1);
	assert_true(run->health.known && run->health.up && run->is_draining && !run->is_disabled);
	assert_in_range(run->drain_deadline_ms - uv_now(&world->daemon.loop), 297000, 301000);
}

/* The state file of a backend in a drain that ends at that time of the wall clock. */
static void write_drain(const struct world *world, long long until)
{
	FILE *file = fopen(world->file, "w");

	assert_non_null(file);
	fprintf(file,
		"{\"version\": 1, \"backends\": [{\"pool\": \"web\", \"address\": \"10.0.0.1\", \"port\": 0,"
		"\"disabled\": false, \"draining\": true, \"drained\": false, \"drain_until\": %lld,"
		"\"weight\": -1, \"health_known\": false, \"healthy\": true}]}",
		until);
	fclose(file);
}

static void test_clock_that_was_set_makes_no_endless_drain(void **state)
{
	const long long now = time(NULL), forever = INT64_MAX;
	const struct {
		long long until;
		uint64_t most_s;
	} rows[] = { { now - 1000, 0 }, { now + 300, 300 }, { now + 31536000, 86400 }, { forever, 86400 } };
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		uint64_t deadline;

		write_drain(world, rows[i].until);
		load(world);
		assert_int_equal(world->daemon.runs.nr, 1);
		deadline = world->daemon.runs.run[0].drain_deadline_ms;
		assert_in_range(deadline, 1, uv_now(&world->daemon.loop) + rows[i].most_s * 1000 + 1);
	}
}

/* Calls to write(2) of this process so far. */
static unsigned long count_writes(void)
{
	unsigned long count = 0;
	char line[64];
	FILE *io = fopen("/proc/self/io", "r");

	if (!io)
		skip(); /* a kernel that does not count */
	while (fgets(line, sizeof(line), io))
		sscanf(line, "syscw: %lu", &count);
	fclose(io);
	return count;
}

/* The loop waits for it: a call for every token took seconds. */
static void test_many_backends_are_written_at_once(void **state)
{
	struct world *world = *state;
	unsigned long before;

	add_runs(world, 1000);
	before = count_writes();
	state_save(&world->daemon);
	assert_in_range(count_writes() - before, 1, 10);
	load(world);
	assert_int_equal(world->daemon.runs.nr, 1000);
}

#define STATE_TEST(test) cmocka_unit_test_setup_teardown(test, make_world, end_world)

int main(void)
{
	const struct CMUnitTest tests[] = {
		STATE_TEST(test_what_is_saved_is_read_again),
		STATE_TEST(test_clock_that_was_set_makes_no_endless_drain),
		STATE_TEST(test_many_backends_are_written_at_once),
	};

	return cmocka_run_group_tests_name("state", tests, NULL, NULL);
}
