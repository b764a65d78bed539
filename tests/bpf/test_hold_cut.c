/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that the program hands to user space to be cut: which ones, and that the pieces reach the backend when they are
 * run again. All else that it hands over, in test_hold.c. */
#include "bpf/reader.h"

#include "bpf/datagram.h"
#include "bpf/flow.h"
#include "model/cut.h"

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
	struct dp_answer answer = reader_run_again(pieces->world, frame, size);

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
	const struct cv_held *record = reader_expect(1);
	struct pieces pieces = { .world = world };

	assert_int_equal(record->kind, CV_HELD_LARGE);
	assert_int_equal(record->room, 1480);
	assert_int_equal(record->link, 14);
	assert_int_equal(
		cut_ip4(reader_frame()->data, record->bytes, record->link, record->room, run_piece, &pieces),
		0);
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
	assert_pkt(&frame, reader_frame()->data, reader_frame()->len);
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
	struct probe later = datagram_later(first);
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
	struct probe first = datagram_first(probe), later = datagram_later(probe);
	struct pkt frame;

	world_vary(world, .backends = one_backend);
	first.payload = 8;
	world_expect(world, &later, CV_FRAGMENT_HELD);
	world_expect(world, &first, CV_TX);
	assert_int_equal(reader_expect(2)->kind, CV_HELD_FIRST);
	probe_build(&later, &frame);
	assert_int_equal(reader_run_again(world, frame.data, frame.len).ask.verdict, CV_CUT);
	assert_int_equal(cut_last(world).nr, 2);
	reader_expect(0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		READER_TEST(a_packet_that_may_be_cut_is),
		READER_TEST(fragments_are_cut_further),
		READER_TEST(only_what_may_be_cut_is),
		READER_TEST(what_is_run_again_may_have_to_be_cut),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("hold_cut", tests, world_up, world_down);
}
