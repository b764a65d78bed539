/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet builder against packets that another one (scapy 2.5) made. */
#include "bpf/harness.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

static void assert_built(const struct pkt *built, const char *hex)
{
	uint8_t bytes[PKT_MAX_LEN];
	size_t len = strlen(hex) / 2;

	for (size_t i = 0; i < len; i++) {
		unsigned byte;

		assert_int_equal(sscanf(hex + 2 * i, "%2x", &byte), 1);
		bytes[i] = (uint8_t)byte;
	}
	assert_pkt(built, bytes, len);
}

static void builds_vlan_ipv4_tcp_with_options(void **state)
{
	static const uint8_t nop[] = { 1, 1, 1 }, mss[] = { 2, 4, 0x05, 0xb4 };
	struct pkt p = PKT_NEW;

	(void)state;
	pkt_eth(&p);
	pkt_vlan(&p, .tci = 0x6007);
	pkt_ipv4(&p, "198.51.100.7", "192.0.2.10", .ttl = 9, .tos = 0xb8, .id = 0xbeef, .df = 1,
		 .options = nop, .options_len = sizeof(nop));
	pkt_tcp(&p, 40000, 443, .flags = PKT_SYN, .seq = 0x01020304, .window = 1000, .options = mss,
		.options_len = sizeof(mss));
	pkt_text(&p, "abc");
	assert_built(&p, "020000000002020000000001810060070800"
			 "46b80033beef40000906c2d7c6336407c000020a01010100"
			 "9c4001bb0102030400000000600203e841920000020405b4"
			 "616263");
}

static void builds_ipv6_with_an_extension_and_udp(void **state)
{
	struct pkt p = PKT_NEW;

	(void)state;
	pkt_eth(&p);
	pkt_ipv6(&p, "2001:db8::7", "2001:db8::10", .hop_limit = 3, .tclass = 0xb9, .flow_label = 0xabcde);
	pkt_ext(&p, IPPROTO_DSTOPTS, 8);
	pkt_udp(&p, 53, 40000);
	pkt_text(&p, "answer!");
	assert_built(&p, "02000000000202000000000186dd"
			 "6b9abcde00173c0320010db800000000000000000000000720010db8000000000000000000000010"
			 "1100000000000000"
			 "00359c40000fac79616e7377657221");
}

/* The outer UDP checksum covers what is pushed later. */
static void builds_ip_within_udp(void **state)
{
	static const uint8_t gue[] = { 0, 4, 0, 0 };
	struct pkt p = PKT_NEW;

	(void)state;
	pkt_eth(&p);
	pkt_ipv4(&p, "10.0.0.2", "10.0.0.11");
	pkt_udp(&p, 50000, 6080);
	pkt_bytes(&p, gue, sizeof(gue));
	pkt_ipv6(&p, "2001:db8::7", "2001:db8::10");
	pkt_udp(&p, 1, 2);
	assert_built(&p, "0200000000020200000000010800"
			 "4500005000000000401166910a0000020a00000b"
			 "c35017c0003c9f2500040000"
			 "600000000008114020010db800000000000000000000000720010db8000000000000000000000010"
			 "000100020008a452");
}

static void builds_ipv6_fragments(void **state)
{
	struct pkt p = PKT_NEW;

	(void)state;
	pkt_eth(&p);
	pkt_ipv6(&p, "2001:db8::7", "2001:db8::10");
	pkt_fragment(&p, .offset = 1480, .more = 1, .id = 0x11223344, .protocol = IPPROTO_UDP);
	pkt_text(&p, "12345678");
	assert_built(&p, "02000000000202000000000186dd"
			 "6000000000102c4020010db800000000000000000000000720010db8000000000000000000000010"
			 "110005c911223344"
			 "3132333435363738");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(builds_vlan_ipv4_tcp_with_options),
		cmocka_unit_test(builds_ipv6_with_an_extension_and_udp),
		cmocka_unit_test(builds_ip_within_udp),
		cmocka_unit_test(builds_ipv6_fragments),
	};

	return cmocka_run_group_tests_name("pkt", tests, NULL, NULL);
}
