/* SPDX-License-Identifier: GPL-2.0-only */
/* util/number and util/suggest: numbers, ranges, durations and misspelt words. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "util/number.h"
#include "util/suggest.h"

static void test_number(void **state)
{
	static const char *const wrong[] = { "", "-1", "+1", " 1", "1 ", "0x10", "1.5", "ten", "1e3" };
	uint64_t n = 7;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(number_parse(wrong[i], &n), -EINVAL);
	assert_int_equal(number_parse("18446744073709551616", &n), -ERANGE);
	assert_int_equal(n, 7);
	assert_int_equal(number_parse("18446744073709551615", &n), 0);
	assert_true(n == UINT64_MAX);
	assert_int_equal(number_parse("007", &n), 0);
	assert_int_equal(n, 7);
}

static void test_range(void **state)
{
	static const char *const wrong[] = { "", "-", "1-", "-1", "1-2-3", "2-1", "1 - 2", "1-2 ", "any" };
	uint64_t first = 7, last = 7;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(number_parse_range(wrong[i], &first, &last), -EINVAL);
	assert_int_equal(number_parse_range("1-99999999999999999999", &first, &last), -ERANGE);
	assert_int_equal(first, 7);
	assert_int_equal(last, 7);
	assert_int_equal(number_parse_range("443", &first, &last), 0);
	assert_int_equal(first, 443);
	assert_int_equal(last, 443);
	assert_int_equal(number_parse_range("8000-8099", &first, &last), 0);
	assert_int_equal(first, 8000);
	assert_int_equal(last, 8099);
}

static void test_duration(void **state)
{
	static const char *const wrong[] = {
		"", "5", "s", "5 s", "5S", "5sec", "-5s", "1.5s", "1m30s", "5ms "
	};
	static const struct {
		const char *text;
		uint64_t ms;
		const char *shortest;
	} right[] = {
		{ "0s", 0, "0s" },	   { "1ms", 1, "1ms" },	       { "1500ms", 1500, "1500ms" },
		{ "2000ms", 2000, "2s" },  { "350s", 350000, "350s" }, { "60s", 60000, "1m" },
		{ "90m", 5400000, "90m" }, { "24h", 86400000, "24h" }, { "86400s", 86400000, "24h" },
	};
	char text[DURATION_TEXT_LEN];
	uint64_t ms = 7;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(duration_parse(wrong[i], &ms), -EINVAL);
	assert_int_equal(duration_parse("18446744073709551615s", &ms), -ERANGE);
	assert_int_equal(ms, 7);
	for (size_t i = 0; i < CV_ARRAY_SIZE(right); i++) {
		assert_int_equal(duration_parse(right[i].text, &ms), 0);
		assert_int_equal(ms, right[i].ms);
		assert_string_equal(duration_format(ms, text), right[i].shortest);
	}
	assert_string_equal(duration_format(UINT64_MAX, text), "18446744073709551615ms");
}

static const char *suggest(const char *word)
{
	static const char *const candidates[] = { "",	  "tcp",     "udp",	     "l2",
						  "ipip", "address", "idle_timeout", "late_packet" };
	struct suggest suggest;

	suggest_init(&suggest, word);
	for (size_t i = 0; i < CV_ARRAY_SIZE(candidates); i++)
		suggest_consider(&suggest, candidates[i]);
	return suggest.best;
}

static void test_suggest(void **state)
{
	(void)state;
	assert_string_equal(suggest("adress"), "address");
	assert_string_equal(suggest("addresses"), "address");
	assert_string_equal(suggest("adderss"), "address");
	assert_string_equal(suggest("tpc"), "tcp");
	assert_string_equal(suggest("TCP"), "tcp");
	assert_string_equal(suggest("L2"), "l2");
	assert_string_equal(suggest("idletimeout"), "idle_timeout");
	assert_string_equal(suggest("idle-timeout"), "idle_timeout");
	assert_null(suggest("l3"));
	assert_null(suggest("x"));
	assert_null(suggest("sctp-over-udp"));
	assert_null(suggest("port"));
	assert_null(suggest("idle_timeout_of_a_listener_in_whole_seconds"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_number),
		cmocka_unit_test(test_range),
		cmocka_unit_test(test_duration),
		cmocka_unit_test(test_suggest),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
