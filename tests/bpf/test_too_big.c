/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that do not fit the path to their backend: who is told, what, and how often. */
#include "bpf/world.h"

#include <linux/icmpv6.h>
#include <netinet/in.h>
#include <string.h>

#include "bpf/oracle.h"
#include "cv_gue.h"

static void set_mtu(struct world *world, uint16_t mtu)
{
	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.mtu = mtu;
	world_apply(world);
}

/* What a client's packet may be long on its way to the backend that has the probe's slot. */
static uint32_t room(const struct world *world, const struct probe *probe)
{
	const struct cv_backend *backend = &world->image->backend[oracle_owner(world->image, probe)];

	return backend->mtu -
	       cv_outer_bytes(world->image->listener[oracle_listener(world->image, probe)].forward,
			      world->image->directory.gue_variant, backend->family);
}

/* Bytes that the probe has without its payload. */
static uint16_t headers(const struct probe *probe)
{
	struct probe empty = *probe;
	struct pkt p;

	empty.payload = 0;
	empty.padding = 0;
	probe_build(&empty, &p);
	return (uint16_t)(p.len - 14 - probe->vlans * 4);
}

static void expect_answer(struct world *world, const struct probe *probe, uint32_t mtu)
{
	struct harness_result result;
	enum cv_verdict verdict;
	struct pkt in, want;

	probe_build(probe, &in);
	verdict = world_run(world, &in, &result);
	if (verdict != CV_TOO_BIG_ANSWERED)
		fail_msg("%s: verdict %s", probe->name, dp_verdict_name(verdict));
	oracle_too_big(probe, mtu, &want);
	assert_pkt(&want, result.data, result.len);
}

/* Packets of every form, by one byte too long. */
static void tells_the_sender(void **state)
{
	static const struct probe packets[] = {
		{ .name = "data", V4, .df = 1, .flags = PKT_ACK },
		{ .name = "a tag", V4, .df = 1, .flags = PKT_ACK, .vlans = 1 },
		{ .name = "tags and padding", V4, .df = 1, .vlans = 2, .padding = 7, .flags = PKT_ACK },
		{ .name = "options", V4, .df = 1, .options = 40, .tcp_options = 12, .flags = PKT_ACK },
		{ .name = "marked", V4, .df = 1, .tos = 0xff, .ttl = 255, .id = 0xffff },
		{ .name = "UDP", V4, UDP, .df = 1 },
		{ .name = "data", V6, .flags = PKT_ACK },
		{ .name = "a tag", V6, .flags = PKT_ACK, .vlans = 1 },
		{ .name = "tags and padding", V6, .vlans = 2, .padding = 7, .flags = PKT_ACK },
		{ .name = "extensions",
		  V6,
		  .extension = { { 24, IPPROTO_DSTOPTS }, { 8, IPPROTO_ROUTING } } },
		{ .name = "marked", V6, .tos = 0xff, .flow_label = 0xfffff },
		{ .name = "atomic fragment", V6, .fragment = PROBE_ATOMIC },
		{ .name = "UDP", V6, UDP },
	};
	struct world *world = *state;

	for (uint16_t mtu = 1400; mtu <= 1500; mtu += 33) {
		set_mtu(world, mtu);
		for (size_t i = 0; i < CV_ARRAY_SIZE(packets) * 8; i++) {
			struct probe probe = packets[i / 8];

			probe.client_port = (uint16_t)(1 + i);
			probe.payload = (uint16_t)(room(world, &probe) - headers(&probe));
			world_expect(world, &probe, CV_TX);
			probe.payload++;
			expect_answer(world, &probe, room(world, &probe));
			/* a frame in several pieces among them */
			for (probe.payload = 2500; probe.payload <= 8500; probe.payload += 3000)
				expect_answer(world, &probe, room(world, &probe));
		}
	}
}

/* What a tunnel takes of the path is its own affair: UDP and GUE header, or none at all. */
static void leaves_room_for_every_tunnel(void **state)
{
	static const struct {
		const char *top, *keys;
		uint32_t room4, room6; /* to the backend of that family, of 1,500 */
	} ways[] = {
		{ "gue: { variant: 0 }", "forward: gue", 1468, 1448 },
		{ "gue: { variant: 1 }", "forward: gue", 1472, 1452 },
		{ NULL, "forward: ipip", 1480, 1460 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(ways); i++) {
		world_vary(world, .top = ways[i].top, .tcp = ways[i].keys);
		for (uint16_t port = 1; port <= 16; port++) {
			struct probe probe = { .name = ways[i].keys, V4, .df = 1, .client_port = port };
			const struct cv_backend *backend =
				&world->image->backend[oracle_owner(world->image, &probe)];

			assert_int_equal(room(world, &probe),
					 backend->family == CV_FAMILY_IPV4 ? ways[i].room4 : ways[i].room6);
			probe.payload = (uint16_t)(room(world, &probe) - headers(&probe));
			world_expect(world, &probe, CV_TX);
			probe.payload++;
			expect_answer(world, &probe, room(world, &probe));
		}
	}
}

/* A checksum has to carry whatever the quote is. */
static void sums_any_quote(void **state)
{
	struct world *world = *state;

	for (uint32_t i = 0; i < 2000; i++) {
		struct probe probe = { .name = "any", .df = 1, .payload = 1500, .flags = PKT_ACK };

		probe.family = i % 2 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6;
		probe.seq = i * 2654435761U;
		probe.ack = ~probe.seq * 40503U;
		probe.id = (uint16_t)(i * 33);
		probe.flow_label = i * 521 & 0xfffff;
		if (world_young_second(world) && i % 64 == 0)
			world_set_gate(world, &(struct cv_gate){ 0 });
		expect_answer(world, &probe, room(world, &probe));
	}
}

/* IPv4 lets who sends ask for fragments instead. */
static void leaves_packets_without_df(void **state)
{
	for (size_t kind = 0; kind < 2; kind++)
		world_expect(*state, &(struct probe){ .name = "no DF", UDP, .payload = 1500 },
			     CV_DROP_TOO_BIG);
}

/* RFC 8200 5: no IPv6 sender has to send less than 1,280 bytes; RFC 2473 7.1: it is told no less. */
static void never_tells_less_than_1280(void **state)
{
	struct world *world = *state;
	struct probe probe = { .name = "narrow", V6, UDP };

	set_mtu(world, 1290);
	assert_in_range(room(world, &probe), 1250, 1270);
	probe.payload = (uint16_t)(room(world, &probe) - 48);
	world_expect(world, &probe, CV_TX);
	probe.payload++;
	world_expect(world, &probe, CV_DROP_PATH_NARROW);
	probe.payload = 1280 - 48;
	world_expect(world, &probe, CV_DROP_PATH_NARROW);
	probe.payload++;
	expect_answer(world, &probe, 1280);
}

/* What is shorter than a quote would be, and what is never answered, are lost by the same narrow path: an ICMPv6 error is
 * as long as 1,280 bytes (RFC 4443 2.4 c). */
static void names_narrow_paths(void **state)
{
	static const uint8_t quoted[1280 - 40 - 8 - 40 - 20];
	struct world *world = *state;
	struct harness_result result;
	struct pkt in = PKT_NEW;

	set_mtu(world, 1240);
	world_expect(world, &(struct probe){ .name = "short", V6, UDP, .payload = CV_QUOTE6_BYTES - 1 - 48 },
		     CV_DROP_PATH_NARROW);
	set_mtu(world, 1280);
	pkt_eth(&in);
	pkt_ipv6(&in, "2001:db8:99::1", VIP6);
	pkt_icmp(&in, ICMPV6_PKT_TOOBIG, 0, .rest = 1400);
	pkt_ipv6(&in, VIP6, "2001:db8:c::7");
	pkt_tcp(&in, 443, 40000, .flags = PKT_ACK);
	pkt_bytes(&in, quoted, sizeof(quoted));
	assert_int_equal(world_run(world, &in, &result), CV_DROP_PATH_NARROW);
}

/* An answer needs a packet to quote; paths as narrow as this are no paths (Linux takes 552 for the least). */
static void leaves_packets_shorter_than_the_quote(void **state)
{
	struct world *world = *state;
	struct probe probe = { .name = "short", V4, .df = 1, .payload = 512 - 40 };

	set_mtu(world, 500);
	expect_answer(world, &probe, room(world, &probe));
	probe.payload--;
	probe.padding = 100;
	world_expect(world, &probe, CV_DROP_TOO_BIG);
}

/* RFC 1122 3.2.2, RFC 4443 2.4 e. */
static void answers_single_hosts_only(void **state)
{
	struct probe probe = { .name = "source", .df = 1, .payload = 1500 };

	world_expect_of_nobody(*state, &probe, CV_DROP_TOO_BIG);
	probe.family = CV_FAMILY_IPV6;
	world_expect(*state, &probe, CV_TOO_BIG_ANSWERED);
}

static void answers_only_so_often(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "often", V4, .df = 1, .payload = 1500 };
	const struct probe six = { .name = "often", V6, .payload = 1500 };
	uint32_t now = world_young_second(world);

	world_set_gate(world, &(struct cv_gate){ .second = now, .icmp_replies = CV_ICMP_REPLIES_PER_S - 2 });
	expect_answer(world, &probe, room(world, &probe));
	expect_answer(world, &six, room(world, &six));
	world_expect(world, &probe, CV_DROP_ICMP_LIMIT);
	world_expect(world, &six, CV_DROP_ICMP_LIMIT);
	/* what is not answered at all does not ask */
	world_expect(world, &(struct probe){ .name = "no DF", .payload = 1500 }, CV_DROP_TOO_BIG);
	world_tick(world);
	expect_answer(world, &probe, room(world, &probe));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(tells_the_sender, world_forget),
		cmocka_unit_test_setup(leaves_room_for_every_tunnel, world_forget),
		cmocka_unit_test_setup(sums_any_quote, world_forget),
		cmocka_unit_test_setup(leaves_packets_without_df, world_forget),
		cmocka_unit_test_setup(never_tells_less_than_1280, world_forget),
		cmocka_unit_test_setup(names_narrow_paths, world_forget),
		cmocka_unit_test_setup(leaves_packets_shorter_than_the_quote, world_forget),
		cmocka_unit_test_setup(answers_single_hosts_only, world_forget),
		cmocka_unit_test_setup(answers_only_so_often, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("too_big", tests, world_up, world_down);
}
