/* SPDX-License-Identifier: GPL-2.0-only */
/* The shortcut past the flow table: none that takes it goes astray, whatever happens to backends, pools and listeners. Which
 * packets take it, in test_shortcut.c; under load, in test_settled_load.c. */
#include "bpf/flow.h"

#include <stdio.h>
#include <string.h>

#include "bpf/oracle.h"
#include "model/table.h"

#define FLOWS 200

static uint32_t unsettled(struct world *world)
{
	return dp_unsettled(world->dp, image_pool_id(world->image, "web"));
}

static void open_many(struct world *world, uint16_t backend[FLOWS])
{
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = flow_running(i);

		backend[i] = flow_open(world, &probe);
	}
}

/* Every flow is where it was, now and as long as it can be in this epoch. */
static void expect_many(struct world *world, const uint16_t backend[FLOWS])
{
	for (size_t i = 0; i < 3 * FLOWS; i++) {
		struct probe probe = flow_running(i % FLOWS);

		assert_int_equal(world_route(world, &probe), backend[i % FLOWS]);
	}
}

/* Slots with a flow that is on another backend than the owner. */
static uint32_t count_disputed(struct world *world, const uint16_t backend[FLOWS])
{
	const struct image_table *table = world->image->table[image_pool_id(world->image, "web")];
	bool is_disputed[1024] = { false };
	uint32_t nr = 0;

	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = flow_running(i);
		uint32_t slot = cv_hash_slot(oracle_hash(world->image, &probe), table->size);

		if (table_owner(table, slot) != backend[i])
			is_disputed[slot] = true;
	}
	for (size_t i = 0; i < CV_ARRAY_SIZE(is_disputed); i++)
		nr += is_disputed[i];
	return nr;
}

static void forget_flows(struct world *world)
{
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = flow_running(i);

		flow_age(world, &probe, 1000);
	}
	world_settle(world);
}

static void a_slot_waits_for_the_last_flow_of_another(void **state)
{
	struct world *world = *state;
	uint16_t backend[FLOWS];

	assert_int_equal(unsettled(world), 0);
	open_many(world, backend);
	world_settle(world);
	assert_int_equal(unsettled(world), 0);
	world_set_weight(world, backend[0], 0);
	assert_int_not_equal(count_disputed(world, backend), 0);
	assert_int_equal(unsettled(world), count_disputed(world, backend));
	expect_many(world, backend);
	/* back again: those flows agree, and others came in between */
	world_set_weight(world, backend[0], -1);
	assert_int_equal(unsettled(world), 0);
	expect_many(world, backend);
	world_set_weight(world, backend[0], 0);
	forget_flows(world);
	assert_int_equal(unsettled(world), 0);
}

/* A SYN was answered by a backend: the rest of the handshake goes there. */
static void half_open_flows_are_flows(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe ack = flow_running(kind), syn = flow_flags(&ack, PKT_SYN);
		uint16_t backend = world_route(world, &syn);

		world_set_weight(world, backend, 0);
		assert_in_range(unsettled(world), 1, kind + 1);
		assert_int_equal(world_route(world, &ack), backend);
		assert_int_equal(world_route(world, &ack), backend);
		world_set_weight(world, backend, -1);
	}
}

/* Flows of a backend that is gone go over to another one and stay there, even if it has been to the owner that they
 * went, and the owner changes again. */
static void what_was_moved_is_known_to_be(void **state)
{
	struct world *world = *state;
	uint16_t backend[FLOWS], gone;

	open_many(world, backend);
	gone = backend[0];
	world_backend_by_id(world, gone)->state = CV_BACKEND_DISABLED;
	world_apply(world);
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = flow_running(i);

		backend[i] = world_route(world, &probe);
		assert_int_not_equal(backend[i], gone);
	}
	world_backend_by_id(world, gone)->state = CV_BACKEND_UP;
	world_apply(world);
	expect_many(world, backend);
}

/* The backend that gets it, in whatever pool it is; all have IPv4 addresses here. */
static uint16_t receiver(struct world *world, const struct probe *probe)
{
	static const size_t at = 14 + 16; /* the outer header's destination */
	struct harness_result result;
	struct pkt in;

	probe_build(probe, &in);
	assert_int_equal(world_run(world, &in, &result), CV_TX);
	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++)
		if (world->image->backend[id].state &&
		    !memcmp(world->image->backend[id].address + 12, result.data + at, 4))
			return id;
	fail_msg("sent to nobody");
	return 0;
}

static void expect_receivers(struct world *world, const uint16_t backend[FLOWS])
{
	for (size_t i = 0; i < 3 * FLOWS; i++) {
		struct probe probe = flow_running(i % FLOWS);

		assert_int_equal(receiver(world, &probe), backend[i % FLOWS]);
	}
}

/* A listener gets another pool: its flows stay in the old one. */
static void another_pool_has_to_wait(void **state)
{
	static const char text[] =
		"flow_table: { max_flows: 4096 }\n"
		"seed: packets\n"
		"listeners:\n"
		"  - { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: %s, hash: %s }\n"
		"  - { name: udp4, address: 192.0.2.10, protocol: udp, port: 443, pool: web }\n"
		"  - { name: tcp6, address: '2001:db8:a::10', protocol: tcp, port: 443, pool: web }\n"
		"  - { name: udp6, address: '2001:db8:a::10', protocol: udp, port: 443, pool: web }\n"
		"pools:\n"
		"  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 },\n"
		"      { address: 10.0.0.12 } ] }\n"
		"  - { name: other, table_size: 251, backends: [ { address: 10.0.0.21 },\n"
		"      { address: 10.0.0.22 } ] }\n";
	static const char *const changes[][2] = {
		{ "other", "5-tuple" }, { "web", "5-tuple" }, { "web", "source" }, { "other", "source" }
	};
	struct world *world = *state;
	uint16_t backend[FLOWS];
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), text, "web", "5-tuple");
	world_configure(world, yaml);
	open_many(world, backend);
	for (size_t i = 0; i < CV_ARRAY_SIZE(changes); i++) {
		snprintf(yaml, sizeof(yaml), text, changes[i][0], changes[i][1]);
		world_configure(world, yaml);
		expect_receivers(world, backend);
	}
	assert_int_not_equal(dp_unsettled(world->dp, image_pool_id(world->image, "other")), 0);
	forget_flows(world);
	assert_int_equal(dp_unsettled(world->dp, image_pool_id(world->image, "other")), 0);
}

/* Flows of a listener that is gone are found by the listener of all ports, in a pool of its own. */
static void so_has_a_listener_that_takes_over(void **state)
{
	static const char text[] =
		"flow_table: { max_flows: 4096 }\n"
		"seed: packets\n"
		"listeners:\n"
		"  - { name: tcp4, address: 192.0.2.10, protocol: tcp, port: %s, pool: web }\n"
		"  - { name: all4, address: 192.0.2.10, protocol: tcp, port: any, pool: all }\n"
		"  - { name: udp4, address: 192.0.2.10, protocol: udp, port: 443, pool: web }\n"
		"  - { name: tcp6, address: '2001:db8:a::10', protocol: tcp, port: 443, pool: web }\n"
		"  - { name: udp6, address: '2001:db8:a::10', protocol: udp, port: 443, pool: web }\n"
		"pools:\n"
		"  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 },\n"
		"      { address: 10.0.0.12 } ] }\n"
		"  - { name: all, table_size: 251, backends: [ { address: 10.0.0.21 } ] }\n";
	struct world *world = *state;
	uint16_t backend[FLOWS];
	char yaml[2048];

	snprintf(yaml, sizeof(yaml), text, "443");
	world_configure(world, yaml);
	open_many(world, backend);
	snprintf(yaml, sizeof(yaml), text, "444");
	world_configure(world, yaml);
	assert_int_not_equal(dp_unsettled(world->dp, image_pool_id(world->image, "all")), 0);
	expect_receivers(world, backend);
}

/* Should a sweep have missed it: a flow that is not on the owner of its settled slot says so with its first packet. */
static void a_flow_objects(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = flow_running(kind);
		uint16_t owner = flow_open(world, &probe);
		struct cv_flow flow = flow_expect(world, &probe, CV_FLOW_OPEN);

		flow.backend = owner == 1 ? 2 : 1;
		flow.generation = world->image->backend[flow.backend].generation;
		flow_write(world, &probe, &flow);
		world_untouch(world);
		assert_int_equal(world_route(world, &probe), flow.backend);
		/* by now the owner takes new flows of that slot, and they are touched: it does not matter */
		assert_int_equal(world_route(world, &probe), flow.backend);
		for (int i = 0; i < CV_MAX_POOLS; i++)
			dp_settle(world->dp);
		assert_int_equal(unsettled(world), kind + 1);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(a_slot_waits_for_the_last_flow_of_another, world_forget),
		cmocka_unit_test_setup(half_open_flows_are_flows, world_forget),
		cmocka_unit_test_setup(what_was_moved_is_known_to_be, world_forget),
		cmocka_unit_test_setup(another_pool_has_to_wait, world_forget),
		cmocka_unit_test_setup(so_has_a_listener_that_takes_over, world_forget),
	};
	/* blind, any flow of a touched set goes by the slot */
	static const struct CMUnitTest seeing[] = {
		cmocka_unit_test_setup(a_flow_objects, world_forget),
	};

	harness_need_root();
	return world_run_tests("settled", tests, WORLD_SHORTCUT_ON | 1U << CV_SHORTCUT_BLIND) +
	       world_run_tests("objection", seeing, WORLD_SHORTCUT_ON);
}
