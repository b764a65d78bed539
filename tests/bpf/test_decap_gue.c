/* SPDX-License-Identifier: GPL-2.0-only */
/* GUE on the side that takes it off: both variants between all families, byte for byte; what the header may say, and
 * whose it is. Its UDP checksum, in test_decap_checksum.c. */
#include "bpf/decap_fixture.h"

#include <netinet/in.h>
#include <stdlib.h>

#define OUTER 1 /* layers of a packet without tags */
#define UDP 2
#define GUE 3

#define VARIANTS 2

static void push_all(struct pkt *p, const struct mix *mix, int tags, int variant, size_t private)
{
	push_link(p, tags);
	push_outer(p, mix->outer, 0);
	push_gue(p, GUE_PORT, variant, mix->inner, private);
	push_inner(p, mix->inner, 0);
}

static void expect_inner(const struct pkt *in, const struct mix *mix, int tags)
{
	struct pkt want = PKT_NEW;

	push_link(&want, tags);
	push_inner(&want, mix->inner, 0);
	expect(in, gue_verdict(mix), &want);
}

static void takes_off_every_mix_and_keeps_vlan_tags(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIXES * VARIANTS * 3; i++) {
		const struct mix *mix = &mixes[i % MIXES];
		int tags = (int)(i / MIXES % 3);
		struct pkt in = PKT_NEW;

		push_all(&in, mix, tags, (int)(i / MIXES / 3), 0);
		expect_inner(&in, mix, tags);
	}
}

static void skips_private_data(void **state)
{
	(void)state;
	for (size_t len = 0; len <= 124; len += 4) {
		const struct mix *mix = &mixes[len / 4 % MIXES];
		struct pkt in = PKT_NEW;

		push_all(&in, mix, 1, 0, len);
		expect_inner(&in, mix, 1);
	}
}

static void steps_over_outer_options(void **state)
{
	static const uint8_t nop[40] = { [0 ... 39] = 1 };

	(void)state;
	for (int variant = 0; variant < VARIANTS; variant++) {
		struct pkt four = PKT_NEW, six = PKT_NEW;

		push_link(&four, 0);
		pkt_ipv4(&four, BALANCER4, HOST4, .options = nop, .options_len = sizeof(nop));
		push_gue(&four, GUE_PORT, variant, CV_FAMILY_IPV6, 0);
		push_inner(&four, CV_FAMILY_IPV6, 0);
		expect_inner(&four, &mixes[1], 0);

		push_link(&six, 0);
		push_outer(&six, CV_FAMILY_IPV6, 0);
		pkt_ext(&six, IPPROTO_DSTOPTS, 16);
		push_gue(&six, GUE_PORT, variant, CV_FAMILY_IPV4, 0);
		push_inner(&six, CV_FAMILY_IPV4, 0);
		expect_inner(&six, &mixes[2], 0);
	}
}

static void carries_ecn(void **state)
{
	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		for (uint8_t inner = 0; inner <= 2; inner += 2) {
			struct pkt in = PKT_NEW, want = PKT_NEW;

			push_link(&in, 0);
			push_outer(&in, mix->outer, 3);
			push_gue(&in, GUE_PORT, 0, mix->inner, 0);
			push_inner(&in, mix->inner, inner);
			push_link(&want, 0);
			push_inner(&want, mix->inner, 3);
			if (inner)
				expect(&in, gue_verdict(mix), &want);
			else
				expect(&in, CV_DECAP_DROP_ECN, NULL);
		}
	}
}

/* --- whose it is --- */

static void passes_other_ports(void **state)
{
	static const int ports[] = { GUE_PORT - 1, GUE_PORT + 1, 0, 0x8000 + GUE_PORT };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports) * MIXES; i++) {
		const struct mix *mix = &mixes[i % MIXES];
		struct pkt in = PKT_NEW;

		push_link(&in, 0);
		push_outer(&in, mix->outer, 0);
		push_gue(&in, (uint16_t)ports[i / MIXES], 0, mix->inner, 0);
		push_inner(&in, mix->inner, 0);
		expect(&in, CV_DECAP_PASS_NOT_TUNNEL, NULL);
		set_gue_port(ports[i / MIXES]);
		if (ports[i / MIXES])
			expect_inner(&in, mix, 0);
		else
			expect(&in, CV_DECAP_PASS_NOT_TUNNEL, NULL);
		set_gue_port(GUE_PORT);
	}
}

/* What is chosen stays until something else is. */
static void keeps_the_port_until_told(void **state)
{
	struct pkt in = PKT_NEW;

	(void)state;
	push_all(&in, &mixes[0], 0, 0, 0);
	set_gue_port(-1);
	expect_inner(&in, &mixes[0], 0);
	set_gue_port(0);
	set_gue_port(-1);
	expect(&in, CV_DECAP_PASS_NOT_TUNNEL, NULL);
}

/* From elsewhere, or to elsewhere, it is not ours, however odd it is. */
static void passes_what_is_not_for_us(void **state)
{
	struct pkt other = PKT_NEW, foreign = PKT_NEW;

	(void)state;
	push_link(&other, 0);
	pkt_ipv4(&other, BALANCER4, "10.0.0.12");
	push_gue(&other, GUE_PORT, 0, CV_FAMILY_IPV4, 0);
	push_inner(&other, CV_FAMILY_IPV4, 0);
	expect(&other, CV_DECAP_PASS_NOT_LOCAL, NULL);

	set_from((const char *const[]){ "10.0.0.3", NULL });
	push_all(&foreign, &mixes[0], 0, 0, 0);
	pkt_layer(&foreign, GUE)[2] = 0xff;
	expect(&foreign, CV_DECAP_PASS_SOURCE, NULL);
}

/* The port stands in the first fragment only; the others may be anybody's. */
static void leaves_fragments_to_the_kernel(void **state)
{
	(void)state;
	for (int is_later = 0; is_later <= 1; is_later++) {
		enum cv_decap_verdict verdict = is_later ? CV_DECAP_PASS_NOT_TUNNEL : CV_DECAP_PASS_FRAGMENT;
		struct pkt four = PKT_NEW, six = PKT_NEW, other = PKT_NEW;

		push_link(&four, 0);
		pkt_ipv4(&four, BALANCER4, HOST4, .more = 1, .offset = is_later ? 1480 : 0);
		push_gue(&four, GUE_PORT, 0, CV_FAMILY_IPV4, 0);
		push_inner(&four, CV_FAMILY_IPV4, 0);
		expect(&four, verdict, NULL);

		push_link(&six, 1);
		push_outer(&six, CV_FAMILY_IPV6, 0);
		pkt_fragment(&six, .more = 1, .offset = is_later ? 1448 : 0);
		push_gue(&six, GUE_PORT, 0, CV_FAMILY_IPV4, 0);
		push_inner(&six, CV_FAMILY_IPV4, 0);
		expect(&six, verdict, NULL);

		push_link(&other, 0);
		pkt_ipv4(&other, BALANCER4, HOST4, .more = 1, .offset = is_later ? 1480 : 0);
		pkt_udp(&other, 40000, GUE_PORT + 1);
		expect(&other, CV_DECAP_PASS_NOT_TUNNEL, NULL);
	}
}

/* --- what the header says --- */

static void tells_headers_apart(void **state)
{
	static const struct {
		uint8_t at, value;
		enum cv_decap_verdict verdict;
	} rows[] = {
		{ 0, 0x80, CV_DECAP_DROP_GUE_VARIANT },
		{ 0, 0xc0, CV_DECAP_DROP_GUE_VARIANT },
		{ 0, 0xff, CV_DECAP_DROP_GUE_VARIANT },
		{ 0, 0x20, CV_DECAP_PASS_GUE }, /* a control message */
		{ 0, 0x3f, CV_DECAP_PASS_GUE },
		{ 0, 0x1f, CV_DECAP_DROP_GUE_LENGTH },
		{ 1, 59, CV_DECAP_PASS_GUE }, /* no next header */
		{ 1, IPPROTO_TCP, CV_DECAP_PASS_GUE },
		{ 1, IPPROTO_IPV6, CV_DECAP_DROP_INNER_VERSION }, /* it is IPv4 */
		{ 2, 0x80, CV_DECAP_DROP_GUE_FLAGS },
		{ 3, 0x01, CV_DECAP_DROP_GUE_FLAGS }, /* Linux's private flags */
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		struct pkt in = PKT_NEW;

		push_all(&in, &mixes[i % 2 * 2], 0, 0, 0);
		pkt_layer(&in, GUE)[rows[i].at] = rows[i].value;
		expect(&in, rows[i].verdict, NULL);
	}
}

/* Variant 1 has just the version of the inner header to go by: 5 and 7 begin with the same two bits. */
static void wants_an_ip_header_in_variant_1(void **state)
{
	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		for (unsigned version = 5; version <= 7; version += 2) {
			struct pkt in = PKT_NEW;

			push_all(&in, mix, 0, 1, 0);
			pkt_layer(&in, GUE)[0] = (uint8_t)(version << 4 | 5);
			expect(&in, CV_DECAP_DROP_INNER_VERSION, NULL);
		}
	}
}

static void holds_the_udp_length_against_the_others(void **state)
{
	static const struct {
		int change;
		enum cv_decap_verdict verdict;
	} rows[] = {
		{ 1, CV_DECAP_PASS_MALFORMED },	     /* more than the IP header counts */
		{ -1, CV_DECAP_DROP_INNER_LENGTH },  /* less than the inner header counts */
		{ -41, CV_DECAP_DROP_INNER_LENGTH }, /* the inner header is there in part */
		{ -45, CV_DECAP_DROP_GUE_LENGTH },   /* of 44 bytes: the GUE header is, too */
		{ -48, CV_DECAP_DROP_GUE_LENGTH },
		{ -49, CV_DECAP_PASS_MALFORMED }, /* less than its own header */
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows) * 2; i++) {
		struct pkt in = PKT_NEW;

		push_all(&in, &mixes[i % 2 * 2], 0, 0, 0);
		pkt_layer(&in, UDP)[5] = (uint8_t)(pkt_layer(&in, UDP)[5] + rows[i / 2].change);
		expect(&in, rows[i / 2].verdict, NULL);
	}
}

/* Bytes that the IP header counts and the UDP header does not, and bytes that nobody counts. */
static void leaves_padding_behind_the_inner_packet(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIXES * VARIANTS; i++) {
		const struct mix *mix = &mixes[i % MIXES];
		struct pkt in = PKT_NEW, want = PKT_NEW;

		push_all(&in, mix, 0, (int)(i / MIXES), 0);
		pkt_pad(&in, 6 + 5);
		if (mix->outer == CV_FAMILY_IPV4) {
			pkt_layer(&in, OUTER)[3] += 6;
			pkt_ipv4_checksum(pkt_layer(&in, OUTER));
		} else {
			pkt_layer(&in, OUTER)[5] += 6;
		}
		push_link(&want, 0);
		push_inner(&want, mix->inner, 0);
		pkt_pad(&want, 6 + 5);
		expect(&in, gue_verdict(mix), &want);
	}
}

/* --- what is left of it --- */

static void takes_jumbo_frames(void **state)
{
	static const uint8_t payload[3900] = { [3899] = 7 };

	(void)state;
	for (size_t i = 0; i < MIXES * VARIANTS; i++) {
		const struct mix *mix = &mixes[i % MIXES];
		struct pkt in = PKT_NEW, want = PKT_NEW;

		push_all(&in, mix, 0, (int)(i / MIXES), 0);
		pkt_bytes(&in, payload, sizeof(payload));
		push_link(&want, 0);
		push_inner(&want, mix->inner, 0);
		pkt_bytes(&want, payload, sizeof(payload));
		expect(&in, gue_verdict(mix), &want);
	}
}

static void passes_frames_cut_at_any_byte(void **state)
{
	(void)state;
	for (size_t i = 0; i < MIXES * VARIANTS; i++) {
		struct harness_result result;
		struct pkt in = PKT_NEW;

		push_all(&in, &mixes[i % MIXES], 1, (int)(i / MIXES), 8);
		for (in.len--; in.len >= 14; in.len--)
			assert_int_equal(run_any(&in, &result), CV_DECAP_PASS_MALFORMED);
	}
}

/* Whatever comes: it passes untouched, is dropped, or leaves without just its outer header. */
static void survives_random_changes(void **state)
{
	(void)state;
	srandom(6080);
	for (size_t i = 0; i < 4000; i++) {
		size_t at = 14 + (mixes[i % MIXES].outer == CV_FAMILY_IPV4 ? 20 : 40);
		struct harness_result result;
		struct pkt in = PKT_NEW;

		push_all(&in, &mixes[i % MIXES], 0, (int)(i / MIXES % VARIANTS), (size_t)random() % 3 * 4);
		for (long n = random() % 4 + 1; n > 0; n--)
			in.data[at + (size_t)random() % (in.len - at)] = (uint8_t)random();
		if (decap_verdict_class(run_any(&in, &result)) != CV_DECAP_CLASS_DECAP)
			continue;
		assert_memory_equal(result.data, in.data, 12);
		assert_memory_equal(result.data + 34, in.data + in.len - result.len + 34, result.len - 34);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_off_every_mix_and_keeps_vlan_tags, decap_setup),
		cmocka_unit_test_setup(skips_private_data, decap_setup),
		cmocka_unit_test_setup(steps_over_outer_options, decap_setup),
		cmocka_unit_test_setup(carries_ecn, decap_setup),
		cmocka_unit_test_setup(passes_other_ports, decap_setup),
		cmocka_unit_test_setup(keeps_the_port_until_told, decap_setup),
		cmocka_unit_test_setup(passes_what_is_not_for_us, decap_setup),
		cmocka_unit_test_setup(leaves_fragments_to_the_kernel, decap_setup),
		cmocka_unit_test_setup(tells_headers_apart, decap_setup),
		cmocka_unit_test_setup(wants_an_ip_header_in_variant_1, decap_setup),
		cmocka_unit_test_setup(holds_the_udp_length_against_the_others, decap_setup),
		cmocka_unit_test_setup(leaves_padding_behind_the_inner_packet, decap_setup),
		cmocka_unit_test_setup(takes_jumbo_frames, decap_setup),
		cmocka_unit_test_setup(passes_frames_cut_at_any_byte, decap_setup),
		cmocka_unit_test_setup(survives_random_changes, decap_setup),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("decap_gue", tests, decap_group_setup, decap_group_teardown);
}
