/* SPDX-License-Identifier: GPL-2.0-only */
/* Counters: each packet once, under its verdict, its listener and its backend, with the right bytes. That
 * the verdicts add up is checked at the end of every test program (world_down). */
#include "bpf/flow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/oracle.h"

#define BACKENDS 5 /* ids 1 to 4 */

static uint64_t ip_bytes(const struct probe *probe)
{
	struct pkt p;

	probe_build(probe, &p);
	return p.len - 14 - 4 * probe->vlans - probe->padding;
}

/* Bytes are those of IP packets as the client sent them: without tags, padding and outer headers. */
static void listeners_and_backends_count_what_is_forwarded(void **state)
{
	struct cv_listener_stats listener[PROBE_KINDS] = { 0 };
	struct cv_backend_stats backend[BACKENDS] = { 0 };
	struct world *world = *state;

	srandom(6);
	for (size_t i = 0; i < 3000; i++) {
		size_t kind = (size_t)random() % PROBE_KINDS;
		struct probe probe = probe_kind(
			(struct probe){
				.name = "counted",
				.client = (uint16_t)(1 + random() % 20),
				.payload = (size_t)random() % 1000,
				.vlans = (unsigned)random() % 3,
				.padding = (size_t)random() % 3,
				.ttl = random() % 8 ? 64 : 1,
				.flags = random() % 8 ? PKT_ACK : PKT_RST,
			},
			kind);
		uint16_t to = world_route(world, &probe);

		assert_true(to < BACKENDS);
		if (!to)
			continue;
		listener[kind].packets++;
		listener[kind].bytes += ip_bytes(&probe);
		listener[kind].client_resets += probe.protocol == CV_PROTOCOL_TCP && probe.flags == PKT_RST;
		backend[to].packets++;
		backend[to].bytes += ip_bytes(&probe);
	}
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct cv_listener_stats stats = world_listener_stats(world, world_listener[kind]);

		assert_int_equal(stats.packets, listener[kind].packets);
		assert_int_equal(stats.bytes, listener[kind].bytes);
		assert_int_equal(stats.client_resets, listener[kind].client_resets);
		assert_int_equal(stats.resets_sent, 0);
	}
	for (uint16_t id = 1; id < BACKENDS; id++) {
		struct cv_backend_stats stats = world_backend_stats(world, id);

		assert_int_equal(stats.packets, backend[id].packets);
		assert_int_equal(stats.bytes, backend[id].bytes);
	}
}

static void new_flows_are_counted_once(void **state)
{
	struct world *world = *state;
	uint64_t of_backends = 0;

	for (size_t i = 0; i < 400; i++) {
		struct probe probe = probe_kind(
			(struct probe){ .client = (uint16_t)(1 + i), .flags = PKT_ACK }, i % PROBE_KINDS);

		flow_open(world, &probe);
		world_expect(world, &probe, CV_TX);
	}
	for (size_t kind = 0; kind < PROBE_KINDS; kind++)
		assert_int_equal(world_listener_stats(world, world_listener[kind]).new_flows, 100);
	for (uint16_t id = 1; id < BACKENDS; id++)
		of_backends += world_backend_stats(world, id).new_flows;
	assert_int_equal(of_backends, 400);
	assert_int_equal(world_live(world, NULL), 400);
}

/* A flow knows how much it has carried, as long as every packet visits the table. */
static void flows_count_their_packets(void **state)
{
	struct world *world = *state;

	world_vary(world, .flow_table = "max_flows: 4096, shortcut: off");
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe =
			probe_kind((struct probe){ .flags = PKT_ACK, .vlans = 1, .padding = 4 }, kind);
		uint64_t bytes = 0;
		struct cv_flow flow;

		for (size_t i = 0; i < 10; i++) {
			probe.payload = i * 50;
			bytes += ip_bytes(&probe);
			world_expect(world, &probe, CV_TX);
		}
		flow = flow_expect(world, &probe, CV_FLOW_OPEN);
		assert_int_equal(flow.packets, 10);
		assert_int_equal(flow.bytes, bytes);
	}
}

/* An id that is given anew begins with zeroes. */
static void counters_begin_anew_with_a_new_owner(void **state)
{
	struct world *world = *state;
	uint16_t id = world_listener_id(world, "udp6");
	struct cv_listener_stats stats[CV_MAX_LISTENERS + 1];
	struct err err;

	world_expect(world, &(struct probe){ V6, UDP }, CV_TX);
	world_configure(world, "flow_table: { max_flows: 4096 }\n");
	assert_ok(dp_listener_stats(world->dp, stats, CV_ARRAY_SIZE(stats), &err), err);
	assert_int_equal(stats[id].packets, 1);
	world_vary(world);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++)
		assert_int_equal(world_listener_stats(world, world_listener[kind]).packets, 0);
}

/* Health checks that the data plane forwarded, as the filter at the port counts them. */
static void count_probes(struct world *world, uint16_t backends)
{
	size_t cpus = (size_t)libbpf_num_possible_cpus();
	struct cv_probe_stats *stats = calloc(cpus, sizeof(*stats));
	int map = world_map(world, "cv_probes");

	assert_non_null(stats);
	for (size_t cpu = 0; cpu < cpus; cpu++)
		stats[cpu] = (struct cv_probe_stats){ .packets = 1, .bytes = 60 };
	for (__u32 id = 1; id <= backends; id++)
		assert_return_code(bpf_map_update_elem(map, &id, stats, BPF_ANY), 0);
	close(map);
	free(stats);
}

static void so_do_those_of_health_checks(void **state)
{
	struct cv_probe_stats stats[2 * BACKENDS];
	struct world *world = *state;
	struct err err;

	count_probes(world, CV_ARRAY_SIZE(stats) - 1);
	/* one that only changes goes on */
	world_set_weight(world, world_backend_id(world, "10.0.0.11"), 50);
	assert_ok(dp_probe_stats(world->dp, stats, CV_ARRAY_SIZE(stats), &err), err);
	assert_true(stats[world_backend_id(world, "10.0.0.11")].packets > 0);
	world_configure(world, "flow_table: { max_flows: 4096 }\n");
	world_vary(world);
	assert_ok(dp_probe_stats(world->dp, stats, CV_ARRAY_SIZE(stats), &err), err);
	for (size_t id = 1; id < CV_ARRAY_SIZE(stats); id++)
		if (world->image->backend[id].state != CV_BACKEND_NONE)
			assert_int_equal(stats[id].packets, 0);
	assert_int_equal(stats[world_backend_id(world, "10.0.0.11")].packets, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(listeners_and_backends_count_what_is_forwarded, world_forget),
		cmocka_unit_test_setup(new_flows_are_counted_once, world_forget),
		cmocka_unit_test_setup(flows_count_their_packets, world_forget),
		cmocka_unit_test_setup(counters_begin_anew_with_a_new_owner, world_forget),
		cmocka_unit_test_setup(so_do_those_of_health_checks, world_forget),
	};

	harness_need_root();
	return world_run_tests("count", tests, WORLD_ON_AND_OFF);
}
