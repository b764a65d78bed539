/* SPDX-License-Identifier: GPL-2.0-only */
/* forward: gue: the exact bytes that leave, by the oracle, in both variants and between all families; the room it takes;
 * the spread of its source ports; and a reload that changes variant and port. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "bpf/oracle.h"

#define ETH_BYTES 14

static const char *const variants[] = { "gue: { variant: 0 }", "gue: { variant: 1, port: 65535 }" };
static const size_t outer_bytes[] = { 12, 8 }; /* of UDP and GUE */

static void configure(struct world *world, size_t variant)
{
	world_vary(world, .top = variants[variant], .tcp = "forward: gue", .udp = "forward: gue");
}

/* Packets that differ in what an outer header takes over. */
static const struct probe various[] = {
	{ .name = "plain" },
	{ .name = "congestion", .tos = 0x03, .flow_label = 0xfffff },
	{ .name = "all bits", .tos = 0xff, .id = 0xffff, .df = 1, .flow_label = 0xabcde },
	{ .name = "last but one hop", .ttl = 2 },
	{ .name = "odd", .payload = 777, .flags = PKT_ACK },
	{ .name = "one tag", .vlans = 1, .payload = 1 },
	{ .name = "two tags, padding", .vlans = 2, .payload = 3, .padding = 5 },
};

/* Ports enough that every backend gets some. */
static void tunnels_between_all_families(void **state)
{
	static bool seen[CV_MAX_BACKENDS + 1][PROBE_KINDS];
	struct world *world = *state;

	for (size_t variant = 0; variant < CV_ARRAY_SIZE(variants); variant++) {
		configure(world, variant);
		memset(seen, 0, sizeof(seen));
		for (size_t i = 0; i < PROBE_KINDS * CV_ARRAY_SIZE(various) * 16; i++) {
			struct probe probe = probe_kind(various[i / PROBE_KINDS % CV_ARRAY_SIZE(various)],
							i % PROBE_KINDS);
			uint16_t backend;

			probe.client_port = (uint16_t)(1000 + i);
			backend = world_route(world, &probe);
			assert_int_not_equal(backend, 0);
			seen[backend][i % PROBE_KINDS] = true;
		}
		for (size_t i = 0; i < world->image->backends_nr; i++)
			for (size_t kind = 0; kind < PROBE_KINDS; kind++)
				assert_true(seen[world->image->backends[i]][kind]);
	}
}

/* The oracle fills headers in by a builder of its own; here is one, byte for byte. */
static void is_what_the_draft_says(void **state)
{
	/* to port 6080, 8 + 4 + 40 bytes, no checksum; variant 0, no control, no fields, IPv4, no flags */
	static const uint8_t wanted[] = { 0x17, 0xc0, 0, 52, 0, 0, 0, 4, 0, 0, 0x45 };
	struct world *world = *state;
	struct harness_result result;
	struct pkt in;

	world_vary(world, .tcp = "forward: gue", .backends = "[ { address: 10.0.0.11 } ]");
	probe_build(&(struct probe){ .name = "one", .ttl = 9 }, &in);
	assert_int_equal(world_run(world, &in, &result), CV_TX);
	assert_int_equal(result.len, in.len + 32);
	assert_int_equal(result.data[ETH_BYTES + 9], 17);
	assert_int_equal(result.data[ETH_BYTES + 20] & 0xc0, 0xc0);
	assert_memory_equal(result.data + ETH_BYTES + 22, wanted, sizeof(wanted));
}

static void expect_told(struct world *world, const struct probe *probe, uint32_t room)
{
	struct harness_result result;
	struct pkt in, want;

	probe_build(probe, &in);
	assert_int_equal(world_run(world, &in, &result), CV_TOO_BIG_ANSWERED);
	oracle_too_big(probe, room, &want);
	assert_pkt(&want, result.data, result.len);
}

/* Exactly what fits, and one byte more, of which the sender is told. */
static void takes_the_room_it_needs(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.mtu = 1400;
	for (size_t i = 0; i < CV_ARRAY_SIZE(variants) * PROBE_KINDS * 16; i++) {
		struct probe probe =
			probe_kind((struct probe){ .name = "big", .vlans = 1, .df = 1 }, i % PROBE_KINDS);
		size_t variant = i / PROBE_KINDS / 16;
		size_t headers = probe.family == CV_FAMILY_IPV4 ? 20 : 40;
		const struct cv_backend *backend;
		uint32_t room;

		if (i % (PROBE_KINDS * 16) == 0)
			configure(world, variant);
		probe.client_port = (uint16_t)(1 + i);
		backend = &world->image->backend[oracle_owner(world->image, &probe)];
		headers += probe.protocol == CV_PROTOCOL_TCP ? 20 : 8;
		room = 1400 - (backend->family == CV_FAMILY_IPV4 ? 20 : 40) - (uint32_t)outer_bytes[variant];
		probe.payload = (uint16_t)(room - headers);
		world_expect(world, &probe, CV_TX);
		probe.payload++;
		expect_told(world, &probe, room);
	}
}

/* All of 0xc000 to 0xffff, and one flow always by the same. */
static void spreads_source_ports(void **state)
{
	static bool seen[65536];
	struct world *world = *state;
	struct harness_result result;
	unsigned ports = 0, quarter[4] = { 0 };
	struct pkt in;

	world_vary(world, .tcp = "forward: gue", .backends = "[ { address: 10.0.0.11 } ]");
	for (unsigned i = 0; i < 2000; i++) {
		struct probe probe = { .name = "flow", .client_port = (uint16_t)(10000 + i / 2) };
		unsigned port;

		probe_build(&probe, &in);
		assert_int_equal(world_run(world, &in, &result), CV_TX);
		port = result.data[ETH_BYTES + 20] << 8 | result.data[ETH_BYTES + 21];
		assert_in_range(port, 0xc000, 0xffff);
		if (!seen[port])
			quarter[port >> 12 & 3]++;
		ports += !seen[port];
		seen[port] = true;
	}
	assert_in_range(ports, 900, 1000); /* two of 1,000 share one of 16,384 now and then */
	for (size_t i = 0; i < 4; i++)
		assert_in_range(quarter[i], 180, 320);
}

/* A flow goes on, in what the file says now. */
static void changes_at_a_reload(void **state)
{
	static const char *const files[] = { "gue: { port: 6080 }", "gue: { port: 6080, variant: 1 }",
					     "gue: { port: 9000 }" };
	const struct probe probe = { .name = "flow", .flags = PKT_ACK };
	struct world *world = *state;
	uint16_t backend = 0;

	for (size_t i = 0; i < 9; i++) {
		uint16_t now;

		world_vary(world, .top = files[i % 3], .tcp = i < 6 ? "forward: gue" : "forward: ipip");
		now = world_route(world, &probe); /* exactly the bytes that this file asks for */
		assert_true(now && (!backend || now == backend));
		backend = now;
	}
}

static void drops_where_the_driver_left_no_room(void **state)
{
	struct world *world = *state;
	enum cv_verdict verdict;
	struct pkt in;

	configure(world, 0);
	probe_build(&(struct probe){ .name = "crowded" }, &in);
	verdict = world_run_crowded(world, &in);
	if (!verdict)
		skip();
	assert_int_equal(verdict, CV_DROP_HEADROOM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tunnels_between_all_families, world_forget),
		cmocka_unit_test_setup(is_what_the_draft_says, world_forget),
		cmocka_unit_test_setup(takes_the_room_it_needs, world_forget),
		cmocka_unit_test_setup(spreads_source_ports, world_forget),
		cmocka_unit_test_setup(changes_at_a_reload, world_forget),
		cmocka_unit_test_setup(drops_where_the_driver_left_no_room, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("gue", tests, world_up, world_down);
}
