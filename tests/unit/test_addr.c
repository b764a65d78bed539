/* SPDX-License-Identifier: GPL-2.0-only */
/* util/addr: text to bytes and back, families, prefixes, socket addresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "util/addr.h"

static struct addr parse(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static void test_parse_and_format(void **state)
{
	static const struct {
		const char *text, *canonical;
	} cases[] = {
		{ "192.0.2.10", "192.0.2.10" },
		{ "0.0.0.0", "0.0.0.0" },
		{ "255.255.255.255", "255.255.255.255" },
		{ "::", "::" },
		{ "::1", "::1" },
		{ "2001:DB8:0:0:0:0:0:10", "2001:db8::10" },
		{ "2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1" }, /* RFC 5952 4.2.2: one zero field stays */
		{ "2001:0:0:1:0:0:0:1", "2001:0:0:1::1" },
	};
	char text[ADDR_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		struct addr addr = parse(cases[i].text);

		assert_string_equal(addr_format(&addr, text), cases[i].canonical);
	}
}

static void test_parse_refuses(void **state)
{
	static const char *const cases[] = {
		"",	     "1.2.3",	 "1.2.3.4.5",  "1.2.3.256",	 "01.2.3.4",
		"1.2.3.4 ",  " 1.2.3.4", "1.2.3.4:80", "1.2.3.4/32",	 "[::1]",
		"::1%lo",    "::1/128",	 ":::",	       "2001:db8",	 "2001:db8::g",
		"localhost", "12345::",	 "1::2::3",    "::ffff:1.2.3.4", "0x1.2.3.4",
	};
	struct addr addr = { .byte = { 42 } }, before = addr;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		assert_int_equal(addr_parse(cases[i], &addr), -EINVAL);
		assert_memory_equal(&addr, &before, sizeof(addr));
	}
	assert_int_equal(addr_parse("::ffff:102:304", &addr), -EINVAL);
}

static void test_bytes(void **state)
{
	static const uint8_t v4[16] = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 10 };
	static const uint8_t v6[16] = { 0x20, 0x01, 0x0d, 0xb8, [15] = 0x10 };
	struct addr a4 = parse("192.0.2.10"), a6 = parse("2001:db8::10"), other;
	size_t size;

	(void)state;
	assert_memory_equal(a4.byte, v4, 16);
	assert_memory_equal(a6.byte, v6, 16);
	assert_memory_equal(addr_wire(&a4, &size), v4 + 12, 4);
	assert_int_equal(size, 4);
	assert_memory_equal(addr_wire(&a6, &size), v6, 16);
	assert_int_equal(size, 16);
	assert_int_equal(addr_from_wire(AF_INET, v4 + 12, &other), 0);
	assert_int_equal(addr_compare(&other, &a4), 0);
	assert_int_equal(addr_from_wire(AF_INET6, v6, &other), 0);
	assert_int_equal(addr_compare(&other, &a6), 0);
	assert_int_equal(addr_from_wire(AF_UNIX, v6, &other), -EAFNOSUPPORT);
}

static void test_kinds(void **state)
{
	static const struct {
		const char *text;
		bool is_v4, is_zero, is_multicast;
	} cases[] = {
		{ "0.0.0.0", true, true, false },	   { "::", false, true, false },
		{ "0.0.0.1", true, false, false },	   { "::1", false, false, false },
		{ "223.255.255.255", true, false, false }, { "224.0.0.0", true, false, true },
		{ "239.255.255.255", true, false, true },  { "240.0.0.0", true, false, false },
		{ "ff02::1", false, false, true },	   { "feff::1", false, false, false },
		{ "e000::1", false, false, false },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		struct addr addr = parse(cases[i].text);

		assert_int_equal(addr_is_v4(&addr), cases[i].is_v4);
		assert_int_equal(addr_is_zero(&addr), cases[i].is_zero);
		assert_int_equal(addr_is_multicast(&addr), cases[i].is_multicast);
		assert_int_equal(addr_family(&addr), cases[i].is_v4 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6);
	}
}

static void test_link_local(void **state)
{
	static const char *const inside[] = { "169.254.0.0", "169.254.255.255", "fe80::", "fe80::1",
					      "febf:ffff::1" };
	static const char *const outside[] = { "169.253.255.255", "169.255.0.0", "10.169.254.1",
					       "fe7f::1",	  "fec0::1",	 "fd80::1" };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(inside); i++) {
		struct addr addr = parse(inside[i]);

		assert_true(addr_is_link_local(&addr));
	}
	for (size_t i = 0; i < CV_ARRAY_SIZE(outside); i++) {
		struct addr addr = parse(outside[i]);

		assert_false(addr_is_link_local(&addr));
	}
}

static void test_order(void **state)
{
	struct addr a = parse("10.0.0.2"), b = parse("10.0.0.10"), c = parse("2001:db8::");

	(void)state;
	assert_true(addr_compare(&a, &b) < 0);
	assert_true(addr_compare(&b, &a) > 0);
	assert_true(addr_compare(&b, &c) < 0);
	assert_int_equal(addr_compare(&a, &a), 0);
}

static void test_prefix(void **state)
{
	static const struct {
		const char *text;
		int length; /* or -EINVAL */
	} cases[] = {
		{ "172.16.0.0/16", 16 },
		{ "172.16.0.0", 32 },
		{ "0.0.0.0/0", 0 },
		{ "10.0.0.1/32", 32 },
		{ "10.128.0.0/9", 9 },
		{ "0100::/64", 64 },
		{ "::/0", 0 },
		{ "2001:db8::1", 128 },
		{ "2001:db8::1/128", 128 },
		{ "172.16.0.1/16", -EINVAL },
		{ "10.128.0.0/8", -EINVAL },
		{ "10.0.0.0/33", -EINVAL },
		{ "0100::1/64", -EINVAL },
		{ "8000::/0", -EINVAL },
		{ "::/129", -EINVAL },
		{ "10.0.0.0/", -EINVAL },
		{ "10.0.0.0/+8", -EINVAL },
		{ "10.0.0.0/8/8", -EINVAL },
		{ "/8", -EINVAL },
		{ "", -EINVAL },
		{ "::/99999999999999999999", -EINVAL },
		{ "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/64", -EINVAL },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		struct addr addr;
		unsigned length = 1000;
		int r = addr_parse_prefix(cases[i].text, &addr, &length);

		assert_int_equal(r, cases[i].length < 0 ? -EINVAL : 0);
		assert_int_equal(length, cases[i].length < 0 ? 1000 : cases[i].length);
	}
}

static void test_longest_texts(void **state)
{
	struct addr addr = parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	struct addr v4 = parse("192.0.2.10");
	char text[ADDR_PORT_TEXT_LEN];

	(void)state;
	assert_string_equal(addr_format_port(&addr, 65535, text),
			    "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:65535");
	assert_string_equal(addr_format_port(&v4, 80, text), "192.0.2.10:80");
}

static void test_sockaddr(void **state)
{
	struct addr a4 = parse("192.0.2.10"), a6 = parse("2001:db8::10");
	struct sockaddr_storage storage;
	const struct sockaddr_in *v4 = (const void *)&storage;
	const struct sockaddr_in6 *v6 = (const void *)&storage;
	socklen_t length;

	(void)state;
	memset(&storage, 0xff, sizeof(storage));
	addr_to_sockaddr(&a4, 443, &storage, &length);
	assert_int_equal(length, sizeof(*v4));
	assert_int_equal(v4->sin_family, AF_INET);
	assert_int_equal(v4->sin_port, htons(443));
	assert_int_equal(v4->sin_addr.s_addr, htonl(0xc000020a));
	memset(&storage, 0xff, sizeof(storage));
	addr_to_sockaddr(&a6, 443, &storage, &length);
	assert_int_equal(length, sizeof(*v6));
	assert_int_equal(v6->sin6_family, AF_INET6);
	assert_int_equal(v6->sin6_port, htons(443));
	assert_memory_equal(&v6->sin6_addr, a6.byte, 16);
	assert_int_equal(v6->sin6_scope_id, 0);
}

static void test_parse_port(void **state)
{
	static const char *const wrong[] = {
		"",
		"192.0.2.1",
		"192.0.2.1:",
		"192.0.2.1:0",
		"192.0.2.1:65536",
		":443",
		"2001:db8::1:80",
		"[192.0.2.1]:80",
		"[2001:db8::1]",
		"[2001:db8::1:80",
		"2001:db8::1]:80",
		"192.0.2.1:80x",
		"[]:80",
		"web:80",
	};
	char text[ADDR_PORT_TEXT_LEN];
	struct addr addr;
	uint16_t port;

	(void)state;
	assert_int_equal(addr_parse_port("192.0.2.1:443", &addr, &port), 0);
	assert_string_equal(addr_format_port(&addr, port, text), "192.0.2.1:443");
	assert_int_equal(addr_parse_port("[2001:db8::1]:65535", &addr, &port), 0);
	assert_string_equal(addr_format_port(&addr, port, text), "[2001:db8::1]:65535");
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(addr_parse_port(wrong[i], &addr, &port), -EINVAL);
	assert_int_equal(port, 65535);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parse_and_format),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_parse_port),
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_link_local),
		cmocka_unit_test(test_order),
		cmocka_unit_test(test_prefix),
		cmocka_unit_test(test_longest_texts),
		cmocka_unit_test(test_sockaddr),
	};

	return cmocka_run_group_tests_name("addr", tests, NULL, NULL);
}
