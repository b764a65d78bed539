/* SPDX-License-Identifier: GPL-2.0-only */
/* What the decapsulating program takes off: exact bytes, verdict and counter, for all four mixes. */
#include "bpf/decap_fixture.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

static void expect_inner(const struct pkt *in, const struct mix *mix, int tags)
{
	struct pkt want = PKT_NEW;

	push_link(&want, tags);
	push_inner(&want, mix->inner, 0);
	expect(in, mix->verdict, &want);
}

static void takes_off_every_mix_and_keeps_vlan_tags(void **state)
{
	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		for (int tags = 0; tags <= 2; tags++) {
			struct pkt in = PKT_NEW;

			push_tunnel(&in, mix, tags);
			expect_inner(&in, mix, tags);
		}
	}
}

static void keeps_a_tcp_packet_with_options_as_it_was(void **state)
{
	static const uint8_t options[] = { 2, 4, 5, 180, 4, 2 };
	struct pkt in = PKT_NEW, want = PKT_NEW;

	(void)state;
	push_link(&in, 0);
	push_outer(&in, CV_FAMILY_IPV4, 0);
	push_link(&want, 0);
	for (struct pkt *p = &in; p; p = p == &in ? &want : NULL) {
		pkt_ipv4(p, CLIENT4, VIP4, .df = 1, .options = options, .options_len = 4);
		pkt_tcp(p, 40000, 443, .flags = PKT_SYN, .seq = 1, .options = options,
			.options_len = sizeof(options));
	}
	expect(&in, CV_DECAP_IPV4_IN_IPV4, &want);
}

static void steps_over_outer_ipv4_options(void **state)
{
	static const uint8_t nop[40] = { [0 ... 39] = 1 };

	(void)state;
	for (size_t len = 4; len <= sizeof(nop); len += 4) {
		struct pkt in = PKT_NEW;

		push_link(&in, 1);
		pkt_ipv4(&in, BALANCER4, HOST4, .options = nop, .options_len = len);
		push_inner(&in, CV_FAMILY_IPV6, 0);
		expect_inner(&in, &mixes[1], 1);
	}
}

static void steps_over_outer_ipv6_options(void **state)
{
	/* As ip6_tunnel of Linux sends: tunnel encapsulation limit 4, PadN. */
	static const uint8_t limit[] = { 4, 1, 4, 1, 1, 0 };
	struct pkt in = PKT_NEW, many = PKT_NEW;

	(void)state;
	push_link(&in, 0);
	push_outer(&in, CV_FAMILY_IPV6, 0);
	pkt_ext(&in, IPPROTO_DSTOPTS, 8);
	memcpy(pkt_layer(&in, 2) + 2, limit, sizeof(limit));
	push_inner(&in, CV_FAMILY_IPV6, 0);
	expect_inner(&in, &mixes[3], 0);

	push_link(&many, 2);
	push_outer(&many, CV_FAMILY_IPV6, 0);
	pkt_ext(&many, IPPROTO_HOPOPTS, 16);
	pkt_ext(&many, IPPROTO_DSTOPTS, 264);
	pkt_ext(&many, IPPROTO_DSTOPTS, 8);
	pkt_ext(&many, IPPROTO_DSTOPTS, 8);
	push_inner(&many, CV_FAMILY_IPV4, 0);
	expect_inner(&many, &mixes[2], 2);
}

/* RFC 6040 4.2, figure 4: rows are inner, columns outer; both Not-ECT, ECT(1), ECT(0), CE. */
static void carries_ecn(void **state)
{
	enum { DROP = -1 };
	static const int table[4][4] = {
		{ 0, 0, 0, DROP },
		{ 1, 1, 1, 3 },
		{ 2, 1, 2, 3 },
		{ 3, 3, 3, 3 },
	};

	(void)state;
	for (size_t i = 0; i < MIXES * 16; i++) {
		const struct mix *mix = &mixes[i / 16];
		unsigned inner = i / 4 % 4, outer = i % 4;
		int after = table[inner][outer];
		struct pkt in = PKT_NEW, want = PKT_NEW;

		/* DSCPs of all zeros and all ones: the inner one stays. */
		push_link(&in, 0);
		push_outer(&in, mix->outer, (uint8_t)outer);
		push_inner(&in, mix->inner, (uint8_t)(0xfc | inner));
		push_link(&want, 0);
		push_inner(&want, mix->inner, (uint8_t)(0xfc | (after & 3)));
		if (after == DROP)
			expect(&in, CV_DECAP_DROP_ECN, NULL);
		else
			expect(&in, mix->verdict, &want);
	}
}

/* Incremental: the checksum of a header that was wrong before must not become right. */
static void does_not_mend_a_wrong_checksum(void **state)
{
	struct pkt in = PKT_NEW;
	struct harness_result result;
	struct pkt out = PKT_NEW;

	(void)state;
	push_link(&in, 0);
	push_outer(&in, CV_FAMILY_IPV4, 3);
	push_inner(&in, CV_FAMILY_IPV4, 2);
	pkt_layer(&in, 2)[11] ^= 0x10;
	assert_int_equal(run_any(&in, &result), CV_DECAP_IPV4_IN_IPV4);
	memcpy(out.data, result.data, result.len);
	out.len = result.len;
	pkt_ipv4_checksum(out.data + 14);
	assert_memory_not_equal(out.data, result.data, result.len);
}

static void takes_only_one_level_off(void **state)
{
	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		struct pkt in = PKT_NEW, want = PKT_NEW;

		push_link(&in, 0);
		push_outer(&in, mix->outer, 0);
		push_outer(&in, mix->inner, 0);
		push_inner(&in, CV_FAMILY_IPV4, 0);
		push_link(&want, 0);
		push_outer(&want, mix->inner, 0);
		push_inner(&want, CV_FAMILY_IPV4, 0);
		expect(&in, mix->verdict, &want);
	}
}

static void leaves_padding_behind_the_inner_packet(void **state)
{
	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		struct pkt in = PKT_NEW, want = PKT_NEW;

		/* Six bytes that the outer header counts and the inner does not, and five of the frame. */
		push_tunnel(&in, mix, 0);
		pkt_pad(&in, 6 + 5);
		if (mix->outer == CV_FAMILY_IPV4) {
			pkt_layer(&in, 1)[3] += 6;
			pkt_ipv4_checksum(pkt_layer(&in, 1));
		} else {
			pkt_layer(&in, 1)[5] += 6;
		}
		push_link(&want, 0);
		push_inner(&want, mix->inner, 0);
		pkt_pad(&want, 6 + 5);
		expect(&in, mix->verdict, &want);
	}
}

/* More than fits in one page: the end of the frame lies in a second piece. */
static void takes_jumbo_frames(void **state)
{
	static const uint8_t payload[3900] = { [3899] = 7 };

	(void)state;
	for (const struct mix *mix = mixes; mix < mixes + MIXES; mix++) {
		struct pkt in = PKT_NEW, want = PKT_NEW;

		push_link(&in, 0);
		push_outer(&in, mix->outer, 0);
		push_inner(&in, mix->inner, 0);
		pkt_bytes(&in, payload, sizeof(payload));
		push_link(&want, 0);
		push_inner(&want, mix->inner, 0);
		pkt_bytes(&want, payload, sizeof(payload));
		expect(&in, mix->verdict, &want);
	}
}

static void maps_can_be_dumped_by_name(void **state)
{
	static const char *const names[] = { "cv_decap_local", "cv_decap_from", "cv_decap_conf",
					     "cv_decap_stats" };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(names); i++) {
		struct bpf_map_info info = { 0 };
		__u32 size = sizeof(info);

		assert_return_code(bpf_obj_get_info_by_fd(decap_map_fd(names[i]), &info, &size), 0);
		assert_string_equal(info.name, names[i]);
		assert_int_not_equal(info.btf_key_type_id, 0);
		assert_int_not_equal(info.btf_value_type_id, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_off_every_mix_and_keeps_vlan_tags, decap_setup),
		cmocka_unit_test_setup(keeps_a_tcp_packet_with_options_as_it_was, decap_setup),
		cmocka_unit_test_setup(steps_over_outer_ipv4_options, decap_setup),
		cmocka_unit_test_setup(steps_over_outer_ipv6_options, decap_setup),
		cmocka_unit_test_setup(carries_ecn, decap_setup),
		cmocka_unit_test_setup(does_not_mend_a_wrong_checksum, decap_setup),
		cmocka_unit_test_setup(takes_only_one_level_off, decap_setup),
		cmocka_unit_test_setup(leaves_padding_behind_the_inner_packet, decap_setup),
		cmocka_unit_test_setup(takes_jumbo_frames, decap_setup),
		cmocka_unit_test_setup(maps_can_be_dumped_by_name, decap_setup),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("decap", tests, decap_group_setup, decap_group_teardown);
}
