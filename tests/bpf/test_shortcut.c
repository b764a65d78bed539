/* SPDX-License-Identifier: GPL-2.0-only */
/* The shortcut past the flow table: which packets take it. Where to, in test_settled.c. */
#include "bpf/flow.h"

#include <stdio.h>
#include <unistd.h>

#include <bpf/bpf.h>

static uint64_t short_packets(struct world *world, size_t kind)
{
	return world_listener_stats(world, world_listener[kind]).shortcut_packets;
}

/* Sends a packet; true if it took the shortcut. */
static bool is_short(struct world *world, const struct probe *probe, size_t kind)
{
	uint64_t before = short_packets(world, kind),
		 visits = flow_expect(world, probe, CV_FLOW_OPEN).packets;
	struct cv_flow flow;
	bool took;

	world_expect(world, probe, CV_TX);
	took = short_packets(world, kind) != before;
	assert_int_not_equal(flow_find(world, probe, &flow), CV_FLOW_NONE);
	assert_int_equal(flow.packets, visits + !took);
	return took;
}

static void all_but_the_first_packet_of_an_epoch(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = flow_running(kind);
		struct cv_listener_stats stats;

		world_young_second(world);
		flow_open(world, &probe);
		world_untouch(world);
		assert_false(is_short(world, &probe, kind));
		assert_true(is_short(world, &probe, kind));
		assert_true(is_short(world, &probe, kind));
		world_untouch(world);
		assert_false(is_short(world, &probe, kind));
		/* counters miss none */
		stats = world_listener_stats(world, world_listener[kind]);
		assert_int_equal(stats.packets, 6);
		assert_int_equal(stats.shortcut_packets, 2);
	}
}

/* Whoever only looked whether there is a shortcut has no backend yet: a packet that is then refused names none. */
static void a_refused_packet_has_no_backend(void **state)
{
	struct world *world = *state;
	struct probe probe = { .name = "refused", .flags = PKT_ACK, .fragment = PROBE_FIRST_FRAGMENT };
	int map = world_map(world, "cv_fragments");
	struct cv_fragment_key key;
	struct cv_fragment note;

	world_vary(world, .tcp = "unknown_packet: reset");
	world_expect(world, &probe, CV_RESET_UNKNOWN);
	assert_return_code(bpf_map_get_next_key(map, NULL, &key), 0);
	assert_return_code(bpf_map_lookup_elem(map, &key, &note), 0);
	assert_int_equal(note.state, CV_FRAGMENT_REFUSED);
	assert_int_equal(note.backend, 0);
	close(map);
}

/* The clock turns over; nothing else happens, no daemon does anything. */
static void an_epoch_ends_by_itself(void **state)
{
	struct world *world = *state;
	struct probe probe = flow_running(0);
	uint32_t now, visits = 0;

	flow_open(world, &probe);
	now = world_tick(world);
	for (uint32_t began = now; now <= began + CV_EPOCH_S; now = world_tick(world)) {
		visits += !is_short(world, &probe, 0);
		/* never older than the epoch */
		assert_in_range(flow_expect(world, &probe, CV_FLOW_OPEN).last_seen_s, now - now % CV_EPOCH_S,
				now + 1);
	}
	assert_in_range(visits, 1, 3);
}

static void not_what_begins_or_ends_a_flow(void **state)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_SYN | PKT_ACK, PKT_RST, PKT_FIN | PKT_ACK };
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(flags); i++) {
		struct probe probe = flow_running(4 * i), odd = flow_flags(&probe, flags[i]);
		bool ends = flags[i] & (PKT_RST | PKT_FIN);

		world_young_second(world);
		flow_open(world, &probe);
		world_expect(world, &probe, CV_TX);
		assert_true(is_short(world, &probe, 0));
		assert_false(is_short(world, &odd, 0));
		if (!ends)
			continue;
		/* a flow that ends is watched: somebody may have forged its end */
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_CLOSING).packets, 3 + 1);
		world_expect(world, &probe, CV_TX);
		assert_int_equal(
			flow_expect(world, &probe, flags[i] == PKT_RST ? CV_FLOW_OPEN : CV_FLOW_CLOSING)
				.packets,
			3 + 2);
	}
}

static void not_where_patience_is_short(void **state)
{
	struct world *world = *state;

	for (unsigned timeout = CV_SHORTCUT_TIMEOUT_S - 1; timeout <= CV_SHORTCUT_TIMEOUT_S; timeout++) {
		struct probe probe = flow_running(4 * timeout);
		char text[32];

		snprintf(text, sizeof(text), "idle_timeout: %us", timeout);
		world_vary(world, .tcp = text);
		world_young_second(world);
		flow_open(world, &probe);
		world_expect(world, &probe, CV_TX);
		assert_int_equal(is_short(world, &probe, 0), timeout == CV_SHORTCUT_TIMEOUT_S);
		/* a flow keeps the patience it was born with */
		world_vary(world, .tcp = "");
		world_young_second(world);
		world_expect(world, &probe, CV_TX);
		assert_int_equal(is_short(world, &probe, 0), timeout == CV_SHORTCUT_TIMEOUT_S);
	}
}

/* All flows of a client share a slot, but not what is known of them. */
static void by_the_whole_tuple(void **state)
{
	struct world *world = *state;
	struct probe one = flow_running(0), other = one;

	world_vary(world, .tcp = "hash: source");
	other.client_port++;
	world_young_second(world);
	assert_int_equal(flow_open(world, &one), flow_open(world, &other));
	world_untouch(world);
	assert_false(is_short(world, &one, 0));
	assert_true(is_short(world, &one, 0));
	assert_false(is_short(world, &other, 0));
}

/* Opens the flows from..to-1, and has all up to there touched. */
static void touch(struct world *world, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		struct probe probe = flow_running(i);

		flow_open(world, &probe);
	}
	world_untouch(world);
	for (size_t i = 0; i < to; i++) {
		struct probe probe = flow_running(i);

		world_expect(world, &probe, CV_TX);
	}
}

/* Not all over the map: the fewer cache lines they take, the nearer they stay. */
static void in_as_many_sets_as_flows_need(void **state)
{
	struct world *world = *state;

	world_vary(world, .flow_table = "max_flows: 65536"); /* 8,192 sets */
	touch(world, 0, 100);
	assert_in_range(world_touched(world), 64, 256);
	touch(world, 100, 2500);
	assert_in_range(world_touched(world), 257, 512);
}

static void none_with_the_shortcut_off(void **state)
{
	struct world *world = *state;
	struct probe probe = flow_running(0);

	world_vary(world, .flow_table = "max_flows: 4096, shortcut: off");
	flow_open(world, &probe);
	assert_false(is_short(world, &probe, 0));
	assert_false(is_short(world, &probe, 0));
	world_vary(world, .flow_table = "max_flows: 4096");
	world_young_second(world);
	world_expect(world, &probe, CV_TX);
	assert_true(is_short(world, &probe, 0));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(all_but_the_first_packet_of_an_epoch, world_forget),
		cmocka_unit_test_setup(a_refused_packet_has_no_backend, world_forget),
		cmocka_unit_test_setup(an_epoch_ends_by_itself, world_forget),
		cmocka_unit_test_setup(not_what_begins_or_ends_a_flow, world_forget),
		cmocka_unit_test_setup(not_where_patience_is_short, world_forget),
		cmocka_unit_test_setup(by_the_whole_tuple, world_forget),
		cmocka_unit_test_setup(in_as_many_sets_as_flows_need, world_forget),
		cmocka_unit_test_setup(none_with_the_shortcut_off, world_forget),
	};

	harness_need_root();
	return world_run_tests("shortcut", tests, WORLD_SHORTCUT_ON);
}
