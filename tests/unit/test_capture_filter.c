/* SPDX-License-Identifier: GPL-2.0-only */
/* Filters of captures: what words ask for, and what is said of those that ask for nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cli/capture_filter.h"
#include "dataplane/dp.h"
#include "util/addr.h"

static struct cv_capture parse(const char *text)
{
	struct cv_capture want;
	struct err err = { "" };

	if (capture_filter_parse(text, &want, &err))
		fail_msg("%s: %s", text, err.text);
	return want;
}

static bool wants(const struct cv_capture *want, enum cv_verdict verdict)
{
	return want->verdicts[verdict / 64] & 1ULL << verdict % 64;
}

/* Wanted are exactly the verdicts of these classes, and this one. */
static void expect_verdicts(const char *text, unsigned classes, enum cv_verdict also)
{
	struct cv_capture want = parse(text);

	for (enum cv_verdict i = CV_CONTINUE; i < CV_VERDICT_COUNT; i++) {
		bool is_wanted = i && (classes & 1U << dp_verdict_class(i) || i == also);

		if (wants(&want, i) != is_wanted)
			fail_msg("\"%s\": %s is %swanted", text, dp_verdict_name(i), is_wanted ? "not " : "");
	}
}

static void expect_prefix(const struct cv_capture_prefix *prefix, const char *address, const char *mask)
{
	struct addr want;

	assert_int_equal(addr_parse(address, &want), 0);
	assert_memory_equal(prefix->address, want.byte, sizeof(want.byte));
	for (size_t i = 0; i < sizeof(prefix->mask); i++)
		assert_int_equal(prefix->mask[i], (uint8_t)mask[i]);
}

static void everything_but_what_passes(void **state)
{
	static const char *const nothing[] = { "", " ", "\t \n" };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(nothing); i++) {
		struct cv_capture want = parse(nothing[i]),
				  any = { .client_port_last = 65535, .port_last = 65535 };

		expect_verdicts(nothing[i],
				1U << CV_CLASS_TX | 1U << CV_CLASS_REDIRECT | 1U << CV_CLASS_HOLD |
					1U << CV_CLASS_DROP,
				CV_CONTINUE);
		memcpy(any.verdicts, want.verdicts, sizeof(any.verdicts));
		assert_memory_equal(&want, &any, sizeof(want));
	}
}

static void verdicts_are_alternatives(void **state)
{
	(void)state;
	expect_verdicts("drop", 1U << CV_CLASS_DROP, CV_CONTINUE);
	expect_verdicts("pass", 1U << CV_CLASS_PASS, CV_CONTINUE);
	expect_verdicts("drop redirect", 1U << CV_CLASS_DROP | 1U << CV_CLASS_REDIRECT, CV_CONTINUE);
	expect_verdicts("tx tx", 1U << CV_CLASS_TX, CV_CONTINUE);
	expect_verdicts("reason too_big", 0, CV_DROP_TOO_BIG);
	expect_verdicts("reason reset_late drop", 1U << CV_CLASS_DROP, CV_RESET_LATE);
	expect_verdicts("reason not_vip,ttl reason ttl drop", 1U << CV_CLASS_DROP, CV_PASS_NOT_VIP);
}

static void every_reason_has_a_name(void **state)
{
	(void)state;
	for (enum cv_verdict i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++) {
		char text[64];

		snprintf(text, sizeof(text), "reason %s", dp_verdict_name(i));
		expect_verdicts(text, 0, i);
	}
}

static void addresses_are_prefixes(void **state)
{
	struct cv_capture want;

	(void)state;
	want = parse("client 198.51.100.7 address 2001:db8::/33 host 10.0.0.0/8");
	expect_prefix(&want.client, "198.51.100.7",
		      "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff");
	expect_prefix(&want.address, "2001:db8::", "\xff\xff\xff\xff\x80\0\0\0\0\0\0\0\0\0\0");
	expect_prefix(&want.host, "10.0.0.0", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0");
}

static void all_terms(void **state)
{
	const uint8_t backend[16] = { [10] = 0xff, [11] = 0xff, 10, 0, 1, 2 };
	struct cv_capture want;

	(void)state;
	want = parse(" port 8000-8099\tclient-port 1 udp listener web backend 10.0.1.2 ");
	assert_int_equal(want.port_first, 8000);
	assert_int_equal(want.port_last, 8099);
	assert_int_equal(want.client_port_first, 1);
	assert_int_equal(want.client_port_last, 1);
	assert_int_equal(want.protocol, 17);
	assert_string_equal(want.listener, "web");
	assert_memory_equal(want.backend, backend, sizeof(backend));
	assert_int_equal(parse("protocol icmp6").protocol, 58);
	assert_int_equal(parse("protocol 132").protocol, 132);
	assert_int_equal(parse("tcp").protocol, 6);
	assert_int_equal(parse("icmp").protocol, 1);
}

static void says_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *error;
	} wrong[] = {
		{ "drpo", "\"drpo\": no part of a filter; did you mean drop?" },
		{ "clint 10.0.0.1", "\"clint\": no part of a filter; did you mean client?" },
		{ "and",
		  "\"and\": no part of a filter; these are: client, address, host, client-port, port, protocol, "
		  "tcp, udp, icmp, icmp6, listener, backend, reason, pass, tx, redirect, hold, drop" },
		{ "client", "client: it says nothing about which" },
		{ "drop port ", "port: it says nothing about which" },
		{ "client web",
		  "client \"web\": not an address, nor a prefix without bits behind its length" },
		{ "host 10.0.0.1/8",
		  "host \"10.0.0.1/8\": not an address, nor a prefix without bits behind its length" },
		{ "port 0", "port \"0\": not a port from 1 to 65535, nor a range like 8000-8099" },
		{ "port 65536", "port \"65536\": not a port from 1 to 65535, nor a range like 8000-8099" },
		{ "client-port 9-8",
		  "client-port \"9-8\": not a port from 1 to 65535, nor a range like 8000-8099" },
		{ "protocol sctp",
		  "protocol \"sctp\": not tcp, udp, icmp, icmp6, nor a number from 1 to 255" },
		{ "protocol 256", "protocol \"256\": not tcp, udp, icmp, icmp6, nor a number from 1 to 255" },
		{ "backend b1", "backend \"b1\": not an IPv4 or IPv6 address" },
		{ "listener a-name-of-thirty-two-letters-xyz",
		  "listener \"a-name-of-thirty-two-letters-xyz\": names have at most 31 characters" },
		{ "reason no_backnd",
		  "reason \"no_backnd\": there is none of this name; did you mean no_backend?" },
		{ "reason ttl,", "reason \"\": there is none of this name; culvert(8) has them all" },
		{ "port 1 port 2", "\"port\": port was said before; all terms must hold at once" },
		{ "tcp udp", "\"udp\": protocol was said before; all terms must hold at once" },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++) {
		struct cv_capture want = { .number = 7 };
		struct err err;

		assert_int_equal(capture_filter_parse(wrong[i].text, &want, &err), -EINVAL);
		assert_string_equal(err.text, wrong[i].error);
		assert_int_equal(want.number, 7);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(everything_but_what_passes),
		cmocka_unit_test(verdicts_are_alternatives),
		cmocka_unit_test(every_reason_has_a_name),
		cmocka_unit_test(addresses_are_prefixes),
		cmocka_unit_test(all_terms),
		cmocka_unit_test(says_what_is_wrong),
	};

	return cmocka_run_group_tests_name("capture filter", tests, NULL, NULL);
}
