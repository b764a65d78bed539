/* SPDX-License-Identifier: GPL-2.0-only */
/* What people read: units at their borders, tables to the column. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "cli/out.h"
#include "cv_defs.h"

static void decimal_units_keep_three_digits(void **state)
{
	static const struct {
		double value;
		const char *unit, *text;
	} cases[] = {
		{ 0, "", "0" },
		{ -5, "", "0" },
		{ 7, "", "7" },
		{ 0.5, "", "0.50" },
		{ 12.34, "", "12.3" },
		{ 999, "", "999" },
		{ 999.4, "", "999" },
		{ 999.5, "", "1.00 k" },
		{ 1000, "", "1.00 k" },
		{ 9994, "", "9.99 k" },
		{ 9995, "", "10.0 k" },
		{ 99949, "", "99.9 k" },
		{ 99950, "", "100 k" },
		{ 999499, "", "999 k" },
		{ 999500, "", "1.00 M" },
		{ 45.6e6, "bit/s", "45.6 Mbit/s" },
		{ 12, "B", "12 B" },
		{ 1.8446744073709552e19, "B", "18.4 EB" },
		{ 1e30, "", "1000000000000 E" },
	};
	char text[OUT_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++)
		assert_string_equal(out_si(cases[i].value, cases[i].unit, text), cases[i].text);
}

static void memory_has_binary_units(void **state)
{
	char text[OUT_TEXT_LEN];

	(void)state;
	assert_string_equal(out_bytes(0, text), "0 B");
	assert_string_equal(out_bytes(999, text), "999 B");
	assert_string_equal(out_bytes(1000, text), "0.98 KiB");
	assert_string_equal(out_bytes(1024, text), "1.00 KiB");
	assert_string_equal(out_bytes(3 << 19, text), "1.50 MiB");
	assert_string_equal(out_bytes(UINT64_MAX, text), "16.0 EiB");
}

static void durations_show_two_units(void **state)
{
	static const struct {
		uint64_t s;
		const char *text;
	} cases[] = {
		{ 0, "0s" },
		{ 59, "59s" },
		{ 60, "1m" },
		{ 350, "5m50s" },
		{ 3599, "59m59s" },
		{ 3600, "1h" },
		{ 3601, "1h" },
		{ 11520, "3h12m" },
		{ 86399, "23h59m" },
		{ 86400, "1d" },
		{ 86400 + 3599, "1d" },
		{ 187200, "2d4h" },
		{ 86400 * 400ULL, "400d" },
	};
	char text[OUT_TEXT_LEN];

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++)
		assert_string_equal(out_duration(cases[i].s, text), cases[i].text);
	assert_true(strlen(out_duration(UINT64_MAX, text)) < OUT_TEXT_LEN);
}

static void exact_numbers_are_grouped(void **state)
{
	char text[OUT_TEXT_LEN];

	(void)state;
	assert_string_equal(out_exact(0, text), "0");
	assert_string_equal(out_exact(999, text), "999");
	assert_string_equal(out_exact(1000, text), "1,000");
	assert_string_equal(out_exact(1048576, text), "1,048,576");
	assert_string_equal(out_exact(UINT64_MAX, text), "18,446,744,073,709,551,615");
}

static void shares_are_percents(void **state)
{
	char text[OUT_TEXT_LEN];

	(void)state;
	assert_string_equal(out_percent(0, text), "0 %");
	assert_string_equal(out_percent(1.0 / 3, text), "33.3 %");
	assert_string_equal(out_percent(0.9994, text), "99.9 %");
	assert_string_equal(out_percent(1, text), "100 %");
}

static const struct out_column columns[] = { { "NAME", OUT_LEFT }, { "N", OUT_RIGHT }, { "NOTE", OUT_LEFT } };

/* Prints, and hands out what was printed. The caller frees it. */
static char *printed(struct out_table *table)
{
	char *text = NULL;
	size_t size;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	assert_int_equal(out_table_print(table, to), 0);
	fclose(to);
	return text;
}

static void add_row(struct out_table *table, const char *name, int n, const char *note)
{
	out_cell(table, "%s", name);
	out_cell(table, "%d", n);
	out_cell(table, "%s", note);
}

static void tables_are_aligned(void **state)
{
	struct out_table table;
	char *text;

	(void)state;
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	add_row(&table, "a", 7, "first");
	add_row(&table, "longer", 12345, "");
	assert_int_equal(out_table_rows(&table), 2);
	text = printed(&table);
	assert_string_equal(text, "NAME        N  NOTE\n"
				  "a           7  first\n"
				  "longer  12345  \n");
	free(text);
	table.gap = 1;
	add_row(&table, "b", 1, "closer");
	text = printed(&table);
	assert_string_equal(text, "b          1 closer\n");
	free(text);
	out_table_done(&table);
}

static void pieces_of_a_table_fit_together(void **state)
{
	struct out_table table;
	char *text;

	(void)state;
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	add_row(&table, "longer", 123, "x");
	free(printed(&table));
	assert_int_equal(out_table_rows(&table), 0);
	add_row(&table, "b", 1, "y");
	text = printed(&table);
	assert_string_equal(text, "b         1  y\n");
	free(text);
	out_table_done(&table);
}

static void many_rows_come_out(void **state)
{
	struct out_table table;
	size_t lines = 0;
	char *text;

	(void)state;
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	for (int i = 0; i < 1000; i++)
		add_row(&table, "a", i, "x");
	text = printed(&table);
	for (const char *p = text; *p; p++)
		lines += *p == '\n';
	assert_int_equal(lines, 1001);
	free(text);
	out_table_done(&table);
}

static void characters_count_once_and_control_is_kept_from_the_terminal(void **state)
{
	struct out_table table;
	char *text;

	(void)state;
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	add_row(&table, "\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x80\xa6!", 1, "red: \033[31m\n\x7f");
	text = printed(&table);
	assert_string_equal(text, "NAME   N  NOTE\n\xc3\xa4\xc3\xb6\xc3\xbc\xe2\x80\xa6!  1  red: ?[31m??\n");
	free(text);
	out_table_done(&table);
}

static void a_full_disk_is_noticed(void **state)
{
	FILE *full = fopen("/dev/full", "w");
	json_t *json = json_pack("{s:i}", "n", 1);

	(void)state;
	assert_non_null(full);
	setbuf(full, NULL);
	assert_int_equal(out_json(json, full), -EIO);
	assert_int_equal(out_json(NULL, full), -ENOMEM);
	fclose(full);
	json_decref(json);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(decimal_units_keep_three_digits),
		cmocka_unit_test(memory_has_binary_units),
		cmocka_unit_test(durations_show_two_units),
		cmocka_unit_test(exact_numbers_are_grouped),
		cmocka_unit_test(shares_are_percents),
		cmocka_unit_test(tables_are_aligned),
		cmocka_unit_test(pieces_of_a_table_fit_together),
		cmocka_unit_test(many_rows_come_out),
		cmocka_unit_test(characters_count_once_and_control_is_kept_from_the_terminal),
		cmocka_unit_test(a_full_disk_is_noticed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
