/* SPDX-License-Identifier: GPL-2.0-only */
/* Rise and fall, by rows of results: '+' a success, '-' a failure; "up" is expected after each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/health.h"

struct row {
	const char *name;
	unsigned rise;
	unsigned fall;
	const char *results;
	const char *up;	   /* u or d after each result */
	const char *known; /* k or - after each result */
};

static const struct row rows[] = {
	{ "first success decides", 3, 3, "+", "u", "k" },
	{ "first failure does not", 2, 3, "--", "uu", "--" },
	{ "falls from unknown", 2, 3, "---", "uud", "--k" },
	{ "falls at once with fall 1", 2, 1, "-+", "dd", "kk" },
	{ "a success breaks the row", 2, 3, "--+--", "uuuuu", "--kkk" },
	{ "rises after rise", 2, 1, "-++", "ddu", "kkk" },
	{ "a failure breaks the rise", 3, 1, "-++-+++", "ddddddu", "kkkkkkk" },
	{ "falls again", 1, 2, "--+--", "uduud", "-kkkk" },
	{ "stays up", 1, 1, "++++", "uuuu", "kkkk" },
	{ "stays down", 1, 1, "----", "dddd", "kkkk" },
};

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++) {
		const struct row *row = &rows[i];
		struct health health;
		bool up = true;

		print_message("# %s\n", row->name);
		health_init(&health);
		assert_true(health.up);
		assert_false(health.known);
		for (size_t n = 0; n < strlen(row->results); n++) {
			bool changed = health_result(&health, row->results[n] == '+', row->rise, row->fall);

			assert_int_equal(health.up, row->up[n] == 'u');
			assert_int_equal(health.known, row->known[n] == 'k');
			assert_int_equal(changed, health.up != up);
			up = health.up;
		}
	}
}

/* A reload may lower `fall` below the failures that were counted already. */
static void test_lower_fall(void **state)
{
	struct health health;

	(void)state;
	health_init(&health);
	for (int i = 0; i < 4; i++)
		assert_false(health_result(&health, false, 2, 5));
	assert_true(health_result(&health, false, 2, 2));
	assert_false(health.up);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lower_fall),
	};

	return cmocka_run_group_tests_name("health", tests, NULL, NULL);
}
