/* SPDX-License-Identifier: GPL-2.0-only */
/* How a flow that is silent ends, by its next packet: never early, counted, and noted if somebody may
 * still believe in it. What a late packet is answered is in test_reset.c, what the sweep does in
 * test_sweep.c. */
#include "bpf/flow.h"

#include <stdio.h>

#include "bpf/oracle.h"

static struct probe first_packet(size_t kind)
{
	return probe_kind((struct probe){ .name = world_listener[kind], .flags = PKT_SYN }, kind);
}

static struct cv_listener_stats stats_of(struct world *world, size_t kind)
{
	return world_listener_stats(world, world_listener[kind]);
}

/* Listeners with that much patience, in seconds. */
static void configure_timeout(struct world *world, unsigned seconds)
{
	char timeout[64];

	snprintf(timeout, sizeof(timeout), "idle_timeout: %us", seconds);
	world_vary(world, .tcp = timeout, .udp = timeout);
}

/* Ages at which a flow still lives, and does not any more. Its last packet may have come an epoch later than the table
 * knows. */
static uint32_t oldest(size_t kind)
{
	return (kind % 2 ? CV_IDLE_TIMEOUT_UDP_S : CV_IDLE_TIMEOUT_TCP_S) + CV_EPOCH_S;
}

static void lives_up_to_its_timeout(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = first_packet(kind), next = flow_flags(&probe, PKT_ACK);
		uint16_t backend = flow_open(world, &probe);

		world_set_weight(world, backend, 0);
		flow_age(world, &probe, oldest(kind));
		assert_int_equal(world_route(world, &next), backend);
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).packets, 3);
		/* another processor's clock may be a tick ahead */
		flow_age(world, &probe, (uint32_t)-2);
		assert_int_equal(world_route(world, &next), backend);
		assert_int_equal(stats_of(world, kind).expired_flows, 0);
		world_set_weight(world, backend, -1);
	}
}

static void begins_anew_after_it(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = first_packet(kind);
		uint16_t backend = flow_open(world, &probe);

		world_set_weight(world, backend, 0);
		flow_age(world, &probe, oldest(kind) + 1);
		assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_HALF_OPEN).packets, 1);
		assert_int_equal(stats_of(world, kind).expired_flows, 1);
		assert_int_equal(stats_of(world, kind).closed_flows, 0);
		assert_int_equal(stats_of(world, kind).moved_flows, 0);
		assert_int_equal(world_live(world, world_listener[kind]), 0);
		/* the SYN says that the client knows */
		assert_false(flow_has_note(world, &probe));
		world_set_weight(world, backend, -1);
	}
}

/* FIN: the last ACKs are due. RST: nothing is, but what is on its way. Neither is waited for longer than
 * an idle flow. */
static void a_closing_flow_ends_soon(void **state)
{
	static const struct {
		uint8_t flags;
		unsigned idle_timeout_s;
		uint32_t closing_s;
	} rows[] = {
		{ PKT_FIN | PKT_ACK, 350, CV_CLOSING_FIN_TIMEOUT_S },
		{ PKT_RST, 350, CV_CLOSING_RST_TIMEOUT_S },
		{ PKT_FIN | PKT_ACK, 20, 20 },
		{ PKT_RST, 3, 3 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		struct probe probe = { .name = "closing", .client = (uint16_t)(30 + i), .flags = PKT_ACK };
		struct probe end = flow_flags(&probe, rows[i].flags);

		configure_timeout(world, rows[i].idle_timeout_s);
		flow_open(world, &probe);
		world_expect(world, &end, CV_TX);
		flow_age(world, &probe, rows[i].closing_s);
		world_expect(world, &end, CV_TX);
		flow_expect(world, &probe, CV_FLOW_CLOSING);
		assert_int_equal(stats_of(world, 0).closed_flows, i);
		flow_age(world, &probe, rows[i].closing_s + 1);
		/* a flow that was closed is not a late one */
		world_expect(world, &probe, CV_TX);
		flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
		assert_false(flow_has_note(world, &probe));
		assert_int_equal(stats_of(world, 0).closed_flows, i + 1);
		assert_int_equal(stats_of(world, 0).expired_flows, 0);
		assert_int_equal(world_live(world, "tcp4"), 0);
	}
}

/* A change of the timeout reaches new flows only. */
static void keeps_the_timeout_it_was_born_with(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe before = first_packet(kind), after = before, next;

		configure_timeout(world, 1000);
		flow_open(world, &before);
		configure_timeout(world, 10);
		flow_age(world, &before, 1000);
		next = flow_flags(&before, PKT_ACK);
		world_expect(world, &next, CV_TX);
		assert_int_equal(flow_expect(world, &before, CV_FLOW_OPEN).idle_timeout_s, 1000);
		after.client = 8;
		flow_open(world, &after);
		assert_int_equal(flow_expect(world, &after, CV_FLOW_OPEN).idle_timeout_s, 10);
		flow_age(world, &after, 11);
		world_expect(world, &after, CV_TX);
		flow_expect(world, &after, CV_FLOW_HALF_OPEN);
	}
}

/* The listener of a running flow may become another one with a reload: the flow is counted there from then
 * on. */
static void follows_its_address_to_another_listener(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "taken over", .flags = PKT_ACK };
	uint16_t backend = flow_open(world, &probe);

	assert_int_equal(world_live(world, "tcp4"), 1);
	world_configure(world,
			"flow_table: { max_flows: 4096 }\n"
			"listeners:\n"
			"  - { name: all, address: 192.0.2.10, protocol: tcp, port: any, pool: web }\n"
			"  - { name: tcp4, address: 192.0.2.99, protocol: tcp, port: 443, pool: web }\n"
			"pools:\n"
			"  - { name: web, backends: [ { address: 10.0.0.11 }, { address: 10.0.0.12 },\n"
			"      { address: '2001:db8:b::13' }, { address: '2001:db8:b::14' } ] }\n");
	assert_int_equal(world_route(world, &probe), backend);
	assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).listener, world_listener_id(world, "all"));
	assert_int_equal(world_live(world, "tcp4"), 0);
	assert_int_equal(world_live(world, "all"), 1);
	assert_int_equal(world_live(world, NULL), 1);
	assert_int_equal(world_listener_stats(world, "all").packets, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lives_up_to_its_timeout, world_forget),
		cmocka_unit_test_setup(begins_anew_after_it, world_forget),
		cmocka_unit_test_setup(a_closing_flow_ends_soon, world_forget),
		cmocka_unit_test_setup(keeps_the_timeout_it_was_born_with, world_forget),
		cmocka_unit_test_setup(follows_its_address_to_another_listener, world_forget),
	};

	harness_need_root();
	return world_run_tests("idle", tests, WORLD_EVEN_BLIND);
}
