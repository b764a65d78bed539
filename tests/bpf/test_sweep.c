/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep: counts what lives, exactly, by listener and backend; removes what has ended, counts it, and
 * leaves notes for late packets. */
#include "bpf/flow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cv_flow.h"

#define ROOMY "max_flows: 262144"

#define BACKENDS 3 /* ids 1 and 2 */

/* What a sweep has to find. */
struct tally {
	struct cv_sweep sum;
	struct cv_flow_counts listener[PROBE_KINDS];
	struct cv_flow_counts backend[BACKENDS];
	uint64_t expired[PROBE_KINDS];
	uint64_t closed[PROBE_KINDS];
	int64_t live[PROBE_KINDS]; /* in the tables before the sweep, ended or not */
	uint64_t notes;
};

static void tally_live(struct tally *tally, size_t kind, const struct cv_flow *flow)
{
	bool is_half = flow->state == CV_FLOW_HALF_OPEN, is_open = flow->state == CV_FLOW_OPEN;
	struct cv_flow_counts *counts[] = { &tally->listener[kind], &tally->backend[flow->backend] };

	for (size_t i = 0; i < CV_ARRAY_SIZE(counts); i++) {
		counts[i]->half_open += is_half;
		counts[i]->open += is_open;
		counts[i]->closing += !is_half && !is_open;
	}
	tally->sum.half_open += is_half;
	tally->sum.open += is_open;
	tally->sum.closing += !is_half && !is_open;
}

static void tally_ended(struct tally *tally, size_t kind, const struct cv_flow *flow)
{
	tally->sum.removed++;
	if (flow->state == CV_FLOW_CLOSING)
		tally->closed[kind]++;
	if (flow->state != CV_FLOW_OPEN)
		return;
	tally->expired[kind]++;
	tally->notes += kind % 2 == 0; /* TCP */
}

/* A flow by chance, and its end if it has come: 20 s before or after its time. */
static struct cv_flow random_flow(struct world *world, size_t kind, uint32_t now, struct tally *tally)
{
	struct cv_flow flow = {
		.packets = 2,
		.bytes = 100,
		.idle_timeout_s = 200,
		.listener = world_listener_id(world, world_listener[kind]),
		.backend = (uint16_t)(1 + random() % 2),
		.generation = 1,
		.state = (enum cv_flow_state)(CV_FLOW_HALF_OPEN + random() % 4),
		.brief_timeout_s = 50,
	};
	bool has_ended = random() % 3 == 0;

	flow.last_seen_s = now - cv_flow_timeout(&flow) + (has_ended ? -20u : 20u);
	flow.born_s = flow.last_seen_s;
	if (flow.state == CV_FLOW_OPEN || flow.state == CV_FLOW_CLOSING)
		tally->live[kind]++;
	if (has_ended)
		tally_ended(tally, kind, &flow);
	else if (flow.state != CV_FLOW_REFUSED)
		tally_live(tally, kind, &flow);
	return flow;
}

/* Sweeps until nothing that has ended is left: where a piece of the removing pass ends within a bucket it
 * may pass over an entry, which the next sweep finds. Returns the sum of what was removed, and the first
 * sweep. */
static uint64_t sweep_out(struct world *world, struct cv_sweep *ret_first)
{
	struct cv_sweep sweep;
	uint64_t removed;
	struct err err;

	assert_ok(dp_sweep(world->dp, ret_first, &err), err);
	removed = ret_first->removed;
	for (int i = 0; i < 3; i++) {
		assert_ok(dp_sweep(world->dp, &sweep, &err), err);
		assert_int_equal(sweep.sweep, ret_first->sweep + 1 + (unsigned)i);
		assert_in_range(sweep.removed, 0, ret_first->removed / 100);
		/* what lives is counted every time, what was counted out is gone */
		assert_int_equal(sweep.half_open, ret_first->half_open);
		assert_int_equal(sweep.open, ret_first->open);
		assert_int_equal(sweep.closing, ret_first->closing);
		removed += sweep.removed;
	}
	assert_int_equal(sweep.removed, 0);
	return removed;
}

static void check_counts(struct world *world, struct tally *tally)
{
	struct cv_flow_counts listeners[CV_MAX_LISTENERS + 1], backends[BACKENDS];
	struct err err;

	assert_ok(dp_listener_use(world->dp, listeners, CV_ARRAY_SIZE(listeners), &err), err);
	assert_ok(dp_backend_use(world->dp, backends, CV_ARRAY_SIZE(backends), &err), err);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		const struct cv_flow_counts *counts =
			&listeners[world_listener_id(world, world_listener[kind])];
		struct cv_listener_stats stats = world_listener_stats(world, world_listener[kind]);

		assert_int_equal(counts->half_open, tally->listener[kind].half_open);
		assert_int_equal(counts->open, tally->listener[kind].open);
		assert_int_equal(counts->closing, tally->listener[kind].closing);
		assert_int_equal(stats.expired_flows, tally->expired[kind]);
		assert_int_equal(stats.closed_flows, tally->closed[kind]);
		assert_int_equal(world_live(world, world_listener[kind]), counts->open + counts->closing);
	}
	for (size_t i = 1; i < BACKENDS; i++) {
		assert_int_equal(backends[i].half_open, tally->backend[i].half_open);
		assert_int_equal(backends[i].open, tally->backend[i].open);
		assert_int_equal(backends[i].closing, tally->backend[i].closing);
	}
	assert_int_equal(world_live(world, NULL), tally->sum.open + tally->sum.closing);
	assert_int_equal(world_count(world, "cv_expired"), tally->notes);
}

static void counts_exactly(struct world *world)
{
	struct tally tally = { 0 };
	uint32_t now = world_clock(world);
	struct cv_sweep sweep;

	for (size_t i = 0; i < 10000; i++) {
		size_t kind = i % PROBE_KINDS;
		struct probe probe = probe_kind((struct probe){ .client = (uint16_t)(1 + i) }, kind);
		struct cv_flow flow = random_flow(world, kind, now, &tally);

		flow_write(world, &probe, &flow);
	}
	world_set_live(world, 0, tally.live[0] + tally.live[1] + tally.live[2] + tally.live[3]);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++)
		world_set_live(world, world_listener_id(world, world_listener[kind]), tally.live[kind]);

	assert_int_equal(sweep_out(world, &sweep), tally.sum.removed);
	assert_int_equal(sweep.half_open, tally.sum.half_open);
	assert_int_equal(sweep.open, tally.sum.open);
	assert_int_equal(sweep.closing, tally.sum.closing);
	check_counts(world, &tally);
}

static void counts_exactly_with_evict(void **state)
{
	srandom(4);
	world_vary(*state, .flow_table = ROOMY);
	counts_exactly(*state);
}

static void counts_exactly_with_reject(void **state)
{
	srandom(5);
	world_vary(*state, .flow_table = "max_flows: 16384, when_full: reject");
	counts_exactly(*state);
}

static void an_empty_table_counts_as_nothing(void **state)
{
	struct world *world = *state;
	struct tally none = { 0 };
	struct cv_sweep sweep;
	struct err err;

	world_vary(world, .flow_table = ROOMY);
	flow_open(world, &(struct probe){ .client = 1 });
	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	assert_int_equal(sweep.open, 1);
	world_forget(state);
	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	assert_int_equal(sweep.open + sweep.half_open + sweep.closing + sweep.ended, 0);
	check_counts(world, &none);
}

/* What the sweep removed is answered as what a look-up found too old. */
static void leaves_notes_for_late_packets(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "late", .flags = PKT_ACK };
	struct cv_sweep sweep;
	struct err err;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe of_kind = probe_kind(probe, kind);

		flow_open(world, &of_kind);
		flow_age(world, &of_kind, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
	}
	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	assert_int_equal(sweep.removed, PROBE_KINDS);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe of_kind = probe_kind(probe, kind);

		flow_expect(world, &of_kind, CV_FLOW_NONE);
		world_expect(world, &of_kind, kind % 2 ? CV_TX : CV_RESET_LATE);
	}
}

static void makes_room(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "waiting", .flags = PKT_SYN };
	struct cv_sweep sweep;
	struct err err;

	world_vary(world, .flow_table = "max_flows: 1024, when_full: reject");
	for (uint16_t client = 100; client < 100 + 1024; client++)
		flow_open(world, &(struct probe){ .client = client });
	world_expect(world, &syn, CV_DROP_TABLE_FULL);
	for (uint16_t client = 200; client < 300; client++)
		flow_age(world, &(struct probe){ .client = client }, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	assert_int_equal(sweep.removed, 100);
	assert_int_equal(world_live(world, NULL), 924);
	world_expect(world, &syn, CV_TX);
}

/* An LRU does not say whom it pushed out. */
static void brings_live_counts_back_to_the_truth(void **state)
{
	struct world *world = *state;
	struct cv_sweep sweep;
	struct err err;

	world_vary(world, .flow_table = "max_flows: 1024");
	for (uint16_t client = 1; client <= 3000; client++)
		flow_open(world, &(struct probe){ .client = client });
	assert_int_equal(world_live(world, "tcp4"), 3000);
	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	assert_int_equal(sweep.open, world_count(world, "cv_flows"));
	assert_int_equal(world_live(world, "tcp4"), sweep.open);
	assert_int_equal(world_live(world, NULL), sweep.open);
}

/* --- many --- */

#define MANY 50000 /* of each family */

/* Puts MANY flows into a table, of which the first half has ended. */
static void put_many(struct world *world, const char *name, size_t key_size, enum cv_family family)
{
	char *keys = calloc(MANY, key_size);
	struct cv_flow *flows = calloc(MANY, sizeof(*flows));
	uint32_t now = world_clock(world);
	int map = world_map(world, name);
	__u32 nr = MANY;

	assert_true(keys && flows);
	for (size_t i = 0; i < MANY; i++) {
		struct probe probe = { .family = family,
				       .client = (uint16_t)(1 + i),
				       .client_port = (uint16_t)(1 + i / 1000) };

		if (family == CV_FAMILY_IPV4)
			probe_key4(&probe, (struct cv_flow4_key *)(keys + i * key_size));
		else
			probe_key(&probe, (struct cv_flow6_key *)(keys + i * key_size));
		flows[i] = (struct cv_flow){
			.packets = i,
			.last_seen_s = i < MANY / 2 ? now - 1000 : now,
			.idle_timeout_s = 500,
			.listener = world_listener_id(world, family == CV_FAMILY_IPV4 ? "tcp4" : "tcp6"),
			.backend = 1,
			.state = CV_FLOW_OPEN,
		};
	}
	assert_return_code(bpf_map_update_batch(map, keys, flows, &nr, NULL), 0);
	assert_int_equal(nr, MANY);
	close(map);
	free(flows);
	free(keys);
}

/* Far more than one system call visits. None is passed over, and none is taken that lives. */
static void goes_through_many_in_pieces(void **state)
{
	struct world *world = *state;
	struct cv_sweep sweep;

	world_vary(world, .flow_table = ROOMY);
	put_many(world, "cv_flows", sizeof(struct cv_flow4_key), CV_FAMILY_IPV4);
	put_many(world, "cv_flows6", sizeof(struct cv_flow6_key), CV_FAMILY_IPV6);
	assert_int_equal(sweep_out(world, &sweep), MANY);
	assert_int_equal(sweep.open, MANY);
	assert_int_equal(world_count(world, "cv_flows"), MANY / 2);
	assert_int_equal(world_count(world, "cv_flows6"), MANY / 2);
	assert_int_equal(world_listener_stats(world, "tcp4").expired_flows, MANY / 2);
	assert_int_equal(world_listener_stats(world, "tcp6").expired_flows, MANY / 2);
	assert_int_equal(world_live(world, "tcp6"), MANY / 2);
}

struct sweeper {
	pthread_t thread;
	struct dp *dp;
	atomic_bool is_over;
	atomic_uint sweeps;
};

static void *sweep_on(void *arg)
{
	struct sweeper *sweeper = arg;
	struct cv_sweep sweep;

	while (!sweeper->is_over) {
		if (dp_sweep(sweeper->dp, &sweep, NULL))
			break;
		sweeper->sweeps++;
		usleep(1000);
	}
	return NULL;
}

/* Who looks while a sweep counts sees all flows, of that one or of the one before. */
static void counts_are_whole_while_it_runs(void **state)
{
	struct cv_flow_counts listener[CV_MAX_LISTENERS + 1], backend[BACKENDS];
	struct world *world = *state;
	struct sweeper sweeper = { 0 };
	struct cv_sweep sweep;
	struct err err;

	world_vary(world, .flow_table = ROOMY);
	sweeper.dp = world->dp;
	put_many(world, "cv_flows", sizeof(struct cv_flow4_key), CV_FAMILY_IPV4);
	sweep_out(world, &sweep);
	assert_int_equal(pthread_create(&sweeper.thread, NULL, sweep_on, &sweeper), 0);
	while (sweeper.sweeps < 20) {
		assert_ok(dp_listener_use(world->dp, listener, CV_ARRAY_SIZE(listener), &err), err);
		assert_int_equal(listener[world_listener_id(world, "tcp4")].open, MANY / 2);
		assert_ok(dp_backend_use(world->dp, backend, CV_ARRAY_SIZE(backend), &err), err);
		assert_int_equal(backend[1].open, MANY / 2);
	}
	sweeper.is_over = true;
	pthread_join(sweeper.thread, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(counts_exactly_with_evict, world_forget),
		cmocka_unit_test_setup(counts_exactly_with_reject, world_forget),
		cmocka_unit_test_setup(an_empty_table_counts_as_nothing, world_forget),
		cmocka_unit_test_setup(leaves_notes_for_late_packets, world_forget),
		cmocka_unit_test_setup(makes_room, world_forget),
		cmocka_unit_test_setup(brings_live_counts_back_to_the_truth, world_forget),
		cmocka_unit_test_setup(goes_through_many_in_pieces, world_forget),
		cmocka_unit_test_setup(counts_are_whole_while_it_runs, world_forget),
	};

	harness_need_root();
	return world_run_tests("sweep", tests, WORLD_EVEN_BLIND);
}
