/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of flows that are not there: late ones, whose flow idled out, and unknown ones. The bytes of a
 * reset are the oracle's; world_probe compares them. */
#include "bpf/flow.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/oracle.h"

static void configure(struct world *world, const char *late, const char *unknown)
{
	char keys[128];

	snprintf(keys, sizeof(keys), "late_packet: %s, unknown_packet: %s", late, unknown);
	world_vary(world, .tcp = keys);
}

/* Leaves a note that the flow of the probe idled out so many seconds ago, as its expiry does. */
static void let_idle_out(struct world *world, const struct probe *probe, uint32_t ago_s)
{
	const struct cv_expired note = { .expired_s = world_clock(world) - ago_s,
					 .listener = oracle_listener(world->image, probe) };
	int map = world_map(world, "cv_expired");
	struct cv_flow6_key key;

	probe_key(probe, &key);
	assert_return_code(bpf_map_update_elem(map, &key, &note, BPF_ANY), 0);
	close(map);
}

/* All kinds of packets that may come late, and be answered. */
static const struct probe packets[] = {
	{ .name = "data", V4, .flags = PKT_ACK | PKT_PSH, .payload = 100, .seq = 7, .ack = 9 },
	{ .name = "keepalive", V4, .flags = PKT_ACK, .payload = 1, .seq = 0xfffffffe, .ack = 0xffffffff },
	{ .name = "a full packet", V4, .flags = PKT_ACK, .payload = 1460, .seq = 1, .ack = 1 },
	{ .name = "FIN", V4, .flags = PKT_FIN | PKT_ACK, .seq = 0x12345678, .ack = 0x9abcdef0 },
	{ .name = "SYN-ACK", V4, .flags = PKT_SYN | PKT_ACK, .ack = 0x80000000 },
	{ .name = "no flags", V4, .flags = 0, .payload = 3, .seq = 0xffffffff, .ack = 5 },
	{ .name = "PSH alone", V4, .flags = PKT_PSH, .seq = 0xfffffffe },
	{ .name = "FIN alone", V4, .flags = PKT_FIN, .payload = 10, .seq = 1000 },
	{ .name = "TCP options", V4, .flags = PKT_ACK, .tcp_options = 40, .payload = 9, .ack = 3 },
	{ .name = "TCP options, no ACK", V4, .flags = 0, .tcp_options = 12, .payload = 9, .seq = 50 },
	{ .name = "IP options", V4, .flags = PKT_ACK, .options = 40, .payload = 9, .ack = 4 },
	{ .name = "IP options, no ACK", V4, .flags = 0, .options = 8, .payload = 9, .seq = 4 },
	{ .name = "a tag", V4, .flags = PKT_ACK, .vlans = 1, .ack = 0xdeadbeef },
	{ .name = "tags", V4, .flags = PKT_ACK, .vlans = 2, .options = 4, .payload = 77, .ack = 6 },
	{ .name = "padding", V4, .flags = 0, .padding = 6, .seq = 8 },
	{ .name = "marked", V4, .flags = PKT_ACK, .tos = 0xff, .ttl = 1, .df = 1, .id = 0xffff },
	{ .name = "data", V6, .flags = PKT_ACK | PKT_PSH, .payload = 100, .seq = 7, .ack = 9 },
	{ .name = "no flags", V6, .flags = 0, .payload = 3, .seq = 0xffffffff, .ack = 5 },
	{ .name = "FIN", V6, .flags = PKT_FIN, .vlans = 2, .padding = 3, .seq = 0xffffffff },
	{ .name = "marked", V6, .flags = PKT_ACK, .tos = 0xff, .ttl = 1, .flow_label = 0xfffff },
	{ .name = "extension", V6, .flags = PKT_ACK, .extension = { { 24, IPPROTO_DSTOPTS } }, .payload = 5 },
	{ .name = "extensions, no ACK",
	  V6,
	  .flags = 0,
	  .extension = { { 8, IPPROTO_HOPOPTS }, { 24, IPPROTO_ROUTING } },
	  .payload = 5,
	  .seq = 70 },
	{ .name = "atomic fragment", V6, .flags = PKT_ACK, .fragment = PROBE_ATOMIC, .payload = 1400 },
};

static void resets_late_packets(void **state)
{
	struct world *world = *state;
	uint64_t resets = 0;

	configure(world, "reset", "forward");
	for (size_t i = 0; i < CV_ARRAY_SIZE(packets); i++) {
		let_idle_out(world, &packets[i], 0);
		/* each of them, not only the first */
		world_expect(world, &packets[i], CV_RESET_LATE);
		world_expect(world, &packets[i], CV_RESET_LATE);
		flow_expect(world, &packets[i], CV_FLOW_NONE);
		resets += 2;
	}
	assert_int_equal(world_listener_stats(world, "tcp4").resets_sent +
				 world_listener_stats(world, "tcp6").resets_sent,
			 resets);
	assert_int_equal(world_listener_stats(world, "tcp4").packets, 0);
	assert_int_equal(world_listener_stats(world, "tcp4").bytes, 0);
}

static void resets_unknown_packets(void **state)
{
	struct world *world = *state;

	configure(world, "forward", "reset");
	for (size_t i = 0; i < CV_ARRAY_SIZE(packets); i++) {
		world_expect(world, &packets[i], CV_RESET_UNKNOWN);
		flow_expect(world, &packets[i], CV_FLOW_NONE);
	}
	assert_int_equal(world_listener_stats(world, "tcp4").resets_sent, 16);
	/* flows that are known live well with that */
	flow_open(world, &(struct probe){ .name = "known", .flags = PKT_ACK });
	flow_open(world, &(struct probe){ UDP, .name = "UDP" });
}

/* Carries of the checksum of a reset, whatever the numbers are. */
static void resets_have_right_checksums(void **state)
{
	struct world *world = *state;

	configure(world, "reset", "reset");
	srandom(3);
	for (size_t i = 0; i < 4000; i++) {
		struct probe probe = {
			.name = "random",
			.family = random() % 2 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6,
			.flags = random() % 2 ? PKT_ACK : 0,
			.client = (uint16_t)random(),
			.client_port = (uint16_t)(1 + random() % 65535),
			.seq = (uint32_t)random() << 1,
			.ack = (uint32_t)random() << 1,
		};

		world_expect(world, &probe, CV_RESET_UNKNOWN);
	}
}

/* RFC 9293 3.10.7.1: two hosts would go on resetting each other for ever. */
static void never_answers_a_reset(void **state)
{
	static const uint8_t flags[] = { PKT_RST, PKT_RST | PKT_ACK, PKT_RST | PKT_FIN, PKT_RST | PKT_SYN };
	struct world *world = *state;

	configure(world, "reset", "reset");
	for (size_t i = 0; i < CV_ARRAY_SIZE(flags) * 2; i++) {
		struct probe probe = {
			.name = "RST",
			.family = i % 2 ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4,
			.flags = flags[i / 2],
			.client = (uint16_t)(1 + i),
		};

		assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
		let_idle_out(world, &probe, 0);
		world_expect(world, &probe, CV_TX);
		flow_expect(world, &probe, CV_FLOW_NONE);
	}
}

/* RFC 1122 3.2.1.3: nobody sends from such an address, and an answer would go to many, or to ourselves. */
static void answers_single_hosts_only(void **state)
{
	configure(*state, "reset", "reset");
	world_expect_of_nobody(*state, &(struct probe){ .name = "source", .flags = PKT_ACK }, CV_TX);
}

static void forwards_late_packets_where_told_to(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "late", .flags = PKT_ACK };

	configure(world, "forward", "reset");
	let_idle_out(world, &probe, 0);
	assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
	flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
	world_expect(world, &probe, CV_TX);
	flow_expect(world, &probe, CV_FLOW_OPEN);
}

static void forwards_unknown_packets_where_told_to(void **state)
{
	struct world *world = *state;

	configure(world, "reset", "forward");
	for (size_t i = 0; i < CV_ARRAY_SIZE(packets); i++)
		if (packets[i].ttl != 1 && packets[i].payload < 1400)
			world_expect(world, &packets[i], CV_TX);
}

/* The whole way: a flow idles out, is answered, and its client begins again. */
static void a_new_syn_makes_up_for_lateness(void **state)
{
	struct world *world = *state;

	configure(world, "reset", "forward");
	for (size_t kind = 0; kind < PROBE_KINDS; kind += 2) {
		struct probe probe =
			probe_kind((struct probe){ .name = "begins again", .flags = PKT_ACK }, kind);
		struct probe syn = flow_flags(&probe, PKT_SYN);

		flow_open(world, &probe);
		flow_age(world, &probe, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
		world_expect(world, &probe, CV_RESET_LATE);
		flow_expect(world, &probe, CV_FLOW_NONE);
		assert_true(flow_has_note(world, &probe));
		assert_int_equal(world_listener_stats(world, world_listener[kind]).expired_flows, 1);
		assert_int_equal(world_live(world, world_listener[kind]), 0);
		world_expect(world, &probe, CV_RESET_LATE);
		world_expect(world, &syn, CV_TX);
		assert_false(flow_has_note(world, &probe));
		world_expect(world, &probe, CV_TX);
		flow_expect(world, &probe, CV_FLOW_OPEN);
		assert_int_equal(world_listener_stats(world, world_listener[kind]).resets_sent, 2);
	}
}

/* A flow may have lived on at a neighbour for longer than any timeout. */
static void a_note_is_no_proof_for_ever(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "back again", .flags = PKT_ACK };

	configure(world, "reset", "forward");
	let_idle_out(world, &probe, CV_IDLE_TIMEOUT_MAX_S - 1);
	world_expect(world, &probe, CV_RESET_LATE);
	let_idle_out(world, &probe, CV_IDLE_TIMEOUT_MAX_S + 1);
	world_expect(world, &probe, CV_TX);
}

static enum cv_verdict probe_after(struct world *world, struct cv_gate gate, uint16_t client)
{
	gate.second = world_tick(world);
	gate.flooded_s = gate.flooded_s ? gate.second - gate.flooded_s : 0;
	world_set_gate(world, &gate);
	world_expect(world, &(struct probe){ .name = "forged", .client = client, .flags = PKT_SYN }, CV_TX);
	return world_probe(world, &(struct probe){ .client = (uint16_t)(client + 1), .flags = PKT_ACK });
}

/* Whose half-open entry was pushed out by others, or was not made for their number, is unknown by no fault of its own. */
static void a_flood_resets_nobody(void **state)
{
	struct world *world = *state;

	configure(world, "reset", "reset");
	assert_int_equal(probe_after(world, (struct cv_gate){ .begun = CV_FLOOD_PER_S - 1 }, 10),
			 CV_RESET_UNKNOWN);
	assert_int_equal(probe_after(world, (struct cv_gate){ .begun = CV_FLOOD_PER_S }, 20), CV_TX);
	assert_int_equal(probe_after(world, (struct cv_gate){ .begun = CV_BEGUN_PER_S }, 30), CV_TX);
	assert_int_equal(probe_after(world, (struct cv_gate){ .flooded_s = CV_HALF_OPEN_TIMEOUT_S - 1 }, 40),
			 CV_TX);
	assert_int_equal(probe_after(world, (struct cv_gate){ .flooded_s = CV_HALF_OPEN_TIMEOUT_S + 2 }, 50),
			 CV_RESET_UNKNOWN);
}

/* A handshake that was given up is nothing that a packet could be late for. */
static void a_forgotten_handshake_leaves_no_note(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "SYN", .flags = PKT_SYN }, ack = flow_flags(&syn, PKT_ACK);

	configure(world, "reset", "forward");
	world_expect(world, &syn, CV_TX);
	flow_age(world, &syn, CV_HALF_OPEN_TIMEOUT_S + 1);
	world_expect(world, &ack, CV_TX);
	assert_false(flow_has_note(world, &syn));
	assert_int_equal(world_listener_stats(world, "tcp4").expired_flows, 0);
}

static void sends_so_many_in_a_second_and_no_more(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "flood", .flags = PKT_ACK };
	uint32_t now;

	configure(world, "reset", "reset");
	now = world_tick(world);
	world_set_gate(world, &(struct cv_gate){ .second = now, .resets = CV_RESETS_PER_S - 1 });
	world_expect(world, &probe, CV_RESET_UNKNOWN);
	world_expect(world, &probe, CV_DROP_RESET_LIMIT);
	world_expect(world, &probe, CV_DROP_RESET_LIMIT);
	assert_int_equal(world_listener_stats(world, "tcp4").resets_sent, 1);
	world_tick(world);
	world_expect(world, &probe, CV_RESET_UNKNOWN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(resets_late_packets, world_forget),
		cmocka_unit_test_setup(resets_unknown_packets, world_forget),
		cmocka_unit_test_setup(resets_have_right_checksums, world_forget),
		cmocka_unit_test_setup(never_answers_a_reset, world_forget),
		cmocka_unit_test_setup(answers_single_hosts_only, world_forget),
		cmocka_unit_test_setup(forwards_late_packets_where_told_to, world_forget),
		cmocka_unit_test_setup(forwards_unknown_packets_where_told_to, world_forget),
		cmocka_unit_test_setup(a_new_syn_makes_up_for_lateness, world_forget),
		cmocka_unit_test_setup(a_forgotten_handshake_leaves_no_note, world_forget),
		cmocka_unit_test_setup(a_note_is_no_proof_for_ever, world_forget),
		cmocka_unit_test_setup(a_flood_resets_nobody, world_forget),
		cmocka_unit_test_setup(sends_so_many_in_a_second_and_no_more, world_forget),
	};

	harness_need_root();
	return world_run_tests("reset", tests, WORLD_EVEN_BLIND);
}
