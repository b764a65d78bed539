/* SPDX-License-Identifier: GPL-2.0-only */
/* What the decapsulating program leaves alone, and what it drops: foreign, fragmented, cut short, contradicting
 * itself, random. run_any checks each time that a packet that passes is untouched. */
#include "bpf/decap_fixture.h"

#include <netinet/in.h>
#include <string.h>

#define OUTER 1 /* layers of a tunnel packet without tags */
#define INNER 2

/* Puts the number of bytes into the outer header that really follow. */
static void fit_outer(struct pkt *p, size_t layer)
{
	uint8_t *ip = pkt_layer(p, layer);
	size_t len = p->len - p->layers[layer].offset;

	if (p->layers[layer].kind == PKT_IPV4) {
		ip[2] = (uint8_t)(len >> 8);
		ip[3] = (uint8_t)len;
		pkt_ipv4_checksum(ip);
	} else {
		ip[4] = (uint8_t)((len - 40) >> 8);
		ip[5] = (uint8_t)(len - 40);
	}
}

static void passes_what_is_no_tunnel(void **state)
{
	(void)state;
	for (size_t i = 0; i < 2; i++) {
		for (int tags = 0; tags <= 2; tags++) {
			struct pkt in = PKT_NEW;

			push_link(&in, tags);
			push_outer(&in, i ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4, 0);
			pkt_tcp(&in, 443, 40000, .flags = PKT_ACK);
			expect(&in, CV_DECAP_PASS_NOT_TUNNEL, NULL);
		}
	}
}

static void passes_what_is_not_ip(void **state)
{
	struct pkt arp = PKT_NEW, three_tags = PKT_NEW;

	(void)state;
	push_link(&arp, 0);
	pkt_text(&arp, "neither");
	expect(&arp, CV_DECAP_PASS_NOT_IP, NULL);

	pkt_eth(&three_tags);
	for (int i = 0; i < 3; i++)
		pkt_vlan(&three_tags);
	push_outer(&three_tags, CV_FAMILY_IPV4, 0);
	push_inner(&three_tags, CV_FAMILY_IPV4, 0);
	expect(&three_tags, CV_DECAP_PASS_NOT_IP, NULL);
}

static void passes_tunnels_to_others(void **state)
{
	static const char *const others4[] = { "10.0.0.12", "10.0.0.255", "255.255.255.255", VIP4 };
	static const char *const others6[] = { "2001:db8::12", "ff02::1", VIP6, "::ffff:10.0.0.11" };

	(void)state;
	for (size_t i = 0; i < 4 * CV_ARRAY_SIZE(others4); i++) {
		enum cv_family inner = i % 2 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6;
		struct pkt in = PKT_NEW;

		push_link(&in, 0);
		if (i % 4 < 2)
			pkt_ipv4(&in, BALANCER4, others4[i / 4]);
		else
			pkt_ipv6(&in, BALANCER6, others6[i / 4]);
		push_inner(&in, inner, 0);
		expect(&in, CV_DECAP_PASS_NOT_LOCAL, NULL);
	}
}

static void takes_tunnels_only_from_the_prefixes(void **state)
{
	static const struct {
		const char *from[3];
		bool takes4, takes6;
	} cases[] = {
		{ { "0.0.0.0/0", "::/0" }, true, true },
		{ { "10.0.0.0/30", "2001:db8::/125" }, true, true },
		{ { BALANCER4, BALANCER6 }, true, true },
		{ { "10.0.0.4/30", "2001:db8::8/125" }, false, false },
		{ { "0.0.0.0/0" }, true, false },
		{ { "::/0" }, false, true },
		{ { BALANCER4, "::/0" }, true, true },
		{ { "10.0.0.3/32", "::/1" }, false, true },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		set_from(cases[i].from);
		for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
			bool takes = mix->outer == CV_FAMILY_IPV4 ? cases[i].takes4 : cases[i].takes6;
			struct pkt in = PKT_NEW;

			push_tunnel(&in, mix, 0);
			expect(&in, takes ? mix->verdict : CV_DECAP_PASS_SOURCE, NULL);
		}
	}
}

static void takes_no_mapped_source_for_an_ipv4_prefix(void **state)
{
	struct pkt in = PKT_NEW;

	(void)state;
	set_from((const char *const[]){ "10.0.0.0/8", NULL });
	push_link(&in, 0);
	pkt_ipv6(&in, "::ffff:10.0.0.2", HOST6);
	push_inner(&in, CV_FAMILY_IPV4, 0);
	expect(&in, CV_DECAP_PASS_SOURCE, NULL);
}

static void leaves_fragments_to_the_kernel(void **state)
{
	static const struct {
		uint16_t offset;
		int more;
	} parts[] = { { 0, 1 }, { 1480, 1 }, { 8, 0 }, { 65528, 0 } };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(parts); i++) {
		struct pkt in4 = PKT_NEW, in6 = PKT_NEW, foreign = PKT_NEW;

		push_link(&in4, 0);
		pkt_ipv4(&in4, BALANCER4, HOST4, .offset = parts[i].offset, .more = parts[i].more);
		push_inner(&in4, CV_FAMILY_IPV4, 0);
		expect(&in4, CV_DECAP_PASS_FRAGMENT, NULL);

		push_link(&in6, 0);
		push_outer(&in6, CV_FAMILY_IPV6, 0);
		pkt_fragment(&in6, .offset = parts[i].offset, .more = parts[i].more);
		push_inner(&in6, CV_FAMILY_IPV6, 0);
		expect(&in6, CV_DECAP_PASS_FRAGMENT, NULL);

		push_link(&foreign, 0);
		push_outer(&foreign, CV_FAMILY_IPV6, 0);
		pkt_fragment(&foreign, .offset = parts[i].offset, .more = parts[i].more);
		pkt_udp(&foreign, 1, 2);
		expect(&foreign, CV_DECAP_PASS_NOT_TUNNEL, NULL);
	}
}

static void leaves_other_extension_headers_to_the_kernel(void **state)
{
	static const uint8_t others[] = { IPPROTO_ROUTING, IPPROTO_AH };
	struct pkt many = PKT_NEW;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++) {
		struct pkt in = PKT_NEW;

		push_link(&in, 0);
		push_outer(&in, CV_FAMILY_IPV6, 0);
		pkt_ext(&in, others[i], 8);
		push_inner(&in, CV_FAMILY_IPV6, 0);
		expect(&in, CV_DECAP_PASS_EXTENSION, NULL);
	}
	push_link(&many, 0);
	push_outer(&many, CV_FAMILY_IPV6, 0);
	for (int i = 0; i < 5; i++)
		pkt_ext(&many, IPPROTO_DSTOPTS, 8);
	push_inner(&many, CV_FAMILY_IPV6, 0);
	expect(&many, CV_DECAP_PASS_EXTENSION, NULL);
}

/* Pokes one byte of one layer; then the packet must meet `verdict`. */
struct poke {
	size_t layer, at;
	uint8_t value;
	enum cv_decap_verdict verdict;
};

static void expect_poked(const struct mix *mix, const struct poke *pokes, size_t nr)
{
	for (size_t i = 0; i < nr; i++) {
		struct pkt in = PKT_NEW;

		push_tunnel(&in, mix, 0);
		pkt_layer(&in, pokes[i].layer)[pokes[i].at] = pokes[i].value;
		expect(&in, pokes[i].verdict, NULL);
	}
}

static void passes_outer_headers_that_contradict_themselves(void **state)
{
	static const struct poke pokes4[] = {
		{ OUTER, 0, 0x65, CV_DECAP_PASS_MALFORMED },	/* version */
		{ OUTER, 0, 0x44, CV_DECAP_PASS_MALFORMED },	/* header length 16 */
		{ OUTER, 0, 0x4f, CV_DECAP_DROP_INNER_LENGTH }, /* 60: only 4 bytes are left */
		{ OUTER, 3, 19, CV_DECAP_PASS_MALFORMED },	/* total length below the header's */
		{ OUTER, 3, 65, CV_DECAP_PASS_MALFORMED },	/* one more than there is */
		{ OUTER, 2, 1, CV_DECAP_PASS_MALFORMED },	/* 256 more */
	};
	static const struct poke pokes6[] = {
		{ OUTER, 0, 0x40, CV_DECAP_PASS_MALFORMED },
		{ OUTER, 5, 45, CV_DECAP_PASS_MALFORMED },
		{ OUTER, 4, 1, CV_DECAP_PASS_MALFORMED },
	};

	(void)state;
	expect_poked(&mixes[0], pokes4, CV_ARRAY_SIZE(pokes4));
	expect_poked(&mixes[2], pokes6, CV_ARRAY_SIZE(pokes6));

	/* An extension header of 8 bytes before 44 of inner packet. */
	for (size_t i = 0; i < 2; i++) {
		struct pkt in = PKT_NEW;

		push_link(&in, 0);
		push_outer(&in, CV_FAMILY_IPV6, 0);
		pkt_ext(&in, IPPROTO_DSTOPTS, 8);
		push_inner(&in, CV_FAMILY_IPV4, 0);
		if (i == 0)
			pkt_layer(&in, OUTER + 1)[1] = 6; /* 56 bytes: longer than the frame */
		else
			pkt_layer(&in, OUTER)[5] = 7; /* longer than what the outer header counts */
		expect(&in, CV_DECAP_PASS_MALFORMED, NULL);
	}
}

static void drops_inner_headers_that_contradict_themselves(void **state)
{
	static const struct poke pokes4[] = {
		{ INNER, 0, 0x65, CV_DECAP_DROP_INNER_VERSION },
		{ INNER, 0, 0x05, CV_DECAP_DROP_INNER_VERSION },
		{ INNER, 0, 0x44, CV_DECAP_DROP_INNER_LENGTH },
		{ INNER, 0, 0x40, CV_DECAP_DROP_INNER_LENGTH },
		{ INNER, 3, 19, CV_DECAP_DROP_INNER_LENGTH },
		{ INNER, 3, 0, CV_DECAP_DROP_INNER_LENGTH },
		{ INNER, 3, 45, CV_DECAP_DROP_INNER_LENGTH }, /* 44 is right */
		{ INNER, 2, 1, CV_DECAP_DROP_INNER_LENGTH },
	};
	static const struct poke pokes6[] = {
		{ INNER, 0, 0x45, CV_DECAP_DROP_INNER_VERSION },
		{ INNER, 5, 25, CV_DECAP_DROP_INNER_LENGTH }, /* 24 is right */
		{ INNER, 4, 1, CV_DECAP_DROP_INNER_LENGTH },
	};

	(void)state;
	expect_poked(&mixes[0], pokes4, CV_ARRAY_SIZE(pokes4));
	expect_poked(&mixes[2], pokes4, CV_ARRAY_SIZE(pokes4));
	expect_poked(&mixes[1], pokes6, CV_ARRAY_SIZE(pokes6));
	expect_poked(&mixes[3], pokes6, CV_ARRAY_SIZE(pokes6));
}

/* The frame ends early: nothing is known to be ours. */
static void passes_frames_cut_at_any_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIXES * 3; i++) {
		struct pkt in = PKT_NEW;
		struct harness_result result;

		push_link(&in, (int)(i % 3));
		push_outer(&in, mixes[i / 3].outer, 0);
		if (mixes[i / 3].outer == CV_FAMILY_IPV6)
			pkt_ext(&in, IPPROTO_DSTOPTS, 16);
		push_inner(&in, mixes[i / 3].inner, 0);
		for (in.len--; in.len >= 14; in.len--)
			assert_int_equal(run_any(&in, &result), CV_DECAP_PASS_MALFORMED);
	}
}

/* The outer header is right and the inner packet ends early: ours, and of no use. */
static void drops_inner_packets_cut_at_any_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIXES * 3; i++) {
		size_t outer = 1 + i % 3, inner_at;
		struct pkt in = PKT_NEW;

		push_link(&in, (int)(i % 3));
		push_outer(&in, mixes[i / 3].outer, 0);
		if (mixes[i / 3].outer == CV_FAMILY_IPV6)
			pkt_ext(&in, IPPROTO_DSTOPTS, 16);
		inner_at = in.len;
		push_inner(&in, mixes[i / 3].inner, 0);
		for (in.len--; in.len >= inner_at; in.len--) {
			fit_outer(&in, outer);
			expect(&in, CV_DECAP_DROP_INNER_LENGTH, NULL);
		}
	}
}

static uint32_t random_next(uint32_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 17;
	*seed ^= *seed << 5;
	return *seed;
}

/* Whatever comes: it passes untouched, is dropped, or leaves without just its outer header. */
static void survives_random_changes(void **state)
{
	uint32_t seed = 0xc0ffee;

	(void)state;
	for (size_t i = 0; i < 4000; i++) {
		const struct mix *mix = &mixes[i % MIXES];
		struct harness_result result;
		struct pkt in = PKT_NEW;

		push_tunnel(&in, mix, (int)(random_next(&seed) % 3));
		for (uint32_t n = random_next(&seed) % 4 + 1; n > 0; n--)
			in.data[random_next(&seed) % in.len] = (uint8_t)random_next(&seed);
		in.len -= random_next(&seed) % 8 == 0 ? random_next(&seed) % (in.len - 13) : 0;
		if (decap_verdict_class(run_any(&in, &result)) != CV_DECAP_CLASS_DECAP)
			continue;
		assert_memory_equal(result.data, in.data, 12);
		/* Behind the link header and what ECN may change (version to checksum) nothing is different. */
		assert_memory_equal(result.data + 34, in.data + in.len - result.len + 34, result.len - 34);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(passes_what_is_no_tunnel, decap_setup),
		cmocka_unit_test_setup(passes_what_is_not_ip, decap_setup),
		cmocka_unit_test_setup(passes_tunnels_to_others, decap_setup),
		cmocka_unit_test_setup(takes_tunnels_only_from_the_prefixes, decap_setup),
		cmocka_unit_test_setup(takes_no_mapped_source_for_an_ipv4_prefix, decap_setup),
		cmocka_unit_test_setup(leaves_fragments_to_the_kernel, decap_setup),
		cmocka_unit_test_setup(leaves_other_extension_headers_to_the_kernel, decap_setup),
		cmocka_unit_test_setup(passes_outer_headers_that_contradict_themselves, decap_setup),
		cmocka_unit_test_setup(drops_inner_headers_that_contradict_themselves, decap_setup),
		cmocka_unit_test_setup(passes_frames_cut_at_any_byte, decap_setup),
		cmocka_unit_test_setup(drops_inner_packets_cut_at_any_byte, decap_setup),
		cmocka_unit_test_setup(survives_random_changes, decap_setup),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("decap_odd", tests, decap_group_setup, decap_group_teardown);
}
