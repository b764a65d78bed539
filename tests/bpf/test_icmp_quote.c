/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors: what is read of the packet that they quote, what may carry them, and which are not for backends. Where
 * they go, in test_icmp.c. */
#include "bpf/icmp_error.h"

#include <netinet/in.h>

#include "bpf/flow.h"
#include "bpf/oracle.h"

struct row {
	enum cv_verdict verdict;
	struct icmp_error error;
};

#define IN(...) __VA_ARGS__
#define ROW(verdict_, name_, quoted_, ...)                                                                \
	{                                                                                                 \
		.verdict = CV_##verdict_, .error = {.quoted = { .name = (name_), quoted_ }, __VA_ARGS__ } \
	}

/* By Maglev, where they are sent on. */
static void check_rows(struct world *world, const struct row *rows, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		const struct probe *quoted = &rows[i].error.quoted;
		bool is_tx = rows[i].verdict == CV_TX;

		icmp_error_expect(world, &rows[i].error, rows[i].verdict,
				  is_tx ? oracle_owner(world->image, quoted) : 0);
		flow_expect(world, quoted, CV_FLOW_NONE);
	}
}

#define ALL 4096

static void reads_quotes_of_every_kind(void **state)
{
	static const struct row rows[] = {
		ROW(TX, "IPv4, 8 bytes", IN(V4, TCP, .payload = 1000)),
		ROW(TX, "IPv4, all", IN(V4, TCP, .payload = 500), .quote = ALL),
		ROW(TX, "IPv4, an odd number", IN(V4, UDP, .payload = 500), .quote = 111),
		ROW(TX, "IPv4, TTL used up", IN(V4, .ttl = -1, .payload = 9)),
		ROW(TX, "IPv4, options", IN(V4, .options = 4, .payload = 9)),
		ROW(TX, "IPv4, most options", IN(V4, UDP, .options = 40)),
		ROW(TX, "IPv4, first fragment", IN(V4, .fragment = PROBE_FIRST_FRAGMENT, .payload = 9)),
		ROW(TX, "IPv4, its length is none", IN(V4, POKE(0, 2, 0, 0))),
		ROW(TX, "IPv4, its length is a lie", IN(V4, POKE(0, 2, 0xff, 0xff))),
		ROW(TX, "IPv4, its checksum too", IN(V4, POKE(0, 10, 0, 0))),
		ROW(TX, "IPv6, 8 bytes", IN(V6, TCP, .payload = 1000)),
		ROW(TX, "IPv6, all", IN(V6, TCP, .payload = 1000), .quote = ALL),
		ROW(TX, "IPv6, an odd number", IN(V6, UDP, .payload = 500), .quote = 111),
		ROW(TX, "IPv6, extensions",
		    IN(V6, .extension = { { 8, IPPROTO_HOPOPTS }, { 24, IPPROTO_ROUTING } })),
		ROW(TX, "IPv6, six extensions",
		    IN(V6, UDP,
		       .extension = { { 8, IPPROTO_HOPOPTS },
				      { 16, IPPROTO_DSTOPTS },
				      { 8, IPPROTO_DSTOPTS },
				      { 8, IPPROTO_DSTOPTS },
				      { 8, IPPROTO_DSTOPTS },
				      { 8, IPPROTO_DSTOPTS } })),
		ROW(TX, "IPv6, atomic fragment", IN(V6, .fragment = PROBE_ATOMIC)),
		ROW(TX, "IPv6, first fragment", IN(V6, .fragment = PROBE_FIRST_FRAGMENT)),
		ROW(TX, "IPv6, first fragment, extensions",
		    IN(V6, .extension = { { 8, IPPROTO_HOPOPTS } }, .fragment = PROBE_FIRST_FRAGMENT)),
		ROW(TX, "IPv6, its length is a lie", IN(V6, POKE(0, 4, 0xff, 0xff))),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

/* The other fields of the packet that carries the error. */
static void sends_on_carriers_of_every_kind(void **state)
{
	static const struct row rows[] = {
		ROW(TX, "a tag", IN(V4), .carrier = { .vlans = 1 }),
		ROW(TX, "tags", IN(V6), .carrier = { .vlans = 2, .tos = 0xc0 }),
		ROW(TX, "marked", IN(V4), .carrier = { .tos = 0xff, .df = true, .id = 0xffff, .ttl = 2 }),
		ROW(TX, "IPv4 options", IN(V4), .carrier = { .options = 40, .padding = 7 }),
		ROW(TX, "extensions", IN(V6), .carrier = { .extension = { { 8, IPPROTO_HOPOPTS } } }),
		ROW(TX, "atomic fragment", IN(V6), .carrier = { .fragment = PROBE_ATOMIC }),
		ROW(TX, "from the VIP itself", IN(V4), .from = VIP4),
		ROW(DROP_TTL, "TTL used up", IN(V4), .carrier = { .ttl = 1 }),
		ROW(DROP_TTL, "hop limit used up", IN(V6), .carrier = { .ttl = 1 }),
		ROW(DROP_TOO_BIG, "too big", IN(V6, .payload = 1400), .quote = ALL),
		ROW(PASS_ICMP_FRAGMENT, "first", IN(V4), .carrier = { .fragment = PROBE_FIRST_FRAGMENT }),
		ROW(PASS_ICMP_FRAGMENT, "later", IN(V4), .carrier = { .fragment = PROBE_LATER_FRAGMENT }),
		ROW(PASS_ICMP_FRAGMENT, "first", IN(V6), .carrier = { .fragment = PROBE_FIRST_FRAGMENT }),
		ROW(PASS_ICMP_FRAGMENT, "later", IN(V6), .carrier = { .fragment = PROBE_LATER_FRAGMENT }),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static void drops_what_says_nothing(void **state)
{
	static const struct row rows[] = {
		ROW(DROP_ICMP_QUOTE, "IPv4, version 6", IN(V4, POKE(0, 0, 0x65))),
		ROW(DROP_ICMP_QUOTE, "IPv4, header of 16", IN(V4, POKE(0, 0, 0x44))),
		ROW(DROP_ICMP_QUOTE, "IPv4, header over the end", IN(V4, POKE(0, 0, 0x4f))),
		ROW(DROP_ICMP_QUOTE, "IPv6, version 4", IN(V6, POKE(0, 0, 0x45))),
		ROW(DROP_ICMP_QUOTE, "IPv6, extension over the end",
		    IN(V6, .extension = { { 8, IPPROTO_HOPOPTS } }, POKE(1, 1, 2))),
		ROW(DROP_ICMP_QUOTE, "into padding", IN(V4), .quote = 27, .carrier = { .padding = 20 }),
		ROW(DROP_ICMP_QUOTE, "into padding", IN(V6), .quote = 47, .carrier = { .padding = 20 }),
		ROW(DROP_ICMP_NO_PORTS, "later fragment", IN(V4, .fragment = PROBE_LATER_FRAGMENT)),
		ROW(DROP_ICMP_NO_PORTS, "later fragment", IN(V4, UDP, .fragment = PROBE_LATER_FRAGMENT)),
		ROW(DROP_ICMP_NO_PORTS, "later fragment", IN(V6, .fragment = PROBE_LATER_FRAGMENT)),
		ROW(DROP_ICMP_FOREIGN, "of another host", IN(V4, .to = "192.0.2.99"), .to = VIP4),
		ROW(DROP_ICMP_FOREIGN, "of another host", IN(V6, .to = "2001:db8:a::99"), .to = VIP6),
		ROW(DROP_ICMP_FOREIGN, "last byte", IN(V6, POKE(0, 23, 0x11))),
		ROW(DROP_ICMP_FOREIGN, "first byte", IN(V6, POKE(0, 8, 0x21))),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

static void needs_eight_bytes_of_transport(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error error = { .quoted = probe_kind((struct probe){ .name = "cut" }, kind) };
		uint16_t header = error.quoted.family == CV_FAMILY_IPV4 ? 20 : 40;

		for (error.quote = 1; error.quote < header + 8; error.quote++)
			icmp_error_expect(world, &error, CV_DROP_ICMP_QUOTE, 0);
		icmp_error_expect(world, &error, CV_TX, oracle_owner(world->image, &error.quoted));
	}
}

/* Frames that end before their IP packet does pass, as they always do; and so does ICMP without a whole header. */
static void passes_frames_cut_at_any_byte(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct icmp_error error = { .quoted = probe_kind((struct probe){ .name = "cut" }, kind) };
		bool is_v4 = error.quoted.family == CV_FAMILY_IPV4;
		struct harness_result result;
		struct pkt in;

		icmp_error_build(&error, &in);
		for (in.len--; in.len >= 14; in.len--)
			assert_int_equal(world_run(world, &in, &result), CV_PASS_MALFORMED);
		icmp_error_build(&error, &in);
		for (uint8_t bytes = 0; bytes < 8; bytes++) {
			in.data[is_v4 ? 17 : 19] = (uint8_t)(bytes + (is_v4 ? 20 : 0));
			in.data[is_v4 ? 16 : 18] = 0;
			assert_int_equal(world_run(world, &in, &result), CV_PASS_MALFORMED);
		}
	}
}

/* What this host's own stack may have a use for. */
static void passes_what_is_not_for_backends(void **state)
{
	static const struct row rows[] = {
		/* source quench (RFC 6633), redirect, router advertisement, timestamp */
		ROW(PASS_PROTOCOL, "type 0", IN(V4), .carrier = { POKE(2, 0, 0) }),
		ROW(PASS_PROTOCOL, "type 4", IN(V4), .type = 4),
		ROW(PASS_PROTOCOL, "type 5", IN(V4), .type = 5),
		ROW(PASS_PROTOCOL, "type 9", IN(V4), .type = 9),
		ROW(PASS_PROTOCOL, "type 10", IN(V4), .type = 10),
		ROW(PASS_PROTOCOL, "type 13", IN(V4), .type = 13),
		/* echo reply, multicast listeners, neighbour discovery */
		ROW(PASS_PROTOCOL, "type 0", IN(V6), .carrier = { POKE(2, 0, 0) }),
		ROW(PASS_PROTOCOL, "type 5", IN(V6), .type = 5),
		ROW(PASS_PROTOCOL, "type 129", IN(V6), .type = 129),
		ROW(PASS_PROTOCOL, "type 130", IN(V6), .type = 130),
		ROW(PASS_PROTOCOL, "type 133", IN(V6), .type = 133),
		ROW(PASS_PROTOCOL, "type 134", IN(V6), .type = 134),
		ROW(PASS_PROTOCOL, "type 135", IN(V6), .type = 135),
		ROW(PASS_PROTOCOL, "type 136", IN(V6), .type = 136),
		ROW(PASS_PROTOCOL, "type 137", IN(V6), .type = 137),
		ROW(PASS_PROTOCOL, "type 143", IN(V6), .type = 143),
		/* of the other family */
		ROW(PASS_PROTOCOL, "ICMPv6 in IPv4", IN(V4), .type = TOO_BIG6, .carrier = { POKE(1, 9, 58) }),
		ROW(PASS_PROTOCOL, "ICMP in IPv6", IN(V6), .type = UNREACHABLE4,
		    .carrier = { POKE(1, 6, 1) }),
		/* about packets that no backend sent */
		ROW(PASS_PROTOCOL, "about ICMP", IN(V4, POKE(0, 9, IPPROTO_ICMP))),
		ROW(PASS_PROTOCOL, "about ICMPv6", IN(V6, POKE(0, 6, IPPROTO_ICMPV6))),
		ROW(PASS_PROTOCOL, "about its fragment",
		    IN(V6, .fragment = PROBE_LATER_FRAGMENT, POKE(1, 0, IPPROTO_ICMPV6))),
		ROW(PASS_PROTOCOL, "about GRE", IN(V4, POKE(0, 9, IPPROTO_GRE))),
		ROW(PASS_NO_LISTENER, "another port", IN(V4, .port = 22)),
		ROW(PASS_NO_LISTENER, "another port", IN(V6, UDP, .port = 53)),
		/* to a host behind us */
		ROW(PASS_NOT_VIP, "another address", IN(V4, .to = "192.0.2.99")),
		ROW(PASS_NOT_VIP, "another address", IN(V6, .to = "2001:db8:a::99")),
	};

	check_rows(*state, rows, CV_ARRAY_SIZE(rows));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(reads_quotes_of_every_kind, world_forget),
		cmocka_unit_test_setup(sends_on_carriers_of_every_kind, world_forget),
		cmocka_unit_test_setup(drops_what_says_nothing, world_forget),
		cmocka_unit_test_setup(needs_eight_bytes_of_transport, world_forget),
		cmocka_unit_test_setup(passes_frames_cut_at_any_byte, world_forget),
		cmocka_unit_test_setup(passes_what_is_not_for_backends, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("icmp_quote", tests, world_up, world_down);
}
