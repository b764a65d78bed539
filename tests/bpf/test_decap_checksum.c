/* SPDX-License-Identifier: GPL-2.0-only */
/* The UDP checksum of GUE on the side that takes it off: if there is one, it must be right. All else about GUE, in
 * test_decap_gue.c. */
#include "bpf/decap_fixture.h"

#include <netinet/in.h>

#define GUE 3 /* the layer of a packet without tags */

/* With a checksum, `size` bytes behind the inner packet's headers, and padding. */
static void push_summed(struct pkt *p, const struct mix *mix, size_t size)
{
	static const uint8_t header[2][4] = { { 0, IPPROTO_IPIP }, { 0, IPPROTO_IPV6 } };
	uint8_t bytes[PKT_MAX_LEN];

	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(i * 7 + 1);
	push_link(p, 0);
	push_outer(p, mix->outer, 0);
	pkt_udp(p, 0xc001, GUE_PORT);
	pkt_bytes(p, header[mix->inner == CV_FAMILY_IPV6], 4);
	push_inner(p, mix->inner, 0);
	pkt_bytes(p, bytes, size);
	pkt_pad(p, size % 3);
}

static void takes_a_checksum_that_is_right(void **state)
{
	(void)state;
	for (size_t size = 1; size < 3800; size += size < 300 ? 1 : 97) {
		const struct mix *mix = &mixes[size % MIXES];
		struct harness_result result;
		struct pkt in = PKT_NEW;

		push_summed(&in, mix, size);
		assert_int_equal(run_any(&in, &result), gue_verdict(mix));
	}
}

/* Any byte from the addresses of the outer header on, in any place. */
static void drops_a_checksum_that_is_wrong(void **state)
{
	(void)state;
	for (size_t size = 1; size < 3800; size += size < 300 ? 7 : 463) {
		const struct mix *mix = &mixes[size % MIXES];
		size_t headers = mix->outer == CV_FAMILY_IPV4 ? 20 : 40, at;
		struct pkt in = PKT_NEW;

		push_summed(&in, mix, size);
		at = 14 + headers + 8 + 4 + size * 31 % (in.len - size % 3 - 14 - headers - 8 - 4);
		in.data[at] ^= 0x40;
		expect(&in, CV_DECAP_DROP_UDP_CHECKSUM, NULL);
		in.data[at] ^= 0x40;
		in.data[14 + 12] ^= 1; /* the source */
		if (mix->outer == CV_FAMILY_IPV4)
			pkt_ipv4_checksum(in.data + 14);
		expect(&in, CV_DECAP_DROP_UDP_CHECKSUM, NULL);
	}
}

/* What goes to the kernel goes as it is: it has its own opinion of the checksum. */
static void passes_control_messages_without_a_look(void **state)
{
	struct pkt in = PKT_NEW;

	(void)state;
	push_summed(&in, &mixes[0], 3);
	pkt_layer(&in, GUE)[0] = 0x20;
	expect(&in, CV_DECAP_PASS_GUE, NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_a_checksum_that_is_right, decap_setup),
		cmocka_unit_test_setup(drops_a_checksum_that_is_wrong, decap_setup),
		cmocka_unit_test_setup(passes_control_messages_without_a_look, decap_setup),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("decap_checksum", tests, decap_group_setup, decap_group_teardown);
}
