/* SPDX-License-Identifier: GPL-2.0-only */
/* What routers say of packets too long, as raw sockets hear it: the ones that count, and each byte of them changed. */
#include <arpa/inet.h>
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "net/too_big.h"

/* Written by hand, from RFC 791, 792, 8200 and 4443: a router at 10.0.9.1 on a packet from 10.0.0.2 to 10.0.0.11. */
static const uint8_t ipip[] = {
	0x45,
	0xc0,
	0,
	56,
	0,
	1,
	0,
	0,
	255,
	1,
	0,
	0,
	10,
	0,
	9,
	1,
	10,
	0,
	0,
	2,
	/* ICMP: 3/4, MTU 1400; the checksum is set by the test */
	3,
	4,
	0,
	0,
	0,
	0,
	0x05,
	0x78,
	/* outer: 1,500 bytes, ID 0x1234, DF, TTL 63, IP in IP */
	0x45,
	0x02,
	0x05,
	0xdc,
	0x12,
	0x34,
	0x40,
	0,
	63,
	4,
	0,
	0,
	10,
	0,
	0,
	2,
	10,
	0,
	0,
	11,
	/* inner: 1,480 bytes, the same ID, DF */
	0x45,
	0x02,
	0x05,
	0xc8,
	0x12,
	0x34,
	0x40,
	0,
};

static const uint8_t
	sixin4
		[] = {
			0x45, 0xc0, 0,	56,   0,    1, 0,  0,	 255,  1, 0,  0,    10,	  0,	9,
			1,    10,   0,	0,    2,    3, 4,  0,	 0,    0, 0,  0x05, 0x78, 0x45, 0,
			0x05, 0xdc, 0,	0,    0x40, 0, 64, 41,	 0,    0, 10, 0,    0,	  2,	10,
			0,    0,    11, 0x60, 0,    0, 0,  0x05, 0xa0, 6, 64, /* 1,440 behind its header of 40 */
		};

static const uint8_t
	gue4[] = {
		0x45, 0xc0, 0,	  56,	0,    0x01, 0,	  0,	255,  1, 0,  0,	   10,	 0,    9,
		1,    10,   0,	  0,	2,    3,    4,	  0,	0,    0, 0,  0x05, 0x78, 0x45, 0,
		0x05, 0xdc, 0x12, 0x34, 0x40, 0,    64,	  17,	0,    0, 10, 0,	   0,	 2,    10,
		0,    0,    11,	  0xc1, 0x23, 0x17, 0xc0, 0x05, 0xc8, 0, 0, /* to port 6080 */
	};

/* From fd00::2 to fd00::b, from here on without the IP header of the message. */
#define OUTER6(next)                                                                                         \
	2, 0, 0, 0, 0, 0, 0x05, 0x78, 0x60, 0, 0, 0, 0x05, 0xb4, (next), 64, /* 1,460 bytes behind it */     \
		0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, \
		0, 0, 11

static const uint8_t ip6ip6[] = { OUTER6(41), 0x60, 0, 0, 0, 0x05, 0x8c, 6, 64 };
static const uint8_t fourin6[] = { OUTER6(4), 0x45, 0, 0x05, 0xb4, 0x12, 0x34, 0x40, 0 };
static const uint8_t gue6[] = { OUTER6(17), 0xc1, 0x23, 0x17, 0xc0, 0x05, 0xb4, 0, 0 };

static const struct message {
	const char *name;
	const uint8_t *bytes;
	size_t size;
	bool is_v4;
	uint16_t port;
} messages[] = {
	{ "IPv4 in IPv4", ipip, sizeof(ipip), true, 0 },
	{ "IPv6 in IPv4", sixin4, sizeof(sixin4), true, 0 },
	{ "GUE over IPv4", gue4, sizeof(gue4), true, 6080 },
	{ "IPv6 in IPv6", ip6ip6, sizeof(ip6ip6), false, 0 },
	{ "IPv4 in IPv6", fourin6, sizeof(fourin6), false, 0 },
	{ "GUE over IPv6", gue6, sizeof(gue6), false, 6080 },
};

/* The checksum of an ICMP message behind an IP header of 20 bytes. */
static void seal(uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;

	bytes[22] = bytes[23] = 0;
	for (size_t i = 20; i < size; i++)
		sum += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	bytes[22] = (uint8_t)(~sum >> 8);
	bytes[23] = (uint8_t)~sum;
}

/* Reads a message whose byte `at` has `change` upon it. Memory of just that size, so that a sanitizer sees a step too far. */
static int read_changed(const struct message *message, size_t size, size_t at, uint8_t change,
			struct too_big *ret)
{
	uint8_t *bytes = malloc(size ? size : 1);
	int r;

	assert_non_null(bytes);
	memcpy(bytes, message->bytes, size);
	if (at < size)
		bytes[at] ^= change;
	if (message->is_v4 && size >= 24)
		seal(bytes, size);
	r = message->is_v4 ? too_big_read4(bytes, size, ret) : too_big_read6(bytes, size, ret);
	free(bytes);
	return r;
}

static void test_reads_every_form(void **state)
{
	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(messages); i++) {
		const struct message *message = &messages[i];
		char text[ADDR_TEXT_LEN];
		struct too_big told;

		print_message("# %s\n", message->name);
		assert_int_equal(read_changed(message, message->size, 0, 0, &told), 0);
		assert_int_equal(told.mtu, 1400);
		assert_int_equal(told.port, message->port);
		assert_string_equal(addr_format(&told.source, text), message->is_v4 ? "10.0.0.2" : "fd00::2");
		assert_string_equal(addr_format(&told.destination, text),
				    message->is_v4 ? "10.0.0.11" : "fd00::b");
	}
}

static void test_refuses_what_is_cut_short(void **state)
{
	struct too_big told;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(messages); i++)
		for (size_t size = 0; size < messages[i].size; size++)
			assert_int_equal(read_changed(&messages[i], size, SIZE_MAX, 0, &told), -EBADMSG);
}

/* Offsets in the quoted outer header count from its begin. */
static void test_refuses_what_we_do_not_send(void **state)
{
	static const struct {
		const char *name;
		size_t message; /* in messages */
		size_t at;
		uint8_t change;
	} rows[] = {
		{ "another type", 0, 20, 8 },
		{ "another code", 0, 21, 1 },
		{ "options, and too short for them", 0, 0, 0x0f },
		{ "not IPv4", 0, 28, 0x20 },
		{ "quoted options", 0, 28, 3 },
		{ "it would have fit", 0, 26, 0x80 },
		{ "another length inside", 0, 51, 1 },
		{ "another ID inside", 0, 53, 1 },
		{ "no DF", 0, 34, 0x40 },
		{ "a fragment", 0, 34, 0x20 },
		{ "no DF inside", 0, 54, 0x40 },
		{ "TTL above ours", 0, 36, 0x40 },
		{ "TCP", 0, 37, 2 },
		{ "IPv6 inside", 0, 48, 0x20 },
		{ "another length inside", 1, 53, 1 },
		{ "IPv4 inside", 1, 48, 0x20 },
		{ "another length of UDP", 2, 53, 1 },
		{ "a source port that is none of ours", 2, 48, 0x80 },
		{ "a checksum of UDP", 2, 55, 1 },
		{ "ICMPv6: another type", 3, 0, 1 },
		{ "ICMPv6: a code", 3, 1, 1 },
		{ "ICMPv6: it would have fit", 3, 5, 1 },
		{ "ICMPv6: not IPv6", 3, 8, 0x20 },
		{ "ICMPv6: another length", 3, 13, 1 },
		{ "ICMPv6: hop limit above ours", 3, 15, 0xc0 },
		{ "ICMPv6: TCP", 3, 14, 41 ^ 6 },
		{ "ICMPv6: another length inside", 4, 51, 1 },
		{ "ICMPv6: another length of UDP", 5, 53, 1 },
	};
	struct too_big told;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		const struct message *message = &messages[rows[i].message];

		print_message("# %s\n", rows[i].name);
		assert_int_equal(read_changed(message, message->size, rows[i].at, rows[i].change, &told),
				 -EBADMSG);
	}
}

static void test_refuses_a_wrong_checksum(void **state)
{
	uint8_t bytes[sizeof(ipip)];
	struct too_big told;

	(void)state;
	memcpy(bytes, ipip, sizeof(bytes));
	seal(bytes, sizeof(bytes));
	assert_int_equal(too_big_read4(bytes, sizeof(bytes), &told), 0);
	for (size_t at = 20; at < sizeof(bytes); at++) {
		bytes[at] ^= 0x10;
		assert_int_equal(too_big_read4(bytes, sizeof(bytes), &told), -EBADMSG);
		bytes[at] ^= 0x10;
	}
}

/* They would be taken for addresses of IPv4 backends. */
static void test_refuses_mapped_addresses(void **state)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff };
	struct too_big told;

	(void)state;
	for (size_t at = 16; at <= 32; at += 16) {
		uint8_t bytes[sizeof(ip6ip6)];

		memcpy(bytes, ip6ip6, sizeof(bytes));
		memcpy(bytes + at, mapped, sizeof(mapped));
		assert_int_equal(too_big_read6(bytes, sizeof(bytes), &told), -EBADMSG);
	}
}

/* Routers that quote more, and ones older than RFC 1191, which tell no MTU. */
static void test_takes_longer_quotes_and_no_mtu(void **state)
{
	uint8_t bytes[576] = { 0 };
	struct too_big told;

	(void)state;
	memcpy(bytes, ipip, sizeof(ipip));
	bytes[26] = bytes[27] = 0;
	for (size_t size = sizeof(ipip); size <= sizeof(bytes); size += 13) {
		seal(bytes, size);
		assert_int_equal(too_big_read4(bytes, size, &told), 0);
		assert_int_equal(told.mtu, 0);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_every_form),
		cmocka_unit_test(test_refuses_what_is_cut_short),
		cmocka_unit_test(test_refuses_what_we_do_not_send),
		cmocka_unit_test(test_refuses_a_wrong_checksum),
		cmocka_unit_test(test_refuses_mapped_addresses),
		cmocka_unit_test(test_takes_longer_quotes_and_no_mtu),
	};

	return cmocka_run_group_tests_name("too_big", tests, NULL, NULL);
}
