/* SPDX-License-Identifier: GPL-2.0-only */
/* Forwarding: the exact bytes that leave, by both ways and between all families, and what cannot be
 * forwarded. The oracle says what the bytes are; world_probe compares them. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/oracle.h"

/* As the default, but that backends get the frame as it is. */
static const char on_link[] =
	"flow_table: { max_flows: 4096 }\n"
	"listeners:\n"
	"  - { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: four, forward: l2 }\n"
	"  - { name: udp4, address: 192.0.2.10, protocol: udp, port: 443, pool: four, forward: l2 }\n"
	"  - { name: tcp6, address: '2001:db8:a::10', protocol: tcp, port: 443, pool: six, forward: l2 }\n"
	"  - { name: udp6, address: '2001:db8:a::10', protocol: udp, port: 443, pool: six, forward: l2 }\n"
	"pools:\n"
	"  - { name: four, table_size: 251, backends: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ] }\n"
	"  - { name: six, table_size: 251, backends: [ { address: '2001:db8:b::13' } ] }\n";

static void configure(struct world *world, bool is_l2)
{
	if (is_l2)
		world_configure(world, on_link);
	else
		world_vary(world);
}

/* Packets that differ in what an outer header takes over. */
static const struct probe various[] = {
	{ .name = "plain" },
	{ .name = "type of service", .tos = 0xb8 },
	{ .name = "congestion", .tos = 0x03, .flow_label = 0xfffff },
	{ .name = "all bits", .tos = 0xff, .id = 0xffff, .df = 1, .flow_label = 0xabcde },
	{ .name = "don't fragment", .df = 1, .id = 0xbeef },
	{ .name = "last but one hop", .ttl = 2 },
	{ .name = "longest life", .ttl = 255, .payload = 1 },
	{ .name = "payload", .payload = 1000, .flags = PKT_ACK },
	{ .name = "tags", .vlans = 2, .payload = 3 },
};

/* Ports enough that every backend gets some. */
static void send_various(struct world *world, bool ret_seen[CV_MAX_BACKENDS + 1][PROBE_KINDS])
{
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		for (size_t i = 0; i < CV_ARRAY_SIZE(various) * 16; i++) {
			struct probe probe = probe_kind(various[i % CV_ARRAY_SIZE(various)], kind);
			uint16_t backend;

			probe.client_port = (uint16_t)(1000 + i);
			backend = world_route(world, &probe);
			assert_int_not_equal(backend, 0);
			ret_seen[backend][kind] = true;
		}
	}
}

static void tunnels_between_all_families(void **state)
{
	static bool seen[CV_MAX_BACKENDS + 1][PROBE_KINDS];
	struct world *world = *state;

	send_various(world, seen);
	for (size_t i = 0; i < world->image->backends_nr; i++)
		for (size_t kind = 0; kind < PROBE_KINDS; kind++)
			assert_true(seen[world->image->backends[i]][kind]);
}

static void l2_leaves_the_packet_as_it_is(void **state)
{
	static bool seen[CV_MAX_BACKENDS + 1][PROBE_KINDS];
	struct world *world = *state;

	world_configure(world, on_link);
	send_various(world, seen);
	assert_true(seen[world_backend_id(world, "10.0.0.12")][0]);
	assert_true(seen[world_backend_id(world, "2001:db8:b::13")][3]);
}

/* A neighbour of the packet's own family, or nobody. */
static void l2_needs_a_neighbour_of_the_family(void **state)
{
	struct world *world = *state;
	int map = world_map(world, "cv_backends");
	struct cv_backend other;
	__u32 id;

	world_configure(world, on_link);
	id = world_backend_id(world, "2001:db8:b::13");
	world_backend(world, "2001:db8:b::13")->on_link = false;
	world_apply(world);
	world_expect(world, &(struct probe){ V6 }, CV_DROP_FAMILY);
	/* no configuration makes such a record: the program does not rely on that */
	other = world->image->backend[id];
	other.on_link = 1;
	other.family = CV_FAMILY_IPV4;
	assert_return_code(bpf_map_update_elem(map, &id, &other, BPF_ANY), 0);
	close(map);
	world_expect(world, &(struct probe){ V6 }, CV_DROP_FAMILY);
}

/* Every value of a word, so that every carry of both checksums is met. */
static void checksums_are_right_for_every_packet(void **state)
{
	for (unsigned id = 0; id < 0x10000; id += 13) {
		struct probe probe = {
			.name = "id",
			.id = (uint16_t)id,
			.ttl = 2 + (int)id % 254,
			.tos = (uint8_t)(id >> 4),
			.client_port = (uint16_t)(1 + id % 64),
		};

		world_expect(*state, &probe, CV_TX);
	}
}

/* Of a header of ones and zeroes: RFC 1624 4 is about these. */
static void checksums_are_right_at_the_edges(void **state)
{
	for (unsigned id = 0; id < 0x10000; id++) {
		struct probe probe = { .name = "edge", .id = (uint16_t)id };
		const uint8_t *checksum;
		struct pkt in;

		probe_build(&probe, &in);
		checksum = pkt_layer(&in, 1) + 10;
		if ((checksum[0] != 0xff && checksum[0] != 0) || (checksum[1] < 0xfd && checksum[1] > 2))
			continue;
		world_expect(*state, &probe, CV_TX);
	}
}

static size_t count_sources(struct world *world, enum cv_family family)
{
	const char *to = family == CV_FAMILY_IPV4 ? "10.0.0.11" : "2001:db8:b::13";
	size_t at = family == CV_FAMILY_IPV4 ? 14 + 12 : 14 + 8, size = family == CV_FAMILY_IPV4 ? 4 : 16;
	uint8_t source[64][16] = { 0 };
	size_t nr = 0;

	for (uint16_t port = 1; port <= 200 && nr < 64; port++) {
		struct probe probe = { .name = "spread", .client_port = port };
		struct harness_result result;
		struct pkt in;
		size_t i = 0;

		if (world_route(world, &probe) != world_backend_id(world, to))
			continue;
		probe_build(&probe, &in);
		assert_int_equal(world_run(world, &in, &result), CV_TX);
		while (i < nr && memcmp(source[i], result.data + at, size) != 0)
			i++;
		if (i == nr)
			memcpy(source[nr++], result.data + at, size);
	}
	return nr;
}

/* Sources within the prefix that the file names, and as many as it has room for. */
static void spreads_outer_sources(void **state)
{
	static const struct {
		const char *source4, *source6;
		size_t least4, most4, least6, most6;
	} rows[] = {
		{ "172.16.0.0/16", "100::/64", 20, 64, 20, 64 },
		{ "10.0.0.0/8", "2001:db8::/32", 20, 64, 20, 64 },
		{ "172.16.1.0/24", "2001:db8:0:1::/96", 20, 64, 20, 64 },
		{ "172.16.1.128/25", "2001:db8:1::/48", 20, 64, 20, 64 },
		{ "172.16.1.2/31", "2001:db8:0:1::2/127", 2, 2, 2, 2 },
		{ "172.16.1.2/32", "2001:db8:0:1::2/128", 1, 1, 1, 1 },
	};
	struct world *world = *state;
	char top[128];

	assert_int_equal(count_sources(world, CV_FAMILY_IPV4), 1);
	assert_int_equal(count_sources(world, CV_FAMILY_IPV6), 1);
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		snprintf(top, sizeof(top), "encapsulation: { source4: %s, source6: '%s' }", rows[i].source4,
			 rows[i].source6);
		world_vary(world, .top = top);
		assert_in_range(count_sources(world, CV_FAMILY_IPV4), rows[i].least4, rows[i].most4);
		assert_in_range(count_sources(world, CV_FAMILY_IPV6), rows[i].least6, rows[i].most6);
	}
}

static void place_all(struct world *world, uint32_t ifindex)
{
	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.ifindex = ifindex;
	world_apply(world);
}

/* The tags belong to the port the packet came in by. */
static void redirects_without_tags(void **state)
{
	struct world *world = *state;
	uint32_t port = world_add_port(world, "out");

	for (int is_l2 = 0; is_l2 <= 1; is_l2++) {
		configure(world, is_l2);
		place_all(world, port);
		for (size_t i = 0; i < PROBE_KINDS * 16; i++) {
			struct probe probe = probe_kind(various[i % CV_ARRAY_SIZE(various)], i % PROBE_KINDS);
			struct harness_result result;
			struct pkt in, want;

			probe.vlans = (unsigned)(i / PROBE_KINDS % 3);
			probe.client_port = (uint16_t)(1 + i);
			probe_build(&probe, &in);
			assert_int_equal(world_run(world, &in, &result), CV_REDIRECT);
			probe.vlans = 0;
			oracle_forwarded(world->image, &probe, oracle_owner(world->image, &probe), &want);
			assert_pkt(&want, result.data, result.len);
			probe.vlans = (unsigned)(i / PROBE_KINDS % 3);
			assert_int_equal(world_run_on(world, &in, port, &result), CV_TX);
			oracle_forwarded(world->image, &probe, oracle_owner(world->image, &probe), &want);
			assert_pkt(&want, result.data, result.len);
		}
	}
}

static void needs_an_attached_port(void **state)
{
	struct world *world = *state;
	uint32_t port = world_add_port(world, "gone");
	struct err err;

	place_all(world, 0);
	world_expect(world, &(struct probe){ .name = "no way" }, CV_DROP_NO_NEXT_HOP);
	place_all(world, 4000);
	world_expect(world, &(struct probe){ .name = "no such port" }, CV_DROP_NO_NEXT_HOP);
	place_all(world, port);
	world_expect(world, &(struct probe){ .name = "attached" }, CV_REDIRECT);
	assert_ok(dp_detach(DP_DEFAULT_PIN_DIR, "gone", &err), err);
	world_expect(world, &(struct probe){ .name = "detached" }, CV_DROP_NO_NEXT_HOP);
}

static void drops_what_has_no_hop_left(void **state)
{
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		world_expect(*state, &(struct probe){ .name = "two", .ttl = 2 }, CV_TX);
		for (int ttl = -1; ttl <= 1; ttl += 2) {
			struct probe probe = probe_kind((struct probe){ .name = "none", .ttl = ttl }, kind);

			world_expect(*state, &probe, CV_DROP_TTL);
		}
	}
}

/* Exactly what fits, and one byte more. */
static void drops_what_is_too_big(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.mtu = 1400;
	for (int is_l2 = 0; is_l2 <= 1; is_l2++) {
		configure(world, is_l2);
		for (size_t i = 0; i < PROBE_KINDS * 16; i++) {
			struct probe probe = probe_kind((struct probe){ .name = "big", .vlans = 1 }, i % 4);
			const struct cv_backend *backend;
			size_t headers = probe.family == CV_FAMILY_IPV4 ? 20 : 40;

			probe.client_port = (uint16_t)(1 + i);
			backend = &world->image->backend[oracle_owner(world->image, &probe)];
			headers += probe.protocol == CV_PROTOCOL_TCP ? 20 : 8;
			if (!is_l2)
				headers += backend->family == CV_FAMILY_IPV4 ? 20 : 40;
			probe.payload = 1400 - headers;
			world_expect(world, &probe, CV_TX);
			/* padding does not count */
			probe.padding = 5;
			world_expect(world, &probe, CV_TX);
			probe.payload++;
			world_expect(world, &probe,
				     probe.family == CV_FAMILY_IPV6 ? CV_TOO_BIG_ANSWERED : CV_DROP_TOO_BIG);
		}
	}
}

/* A packet longer than the MTU it came in by has not been cut yet; it will be, after us. */
static void forwards_what_will_still_be_cut(void **state)
{
	struct world *world = *state;
	uint32_t port = world_add_port(world, "uncut");
	const struct probe probe = { .name = "uncut", .payload = 2000 };
	const struct probe cut = { .name = "cut", .payload = 1460 };
	struct harness_result result;
	struct pkt in, want;

	place_all(world, port);
	probe_build(&probe, &in);
	assert_int_equal(world_run_on(world, &in, port, &result), CV_TX);
	oracle_forwarded(world->image, &probe, oracle_owner(world->image, &probe), &want);
	assert_pkt(&want, result.data, result.len);
	probe_build(&cut, &in);
	assert_int_equal(world_run_on(world, &in, port, &result), CV_DROP_TOO_BIG);
}

static void drops_where_the_driver_left_no_room(void **state)
{
	enum cv_verdict verdict;
	struct pkt in;

	probe_build(&(struct probe){ .name = "crowded" }, &in);
	verdict = world_run_crowded(*state, &in);
	if (!verdict)
		skip();
	assert_int_equal(verdict, CV_DROP_HEADROOM);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tunnels_between_all_families, world_forget),
		cmocka_unit_test_setup(l2_leaves_the_packet_as_it_is, world_forget),
		cmocka_unit_test_setup(l2_needs_a_neighbour_of_the_family, world_forget),
		cmocka_unit_test_setup(checksums_are_right_for_every_packet, world_forget),
		cmocka_unit_test_setup(checksums_are_right_at_the_edges, world_forget),
		cmocka_unit_test_setup(spreads_outer_sources, world_forget),
		cmocka_unit_test_setup(redirects_without_tags, world_forget),
		cmocka_unit_test_setup(needs_an_attached_port, world_forget),
		cmocka_unit_test_setup(drops_what_has_no_hop_left, world_forget),
		cmocka_unit_test_setup(drops_what_is_too_big, world_forget),
		cmocka_unit_test_setup(forwards_what_will_still_be_cut, world_forget),
		cmocka_unit_test_setup(drops_where_the_driver_left_no_room, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("forward", tests, world_up, world_down);
}
