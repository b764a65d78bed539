/* SPDX-License-Identifier: GPL-2.0-only */
/* Notes of fragmented datagrams: what is in one, how it ends, and a flood of them. What becomes of the fragments, in
 * test_fragment.c. */
#include "bpf/datagram.h"

#include <string.h>

#include "bpf/flow.h"

static void the_note_says_where(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		struct probe probe = probe_kind((struct probe){ .id = 7, .payload = 8, .flags = PKT_SYN }, i);
		uint16_t backend = datagram_send(world, &probe);
		struct cv_fragment note = datagram_note(world, &probe);

		assert_int_equal(note.state, CV_FRAGMENT_KNOWN);
		assert_int_equal(note.backend, backend);
		assert_int_equal(note.generation, world->image->backend[backend].generation);
		assert_int_equal(note.listener, world_listener_id(world, world_listener[i]));
		assert_int_equal(note.client_port, 40000);
		assert_int_equal(note.port, 443);
		assert_in_range(note.noted_s, world_clock(world) - 1, world_clock(world));
	}
	assert_int_equal(world_count(world, "cv_fragments"), PROBE_KINDS);
}

static void notes_grow_old(void **state)
{
	static const uint32_t timeout[] = { [CV_FAMILY_IPV4] = 30, [CV_FAMILY_IPV6] = 60 };
	struct world *world = *state;

	for (int family = CV_FAMILY_IPV4; family <= CV_FAMILY_IPV6; family++) {
		struct probe probe = { .family = family, UDP }, later = datagram_later(probe),
			     first = datagram_first(probe);
		struct cv_fragment note;

		datagram_send(world, &probe);
		note = datagram_note(world, &probe);
		note.noted_s = world_young_second(world) - timeout[family];
		datagram_write_note(world, &probe, &note);
		world_expect(world, &later, CV_TX);
		note.noted_s--;
		datagram_write_note(world, &probe, &note);
		world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
		/* and may be written anew, with other ports too */
		first.client_port = later.client_port = 40001;
		world_expect(world, &first, CV_TX);
		world_expect(world, &later, CV_TX);
	}
}

/* A backend that is replaced by another under its id gets nothing of the old one's; one that takes no more flows keeps
 * what has begun. */
static void notes_do_not_outlive_their_backend(void **state)
{
	struct world *world = *state;
	const struct probe probe = { UDP };
	struct probe later = datagram_later(probe);
	uint16_t backend = datagram_send(world, &probe);
	struct cv_fragment note;

	world_backend_by_id(world, backend)->state = CV_BACKEND_DRAINING;
	world_apply(world);
	world_expect(world, &later, CV_TX);
	note = datagram_note(world, &probe);
	note.generation++;
	datagram_write_note(world, &probe, &note);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
}

static void notes_do_not_outlive_their_listener(void **state)
{
	static const char text[] =
		"flow_table: { max_flows: 4096 }\n"
		"listeners:\n"
		"  - { name: new, address: 192.0.2.77, protocol: tcp, port: 443, pool: web }\n"
		"  - { name: newer, address: 192.0.2.10, protocol: udp, port: 444, pool: web }\n"
		"pools:\n"
		"  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ] }\n";
	struct world *world = *state;
	const struct probe probe = { TCP, .flags = PKT_SYN };
	struct probe later = datagram_later(probe);

	datagram_send(world, &probe);
	world_configure(world, text);
	world_expect(world, &later, CV_PASS_NO_LISTENER);
}

static void a_flood_of_fragments_pushes_out_notes_alone(void **state)
{
	enum { FLOWS = 64, FLOOD = 3 * CV_FRAGMENTS / 2 };
	struct world *world = *state;
	struct harness_result result;
	struct probe probe = { V6, UDP, .fragment = PROBE_FIRST_FRAGMENT };
	struct pkt in;

	for (int i = 1; i <= FLOWS; i++)
		flow_open(world, &(struct probe){ V6, UDP, .client_port = (uint16_t)i });
	probe_build(&probe, &in);
	for (uint32_t i = 0; i < FLOOD; i++) {
		uint8_t *id = pkt_layer(&in, 2) + 4;

		memcpy(id, &i, sizeof(i));
		harness_run_on(world->program, &in, WORLD_IFINDEX, &result);
		world->packets++;
		world->bytes += in.len;
	}
	assert_in_range(world_count(world, "cv_fragments"), CV_FRAGMENTS / 2, CV_FRAGMENTS);
	/* their tuple is one flow more */
	assert_int_equal(world_count(world, "cv_flows6"), FLOWS + 1);
	/* the counters as the next test will find them */
	assert_int_equal(dp_verdict_stats(world->dp, world->counted, CV_VERDICT_COUNT, NULL), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_note_says_where, world_forget),
		cmocka_unit_test_setup(notes_grow_old, world_forget),
		cmocka_unit_test_setup(notes_do_not_outlive_their_backend, world_forget),
		cmocka_unit_test_setup(notes_do_not_outlive_their_listener, world_forget),
		cmocka_unit_test_setup(a_flood_of_fragments_pushes_out_notes_alone, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("fragment_note", tests, world_up, world_down);
}
