/* SPDX-License-Identifier: GPL-2.0-only */
/* How a flow begins: half-open by its first packet, open by the second, and what never becomes one. */
#include "bpf/flow.h"

#include "bpf/oracle.h"

static uint16_t ip_bytes(const struct probe *probe)
{
	struct pkt p;

	probe_build(probe, &p);
	return (uint16_t)(p.len - 14 - 4 * probe->vlans - probe->padding);
}

/* All fields, padding too. */
static void assert_flow(const struct cv_flow *flow, const struct cv_flow *want)
{
	assert_memory_equal(flow, want, sizeof(*flow));
}

static void the_first_packet_makes_a_half_open_entry(void **state)
{
	struct world *world = *state;
	uint32_t begin = world_clock(world);

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = probe_kind(
			(struct probe){ .flags = PKT_SYN, .payload = 5, .padding = 9, .vlans = 1 }, kind);
		uint16_t backend = oracle_owner(world->image, &probe);
		struct cv_flow flow;

		assert_int_equal(world_route(world, &probe), backend);
		flow = flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
		assert_in_range(flow.born_s, begin, world_clock(world));
		assert_flow(&flow, &(struct cv_flow){
					   .packets = 1,
					   .bytes = ip_bytes(&probe),
					   .born_s = flow.born_s,
					   .last_seen_s = flow.born_s,
					   .idle_timeout_s = kind % 2 ? 120 : 350,
					   .listener = world_listener_id(world, world_listener[kind]),
					   .backend = backend,
					   .generation = world->image->backend[backend].generation,
					   .state = CV_FLOW_HALF_OPEN,
					   .brief_timeout_s = CV_HALF_OPEN_TIMEOUT_S,
				   });
		assert_int_equal(world_live(world, NULL), 0);
		assert_int_equal(world_listener_stats(world, world_listener[kind]).new_flows, 0);
	}
}

static void the_second_packet_opens_it(void **state)
{
	struct world *world = *state;
	uint32_t begin = world_clock(world);

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe first = probe_kind((struct probe){ .flags = PKT_SYN, .client = 8 }, kind);
		struct probe second = flow_flags(&first, PKT_ACK);
		struct cv_flow born, flow;
		uint16_t backend;
		uint64_t new_flows;

		second.payload = 100;
		backend = world_route(world, &first);
		born = flow_expect(world, &first, CV_FLOW_HALF_OPEN);
		new_flows = world_backend_stats(world, backend).new_flows;
		world_set_weight(world, backend, 0);
		flow_age(world, &first, 7);
		assert_int_equal(world_route(world, &second), backend);
		flow = flow_expect(world, &first, CV_FLOW_OPEN);
		assert_in_range(flow.last_seen_s, begin, world_clock(world));
		born.state = CV_FLOW_OPEN;
		born.packets = 2;
		born.bytes += ip_bytes(&second);
		born.last_seen_s = flow.last_seen_s;
		assert_flow(&flow, &born);
		assert_int_equal(world_live(world, NULL), kind + 1);
		assert_int_equal(world_live(world, world_listener[kind]), 1);
		assert_int_equal(world_listener_stats(world, world_listener[kind]).new_flows, 1);
		assert_int_equal(world_backend_stats(world, backend).new_flows, new_flows + 1);
		world_set_weight(world, backend, -1);
	}
}

/* A handshake is not torn in two when the table changes between a SYN and its retransmission. */
static void a_retransmitted_syn_follows_the_first(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "again", .flags = PKT_SYN };
	uint16_t backend = world_route(world, &syn);

	world_set_weight(world, backend, 0);
	assert_int_not_equal(oracle_owner(world->image, &syn), backend);
	for (int i = 2; i < 5; i++) {
		assert_int_equal(world_route(world, &syn), backend);
		assert_int_equal(flow_expect(world, &syn, CV_FLOW_HALF_OPEN).packets, i);
	}
	/* unless that backend is gone */
	world_backend_by_id(world, backend)->state = CV_BACKEND_DOWN;
	world_apply(world);
	assert_int_equal(world_route(world, &syn), oracle_owner(world->image, &syn));
	assert_int_not_equal(flow_expect(world, &syn, CV_FLOW_HALF_OPEN).backend, backend);
	assert_int_equal(world_listener_stats(world, "tcp4").moved_flows, 0);
}

/* After 60 s without another packet it begins again; until then the SYNs belong together. */
static void a_half_open_entry_is_forgotten(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = probe_kind((struct probe){ .flags = PKT_SYN, .client = 9 }, kind);
		uint16_t backend = world_route(world, &probe);
		struct cv_flow flow;

		flow_age(world, &probe, CV_HALF_OPEN_TIMEOUT_S + 1);
		world_set_weight(world, backend, 0);
		assert_int_not_equal(world_route(world, &probe), backend);
		flow = flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
		assert_int_equal(flow.packets, 1);
		assert_int_equal(flow.born_s, flow.last_seen_s);

		flow_age(world, &probe, CV_HALF_OPEN_TIMEOUT_S);
		world_route(world, &probe);
		assert_int_equal(flow_find(world, &probe, &flow),
				 kind % 2 ? CV_FLOW_OPEN : CV_FLOW_HALF_OPEN);
		assert_int_equal(flow.packets, 2);
		world_set_weight(world, backend, -1);
	}
}

/* A handshake may take longer than its flow may be idle; UDP has none. */
static void a_short_idle_timeout_is_not_of_handshakes(void **state)
{
	const struct probe tcp = { .name = "SYN", TCP, .flags = PKT_SYN }, udp = { .name = "UDP", UDP };
	struct world *world = *state;

	world_vary(world, .tcp = "idle_timeout: 10s", .udp = "idle_timeout: 10s");
	world_expect(world, &tcp, CV_TX);
	flow_age(world, &tcp, CV_HALF_OPEN_TIMEOUT_S);
	world_expect(world, &tcp, CV_TX);
	assert_int_equal(flow_expect(world, &tcp, CV_FLOW_HALF_OPEN).packets, 2);
	flow_age(world, &tcp, CV_HALF_OPEN_TIMEOUT_S + 1);
	world_expect(world, &tcp, CV_TX);
	assert_int_equal(flow_expect(world, &tcp, CV_FLOW_HALF_OPEN).packets, 1);
	world_expect(world, &udp, CV_TX);
	flow_age(world, &udp, 11);
	world_expect(world, &udp, CV_TX);
	flow_expect(world, &udp, CV_FLOW_HALF_OPEN);
	flow_age(world, &udp, 10);
	world_expect(world, &udp, CV_TX);
	flow_expect(world, &udp, CV_FLOW_OPEN);
}

/* Behind ECMP a flow of a neighbour begins in its middle. One packet, which may be forged, opens nothing. */
static void two_packets_of_a_running_flow_open_it(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "adopted", .flags = PKT_ACK, .payload = 10 };

	assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
	flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
	world_expect(world, &probe, CV_TX);
	flow_expect(world, &probe, CV_FLOW_OPEN);
	assert_int_equal(world_listener_stats(world, "tcp4").new_flows, 1);
}

/* What ends a flow that nobody knows is forwarded, and forgotten. */
static void the_end_of_a_flow_begins_none(void **state)
{
	static const uint8_t flags[] = { PKT_FIN,	    PKT_RST,	       PKT_FIN | PKT_ACK,
					 PKT_RST | PKT_ACK, PKT_SYN | PKT_FIN, PKT_SYN | PKT_RST };
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(flags); i++) {
		struct probe probe = { .name = "end", .flags = flags[i], .client = (uint16_t)(20 + i) };

		assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
		flow_expect(world, &probe, CV_FLOW_NONE);
	}
	assert_int_equal(world_live(world, NULL), 0);
}

/* RST as the second packet: a handshake given up was never a flow. FIN: a short one. */
static void a_handshake_may_end_at_once(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "syn", .flags = PKT_SYN };
	const struct probe rst = flow_flags(&syn, PKT_RST), fin = flow_flags(&syn, PKT_FIN | PKT_ACK);
	uint16_t backend = world_route(world, &syn);

	assert_int_equal(world_route(world, &rst), backend);
	flow_expect(world, &syn, CV_FLOW_NONE);
	assert_int_equal(world_listener_stats(world, "tcp4").new_flows, 0);
	assert_int_equal(world_listener_stats(world, "tcp4").client_resets, 1);
	world_route(world, &syn);
	world_route(world, &fin);
	assert_int_equal(flow_expect(world, &syn, CV_FLOW_CLOSING).brief_timeout_s, CV_CLOSING_FIN_TIMEOUT_S);
	assert_int_equal(world_listener_stats(world, "tcp4").new_flows, 1);
	assert_int_equal(world_live(world, "tcp4"), 1);
}

/* A SYN is a SYN only without ACK: SYN-ACK from a client is of a flow that began without us. */
static void a_syn_ack_is_no_first_packet(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "syn-ack", .flags = PKT_SYN | PKT_ACK };

	world_expect(world, &probe, CV_TX);
	world_expect(world, &probe, CV_TX);
	flow_expect(world, &probe, CV_FLOW_OPEN);
}

/* Beyond so many in a second new flows go where Maglev says, and leave no trace. */
static void a_flood_makes_no_more_entries(void **state)
{
	struct world *world = *state;
	uint32_t now = world_tick(world);

	world_set_gate(world, &(struct cv_gate){ .second = now, .begun = CV_BEGUN_PER_S });
	for (uint16_t port = 1; port <= 20; port++) {
		struct probe probe = { .name = "flood", .flags = PKT_SYN, .client_port = port };

		assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
		flow_expect(world, &probe, CV_FLOW_NONE);
	}
	assert_int_equal(world_clock(world), now);
	world_tick(world);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	flow_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_FLOW_HALF_OPEN);
}

static void the_last_entry_of_a_second_is_made(void **state)
{
	struct world *world = *state;
	const struct probe last = { .flags = PKT_SYN, .client_port = 1 };
	const struct probe late = { .flags = PKT_SYN, .client_port = 2 };
	uint32_t now = world_tick(world);

	world_set_gate(world, &(struct cv_gate){ .second = now, .begun = CV_BEGUN_PER_S - 1 });
	world_expect(world, &last, CV_TX);
	world_expect(world, &late, CV_TX);
	flow_expect(world, &last, CV_FLOW_HALF_OPEN);
	flow_expect(world, &late, CV_FLOW_NONE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_first_packet_makes_a_half_open_entry, world_forget),
		cmocka_unit_test_setup(the_second_packet_opens_it, world_forget),
		cmocka_unit_test_setup(a_retransmitted_syn_follows_the_first, world_forget),
		cmocka_unit_test_setup(a_half_open_entry_is_forgotten, world_forget),
		cmocka_unit_test_setup(a_short_idle_timeout_is_not_of_handshakes, world_forget),
		cmocka_unit_test_setup(two_packets_of_a_running_flow_open_it, world_forget),
		cmocka_unit_test_setup(the_end_of_a_flow_begins_none, world_forget),
		cmocka_unit_test_setup(a_handshake_may_end_at_once, world_forget),
		cmocka_unit_test_setup(a_syn_ack_is_no_first_packet, world_forget),
		cmocka_unit_test_setup(a_flood_makes_no_more_entries, world_forget),
		cmocka_unit_test_setup(the_last_entry_of_a_second_is_made, world_forget),
	};

	harness_need_root();
	return world_run_tests("flow", tests, WORLD_EVEN_BLIND);
}
