/* SPDX-License-Identifier: GPL-2.0-only */
/* Parsing: what is read through on the way to the ports, and what is odd. Odd packets pass untouched until
 * they are known to be for a listener, and are dropped after that; never are they forwarded, never do they
 * make a flow. */
#include "bpf/world.h"

#include <netinet/in.h>

struct row {
	enum cv_verdict verdict;
	struct probe probe;
};

#define ROW(verdict_, name_, ...)                                                  \
	{                                                                          \
		.verdict = CV_##verdict_, .probe = {.name = (name_), __VA_ARGS__ } \
	}

static void assert_no_flows(struct world *world)
{
	assert_int_equal(world_count(world, "cv_flows"), 0);
	assert_int_equal(world_count(world, "cv_flows6"), 0);
	assert_int_equal(world_count(world, "cv_half_open"), 0);
}

/* With the protocols of the rows, or if they name none, with both. */
static void check_rows(struct world *world, const struct row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct probe udp = probe_as(rows[i].probe, rows[i].probe.family, CV_PROTOCOL_UDP);

		world_expect(world, &rows[i].probe, rows[i].verdict);
		if (!rows[i].probe.protocol)
			world_expect(world, &udp, rows[i].verdict);
		if (dp_verdict_class(rows[i].verdict) != CV_CLASS_TX)
			assert_no_flows(world);
	}
}

static void reads_vlan_tags(void **state)
{
	static const struct row rows[] = {
		ROW(PASS_NOT_IP, "IPv4, three tags", V4, .vlans = 3),
		ROW(PASS_NOT_IP, "IPv6, three tags", V6, .vlans = 3),
		ROW(TX, "IPv4, no tag", V4),
		ROW(TX, "IPv4, a tag", V4, .vlans = 1),
		ROW(TX, "IPv4, two tags", V4, .vlans = 2, .payload = 3),
		ROW(TX, "IPv6, no tag", V6),
		ROW(TX, "IPv6, a tag", V6, .vlans = 1),
		ROW(TX, "IPv6, two tags", V6, .vlans = 2, .payload = 3),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static void reads_ipv4_options(void **state)
{
	static const struct row rows[] = {
		ROW(TX, "4 bytes of options", V4, .options = 4, .payload = 5),
		ROW(TX, "40 bytes of options", V4, .options = 40, .payload = 5),
		ROW(TX, "options and tags", V4, .options = 12, .vlans = 2),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

#define HOP                        \
	{                          \
		8, IPPROTO_HOPOPTS \
	}
#define ROUTING                     \
	{                           \
		24, IPPROTO_ROUTING \
	}
#define OPTIONS                     \
	{                           \
		16, IPPROTO_DSTOPTS \
	}

static void reads_ipv6_extensions(void **state)
{
	static const struct row rows[] = {
		ROW(PASS_PROTOCOL, "seven", V6,
		    .extension = { HOP, OPTIONS, ROUTING, OPTIONS, OPTIONS, OPTIONS, OPTIONS }),
		ROW(PASS_PROTOCOL, "authentication", V6, .extension = { { 16, IPPROTO_AH } }),
		ROW(TX, "hop-by-hop", V6, .extension = { HOP }),
		ROW(TX, "routing", V6, .extension = { ROUTING }),
		ROW(TX, "destination", V6, .extension = { OPTIONS }, .payload = 9),
		ROW(TX, "three", V6, .extension = { HOP, OPTIONS, ROUTING }, .vlans = 2),
		ROW(TX, "six", V6, .extension = { HOP, OPTIONS, ROUTING, OPTIONS, OPTIONS, OPTIONS }),
		ROW(TX, "a long one", V6, .extension = { { 1024, IPPROTO_DSTOPTS } }),
		ROW(TX, "atomic fragment", V6, .fragment = PROBE_ATOMIC, .payload = 2),
		ROW(TX, "atomic behind others", V6, .extension = { HOP, ROUTING }, .fragment = PROBE_ATOMIC),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

/* What becomes of those that are ours: test_fragment. */
static void tells_fragments(void **state)
{
	static const struct row rows[] = {
		ROW(DROP_FRAGMENT_ORPHAN, "later", V4, .fragment = PROBE_LATER_FRAGMENT),
		ROW(DROP_FRAGMENT_ORPHAN, "later", V6, .fragment = PROBE_LATER_FRAGMENT),
		ROW(DROP_FRAGMENT_ORPHAN, "behind others", V6, .extension = { HOP, OPTIONS },
		    .fragment = PROBE_LATER_FRAGMENT),
		ROW(PASS_NOT_VIP, "foreign", V4, .to = "192.0.2.99", .fragment = PROBE_FIRST_FRAGMENT),
		ROW(PASS_NOT_VIP, "foreign", V6, .to = "2001:db8:a::99", .fragment = PROBE_LATER_FRAGMENT),
		ROW(TX, "first", V4, .fragment = PROBE_FIRST_FRAGMENT, .id = 1),
		ROW(TX, "tags", V4, .vlans = 2, .options = 8, .fragment = PROBE_FIRST_FRAGMENT, .id = 2),
		ROW(TX, "first", V6, .fragment = PROBE_FIRST_FRAGMENT, .id = 3),
		ROW(TX, "behind others", V6, .extension = { HOP, OPTIONS }, .fragment = PROBE_FIRST_FRAGMENT,
		    .id = 4),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

/* What counts is the header behind the fragment header; here nobody knows the protocol. */
static void passes_fragments_of_options(void **state)
{
	struct harness_result result;
	struct pkt in = PKT_NEW;

	pkt_eth(&in);
	pkt_ipv6(&in, "2001:db8:c::7", VIP6);
	pkt_fragment(&in, .more = 1);
	pkt_ext(&in, IPPROTO_DSTOPTS, 8);
	pkt_tcp(&in, 40000, 443, .flags = PKT_SYN);
	assert_int_equal(world_run(*state, &in, &result), CV_PASS_PROTOCOL);
}

/* As a destination it passes (below), lest it meet an IPv4 listener; as a source it cannot be taken for IPv4. */
static void forwards_v4_mapped_clients(void **state)
{
	struct harness_result result;
	struct pkt in = PKT_NEW;

	pkt_eth(&in);
	pkt_ipv6(&in, "::ffff:198.18.0.7", VIP6);
	pkt_tcp(&in, 40000, 443, .flags = PKT_SYN);
	assert_int_equal(world_run(*state, &in, &result), CV_TX);
	assert_int_equal(world_run(*state, &in, &result), CV_TX);
	assert_int_equal(world_count(*state, "cv_half_open"), 1);
	world_expect(*state, &(struct probe){ .name = "IPv4", .flags = PKT_SYN }, CV_TX);
	assert_int_equal(world_count(*state, "cv_half_open"), 2);
}

static void passes_what_is_not_ip(void **state)
{
	static const struct row rows[] = {
		ROW(PASS_NOT_IP, "ARP", V4, POKE(0, 12, 0x08, 0x06)),
		ROW(PASS_NOT_IP, "MPLS", V4, POKE(0, 12, 0x88, 0x47)),
		ROW(PASS_NOT_IP, "a tag of old", V4, POKE(0, 12, 0x91, 0x00)),
		ROW(PASS_NOT_IP, "a length", V4, POKE(0, 12, 0x00, 0x40)),
		ROW(PASS_NOT_IP, "tagged ARP", V4, .vlans = 1, POKE(1, 2, 0x08, 0x06)),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

/* Whatever is in them: each balancer of the segment has one. */
static void passes_frames_to_groups(void **state)
{
	static const struct row rows[] = {
		ROW(PASS_GROUP, "SYN to all", V4, TCP, POKE(0, 0, 0xff, 0xff)),
		ROW(PASS_GROUP, "SYN to a group", V6, TCP, POKE(0, 0, 0x33, 0x33)),
		ROW(PASS_GROUP, "tagged", V4, UDP, .vlans = 2, POKE(0, 0, 0x01)),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

/* The IP packets are 20 + 20 + 10 and 40 + 20 + 10 bytes long. */
static void passes_broken_ip(void **state)
{
	static const struct row rows[] = {
		ROW(PASS_MALFORMED, "version 5", V4, TCP, .payload = 10, POKE(1, 0, 0x55)),
		ROW(PASS_MALFORMED, "IPv6 called IPv4", V6, TCP, .payload = 10, POKE(0, 12, 0x08, 0x00)),
		ROW(PASS_MALFORMED, "header of 16", V4, TCP, .payload = 10, POKE(1, 0, 0x44)),
		ROW(PASS_MALFORMED, "header of 0", V4, TCP, .payload = 10, POKE(1, 0, 0x40)),
		ROW(PASS_MALFORMED, "header of 60", V4, TCP, .payload = 10, POKE(1, 0, 0x4f)),
		ROW(PASS_MALFORMED, "total below header", V4, TCP, .payload = 10, POKE(1, 3, 19)),
		ROW(PASS_MALFORMED, "total is header", V4, TCP, .payload = 10, POKE(1, 3, 20)),
		ROW(PASS_MALFORMED, "total with 3 more", V4, TCP, .payload = 10, POKE(1, 3, 23)),
		ROW(PASS_MALFORMED, "total over the frame", V4, TCP, .payload = 10, POKE(1, 3, 51)),
		ROW(PASS_MALFORMED, "total far over", V4, TCP, .payload = 10, POKE(1, 2, 0xff, 0xff)),
		ROW(PASS_MALFORMED, "IPv4 called IPv6", V4, TCP, .payload = 40, POKE(0, 12, 0x86, 0xdd)),
		ROW(PASS_MALFORMED, "version 7", V6, TCP, .payload = 10, POKE(1, 0, 0x70)),
		ROW(PASS_MALFORMED, "no payload", V6, TCP, .payload = 10, POKE(1, 5, 0)),
		ROW(PASS_MALFORMED, "payload of 3", V6, TCP, .payload = 10, POKE(1, 5, 3)),
		ROW(PASS_MALFORMED, "payload over the frame", V6, TCP, .payload = 10, POKE(1, 5, 31)),
		ROW(PASS_MALFORMED, "payload far over", V6, TCP, .payload = 10, POKE(1, 4, 0xff, 0xff)),
		ROW(PASS_MALFORMED, "v4-mapped", V6, .to = "::ffff:192.0.2.10"),
		ROW(PASS_MALFORMED, "extension over", V6, TCP, .extension = { HOP }, POKE(2, 1, 4)),
		ROW(PASS_MALFORMED, "extension far over", V6, TCP, .extension = { HOP }, POKE(2, 1, 255)),
		ROW(PASS_MALFORMED, "extension to the end", V6, TCP, .extension = { HOP }, .payload = 4,
		    POKE(2, 1, 3)),
		ROW(PASS_MALFORMED, "extension into padding", V6, TCP, .extension = { HOP }, .payload = 4,
		    .padding = 64, POKE(2, 1, 4)),
		ROW(PASS_MALFORMED, "extension in padding", V6, TCP, .fragment = PROBE_FIRST_FRAGMENT,
		    .padding = 64, POKE(1, 5, 7)),
		ROW(PASS_MALFORMED, "second one over", V6, TCP, .extension = { HOP, OPTIONS }, POKE(3, 1, 5)),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static void drops_broken_transport(void **state)
{
	static const struct row rows[] = {
		ROW(DROP_MALFORMED, "TCP header of 16", V4, TCP, .payload = 9, POKE(2, 12, 0x40)),
		ROW(DROP_MALFORMED, "TCP header of 0", V6, TCP, .payload = 9, POKE(2, 12, 0x00)),
		ROW(DROP_MALFORMED, "TCP header over", V4, TCP, .payload = 9, POKE(2, 12, 0x80)),
		ROW(DROP_MALFORMED, "TCP header over", V6, TCP, .payload = 9, POKE(2, 12, 0xf0)),
		ROW(DROP_MALFORMED, "TCP cut by total", V4, TCP, .payload = 9, POKE(1, 3, 39)),
		ROW(DROP_MALFORMED, "TCP cut to ports", V4, TCP, .payload = 9, POKE(1, 3, 24)),
		ROW(DROP_MALFORMED, "TCP cut by payload", V6, TCP, .payload = 9, POKE(1, 5, 19)),
		ROW(DROP_MALFORMED, "UDP length 0", V4, UDP, .payload = 9, POKE(2, 5, 0)),
		ROW(DROP_MALFORMED, "UDP length 7", V6, UDP, .payload = 9, POKE(2, 5, 7)),
		ROW(DROP_MALFORMED, "UDP length over", V4, UDP, .payload = 9, POKE(2, 5, 18)),
		ROW(DROP_MALFORMED, "UDP length over", V6, UDP, .payload = 9, POKE(2, 4, 1)),
		ROW(DROP_MALFORMED, "UDP cut by total", V4, UDP, .payload = 9, POKE(1, 3, 27)),
		ROW(DROP_MALFORMED, "UDP cut by payload", V6, UDP, .payload = 9, POKE(1, 5, 7)),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static void forwards_what_is_only_unusual(void **state)
{
	static const struct row rows[] = {
		ROW(TX, "padded", V4, .padding = 6),
		ROW(TX, "padded", V6, .padding = 1, .vlans = 2),
		ROW(TX, "much padding", V4, .options = 40, .padding = 200, .payload = 1),
		ROW(TX, "TCP options", V4, TCP, .tcp_options = 40),
		ROW(TX, "UDP shorter than IP", V4, UDP, .payload = 9, POKE(2, 5, 8)),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static const struct probe kinds[] = {
	{ .name = "IPv4 TCP", V4, TCP, .flags = PKT_SYN, .payload = 7, .tcp_options = 12 },
	{ .name = "IPv4 UDP", V4, UDP, .payload = 7, .vlans = 1 },
	{ .name = "IPv4 options", V4, TCP, .flags = PKT_ACK, .payload = 7, .options = 16, .vlans = 2 },
	{ .name = "IPv6 TCP", V6, TCP, .flags = PKT_SYN, .payload = 7, .tcp_options = 12 },
	{ .name = "IPv6 UDP", V6, UDP, .payload = 7, .vlans = 1 },
	{ .name = "IPv6 extensions", V6, UDP, .payload = 7, .extension = { HOP, OPTIONS }, .vlans = 2 },
	{ .name = "IPv6 atomic", V6, TCP, .payload = 7, .extension = { ROUTING }, .fragment = PROBE_ATOMIC },
};

/* The frame ends before its IP packet does: whoever it is for, the kernel gets it as it is. */
static void passes_frames_cut_at_any_byte(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(kinds); i++) {
		struct harness_result result;
		struct pkt in;

		probe_build(&kinds[i], &in);
		for (in.len--; in.len >= 14; in.len--)
			assert_int_equal(dp_verdict_class(world_run(world, &in, &result)), CV_CLASS_PASS);
	}
	assert_no_flows(world);
}

/* Makes the IP header agree with a frame that was cut. */
static void mend_length(const struct probe *probe, struct pkt *p)
{
	size_t ip = 14 + 4 * probe->vlans;
	bool is_v4 = probe_family(probe) == CV_FAMILY_IPV4;
	size_t bytes = p->len - ip - (is_v4 ? 0 : 40);
	uint8_t *field = p->data + ip + (is_v4 ? 2 : 4);

	field[0] = (uint8_t)(bytes >> 8);
	field[1] = (uint8_t)bytes;
}

/* The same with an IP header that says so: what is cut is extension headers and the transport header. */
static void never_forwards_packets_cut_at_any_byte(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(kinds); i++) {
		bool is_tcp = probe_protocol(&kinds[i]) == CV_PROTOCOL_TCP;
		size_t ip_header = probe_family(&kinds[i]) == CV_FAMILY_IPV4 ? 20 : 40;
		struct harness_result result;
		size_t ports_end;
		struct pkt in;

		probe_build(&kinds[i], &in);
		ports_end = in.layers[in.layers_nr - 2].offset + 4;
		/* TCP does not know how much it carries: cut into its options at least */
		for (in.len -= is_tcp ? kinds[i].payload + 1 : 1;
		     in.len >= 14 + 4 * kinds[i].vlans + ip_header; in.len--) {
			mend_length(&kinds[i], &in);
			assert_int_equal(world_run(world, &in, &result),
					 in.len < ports_end ? CV_PASS_MALFORMED : CV_DROP_MALFORMED);
		}
	}
	assert_no_flows(world);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_vlan_tags, world_forget),
		cmocka_unit_test_setup(reads_ipv4_options, world_forget),
		cmocka_unit_test_setup(reads_ipv6_extensions, world_forget),
		cmocka_unit_test_setup(tells_fragments, world_forget),
		cmocka_unit_test_setup(passes_fragments_of_options, world_forget),
		cmocka_unit_test_setup(forwards_v4_mapped_clients, world_forget),
		cmocka_unit_test_setup(passes_what_is_not_ip, world_forget),
		cmocka_unit_test_setup(passes_frames_to_groups, world_forget),
		cmocka_unit_test_setup(passes_broken_ip, world_forget),
		cmocka_unit_test_setup(drops_broken_transport, world_forget),
		cmocka_unit_test_setup(forwards_what_is_only_unusual, world_forget),
		cmocka_unit_test_setup(passes_frames_cut_at_any_byte, world_forget),
		cmocka_unit_test_setup(never_forwards_packets_cut_at_any_byte, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("parse", tests, world_up, world_down);
}
