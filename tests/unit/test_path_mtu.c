/* SPDX-License-Identifier: GPL-2.0-only */
/* What is learned of a path, and how long it lasts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/path_mtu.h"

static void test_learns_only_what_is_less(void **state)
{
	static const struct {
		const char *name;
		enum cv_family outer;
		uint16_t way;
		uint32_t told;
		uint16_t mtu; /* afterwards */
	} rows[] = {
		{ "less", CV_FAMILY_IPV4, 1500, 1400, 1400 },
		{ "one less", CV_FAMILY_IPV6, 1500, 1499, 1499 },
		{ "the same", CV_FAMILY_IPV4, 1500, 1500, 1500 },
		{ "more", CV_FAMILY_IPV6, 1500, 9000, 1500 },
		{ "far too much", CV_FAMILY_IPV6, 1500, UINT32_MAX, 1500 },
		{ "the floor", CV_FAMILY_IPV4, 1500, 552, 552 },
		{ "below the floor", CV_FAMILY_IPV4, 1500, 551, 552 },
		{ "nothing", CV_FAMILY_IPV4, 1500, 0, 552 },
		{ "the floor of IPv6", CV_FAMILY_IPV6, 1500, 1280, 1280 },
		{ "below that", CV_FAMILY_IPV6, 1500, 68, 1280 },
		{ "a way below the floor", CV_FAMILY_IPV6, 1200, 68, 1200 },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		struct path_mtu path = { 0 };
		bool is_less = path_mtu_learn(&path, rows[i].way, rows[i].outer, rows[i].told, 1000);

		print_message("# %s\n", rows[i].name);
		assert_int_equal(is_less, rows[i].mtu < rows[i].way);
		assert_int_equal(path_mtu_of(&path, rows[i].way), rows[i].mtu);
	}
}

static void test_forgets_after_ten_minutes(void **state)
{
	const uint64_t now = 5000;
	struct path_mtu path = { 0 };

	(void)state;
	assert_false(path_mtu_age(&path, UINT64_MAX));
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1400, now));
	assert_false(path_mtu_age(&path, now + 599999));
	assert_int_equal(path_mtu_of(&path, 1500), 1400);
	assert_true(path_mtu_age(&path, now + 600000));
	assert_int_equal(path_mtu_of(&path, 1500), 1500);
	assert_false(path_mtu_age(&path, now + 600001));
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1400, now + 600001));
}

/* Else whoever forges one every minute would make it last for ever. */
static void test_repeating_does_not_prolong(void **state)
{
	struct path_mtu path = { 0 };

	(void)state;
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1400, 0));
	assert_false(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1400, 300000));
	assert_false(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1450, 300000));
	assert_true(path_mtu_age(&path, 600000));
	/* less is news */
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1400, 700000));
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV4, 1399, 800000));
	assert_false(path_mtu_age(&path, 1300000));
	assert_true(path_mtu_age(&path, 1400000));
}

/* A route that was changed meanwhile counts at once. */
static void test_way_may_be_less(void **state)
{
	struct path_mtu path = { 0 };

	(void)state;
	assert_true(path_mtu_learn(&path, 1500, CV_FAMILY_IPV6, 1400, 0));
	assert_int_equal(path_mtu_of(&path, 1300), 1300);
	assert_int_equal(path_mtu_of(&path, 9000), 1400);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_learns_only_what_is_less),
		cmocka_unit_test(test_forgets_after_ten_minutes),
		cmocka_unit_test(test_repeating_does_not_prolong),
		cmocka_unit_test(test_way_may_be_less),
	};

	return cmocka_run_group_tests_name("path_mtu", tests, NULL, NULL);
}
