/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that the program hands to user space: what lies in the ring, and what becomes of it when it is run again.
 * Those that are to be cut, in test_hold_cut.c. */
#include "bpf/reader.h"

#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/datagram.h"
#include "bpf/oracle.h"

/* --- fragments that come too early --- */

static void an_early_fragment_waits_for_the_first(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		struct probe probe = { .id = 9, .payload = 64, .vlans = (uint8_t)(i % 3), .flags = PKT_SYN };
		struct probe later = datagram_later(probe_kind(probe, i)), first = datagram_first(later);
		const struct cv_held *record;
		struct cv_flow6_key flow;
		struct dp_answer answer;
		struct pkt frame, want;
		uint16_t backend;

		world_expect(world, &later, CV_FRAGMENT_HELD);
		record = reader_expect(1);
		probe_build(&later, &frame);
		probe_key(&later, &flow);
		assert_int_equal(record->kind, CV_HELD_EARLY);
		assert_int_equal(record->ifindex, WORLD_IFINDEX);
		assert_int_equal(record->link, 14 + 4 * later.vlans);
		assert_int_equal(record->key.identification, 9);
		assert_int_equal(record->key.protocol, flow.protocol);
		assert_memory_equal(record->key.client, flow.client, 16);
		assert_memory_equal(record->key.address, flow.address, 16);
		assert_pkt(&frame, reader_frame()->data, reader_frame()->len);

		backend = world_route(world, &first);
		assert_int_not_equal(backend, 0);
		record = reader_expect(1);
		assert_int_equal(record->kind, CV_HELD_FIRST);
		assert_int_equal(record->bytes, 0);
		assert_int_equal(record->key.identification, 9);
		assert_memory_equal(record->key.client, flow.client, 16);

		answer = reader_run_again(world, frame.data, frame.len);
		assert_int_equal(answer.ask.verdict, CV_TX);
		assert_int_equal(answer.ask.ifindex, WORLD_IFINDEX);
		assert_int_equal(answer.ask.backend, backend);
		assert_int_equal(answer.ask.source, CV_SOURCE_FRAGMENT);
		oracle_forwarded(world->image, &later, backend, &want);
		assert_pkt(&want, answer.frame, answer.len);
		reader_expect(0);
	}
}

/* Each of those that wait is in the ring, and one word lets all of them go. */
static void several_wait_for_one_word(void **state)
{
	struct world *world = *state;
	struct probe probe = { V6, UDP }, first = datagram_first(probe), later = datagram_later(probe);

	for (size_t i = 0; i < 3; i++)
		world_expect(world, &later, CV_FRAGMENT_HELD);
	assert_int_equal(reader_expect(3)->kind, CV_HELD_EARLY);
	assert_int_equal(world_count(world, "cv_fragments"), 1);
	world_expect(world, &first, CV_TX);
	world_expect(world, &first, CV_TX);
	assert_int_equal(reader_expect(1)->kind, CV_HELD_FIRST);
	world_expect(world, &later, CV_TX);
	reader_expect(0);
}

static void those_that_wait_share_the_fate_of_the_first(void **state)
{
	struct world *world = *state;
	struct probe foreign = { UDP, .port = 80, .fragment = PROBE_LATER_FRAGMENT };
	struct probe refused = { TCP, .flags = PKT_SYN, .fragment = PROBE_LATER_FRAGMENT };
	struct probe first = datagram_first(foreign);
	struct pkt frame;

	world_vary(world, .tcp = "max_flows: 1");
	world_set_live(world, world_listener_id(world, "tcp4"), 1);
	world_expect(world, &foreign, CV_FRAGMENT_HELD);
	world_expect(world, &first, CV_PASS_NO_LISTENER);
	assert_int_equal(reader_expect(2)->kind, CV_HELD_FIRST);
	probe_build(&foreign, &frame);
	assert_int_equal(reader_run_again(world, frame.data, frame.len).ask.verdict, CV_PASS_NO_LISTENER);

	world_expect(world, &refused, CV_FRAGMENT_HELD);
	first = datagram_first(refused);
	world_expect(world, &first, CV_DROP_QUOTA);
	assert_int_equal(reader_expect(2)->kind, CV_HELD_FIRST);
	probe_build(&refused, &frame);
	assert_int_equal(reader_run_again(world, frame.data, frame.len).ask.verdict, CV_DROP_FRAGMENT_ORPHAN);
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
		assert_int_equal(reader_run_again(world, frame.data, frame.len).ask.verdict,
				 CV_DROP_FRAGMENT_ORPHAN);
	}
	assert_int_equal(world_count(world, "cv_fragments"), 0);
	assert_int_equal(world_count(world, "cv_half_open"), 0);
	reader_expect(0);
}

/* --- limits --- */

static void set_lease(struct world *world, uint32_t until_s)
{
	struct cv_holder holder = { .until_s = until_s };
	int map = world_map(world, "cv_holder");
	__u32 zero = 0;

	assert_return_code(bpf_map_update_elem(map, &zero, &holder, BPF_ANY), 0);
	close(map);
}

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
	reader_expect(1);
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
	reader_expect(2);
	world_tick(world);
	world_expect(world, &later, CV_FRAGMENT_HELD);
	reader_expect(1);
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
	assert_int_equal(reader_expect(FIT)->key.identification, FIT);
	world_expect(world, &later, CV_FRAGMENT_HELD);
	reader_expect(1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		READER_TEST(an_early_fragment_waits_for_the_first),
		READER_TEST(several_wait_for_one_word),
		READER_TEST(those_that_wait_share_the_fate_of_the_first),
		READER_TEST(nothing_is_held_twice),
		READER_TEST(nothing_is_held_without_a_reader),
		READER_TEST(so_many_are_held_in_a_second),
		READER_TEST(a_full_ring_drops),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("hold", tests, world_up, world_down);
}
