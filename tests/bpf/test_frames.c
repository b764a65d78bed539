/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames longer than a page, which come in several pieces: the same bytes leave as of any other, every length is held
 * against the whole frame, answers are as short as ever, and a header that cannot be read has a reason of its own. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <string.h>

#include "bpf/oracle.h"

#define JUMBO 9000

/* Lengths on both sides of what is taken for one piece without a question (FRAME_ONE_PIECE), and of where the kernel's test
 * runs begin a second and a third one. */
static const uint16_t payloads[] = { 950,  960,	 965,  969,  970,  971,	 980,  1200, 3300, 3400,
				     3450, 3480, 3500, 3520, 3600, 4096, 7500, 7600, 7700, 8800 };

static void configure(struct world *world, const char *keys, uint16_t mtu)
{
	world_vary(world, .tcp = keys, .udp = keys);
	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.mtu = mtu;
	world_apply(world);
}

static void forwards_them_as_any_other(void **state)
{
	static const char *const ways[] = { "forward: ipip", "forward: gue" };
	struct world *world = *state;

	for (size_t way = 0; way < CV_ARRAY_SIZE(ways); way++) {
		configure(world, ways[way], JUMBO);
		for (size_t i = 0; i < CV_ARRAY_SIZE(payloads) * PROBE_KINDS * 4; i++) {
			struct probe probe = probe_kind((struct probe){ .name = "jumbo", .flags = PKT_ACK },
							i % PROBE_KINDS);

			probe.payload = payloads[i / PROBE_KINDS / 4];
			probe.vlans = (uint8_t)(i % 3);
			probe.padding = (uint16_t)(i % 5 ? 0 : 7);
			probe.client_port = (uint16_t)(1000 + i);
			assert_int_not_equal(world_route(world, &probe), 0);
		}
	}
}

static void l2_leaves_them_as_they_are(void **state)
{
	struct world *world = *state;

	world_configure(
		world,
		"flow_table: { max_flows: 4096 }\n"
		"listeners: [ { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: four,\n"
		"  forward: l2 } ]\n"
		"pools: [ { name: four, table_size: 251, backends: [ { address: 10.0.0.11 } ] } ]\n");
	world_backend(world, "10.0.0.11")->mtu = JUMBO;
	world_apply(world);
	for (size_t i = 0; i < CV_ARRAY_SIZE(payloads); i++)
		world_expect(world,
			     &(struct probe){ .name = "jumbo",
					      .flags = PKT_ACK,
					      .payload = payloads[i],
					      .vlans = (uint8_t)(i % 3),
					      .padding = 3 },
			     CV_TX);
}

/* Bytes of listener and backend are the client's; those of the verdict, which world_run compares, the frame's. */
static void counts_all_of_their_bytes(void **state)
{
	struct world *world = *state;
	const struct probe probe = {
		.name = "jumbo", .flags = PKT_ACK, .payload = 8000, .padding = 9, .vlans = 1
	};
	struct cv_listener_stats before, after;

	configure(world, "", JUMBO);
	before = world_listener_stats(world, "tcp4");
	world_expect(world, &probe, CV_TX);
	after = world_listener_stats(world, "tcp4");
	assert_int_equal(after.bytes - before.bytes, 20 + 20 + 8000);
}

/* Nobody looks for a length in what is not IP: the frame's own counts, in all its pieces. */
static void counts_those_of_others_too(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(payloads); i++) {
		const struct probe probe = { .name = "not IP", .payload = payloads[i] };
		struct harness_result result;
		struct pkt in;

		probe_build(&probe, &in);
		memcpy(pkt_layer(&in, 1) - 2, "\x88\xa2", 2); /* ATA over Ethernet */
		assert_int_equal(world_run(world, &in, &result), CV_PASS_NOT_IP);
	}
}

/* What the headers count is held against all pieces, not against the first. */
static void holds_lengths_against_the_whole(void **state)
{
	static const struct {
		size_t kind;
		uint8_t offset;
		int change;
		enum cv_verdict verdict;
	} rows[] = {
		{ 0, 2, 1, CV_PASS_MALFORMED }, { 0, 2, 0, CV_TX }, { 0, 2, -1, CV_TX },
		{ 2, 4, 1, CV_PASS_MALFORMED }, { 2, 4, 0, CV_TX }, { 2, 4, -1, CV_TX },
	};
	struct world *world = *state;

	world_vary(world, .backends = "[ { address: 10.0.0.11 } ]");
	world_backend(world, "10.0.0.11")->mtu = JUMBO;
	world_apply(world);
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows) * CV_ARRAY_SIZE(payloads); i++) {
		size_t row = i % CV_ARRAY_SIZE(rows);
		struct probe probe =
			probe_kind((struct probe){ .name = "lengths", .flags = PKT_ACK }, rows[row].kind);
		struct harness_result result;
		uint8_t *length;
		unsigned bytes;
		struct pkt in;

		probe.payload = payloads[i / CV_ARRAY_SIZE(rows)];
		probe_build(&probe, &in);
		length = pkt_layer(&in, 1) + rows[row].offset;
		bytes = (unsigned)((length[0] << 8 | length[1]) + rows[row].change);
		length[0] = (uint8_t)(bytes >> 8);
		length[1] = (uint8_t)bytes;
		assert_int_equal(world_run(world, &in, &result), rows[row].verdict);
		if (rows[row].verdict == CV_TX) /* what is too much stays, as a trailer */
			assert_int_equal(result.len, in.len + 20);
	}
}

static void answers_with_one_piece(void **state)
{
	struct world *world = *state;

	configure(world, "unknown_packet: reset", JUMBO);
	for (size_t i = 0; i < CV_ARRAY_SIZE(payloads) * 2; i++) {
		struct probe probe = {
			.name = "stray", .flags = PKT_ACK, .ack = 77, .vlans = (uint8_t)(i % 3)
		};
		struct harness_result result;
		struct pkt in, want;

		probe.family = i % 2 ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4;
		probe.payload = payloads[i / 2];
		probe_build(&probe, &in);
		assert_int_equal(world_run(world, &in, &result), CV_RESET_UNKNOWN);
		oracle_reset(&probe, &want);
		assert_pkt(&want, result.data, result.len);
	}
	configure(world, "", 1500);
	for (size_t i = 0; i < CV_ARRAY_SIZE(payloads) * 2; i++) {
		struct probe probe = {
			.name = "too long", .flags = PKT_ACK, .df = 1, .vlans = (uint8_t)(i % 3)
		};
		struct harness_result result;
		const struct cv_backend *backend;
		struct pkt in, want;

		if (payloads[i / 2] < 1200)
			continue; /* not too long */
		probe.family = i % 2 ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4;
		probe.payload = (uint16_t)(payloads[i / 2] + 300);
		probe_build(&probe, &in);
		backend = &world->image->backend[oracle_owner(world->image, &probe)];
		assert_int_equal(world_run(world, &in, &result), CV_TOO_BIG_ANSWERED);
		oracle_too_big(&probe, backend->family == CV_FAMILY_IPV4 ? 1480 : 1460, &want);
		assert_pkt(&want, result.data, result.len);
	}
}

/* Extension headers so long that the transport header begins in the second piece, or is cut in two by its end. */
static void tells_headers_that_cannot_be_read(void **state)
{
	struct world *world = *state;
	unsigned seen[CV_VERDICT_COUNT] = { 0 };
	enum cv_verdict last = CV_TX;

	configure(world, "", JUMBO);
	for (size_t bytes = 3200; bytes < 3700; bytes += 8) {
		struct probe probe = { .name = "long headers", V6, .flags = PKT_ACK, .payload = 1000 };
		struct harness_result result;
		enum cv_verdict verdict;
		struct pkt in;

		probe.extension[0].protocol = 60;
		probe.extension[0].bytes = 2048;
		probe.extension[1].protocol = 60;
		probe.extension[1].bytes = (uint16_t)(bytes - 2048);
		probe_build(&probe, &in);
		verdict = world_run(world, &in, &result);
		assert_true(verdict == CV_TX || verdict == CV_DROP_SPLIT || verdict == CV_PASS_SPLIT);
		/* one after the other, and never back */
		assert_true(last != CV_PASS_SPLIT || verdict == CV_PASS_SPLIT);
		assert_true(last != CV_DROP_SPLIT || verdict != CV_TX);
		seen[verdict]++;
		last = verdict;
	}
	assert_true(seen[CV_TX] && seen[CV_DROP_SPLIT] && seen[CV_PASS_SPLIT]);
	assert_in_range(seen[CV_DROP_SPLIT], 1, 3); /* ports in, and the rest of 20 bytes not */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(forwards_them_as_any_other, world_forget),
		cmocka_unit_test_setup(l2_leaves_them_as_they_are, world_forget),
		cmocka_unit_test_setup(counts_all_of_their_bytes, world_forget),
		cmocka_unit_test_setup(counts_those_of_others_too, world_forget),
		cmocka_unit_test_setup(holds_lengths_against_the_whole, world_forget),
		cmocka_unit_test_setup(answers_with_one_piece, world_forget),
		cmocka_unit_test_setup(tells_headers_that_cannot_be_read, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("frames", tests, world_up, world_down);
}
