/* SPDX-License-Identifier: GPL-2.0-only */
/* A full table: new flows are refused, each counted once, and nothing else suffers. Quotas of listeners
 * likewise. With evict the least recently used make room. */
#include "bpf/flow.h"

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static const struct world_variant reject = { .flow_table = "max_flows: 1024, when_full: reject" };
/* Without the shortcut: of thousands of flows one or the other would look by chance as if it were in the table already, and
 * open an epoch later. */
static const struct world_variant evict = { .flow_table =
						    "max_flows: 1024, when_full: evict, shortcut: off" };
static const struct world_variant ordinary = { 0 };

/* As many flows as there may be, of all kinds. */
static void fill(struct world *world)
{
	for (size_t i = 0; i < 1024; i++) {
		struct probe probe = probe_kind(
			(struct probe){ .name = "filling", .client = (uint16_t)(1000 + i) }, i % PROBE_KINDS);

		flow_open(world, &probe);
	}
	assert_int_equal(world_live(world, NULL), 1024);
}

static uint64_t refused(struct world *world, size_t kind)
{
	return world_listener_stats(world, world_listener[kind]).rejected_table_full;
}

static void refuses_new_flows(void **state)
{
	struct world *world = *state;

	world_configure_variant(world, &reject);
	fill(world);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = probe_kind((struct probe){ .name = "refused", .flags = PKT_SYN }, kind);

		/* retransmissions are refused too, but are the same flow */
		for (int i = 0; i < 4; i++) {
			world_expect(world, &probe, CV_DROP_TABLE_FULL);
			assert_int_equal(refused(world, kind), 1);
			flow_expect(world, &probe, CV_FLOW_REFUSED);
		}
	}
	assert_int_equal(world_live(world, NULL), 1024);
	/* who is in the table goes on */
	for (size_t i = 0; i < 1024; i++) {
		struct probe probe = probe_kind(
			(struct probe){ .name = "running", .client = (uint16_t)(1000 + i), .flags = PKT_ACK },
			i % PROBE_KINDS);

		world_expect(world, &probe, CV_TX);
	}
}

/* Sends the end of the filling flow number `i`, and lets the last of it be forgotten. */
static void end_flow(struct world *world, size_t i)
{
	struct probe probe = { .name = "ending", .client = (uint16_t)(1000 + i), .flags = PKT_RST };

	world_expect(world, &probe, CV_TX);
	flow_age(world, &probe, CV_CLOSING_RST_TIMEOUT_S + 1);
	world_expect(world, &probe, CV_TX);
	flow_expect(world, &probe, CV_FLOW_NONE);
}

static void admits_again_when_there_is_room(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "waiting", .flags = PKT_SYN };
	const struct probe next = { .name = "next", .client = 8, .flags = PKT_SYN };
	struct cv_flow flow;

	world_configure_variant(world, &reject);
	fill(world);
	world_expect(world, &syn, CV_DROP_TABLE_FULL);
	end_flow(world, 0);
	assert_int_equal(world_live(world, NULL), 1023);
	world_expect(world, &syn, CV_TX);
	flow = flow_expect(world, &syn, CV_FLOW_HALF_OPEN);
	assert_int_equal(flow.packets, 1);
	assert_int_not_equal(flow.backend, 0);
	assert_int_equal(flow_open(world, &syn), flow.backend);
	assert_int_equal(world_live(world, NULL), 1024);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_table_full, 1);
	/* full again; a client that comes back much later is refused once more */
	world_expect(world, &next, CV_DROP_TABLE_FULL);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_table_full, 2);
	flow_age(world, &next, CV_HALF_OPEN_TIMEOUT_S + 1);
	world_expect(world, &next, CV_DROP_TABLE_FULL);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_table_full, 3);
}

/* Whoever was let in before the table became full gets in: the tables are larger by these. */
static void a_flow_on_its_way_gets_in(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "on its way", .flags = PKT_SYN }, ack = flow_flags(&syn, PKT_ACK);

	world_configure_variant(world, &reject);
	world_expect(world, &syn, CV_TX);
	fill(world);
	world_expect(world, &ack, CV_TX);
	flow_expect(world, &syn, CV_FLOW_OPEN);
	assert_int_equal(world_live(world, NULL), 1025);
}

/* A packet in the middle of a flow is of a client that has a connection: it is not the one to refuse. */
static void a_running_flow_is_adopted(void **state)
{
	struct world *world = *state;
	const struct probe ack = { .name = "adopted", .flags = PKT_ACK };

	world_configure_variant(world, &reject);
	fill(world);
	world_expect(world, &ack, CV_TX);
	world_expect(world, &ack, CV_TX);
	flow_expect(world, &ack, CV_FLOW_OPEN);
	assert_int_equal(refused(world, 0), 0);
}

static void a_quota_is_of_one_listener(void **state)
{
	struct world *world = *state;

	world_vary(world, .tcp = "max_flows: 3");
	for (uint16_t client = 1; client <= 3; client++) {
		flow_open(world, &(struct probe){ V6, UDP, .client = client });
		flow_open(world, &(struct probe){ V4, TCP, .client = client });
	}
	for (uint16_t client = 4; client <= 6; client++) {
		struct probe syn = { .name = "over quota", .client = client, .flags = PKT_SYN };

		for (int i = 0; i < 3; i++) {
			world_expect(world, &syn, CV_DROP_QUOTA);
			assert_int_equal(world_listener_stats(world, "tcp4").rejected_quota, client - 3);
		}
		flow_expect(world, &syn, CV_FLOW_REFUSED);
		/* others have their own, or none */
		flow_open(world, &(struct probe){ V4, UDP, .client = client });
		flow_open(world, &(struct probe){ V6, UDP, .client = client });
	}
	assert_int_equal(world_live(world, "tcp4"), 3);
	assert_int_equal(world_live(world, NULL), 12);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_table_full, 0);
	/* a larger quota is in force at once */
	world_vary(world, .tcp = "max_flows: 4");
	flow_open(world, &(struct probe){ .client = 4 });
}

/* As if the last sweep had begun so many seconds ago. */
static void set_swept(struct world *world, uint32_t seconds)
{
	int map = world_map(world, "cv_sweep");
	struct cv_sweep sweep;
	__u32 zero = 0;

	assert_return_code(bpf_map_lookup_elem(map, &zero, &sweep), 0);
	sweep.now_s = world_young_second(world) - seconds;
	assert_return_code(bpf_map_update_elem(map, &zero, &sweep, BPF_ANY), 0);
	close(map);
}

/* Else the flows of a table that nobody sweeps, ended or not, would refuse all others for ever. */
static void limits_do_not_outlive_the_daemon(void **state)
{
	static const struct world_variant limits[] = { { .flow_table = "max_flows: 1024, when_full: reject" },
						       { .tcp = "max_flows: 3" } };
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(limits); i++) {
		uint16_t clients = i ? 3 : 1024;
		struct probe next = { .name = "next", .client = (uint16_t)(clients + 1), .flags = PKT_SYN };

		world_configure_variant(world, &limits[i]);
		for (uint16_t client = 1; client <= clients; client++) {
			struct probe probe = { .name = "there", .client = client, .flags = PKT_ACK };

			flow_open(world, &probe);
		}
		set_swept(world, CV_SWEEP_MISSED_S - 1);
		world_expect(world, &next, i ? CV_DROP_QUOTA : CV_DROP_TABLE_FULL);
		set_swept(world, CV_SWEEP_MISSED_S + 1);
		world_expect(world, &next, CV_TX);
		world_expect(world, &(struct probe){ .client = next.client, .flags = PKT_ACK }, CV_TX);
		flow_expect(world, &next, CV_FLOW_OPEN);
		world_forget(state);
	}
}

/* What came out of the table in the place of what went in. */
static void evicts_the_least_recently_used(void **state)
{
	struct world *world = *state;
	size_t left = 0;

	world_configure_variant(world, &evict);
	for (uint16_t client = 1; client <= 3000; client++)
		flow_open(world, &(struct probe){ .name = "evicting", .client = client });
	left = world_count(world, "cv_flows");
	assert_in_range(left, 512, 1024);
	flow_expect(world, &(struct probe){ .client = 3000 }, CV_FLOW_OPEN);
	flow_expect(world, &(struct probe){ .client = 1 }, CV_FLOW_NONE);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_table_full, 0);
	assert_int_equal(world_listener_stats(world, "tcp4").new_flows, 3000);
}

/* A change of the policy at a reload takes the flows along. */
static void flows_survive_a_change_of_the_policy(void **state)
{
	static const struct world_variant *const variants[] = { &reject, &evict, &ordinary, &reject };
	struct world *world = *state;

	world_configure_variant(world, &reject);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = probe_kind((struct probe){ .flags = PKT_ACK }, kind);

		flow_open(world, &probe);
	}
	for (size_t i = 0; i < CV_ARRAY_SIZE(variants); i++) {
		world_configure_variant(world, variants[i]);
		world_untouch(world);
		for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
			struct probe probe = probe_kind((struct probe){ .flags = PKT_ACK }, kind);

			world_expect(world, &probe, CV_TX);
			assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).packets, 3 + i);
		}
	}
	assert_int_equal(world_live(world, NULL), PROBE_KINDS);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(refuses_new_flows, world_forget),
		cmocka_unit_test_setup(admits_again_when_there_is_room, world_forget),
		cmocka_unit_test_setup(a_flow_on_its_way_gets_in, world_forget),
		cmocka_unit_test_setup(a_running_flow_is_adopted, world_forget),
		cmocka_unit_test_setup(a_quota_is_of_one_listener, world_forget),
		cmocka_unit_test_setup(limits_do_not_outlive_the_daemon, world_forget),
		cmocka_unit_test_setup(evicts_the_least_recently_used, world_forget),
		cmocka_unit_test_setup(flows_survive_a_change_of_the_policy, world_forget),
	};

	harness_need_root();
	return world_run_tests("full", tests, WORLD_ON_AND_OFF);
}
