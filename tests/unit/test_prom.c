/* SPDX-License-Identifier: GPL-2.0-only */
/* The Prometheus text format, down to the characters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "cv_limits.h"
#include "daemon/prom.h"

/* Compares what `write` writes to `out`. */
#define assert_written(wanted, write)                            \
	do {                                                     \
		char text_[512] = "";                            \
		FILE *out = fmemopen(text_, sizeof(text_), "w"); \
                                                                 \
		assert_non_null(out);                            \
		write;                                           \
		fclose(out);                                     \
		assert_string_equal(text_, wanted);              \
	} while (0)

static void labels_are_escaped(void **state)
{
	struct prom_labels labels = { "" };

	(void)state;
	prom_label(&labels, "plain", "web-1.a_b");
	prom_label(&labels, "odd", "a\"b\\c\nd");
	prom_label(&labels, "empty", "");
	assert_string_equal(labels.text, "plain=\"web-1.a_b\",odd=\"a\\\"b\\\\c\\nd\",empty=\"\"");
}

static void a_label_that_does_not_fit_is_left_out(void **state)
{
	struct prom_labels labels = { "" };
	char value[128];

	(void)state;
	memset(value, '"', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	prom_label(&labels, "a", "1");
	prom_label(&labels, "long", value);
	prom_label(&labels, "b", "2");
	assert_string_equal(labels.text, "a=\"1\",b=\"2\"");
}

static void the_longest_names_fit(void **state)
{
	struct prom_labels labels = { "" };
	char name[CV_NAME_LEN];

	(void)state;
	memset(name, '"', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	prom_label(&labels, "pool", name);
	prom_label(&labels, "backend", "[2001:0db8:1111:2222:3333:4444:5555:6666]:65535");
	prom_label(&labels, "result", "failure");
	assert_non_null(strstr(labels.text, ",result=\"failure\""));
	memset(&labels, 0, sizeof(labels));
	prom_label(&labels, "listener", name);
	prom_label(&labels, "protocol", "udp");
	prom_label(&labels, "reason", "table_full");
	assert_non_null(strstr(labels.text, ",reason=\"table_full\""));
}

static void numbers_are_written_out(void **state)
{
	struct prom_labels labels = { "a=\"b\"" };

	(void)state;
	assert_written("x 0\n", prom_sample(out, "x", NULL, 0));
	assert_written("x{a=\"b\"} 18446744073709551615\n", prom_sample(out, "x", &labels, UINT64_MAX));
	assert_written("x 0\n", prom_sample_seconds(out, "x", NULL, 0));
	assert_written("x 0.000000001\n", prom_sample_seconds(out, "x", NULL, 1));
	assert_written("x 1.5\n", prom_sample_seconds(out, "x", NULL, 1500000000));
	assert_written("x 20.050000003\n", prom_sample_seconds(out, "x", NULL, 20050000003));
	assert_written("# HELP x Things.\n# TYPE x counter\n",
		       prom_family(out, "x", PROM_COUNTER, "Things."));
}

static void times_fall_into_ranges(void **state)
{
	static const struct {
		unsigned ms, range;
	} cases[] = { { 0, 0 },	 { 1, 0 },  { 2, 1 },	 { 3, 1 },     { 4, 2 },
		      { 10, 2 }, { 11, 3 }, { 3000, 7 }, { 10000, 8 }, { 10001, 9 } };
	struct histogram histogram = { 0 };
	uint64_t sum = 0;

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		uint64_t before = histogram.count[cases[i].range];

		histogram_add(&histogram, cases[i].ms);
		sum += cases[i].ms;
		assert_int_equal(histogram.count[cases[i].range], before + 1);
	}
	assert_int_equal(histogram_total(&histogram), CV_ARRAY_SIZE(cases));
	assert_int_equal(histogram.sum_ms, sum);
}

static void a_histogram_counts_up(void **state)
{
	struct histogram histogram = { .count = { 2, 0, 1, [9] = 4 }, .sum_ms = 60050 };
	struct prom_labels labels = { "a=\"b\"" };

	(void)state;
	assert_written("x_bucket{a=\"b\",le=\"0.001\"} 2\n"
		       "x_bucket{a=\"b\",le=\"0.003\"} 2\n"
		       "x_bucket{a=\"b\",le=\"0.01\"} 3\n"
		       "x_bucket{a=\"b\",le=\"0.03\"} 3\n"
		       "x_bucket{a=\"b\",le=\"0.1\"} 3\n"
		       "x_bucket{a=\"b\",le=\"0.3\"} 3\n"
		       "x_bucket{a=\"b\",le=\"1\"} 3\n"
		       "x_bucket{a=\"b\",le=\"3\"} 3\n"
		       "x_bucket{a=\"b\",le=\"10\"} 3\n"
		       "x_bucket{a=\"b\",le=\"+Inf\"} 7\n"
		       "x_sum{a=\"b\"} 60.05\n"
		       "x_count{a=\"b\"} 7\n",
		       prom_histogram(out, "x", &labels, &histogram));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(labels_are_escaped),
		cmocka_unit_test(a_label_that_does_not_fit_is_left_out),
		cmocka_unit_test(the_longest_names_fit),
		cmocka_unit_test(numbers_are_written_out),
		cmocka_unit_test(times_fall_into_ranges),
		cmocka_unit_test(a_histogram_counts_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
