/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments: all of a datagram go where its first one went, and nothing else is led by its note. The note itself, in
 * test_fragment_note.c. */
#include "bpf/datagram.h"

#include <netinet/in.h>

#include "bpf/flow.h"

static void later_fragments_follow_the_first(void **state)
{
	struct world *world = *state;
	unsigned used = 0;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		for (uint16_t port = 1; port <= 16; port++) {
			struct probe probe = { .client_port = port,
					       .id = port,
					       .payload = 64,
					       .vlans = port % 3,
					       .flags = PKT_ACK };

			probe = probe_kind(probe, i);
			used |= 1u << datagram_send(world, &probe);
		}
	}
	/* all four backends had some: it is no chance that they agree */
	assert_int_equal(__builtin_popcount(used), 4);
}

/* A UDP header counts the whole datagram. */
static void a_first_fragment_may_announce_more_than_it_has(void **state)
{
	struct world *world = *state;

	for (int family = CV_FAMILY_IPV4; family <= CV_FAMILY_IPV6; family++) {
		size_t layer = family == CV_FAMILY_IPV4 ? 2 : 3; /* behind the fragment header */
		struct probe probe = { .family = family,
				       UDP,
				       .payload = 64,
				       .fragment = PROBE_FIRST_FRAGMENT,
				       POKE((uint8_t)layer, 4, 0x20, 0x08) };

		world_expect(world, &probe, CV_TX);
		probe.poke.byte[0] = 0;
		probe.poke.byte[1] = 7;
		probe.id = 2;
		world_expect(world, &probe, CV_DROP_MALFORMED);
	}
}

static void later_fragments_count_for_listener_and_backend(void **state)
{
	struct world *world = *state;
	const struct probe probe = { UDP, .payload = 100 };
	uint16_t backend = datagram_send(world, &probe);
	struct cv_listener_stats listener = world_listener_stats(world, "udp4");

	assert_int_equal(listener.packets, 2);
	assert_int_equal(listener.bytes, 2 * 128);
	assert_int_equal(world_backend_stats(world, backend).packets, 2);
	assert_int_equal(world_backend_stats(world, backend).bytes, 2 * 128);
	/* one datagram is one packet of its flow, and opens none */
	assert_int_equal(flow_expect(world, &probe, CV_FLOW_HALF_OPEN).packets, 1);
}

static void only_its_own_fragments_follow(void **state)
{
	static const struct probe others[] = {
		{ .name = "another identification", UDP, .id = 8 },
		{ .name = "another client", UDP, .id = 7, .client = 8 },
		{ .name = "another protocol", TCP, .id = 7 },
		{ .name = "another family", V6, UDP, .id = 7 },
	};
	struct world *world = *state;
	const struct probe probe = { UDP, .id = 7 };

	datagram_send(world, &probe);
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++) {
		struct probe later = datagram_later(others[i]);

		world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
	}
}

/* The last fragment may be shorter than any whole packet. */
static void the_last_fragment_may_be_a_byte(void **state)
{
	static const char *const texts[] = {
		"listeners: [ { name: a, address: 192.0.2.10, protocol: udp, port: 443, pool: web } ]\n"
		"pools: [ { name: web, table_size: 251, backends: [ { address: 10.0.0.11 } ] } ]\n"
		"flow_table: { max_flows: 4096 }\n",
		"listeners: [ { name: a, address: 192.0.2.10, protocol: udp, port: 443, pool: web,\n"
		"  forward: l2 } ]\n"
		"pools: [ { name: web, table_size: 251, backends: [ { address: 10.0.0.11 } ] } ]\n"
		"flow_table: { max_flows: 4096 }\n",
	};
	const struct probe first = { V4, UDP, .fragment = PROBE_FIRST_FRAGMENT };
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(texts); i++) {
		struct harness_result result;
		struct pkt in = PKT_NEW;

		world_configure(world, texts[i]);
		world_expect(world, &first, CV_TX);
		probe_push_link(&first, ROUTER_MAC, PORT_MAC, &in);
		pkt_ipv4(&in, "198.18.0.7", VIP4, .id = 0x1234, .offset = 16, .protocol = IPPROTO_UDP);
		pkt_bytes(&in, "z", 1);
		assert_int_equal(world_run(world, &in, &result), CV_TX);
		assert_int_equal(result.len, in.len + (i ? 0 : 20));
		assert_int_equal(result.data[result.len - 1], 'z');
	}
}

/* The ports of a listener of a range, or of any port, are in the note too, and so is the hash by source alone. */
static void every_kind_of_listener_has_fragments(void **state)
{
	static const char text[] =
		"flow_table: { max_flows: 4096 }\n"
		"encapsulation: { source4: 10.9.0.0/16, source6: '2001:db8:5::/64' }\n"
		"listeners:\n"
		"  - { name: range, address: 192.0.2.10, protocol: udp, port: 1000-1999, pool: web }\n"
		"  - { name: any, address: '2001:db8:a::10', protocol: udp, port: any, pool: web, hash: source }\n"
		"pools:\n"
		"  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 },\n"
		"      { address: '2001:db8:b::13' } ] }\n";
	struct world *world = *state;

	world_configure(world, text);
	for (uint16_t i = 1; i <= 8; i++) {
		datagram_send(world, &(struct probe){ V4, UDP, .port = (uint16_t)(1000 + i), .id = i });
		datagram_send(world, &(struct probe){ V6, UDP, .port = i, .id = i, .client = i });
	}
}

/* --- what is dropped --- */

static void drops_tiny_fragments(void **state)
{
	static const struct {
		enum cv_verdict verdict;
		struct probe probe;
	} rows[] = {
		/* the first fragment: 20 bytes of TCP, less than its header has, and less than ports */
		{ CV_TX, { .name = "whole header", V4, TCP, .flags = PKT_SYN } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "19 bytes", V4, TCP, POKE(1, 3, 39) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "8 bytes", V4, TCP, POKE(1, 3, 28) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "no bytes", V4, TCP, POKE(1, 3, 20) } },
		{ CV_DROP_FRAGMENT_TINY,
		  { .name = "cut options", V4, TCP, .tcp_options = 8, POKE(1, 3, 40) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "7 bytes", V4, UDP, POKE(1, 3, 27) } },
		{ CV_TX, { .name = "whole header", V6, TCP, .flags = PKT_SYN } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "16 bytes", V6, TCP, POKE(1, 5, 24) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "no bytes", V6, UDP, POKE(1, 5, 8) } },
		/* the second one: 8 and 16 bytes from the start, in the header of TCP; 24 is behind it */
		{ CV_DROP_FRAGMENT_TINY, { .name = "at 8", V4, TCP, POKE(1, 6, 0x20, 1) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "at 16", V4, TCP, POKE(1, 6, 0x00, 2) } },
		{ CV_DROP_FRAGMENT_ORPHAN, { .name = "at 24", V4, TCP, .id = 5, POKE(1, 6, 0x00, 3) } },
		{ CV_DROP_FRAGMENT_TINY, { .name = "at 8", V6, TCP, POKE(2, 2, 0x00, 0x09) } },
		{ CV_DROP_FRAGMENT_ORPHAN, { .name = "at 24", V6, TCP, .id = 5, POKE(2, 2, 0x00, 0x18) } },
		{ CV_DROP_FRAGMENT_ORPHAN, { .name = "at 8", V4, UDP, .id = 5, POKE(1, 6, 0x20, 1) } },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		struct probe probe = datagram_first(rows[i].probe);

		world_expect(world, &probe, rows[i].verdict);
	}
}

static void a_second_first_fragment_ends_an_ipv6_datagram(void **state)
{
	struct world *world = *state;
	struct probe probe = { V6, UDP, .id = 9 }, first = datagram_first(probe),
		     later = datagram_later(probe);

	datagram_send(world, &probe);
	world_expect(world, &first, CV_TX); /* the same again is no contradiction */
	first.client_port = 40001;
	world_expect(world, &first, CV_DROP_FRAGMENT_OVERLAP);
	assert_int_equal(datagram_note(world, &probe).state, CV_FRAGMENT_OVERLAP);
	world_expect(world, &later, CV_DROP_FRAGMENT_OVERLAP);
	first.client_port = 0;
	world_expect(world, &first, CV_DROP_FRAGMENT_OVERLAP);
	/* another datagram of that client is not concerned */
	probe.id = 10;
	datagram_send(world, &probe);
}

static void an_ipv4_identification_may_come_again(void **state)
{
	struct world *world = *state;

	for (uint16_t port = 1; port <= 8; port++)
		datagram_send(world, &(struct probe){ V4, UDP, .id = 9, .client_port = port });
	assert_int_equal(world_count(world, "cv_fragments"), 1);
}

static void fragments_of_other_ports_all_pass(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		struct probe probe = probe_kind((struct probe){ .port = 80 }, i);
		struct probe first = datagram_first(probe), later = datagram_later(probe);

		world_expect(world, &first, CV_PASS_NO_LISTENER);
		world_expect(world, &later, CV_PASS_NO_LISTENER);
		assert_int_equal(datagram_note(world, &probe).state, CV_FRAGMENT_FOREIGN);
	}
}

static void a_refused_first_fragment_takes_the_rest_along(void **state)
{
	struct world *world = *state;
	struct probe probe = { TCP, .flags = PKT_SYN }, first = datagram_first(probe),
		     later = datagram_later(probe);

	world_vary(world, .tcp = "max_flows: 1, unknown_packet: reset");
	flow_open(world, &(struct probe){ UDP });
	world_set_live(world, world_listener_id(world, "tcp4"), 1);
	world_expect(world, &first, CV_DROP_QUOTA);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
	assert_int_equal(datagram_note(world, &probe).state, CV_FRAGMENT_REFUSED);
	/* so does one that is answered */
	first.flags = PKT_ACK;
	first.id = later.id = 2;
	world_expect(world, &first, CV_RESET_UNKNOWN);
	world_expect(world, &later, CV_DROP_FRAGMENT_ORPHAN);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(later_fragments_follow_the_first, world_forget),
		cmocka_unit_test_setup(a_first_fragment_may_announce_more_than_it_has, world_forget),
		cmocka_unit_test_setup(later_fragments_count_for_listener_and_backend, world_forget),
		cmocka_unit_test_setup(only_its_own_fragments_follow, world_forget),
		cmocka_unit_test_setup(the_last_fragment_may_be_a_byte, world_forget),
		cmocka_unit_test_setup(every_kind_of_listener_has_fragments, world_forget),
		cmocka_unit_test_setup(drops_tiny_fragments, world_forget),
		cmocka_unit_test_setup(a_second_first_fragment_ends_an_ipv6_datagram, world_forget),
		cmocka_unit_test_setup(an_ipv4_identification_may_come_again, world_forget),
		cmocka_unit_test_setup(fragments_of_other_ports_all_pass, world_forget),
		cmocka_unit_test_setup(a_refused_first_fragment_takes_the_rest_along, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("fragment", tests, world_up, world_down);
}
