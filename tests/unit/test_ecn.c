/* SPDX-License-Identifier: GPL-2.0-only */
/* bpf/ecn.h on the host: the table of RFC 6040 4.2, and headers that stay right when the field is set. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "ecn.h"

static void follows_the_table_of_rfc_6040(void **state)
{
	/* By inner, then outer field, in the order of the bits: Not-ECT, ECT(1), ECT(0), CE. */
	static const enum ecn table[4][4] = {
		{ ECN_NOT_ECT, ECN_NOT_ECT, ECN_NOT_ECT, ECN_DROP },
		{ ECN_ECT_1, ECN_ECT_1, ECN_ECT_1, ECN_CE },
		{ ECN_ECT_0, ECN_ECT_1, ECN_ECT_0, ECN_CE },
		{ ECN_CE, ECN_CE, ECN_CE, ECN_CE },
	};

	(void)state;
	for (enum ecn inner = ECN_NOT_ECT; inner <= ECN_CE; inner++) {
		for (enum ecn outer = ECN_NOT_ECT; outer <= ECN_CE; outer++)
			assert_int_equal(ecn_decapsulate(inner, outer), table[inner][outer]);
	}
}

static uint16_t checksum(const struct iphdr *ip)
{
	uint8_t bytes[sizeof(*ip)];
	uint32_t sum = 0;

	memcpy(bytes, ip, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i += 2)
		sum += i == 10 ? 0 : (uint32_t)bytes[i] << 8 | bytes[i + 1];
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Identification runs through all values, and with it the checksum. */
static void keeps_the_ipv4_checksum_right(void **state)
{
	static const uint8_t tos[] = { 0x00, 0x01, 0x02, 0x03, 0xb8, 0xfc, 0xff };

	(void)state;
	for (size_t i = 0; i < sizeof(tos) * 65536; i++) {
		struct iphdr ip = { .version = 4, .ihl = 5, .ttl = 64, .saddr = 0x0102030a };

		ip.tos = tos[i / 65536];
		ip.id = (uint16_t)i;
		ip.check = bpf_htons(checksum(&ip));
		for (enum ecn ecn = ECN_NOT_ECT; ecn <= ECN_CE; ecn++) {
			struct iphdr after = ip;

			ecn_set4(&after, ecn);
			assert_int_equal(ecn_get4(&after), ecn);
			assert_int_equal(after.tos & 0xfc, ip.tos & 0xfc);
			assert_int_equal(bpf_ntohs(after.check), checksum(&after));
		}
	}
}

static void touches_nothing_else_in_ipv6(void **state)
{
	(void)state;
	for (unsigned byte = 0; byte < 256; byte++) {
		for (enum ecn ecn = ECN_NOT_ECT; ecn <= ECN_CE; ecn++) {
			struct ipv6hdr ip = { .version = 6, .priority = 0xf, .hop_limit = 3 }, want;

			ip.flow_lbl[0] = (uint8_t)byte;
			want = ip;
			want.flow_lbl[0] = (uint8_t)((byte & 0xcf) | (unsigned)ecn << 4);
			ecn_set6(&ip, ecn);
			assert_memory_equal(&ip, &want, sizeof(ip));
			assert_int_equal(ecn_get6(&ip), ecn);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(follows_the_table_of_rfc_6040),
		cmocka_unit_test(keeps_the_ipv4_checksum_right),
		cmocka_unit_test(touches_nothing_else_in_ipv6),
	};

	return cmocka_run_group_tests_name("ecn", tests, NULL, NULL);
}
