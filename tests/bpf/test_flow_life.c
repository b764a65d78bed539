/* SPDX-License-Identifier: GPL-2.0-only */
/* The life of an open flow: it stays where it is whatever becomes of the table, moves only when its
 * backend is gone, and closes. */
#include "bpf/flow.h"

#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/oracle.h"

/* A probe in the middle of its flow. */
static struct probe running(size_t kind)
{
	return probe_kind((struct probe){ .name = world_listener[kind], .flags = PKT_ACK }, kind);
}

static struct cv_listener_stats stats_of(struct world *world, size_t kind)
{
	return world_listener_stats(world, world_listener[kind]);
}

/* Opens one flow of each kind. */
static void open_all(struct world *world, uint16_t ret_backend[PROBE_KINDS])
{
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);

		ret_backend[kind] = flow_open(world, &probe);
	}
}

/* Puts the flows of all kinds on one backend, whatever the table says. */
static void open_all_on(struct world *world, const char *address)
{
	uint16_t backend[PROBE_KINDS], id = world_backend_id(world, address);

	open_all(world, backend);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);
		struct cv_flow flow = flow_expect(world, &probe, CV_FLOW_OPEN);

		flow.backend = id;
		flow.generation = world->image->backend[id].generation;
		flow_write(world, &probe, &flow);
	}
}

/* Flows of all kinds are with `from`, or if that is not so any more have moved to where Maglev sends them. */
static void assert_stayed(struct world *world, uint16_t from, bool stayed)
{
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);
		uint16_t to = stayed ? from : oracle_owner(world->image, &probe);
		struct cv_flow flow;

		assert_int_equal(world_route(world, &probe), to);
		assert_int_equal(world_route(world, &probe), to);
		flow = flow_expect(world, &probe, CV_FLOW_OPEN);
		assert_int_equal(flow.backend, to);
		assert_int_equal(flow.generation, world->image->backend[to].generation);
		/* the second may have taken the shortcut */
		assert_in_range(flow.packets, 3, 4);
		assert_int_equal(stats_of(world, kind).moved_flows, !stayed);
		assert_int_equal(stats_of(world, kind).new_flows, 1);
		assert_int_equal(world_live(world, world_listener[kind]), 1);
	}
}

static void stays_when_the_table_changes(void **state)
{
	struct world *world = *state;
	uint16_t backend = world_backend_id(world, "10.0.0.12");

	open_all_on(world, "10.0.0.12");
	world_set_weight(world, backend, 0);
	assert_stayed(world, backend, true);
}

static void stays_while_its_backend_drains(void **state)
{
	struct world *world = *state;
	uint16_t backend = world_backend_id(world, "10.0.0.12");

	open_all_on(world, "10.0.0.12");
	world_backend(world, "10.0.0.12")->state = CV_BACKEND_DRAINING;
	world_apply(world);
	assert_stayed(world, backend, true);
	/* which takes no new ones */
	for (uint16_t port = 1; port <= 100; port++)
		assert_int_not_equal(world_route(world, &(struct probe){ .client_port = port }), backend);
}

static void moves_when_its_backend_is_down(void **state)
{
	struct world *world = *state;

	open_all_on(world, "10.0.0.12");
	world_backend(world, "10.0.0.12")->state = CV_BACKEND_DOWN;
	world_apply(world);
	assert_stayed(world, 0, false);
}

static void moves_when_its_backend_is_disabled(void **state)
{
	struct world *world = *state;

	open_all_on(world, "2001:db8:b::13");
	world_backend(world, "2001:db8:b::13")->state = CV_BACKEND_DISABLED;
	world_apply(world);
	assert_stayed(world, 0, false);
}

/* A change at work has written the backend's record, and the table not yet. */
static void is_not_counted_as_moved_where_it_stays(void **state)
{
	struct world *world = *state;
	struct probe probe = running(0);
	__u32 id = flow_open(world, &probe);
	struct cv_backend record = world->image->backend[id];
	int map = world_map(world, "cv_backends");

	record.keeps_flows = 0;
	assert_return_code(bpf_map_update_elem(map, &id, &record, BPF_ANY), 0);
	world_untouch(world);
	assert_int_equal(world_route(world, &probe), id);
	assert_int_equal(stats_of(world, 0).moved_flows, 0);
	assert_return_code(bpf_map_update_elem(map, &id, &world->image->backend[id], BPF_ANY), 0);
	close(map);
}

static void moves_when_its_backend_is_removed(void **state)
{
	struct world *world = *state;

	open_all_on(world, "10.0.0.12");
	world_vary(world, .backends = "[ { address: 10.0.0.11 }, { address: '2001:db8:b::13' } ]");
	assert_stayed(world, 0, false);
}

/* Whoever has the id now is another backend. */
static void moves_when_its_backend_is_of_another_generation(void **state)
{
	struct world *world = *state;

	open_all_on(world, "10.0.0.12");
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);
		struct cv_flow flow = flow_expect(world, &probe, CV_FLOW_OPEN);

		flow.generation--;
		flow_write(world, &probe, &flow);
	}
	assert_stayed(world, 0, false);
}

/* Nobody to move to: the flow waits. */
static void waits_while_nobody_is_there(void **state)
{
	struct world *world = *state;
	uint16_t backend[PROBE_KINDS];

	open_all(world, backend);
	world_vary(world, .backends = "[ { address: 10.0.0.15 } ]");
	world_backend(world, "10.0.0.15")->state = CV_BACKEND_DISABLED;
	world_apply(world);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);

		world_expect(world, &probe, CV_DROP_NO_BACKEND);
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).backend, backend[kind]);
	}
	world_backend(world, "10.0.0.15")->state = CV_BACKEND_UP;
	world_apply(world);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = running(kind);

		world_expect(world, &probe, CV_TX);
		assert_int_equal(stats_of(world, kind).moved_flows, 1);
	}
}

/* --- closing --- */

static void closes_and_keeps_its_backend(void **state)
{
	static const struct {
		uint8_t flags;
		enum cv_flow_state state;
		uint8_t timeout_s;
	} steps[] = {
		{ PKT_ACK, CV_FLOW_OPEN, 60 }, /* that of a handshake, out of use */
		{ PKT_SYN, CV_FLOW_OPEN, 60 }, /* an old duplicate */
		{ PKT_FIN | PKT_ACK, CV_FLOW_CLOSING, 60 },
		{ PKT_ACK, CV_FLOW_CLOSING, 60 },
		{ PKT_FIN | PKT_ACK, CV_FLOW_CLOSING, 60 },
		{ PKT_RST, CV_FLOW_CLOSING, 5 },
		{ PKT_RST | PKT_ACK, CV_FLOW_CLOSING, 5 },
		{ PKT_ACK, CV_FLOW_OPEN, 5 }, /* the RST was not the client's */
		{ PKT_RST, CV_FLOW_CLOSING, 5 },
		{ PKT_FIN | PKT_ACK, CV_FLOW_CLOSING, 60 },
	};
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind += 2) {
		struct probe probe = running(kind);
		uint16_t backend = flow_open(world, &probe);

		world_set_weight(world, backend, 0);
		for (size_t i = 0; i < CV_ARRAY_SIZE(steps); i++) {
			struct cv_flow flow;

			probe.flags = steps[i].flags;
			assert_int_equal(world_route(world, &probe), backend);
			flow = flow_expect(world, &probe, steps[i].state);
			assert_int_equal(flow.brief_timeout_s, steps[i].timeout_s);
			assert_int_equal(flow.packets, 3 + i);
		}
		assert_int_equal(stats_of(world, kind).client_resets, 3);
		assert_int_equal(stats_of(world, kind).new_flows, 1);
		assert_int_equal(world_live(world, world_listener[kind]), 1);
	}
}

/* A client may use a port again as soon as it has seen the end of the connection. */
static void a_syn_on_a_closing_flow_begins_another(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind += 2) {
		struct probe probe = running(kind);
		struct probe fin = flow_flags(&probe, PKT_FIN | PKT_ACK), syn = flow_flags(&probe, PKT_SYN);
		uint16_t backend = flow_open(world, &probe);

		world_set_weight(world, backend, 0);
		assert_int_equal(world_route(world, &fin), backend);
		assert_int_equal(world_route(world, &syn), oracle_owner(world->image, &syn));
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_HALF_OPEN).packets, 1);
		assert_int_equal(stats_of(world, kind).closed_flows, 1);
		assert_int_equal(world_live(world, world_listener[kind]), 0);
		world_expect(world, &probe, CV_TX);
		flow_expect(world, &probe, CV_FLOW_OPEN);
		assert_int_equal(stats_of(world, kind).new_flows, 2);
		assert_int_equal(world_live(world, world_listener[kind]), 1);
		assert_false(flow_has_note(world, &probe));
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(stays_when_the_table_changes, world_forget),
		cmocka_unit_test_setup(stays_while_its_backend_drains, world_forget),
		cmocka_unit_test_setup(moves_when_its_backend_is_down, world_forget),
		cmocka_unit_test_setup(moves_when_its_backend_is_disabled, world_forget),
		cmocka_unit_test_setup(is_not_counted_as_moved_where_it_stays, world_forget),
		cmocka_unit_test_setup(moves_when_its_backend_is_removed, world_forget),
		cmocka_unit_test_setup(moves_when_its_backend_is_of_another_generation, world_forget),
		cmocka_unit_test_setup(waits_while_nobody_is_there, world_forget),
		cmocka_unit_test_setup(closes_and_keeps_its_backend, world_forget),
		cmocka_unit_test_setup(a_syn_on_a_closing_flow_begins_another, world_forget),
	};

	harness_need_root();
	return world_run_tests("flow life", tests, WORLD_ON_AND_OFF);
}
