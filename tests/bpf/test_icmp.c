/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors: each goes to the backend of the flow that it is about, changes nothing, and is counted apart. What is in
 * them, in test_icmp_quote.c. */
#include "bpf/icmp_error.h"

#include "bpf/flow.h"
#include "bpf/oracle.h"

/* A flow on another backend than the one that its slot has now. */
static uint16_t open_elsewhere(struct world *world, const struct probe *probe)
{
	uint16_t backend = flow_open(world, probe);

	world_set_weight(world, backend, 0);
	assert_int_not_equal(oracle_owner(world->image, probe), backend);
	return backend;
}

struct error_type {
	uint8_t type;
	uint8_t codes; /* from 0 to here */
};

static const struct error_type types4[] = { { UNREACHABLE4, 15 },
					    { TIME_EXCEEDED4, 1 },
					    { PARAMETER_PROBLEM4, 2 } };
static const struct error_type types6[] = {
	{ UNREACHABLE6, 8 }, { TOO_BIG6, 0 }, { TIME_EXCEEDED6, 1 }, { PARAMETER_PROBLEM6, 10 }
};

static void send_types(struct world *world, struct icmp_error *error, uint16_t backend)
{
	bool is_v4 = probe_family(&error->quoted) == CV_FAMILY_IPV4;
	const struct error_type *types = is_v4 ? types4 : types6;
	size_t nr = is_v4 ? CV_ARRAY_SIZE(types4) : CV_ARRAY_SIZE(types6);

	for (size_t i = 0; i < nr; i++) {
		error->type = types[i].type;
		for (unsigned code = 0; code <= types[i].codes; code++) {
			error->code = (uint8_t)code;
			icmp_error_expect(world, error, CV_TX, backend);
		}
	}
}

static void every_error_goes_where_its_flow_goes(void **state)
{
	static const uint64_t errors[PROBE_KINDS] = { 21, 21, 23, 23 };
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error error = { .quoted = probe_kind((struct probe){ .name = "flow" }, kind) };
		struct cv_listener_stats before, after;
		struct cv_backend_stats backend_before, backend_after;
		struct cv_flow flow_before, flow_after;
		uint16_t backend = open_elsewhere(world, &error.quoted);

		flow_age(world, &error.quoted, 10);
		flow_before = flow_expect(world, &error.quoted, CV_FLOW_OPEN);
		before = world_listener_stats(world, world_listener[kind]);
		backend_before = world_backend_stats(world, backend);
		send_types(world, &error, backend);
		/* it counts, and all else is as it was */
		flow_after = flow_expect(world, &error.quoted, CV_FLOW_OPEN);
		assert_memory_equal(&flow_after, &flow_before, sizeof(flow_after));
		after = world_listener_stats(world, world_listener[kind]);
		assert_int_equal(after.icmp_errors, errors[kind]);
		after.icmp_errors = 0;
		assert_memory_equal(&after, &before, sizeof(after));
		backend_after = world_backend_stats(world, backend);
		assert_memory_equal(&backend_after, &backend_before, sizeof(backend_after));
		world_set_weight(world, backend, -1);
	}
}

static void so_do_errors_of_half_open_and_closing_flows(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error half = { .quoted =
						   probe_kind((struct probe){ .name = "half-open" }, kind) };
		struct icmp_error closing = {
			.quoted = probe_kind((struct probe){ .name = "closing", .client = 8 }, kind)
		};
		struct probe fin = flow_flags(&closing.quoted, PKT_FIN | PKT_ACK);
		uint16_t backend;

		half.quoted.flags = PKT_SYN;
		backend = world_route(world, &half.quoted);
		world_set_weight(world, backend, 0);
		icmp_error_expect(world, &half, CV_TX, backend);
		flow_expect(world, &half.quoted, CV_FLOW_HALF_OPEN);
		world_set_weight(world, backend, -1);

		backend = open_elsewhere(world, &closing.quoted);
		world_expect(world, &fin, CV_TX);
		icmp_error_expect(world, &closing, CV_TX, backend);
		world_set_weight(world, backend, -1);
	}
}

/* The backend may go on to send for a while. Its client's next packet is late all the same. */
static void so_do_errors_of_flows_that_idled_out(void **state)
{
	struct world *world = *state;
	struct icmp_error error = { .quoted = { .name = "idle", .flags = PKT_ACK } };
	uint16_t backend = open_elsewhere(world, &error.quoted);

	flow_age(world, &error.quoted, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
	icmp_error_expect(world, &error, CV_TX, backend);
	world_expect(world, &error.quoted, CV_RESET_LATE);
	/* nor is an error answered with a reset */
	icmp_error_expect(world, &error, CV_TX, oracle_owner(world->image, &error.quoted));
}

/* Its next packet will be placed anew by Maglev. */
static void a_flow_without_its_backend_is_where_maglev_places_it(void **state)
{
	struct world *world = *state;
	struct icmp_error error = { .quoted = { .name = "backend gone" } };
	uint16_t backend;

	world_vary(world, .tcp = "unknown_packet: reset");
	backend = flow_open(world, &error.quoted);
	world_backend_by_id(world, backend)->state = CV_BACKEND_DOWN;
	world_apply(world);
	assert_int_not_equal(oracle_owner(world->image, &error.quoted), backend);
	icmp_error_expect(world, &error, CV_TX, oracle_owner(world->image, &error.quoted));
	assert_int_equal(world_listener_stats(world, "tcp4").icmp_unknown_flow, 0);
	assert_int_equal(world_listener_stats(world, "tcp4").moved_flows, 0);
}

static void unknown_flows_are_where_maglev_says(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error error = { .quoted = probe_kind((struct probe){ .name = "unknown" }, kind) };

		for (error.quoted.client = 1; error.quoted.client <= 20; error.quoted.client++) {
			icmp_error_expect(world, &error, CV_TX, oracle_owner(world->image, &error.quoted));
			flow_expect(world, &error.quoted, CV_FLOW_NONE);
		}
		assert_int_equal(world_listener_stats(world, world_listener[kind]).icmp_errors, 20);
		assert_int_equal(world_listener_stats(world, world_listener[kind]).icmp_unknown_flow, 20);
	}
}

static void or_are_dropped_where_strays_are_reset(void **state)
{
	struct world *world = *state;

	world_vary(world, .tcp = "unknown_packet: reset", .udp = "unknown_packet: reset");
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error error = { .quoted = probe_kind((struct probe){ .name = "unknown" }, kind) };
		struct cv_listener_stats stats;

		icmp_error_expect(world, &error, CV_DROP_ICMP_UNKNOWN, 0);
		flow_expect(world, &error.quoted, CV_FLOW_NONE);
		stats = world_listener_stats(world, world_listener[kind]);
		assert_int_equal(stats.icmp_errors + stats.icmp_unknown_flow + stats.resets_sent, 0);
	}
}

/* No backend ever saw a flow that was refused. */
static void refused_flows_are_unknown(void **state)
{
	struct world *world = *state;
	struct icmp_error error = { .quoted = { .name = "refused", .flags = PKT_SYN } };

	world_vary(world, .tcp = "unknown_packet: reset, max_flows: 1");
	world_set_live(world, world_listener_id(world, "tcp4"), 1);
	world_expect(world, &error.quoted, CV_DROP_QUOTA);
	flow_expect(world, &error.quoted, CV_FLOW_REFUSED);
	icmp_error_expect(world, &error, CV_DROP_ICMP_UNKNOWN, 0);
}

static void goes_the_listeners_way(void **state)
{
	static const char lines[] =
		"flow_table: { max_flows: 4096 }\n"
		"listeners:\n"
		"  - { name: a, address: 192.0.2.10, protocol: tcp, port: 443, pool: a, forward: l2 }\n"
		"  - { name: b, address: '2001:db8:a::10', protocol: udp, port: 443, pool: b, forward: l2,\n"
		"      hash: source }\n"
		"pools:\n"
		"  - { name: a, table_size: 251, backends: [ { address: 10.0.0.11 } ] }\n"
		"  - { name: b, table_size: 251, all_down: reject, backends: [ { address: '2001:db8:b::13' } ] }\n";
	struct world *world = *state;
	struct icmp_error four = { .quoted = { .name = "IPv4 by l2", V4 }, .carrier = { .vlans = 1 } };
	struct icmp_error six = { .quoted = { .name = "IPv6 by l2", V6, UDP } };
	struct icmp_error gue = { .quoted = { .name = "IPv4 by GUE", V4, UDP }, .carrier = { .vlans = 2 } };

	world_vary(world, .udp = "forward: gue");
	for (gue.quoted.client = 1; gue.quoted.client <= 8; gue.quoted.client++)
		icmp_error_expect(world, &gue, CV_TX, oracle_owner(world->image, &gue.quoted));
	world_configure(world, lines);
	icmp_error_expect(world, &four, CV_TX, world_backend_id(world, "10.0.0.11"));
	icmp_error_expect(world, &six, CV_TX, world_backend_id(world, "2001:db8:b::13"));
	/* and meets the same obstacles */
	world_backend(world, "10.0.0.11")->ifindex = 0;
	world_backend(world, "2001:db8:b::13")->state = CV_BACKEND_DOWN;
	world_apply(world);
	icmp_error_expect(world, &four, CV_DROP_NO_NEXT_HOP, 0);
	icmp_error_expect(world, &six, CV_DROP_NO_BACKEND, 0);
	assert_int_equal(world_listener_stats(world, "a").icmp_errors, 1);
}

/* Listeners by exact port, by range and any, of one address. */
static void finds_the_listener_of_the_port(void **state)
{
	static const struct {
		uint16_t port;
		const char *pool_of;
	} ports[] = { { 443, "10.0.0.1" }, { 8050, "10.0.0.2" }, { 9000, "10.0.0.3" } };
	struct world *world = *state;

	world_configure(world,
			"flow_table: { max_flows: 4096 }\n"
			"listeners:\n"
			"  - { name: a, address: 192.0.2.10, protocol: tcp, port: 443, pool: a }\n"
			"  - { name: b, address: 192.0.2.10, protocol: tcp, port: 8000-8099, pool: b }\n"
			"  - { name: c, address: 192.0.2.10, protocol: tcp, port: any, pool: c }\n"
			"pools:\n"
			"  - { name: a, table_size: 251, backends: [ { address: 10.0.0.1 } ] }\n"
			"  - { name: b, table_size: 251, backends: [ { address: 10.0.0.2 } ] }\n"
			"  - { name: c, table_size: 251, backends: [ { address: 10.0.0.3 } ] }\n");
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports); i++) {
		struct icmp_error error = { .quoted = { .name = "port", .port = ports[i].port } };

		icmp_error_expect(world, &error, CV_TX, world_backend_id(world, ports[i].pool_of));
		error.quoted.protocol = CV_PROTOCOL_UDP;
		icmp_error_expect(world, &error, CV_PASS_NO_LISTENER, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(every_error_goes_where_its_flow_goes, world_forget),
		cmocka_unit_test_setup(so_do_errors_of_half_open_and_closing_flows, world_forget),
		cmocka_unit_test_setup(so_do_errors_of_flows_that_idled_out, world_forget),
		cmocka_unit_test_setup(a_flow_without_its_backend_is_where_maglev_places_it, world_forget),
		cmocka_unit_test_setup(unknown_flows_are_where_maglev_says, world_forget),
		cmocka_unit_test_setup(or_are_dropped_where_strays_are_reset, world_forget),
		cmocka_unit_test_setup(refused_flows_are_unknown, world_forget),
		cmocka_unit_test_setup(goes_the_listeners_way, world_forget),
		cmocka_unit_test_setup(finds_the_listener_of_the_port, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("icmp", tests, world_up, world_down);
}
