/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that the program hands to user space: what lies in the ring, and what becomes of it when it is run again. */
#include "bpf/world.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/flow.h"
#include "bpf/oracle.h"
#include "dataplane/dp_ask.h"
#include "dataplane/dp_held.h"
#include "model/cut.h"

/* --- the reader --- */

#define MAX_RECORDS 600

static struct {
	struct dp_held *ring;
	size_t nr;
	struct cv_held record[MAX_RECORDS];
	struct pkt frame; /* the last one */
} reader;

static void note_record(const struct cv_held *record, const void *frame, void *arg)
{
	(void)arg;
	assert_true(reader.nr < MAX_RECORDS);
	reader.record[reader.nr++] = *record;
	if (!record->bytes)
		return;
	reader.frame.len = record->bytes;
	memcpy(reader.frame.data, frame, record->bytes);
}

/* Reads what came since the last call; it must be so many records. Returns the last. */
static const struct cv_held *read_records(size_t nr)
{
	reader.nr = 0;
	dp_held_read(reader.ring, SIZE_MAX);
	assert_int_equal(reader.nr, nr);
	return &reader.record[nr ? nr - 1 : 0];
}

static void set_lease(struct world *world, uint32_t until_s)
{
	struct cv_holder holder = { .until_s = until_s };
	int map = world_map(world, "cv_holder");
	__u32 zero = 0;

	assert_return_code(bpf_map_update_elem(map, &zero, &holder, BPF_ANY), 0);
	close(map);
}

static int setup(void **state)
{
	struct world *world = *state;
	struct err err;

	world_forget(state);
	assert_ok(dp_held_open(world->dp, note_record, NULL, &reader.ring, &err), err);
	assert_ok(dp_held_lease(world->dp, true, &err), err);
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;
	struct err err;

	dp_held_close(reader.ring);
	assert_ok(dp_held_lease(world->dp, false, &err), err);
	return 0;
}

/* Runs a frame of user space's, as the daemon does. */
static struct dp_answer again(struct world *world, const uint8_t *frame, size_t len)
{
	static struct dp_answer answer;
	const struct dp_question question = {
		.mode = CV_MODE_AGAIN, .ifindex = WORLD_IFINDEX, .frame = frame, .len = len
	};
	struct err err;

	assert_ok(dp_ask(world->dp, &question, &answer, &err), err);
	world->packets++;
	world->bytes += len;
	assert_ok(dp_verdict_stats(world->dp, world->counted, CV_VERDICT_COUNT, &err), err);
	return answer;
}

static struct probe first_of(struct probe probe)
{
	probe.fragment = PROBE_FIRST_FRAGMENT;
	return probe;
}

static struct probe later_of(struct probe probe)
{
	probe.fragment = PROBE_LATER_FRAGMENT;
	return probe;
}

/* --- fragments that come too early --- */

static void an_early_fragment_waits_for_the_first(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		struct probe probe = { .id = 9, .payload = 64, .vlans = (uint8_t)(i % 3), .flags = PKT_SYN };
		struct probe later = later_of(probe_kind(probe, i)), first = first_of(later);
		const struct cv_held *record;
		struct cv_flow6_key flow;
		struct dp_answer answer;
		struct pkt frame, want;
		uint16_t backend;

		world_expect(world, &later, CV_FRAGMENT_HELD);
		record = read_records(1);
		probe_build(&later, &frame);
		probe_key(&later, &flow);
		assert_int_equal(record->kind, CV_HELD_EARLY);
		assert_int_equal(record->ifindex, WORLD_IFINDEX);
		assert_int_equal(record->link, 14 + 4 * later.vlans);
		assert_int_equal(record->key.identification, 9);
		assert_int_equal(record->key.protocol, flow.protocol);
		assert_memory_equal(record->key.client, flow.client, 16);
		assert_memory_equal(record->key.address, flow.address, 16);
		assert_pkt(&frame, reader.frame.data, reader.frame.len);

		backend = world_route(world, &first);
		assert_int_not_equal(backend, 0);
		record = read_records(1);
		assert_int_equal(record->kind, CV_HELD_FIRST);
		assert_int_equal(record->bytes, 0);
		assert_int_equal(record->key.identification, 9);
		assert_memory_equal(record->key.client, flow.client, 16);

		answer = again(world, frame.data, frame.len);
		assert_int_equal(answer.ask.verdict, CV_TX);
		assert_int_equal(answer.ask.ifindex, WORLD_IFINDEX);
		assert_int_equal(answer.ask.backend, backend);
		assert_int_equal(answer.ask.source, CV_SOURCE_FRAGMENT);
		oracle_forwarded(world->image, &later, backend, &want);
		assert_pkt(&want, answer.frame, answer.len);
		read_records(0);
	}
}

/* Each of those that wait is in the ring, and one word lets all of them go. */
static void several_wait_for_one_word(void **state)
{
	struct world *world = *state;
	struct probe probe = { V6, UDP }, first = first_of(probe), later = later_of(probe);

	for (size_t i = 0; i < 3; i++)
		world_expect(world, &later, CV_FRAGMENT_HELD);
	assert_int_equal(read_records(3)->kind, CV_HELD_EARLY);
	assert_int_equal(world_count(world, "cv_fragments"), 1);
	world_expect(world, &first, CV_TX);
	world_expect(world, &first, CV_TX);
	assert_int_equal(read_records(1)->kind, CV_HELD_FIRST);
	world_expect(world, &later, CV_TX);
	read_records(0);
}

static void those_that_wait_share_the_fate_of_the_first(void **state)
{
	struct world *world = *state;
	struct probe foreign = { UDP, .port = 80, .fragment = PROBE_LATER_FRAGMENT };
	struct probe refused = { TCP, .flags = PKT_SYN, .fragment = PROBE_LATER_FRAGMENT };
	struct probe first = first_of(foreign);
	struct pkt frame;

	world_vary(world, .tcp = "max_flows: 1");
	world_set_live(world, world_listener_id(world, "tcp4"), 1);
	world_expect(world, &foreign, CV_FRAGMENT_HELD);
	world_expect(world, &first, CV_PASS_NO_LISTENER);
	assert_int_equal(read_records(2)->kind, CV_HELD_FIRST);
	probe_build(&foreign, &frame);
	assert_int_equal(again(world, frame.data, frame.len).ask.verdict, CV_PASS_NO_LISTENER);

	world_expect(world, &refused, CV_FRAGMENT_HELD);
	first = first_of(refused);
	world_expect(world, &first, CV_DROP_QUOTA);
	assert_int_equal(read_records(2)->kind, CV_HELD_FIRST);
	probe_build(&refused, &frame);
	assert_int_equal(again(world, frame.data, frame.len).ask.verdict, CV_DROP_FRAGMENT_ORPHAN);
}

/* What user space sends is not given back to it, and begins nothing. */
static void nothing_is_held_twice(void **state)
{
	struct world *world = *state;
	const struct probe probes[] = { { UDP, .fragment = PROBE_LATER_FRAGMENT },
					{ UDP, .fragment = PROBE_FIRST_FRAGMENT } };
	struct pkt frame;

	for (size_t i = 0; i < CV_ARRAY_SIZE(probes); i++) {
		probe_build(&probes[i], &frame);
		assert_int_equal(again(world, frame.data, frame.len).ask.verdict, CV_DROP_FRAGMENT_ORPHAN);
	}
	assert_int_equal(world_count(world, "cv_fragments"), 0);
	assert_int_equal(world_count(world, "cv_half_open"), 0);
	read_records(0);
}

/* --- limits --- */

static void nothing_is_held_without_a_reader(void **state)
{
	struct world *world = *state;
	const struct probe later = { UDP, .fragment = PROBE_LATER_FRAGMENT };
	uint32_t now = world_young_second(world);

	set_lease(world, 0);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
	set_lease(world, now - 1);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
	assert_int_equal(world_count(world, "cv_fragments"), 0);
	set_lease(world, now);
	world_expect(world, &later, CV_FRAGMENT_HELD);
	read_records(1);
}

static void so_many_are_held_in_a_second(void **state)
{
	struct world *world = *state;
	const struct probe later = { UDP, .fragment = PROBE_LATER_FRAGMENT },
			   large = { UDP, .payload = 1460, .id = 2 };
	uint32_t now = world_tick(world);

	world_set_gate(world, &(struct cv_gate){ .second = now, .held = CV_HELD_PER_S - 2 });
	world_expect(world, &later, CV_FRAGMENT_HELD);
	world_expect(world, &large, CV_CUT);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
	world_expect(world, &large, CV_DROP_TOO_BIG);
	read_records(2);
	world_tick(world);
	world_expect(world, &later, CV_FRAGMENT_HELD);
	read_records(1);
}

/* Notes of those that could not be held would keep others waiting for nothing. */
static void a_full_ring_drops(void **state)
{
	enum { FIT = CV_HELD_RING_BYTES / (sizeof(struct cv_held_frame) + 16) };
	struct world *world = *state;
	struct harness_result result;
	struct probe later = { V6, UDP, .fragment = PROBE_LATER_FRAGMENT };
	struct pkt in;

	for (size_t i = 0; i < FIT; i++) {
		later.id = (uint16_t)(i + 1);
		probe_build(&later, &in);
		assert_int_equal(world_run(world, &in, &result), CV_FRAGMENT_HELD);
	}
	later.id = FIT + 1;
	probe_build(&later, &in);
	harness_run_on(world->program, &in, WORLD_IFINDEX, &result);
	world->packets++;
	world->bytes += in.len;
	assert_int_equal(dp_verdict_stats(world->dp, world->counted, CV_VERDICT_COUNT, NULL), 0);
	assert_int_equal(result.action, 1 /* XDP_DROP */);
	assert_int_equal(world_count(world, "cv_fragments"), FIT);
	assert_int_equal(read_records(FIT)->key.identification, FIT);
	world_expect(world, &later, CV_FRAGMENT_HELD);
	read_records(1);
}

/* --- packets to be cut --- */

struct pieces {
	struct world *world;
	size_t nr;
	size_t bytes; /* of IP packets */
	uint16_t backend;
};

/* Each is forwarded, in one piece. */
static void run_piece(const uint8_t *frame, size_t size, void *arg)
{
	struct pieces *pieces = arg;
	struct dp_answer answer = again(pieces->world, frame, size);

	assert_int_equal(answer.ask.verdict, CV_TX);
	assert_true(answer.len <= 14 + 1500);
	assert_int_equal(answer.len, size + (addr_is_v4(&pieces->world->backend[0].address) ? 20 : 40));
	assert_memory_equal(answer.frame + answer.len - (size - 34), frame + 34, size - 34);
	pieces->backend = answer.ask.backend;
	pieces->nr++;
	pieces->bytes += size - 14;
}

static struct pieces cut_last(struct world *world)
{
	const struct cv_held *record = read_records(1);
	struct pieces pieces = { .world = world };

	assert_int_equal(record->kind, CV_HELD_LARGE);
	assert_int_equal(record->room, 1480);
	assert_int_equal(record->link, 14);
	assert_int_equal(
		cut_ip4(reader.frame.data, record->bytes, record->link, record->room, run_piece, &pieces), 0);
	return pieces;
}

static const char one_backend[] = "[ { address: 10.0.0.11 }, { address: '2001:db8:b::13', weight: 0 } ]";

static void a_packet_that_may_be_cut_is(void **state)
{
	struct world *world = *state;
	const struct probe probe = { UDP, .payload = 1460, .id = 77 };
	struct pieces pieces;
	struct pkt frame;

	world_vary(world, .backends = one_backend);
	world_expect(world, &probe, CV_CUT);
	probe_build(&probe, &frame);
	pieces = cut_last(world);
	assert_pkt(&frame, reader.frame.data, reader.frame.len);
	assert_int_equal(pieces.nr, 2);
	/* what went counts, and the flow had one packet */
	assert_int_equal(world_listener_stats(world, "udp4").packets, 2);
	assert_int_equal(world_listener_stats(world, "udp4").bytes, pieces.bytes);
	assert_int_equal(world_backend_stats(world, pieces.backend).packets, 2);
	assert_int_equal(flow_expect(world, &probe, CV_FLOW_HALF_OPEN).packets, 1);
}

static void fragments_are_cut_further(void **state)
{
	struct world *world = *state;
	const struct probe first = { UDP, .payload = 1460, .id = 78, .fragment = PROBE_FIRST_FRAGMENT };
	struct probe later = later_of(first);
	uint16_t backend;

	world_vary(world, .backends = one_backend);
	world_expect(world, &first, CV_CUT);
	backend = cut_last(world).backend;
	world_expect(world, &later, CV_CUT);
	assert_int_equal(cut_last(world).backend, backend);
}

static void only_what_may_be_cut_is(void **state)
{
	static const struct {
		enum cv_verdict verdict;
		struct probe probe;
	} rows[] = {
		{ CV_TOO_BIG_ANSWERED, { .name = "DF", V4, UDP, .df = true, .payload = 1460 } },
		{ CV_TOO_BIG_ANSWERED, { .name = "IPv6", V6, UDP, .payload = 1450 } },
		{ CV_TX, { .name = "fits", V4, UDP, .payload = 1452, .id = 5 } },
		{ CV_CUT, { .name = "a byte more", V4, UDP, .payload = 1453, .id = 6 } },
		{ CV_CUT, { .name = "TCP", V4, TCP, .flags = PKT_SYN, .payload = 1453, .id = 7 } },
		{ CV_DROP_TTL, { .name = "fits, no hop left", V4, UDP, .ttl = 1 } },
	};
	struct world *world = *state;

	world_vary(world, .backends = "[ { address: 10.0.0.11 }, { address: '2001:db8:b::13' } ]");
	for (size_t i = 0; i < 2; i++)
		world_backend_by_id(world, (uint16_t)(i + 1))->mtu = i ? 1520 : 1500;
	world_apply(world);
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++)
		world_expect(world, &rows[i].probe, rows[i].verdict);
}

/* One that waited may be too long as well. */
static void what_is_run_again_may_have_to_be_cut(void **state)
{
	struct world *world = *state;
	const struct probe probe = { UDP, .payload = 1460 };
	struct probe first = first_of(probe), later = later_of(probe);
	struct pkt frame;

	world_vary(world, .backends = one_backend);
	first.payload = 8;
	world_expect(world, &later, CV_FRAGMENT_HELD);
	world_expect(world, &first, CV_TX);
	assert_int_equal(read_records(2)->kind, CV_HELD_FIRST);
	probe_build(&later, &frame);
	assert_int_equal(again(world, frame.data, frame.len).ask.verdict, CV_CUT);
	assert_int_equal(cut_last(world).nr, 2);
	read_records(0);
}

int main(void)
{
#define HOLD_TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
	static const struct CMUnitTest tests[] = {
		HOLD_TEST(an_early_fragment_waits_for_the_first),
		HOLD_TEST(several_wait_for_one_word),
		HOLD_TEST(those_that_wait_share_the_fate_of_the_first),
		HOLD_TEST(nothing_is_held_twice),
		HOLD_TEST(nothing_is_held_without_a_reader),
		HOLD_TEST(so_many_are_held_in_a_second),
		HOLD_TEST(a_full_ring_drops),
		HOLD_TEST(a_packet_that_may_be_cut_is),
		HOLD_TEST(fragments_are_cut_further),
		HOLD_TEST(only_what_may_be_cut_is),
		HOLD_TEST(what_is_run_again_may_have_to_be_cut),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("hold", tests, world_up, world_down);
}
