/* SPDX-License-Identifier: GPL-2.0-only */
/* Random packets by the million, ordinary and broken ones, over flows that live, age and end, backends that change, reloads
 * and used up limits: for each the program must do what the reference does (reference.h).
 *
 * CULVERT_RANDOM_PACKETS says how many, CULVERT_RANDOM_SEED repeats a run, and with CULVERT_RANDOM_ROUND one round of
 * it. */
#include "bpf/twin.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "bpf/traffic.h"

#define SHORT_RUN 750000 /* with the shortcut, with a narrow one, and without */
#define ROUND 16384	 /* packets; some ten thousand are run in a second */
#define MAX_TRIES 50

static unsigned long setting(const char *name, unsigned long otherwise)
{
	const char *text = getenv(name);

	return text ? strtoul(text, NULL, 0) : otherwise;
}

/* --- what happens between packets --- */

static uint32_t one_of(struct traffic *traffic, const uint32_t *values, size_t nr)
{
	return values[traffic_below(traffic, (uint32_t)nr)];
}

#define ONE_OF(traffic, ...) \
	one_of(traffic, (const uint32_t[]){ __VA_ARGS__ }, CV_ARRAY_SIZE(((const uint32_t[]){ __VA_ARGS__ })))

/* Health, drains, ways and path MTUs. */
static void change_backends(struct twin *twin, struct traffic *traffic)
{
	for (size_t i = 0; i < TRAFFIC_BACKENDS; i++) {
		struct backend_facts *facts = world_backend(twin->world, traffic_backend[i]);

		facts->state = (enum cv_backend_state)ONE_OF(traffic, CV_BACKEND_UP, CV_BACKEND_UP,
							     CV_BACKEND_UP, CV_BACKEND_DOWN,
							     CV_BACKEND_DRAINING, CV_BACKEND_DISABLED);
		facts->mtu =
			(uint16_t)ONE_OF(traffic, 1500, 1500, 1500, 1400, 1280, 1300, 600, 68, 9000, 65535);
		facts->on_link = !traffic_one_in(traffic, 8);
		facts->ifindex =
			ONE_OF(traffic, WORLD_IFINDEX, WORLD_IFINDEX, WORLD_IFINDEX, twin->other_port,
			       twin->other_port, traffic_one_in(traffic, 8) ? 0 : WORLD_IFINDEX,
			       traffic_one_in(traffic, 8) ? 99 : WORLD_IFINDEX);
	}
}

static void configure(struct twin *twin, struct traffic *traffic)
{
	char *text = traffic_configuration(traffic);

	change_backends(twin, traffic);
	world_configure(twin->world, text);
	twin_reload(twin);
	free(text);
}

static void something_happens(struct twin *twin, struct traffic *traffic)
{
	uint32_t limit = traffic_below(traffic, 20);

	switch (traffic_below(traffic, 24)) {
	default:
		twin_age(twin, ONE_OF(traffic, 1, 2, 5, 6, 30, 31, 60, 61, 120, 121, 350, 351));
		break;
	case 0:
		change_backends(twin, traffic);
		world_apply(twin->world);
		twin_reload(twin);
		break;
	case 1:
		configure(twin, traffic);
		break;
	case 2 ... 5:
		twin_set_holder(twin, !traffic_one_in(traffic, 3));
		break;
	case 6 ... 11: /* the second is used up, or begins anew */
		if (traffic_one_in(traffic, 2))
			limit = CV_BEGUN_PER_S;
		twin_set_gate(twin, &(struct cv_gate){ .begun = CV_BEGUN_PER_S - limit,
						       .resets = CV_RESETS_PER_S - limit % CV_RESETS_PER_S,
						       .icmp_replies = CV_ICMP_REPLIES_PER_S -
								       limit % CV_ICMP_REPLIES_PER_S,
						       .held = CV_HELD_PER_S - limit % CV_HELD_PER_S });
		break;
	}
}

/* --- rounds --- */

struct run {
	struct twin *twin;
	unsigned long seed;
	unsigned long packets; /* done */
	struct pkt in;
};

static bool has_shortcut(const struct twin *twin)
{
	return twin->world->model->flow_table.shortcut != CV_SHORTCUT_OFF;
}

/* True if all is well with this round, or the clock went on in it. */
static bool round_once(struct run *run, unsigned long number, size_t packets)
{
	struct twin *twin = run->twin;
	struct traffic traffic;
	size_t i;

	traffic_seed(&traffic, run->seed, number);
	configure(twin, &traffic);
	twin_begin(twin);
	for (i = 0; i < packets && !twin->why[0]; i++) {
		uint32_t ifindex = traffic_one_in(&traffic, 8) ? twin->other_port : WORLD_IFINDEX;

		if (traffic_one_in(&traffic, 2000))
			something_happens(twin, &traffic);
		traffic_packet(&traffic, &run->in);
		if (!twin->why[0])
			twin_run(twin, &run->in, ifindex, traffic_one_in(&traffic, 16));
	}
	if (!twin->why[0])
		twin_compare(twin);
	if (!twin->why[0] || twin_is_over(twin))
		return true;
	print_message("# packet %zu of round %lu, %s\n", i, number, twin->why);
	print_message("# the packet is\n");
	pkt_print(&run->in);
	print_message("# again: CULVERT_TEST_SHORTCUT=%s make check-random SEED=%lu ROUND=%lu\n",
		      world_shortcut(), run->seed, number);
	return false;
}

/* A tag of the shortcut takes one flow in 175,000 for one that was met, and what it does then is known: in another epoch it is
 * other flows. Whatever is wrong by rule is so again. */
static bool was_chance(struct run *run, unsigned long number, size_t packets)
{
	if (!has_shortcut(run->twin))
		return false;
	print_message("# with the shortcut this may be chance: the round is run again in another epoch\n");
	sleep(CV_EPOCH_S);
	return round_once(run, number, packets);
}

static void run_round(struct run *run, unsigned long number, size_t packets)
{
	for (int tries = 0; tries < MAX_TRIES; tries++) {
		if (!round_once(run, number, packets) && !was_chance(run, number, packets))
			fail_msg("%s", run->twin->why);
		if (run->twin->why[0])
			continue;
		run->packets += packets;
		return;
	}
	fail_msg("this machine is too slow: %d rounds of %zu packets took more than a second each", MAX_TRIES,
		 packets);
}

/* In a run of some length everything has to be met that packets alone can bring about. */
static void check_met(const struct world *world)
{
	static const enum cv_verdict unmet[] = {
		CV_CONTINUE,	  CV_PASS_SPLIT,      CV_PASS_NOT_CONFIGURED, CV_DROP_SPLIT,
		CV_DROP_HEADROOM, CV_DROP_TABLE_FULL, CV_DROP_INTERNAL,
	};
	struct cv_verdict_stats stats[CV_VERDICT_COUNT];
	struct err err;

	assert_ok(dp_verdict_stats(world->dp, stats, CV_VERDICT_COUNT, &err), err);
	for (enum cv_verdict i = 0; i < CV_VERDICT_COUNT; i++) {
		bool is_expected = true;

		for (size_t n = 0; n < CV_ARRAY_SIZE(unmet); n++)
			is_expected = is_expected && unmet[n] != i;
		if (is_expected && !stats[i].packets)
			fail_msg("no packet met %s", dp_verdict_name(i));
		if (getenv("CULVERT_RANDOM_PACKETS"))
			print_message("# %12llu %s\n", (unsigned long long)stats[i].packets,
				      dp_verdict_name(i));
	}
}

static void does_as_the_reference_does(void **state)
{
	unsigned long nr = setting("CULVERT_RANDOM_PACKETS", SHORT_RUN), number = 0;
	unsigned long only = setting("CULVERT_RANDOM_ROUND", ULONG_MAX);
	struct run *run = calloc(1, sizeof(*run));

	assert_non_null(run);
	run->seed = setting("CULVERT_RANDOM_SEED", (unsigned long)time(NULL));
	run->twin = twin_new(*state);
	print_message("# %lu packets, CULVERT_RANDOM_SEED=%lu\n", nr, run->seed);
	if (only != ULONG_MAX)
		run_round(run, only, ROUND);
	else
		while (run->packets < nr)
			run_round(run, number++, ROUND);
	if (run->packets >= SHORT_RUN)
		check_met(run->twin->world);
	twin_free(run->twin);
	free(run);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(does_as_the_reference_does),
	};

	harness_need_root();
	return world_run_tests("random", tests, WORLD_EVEN_NARROW);
}
