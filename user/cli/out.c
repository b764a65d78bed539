/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers, tables and JSON for the terminal; see out.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/out.h"

/* Three digits of a value below 999.5 (or of whole ones what there is), a space if a unit follows. */
static const char *format_scaled(double value, const char *prefix, const char *unit, char *text)
{
	bool is_whole = !*prefix && value == (double)(uint64_t)value;
	int decimals = is_whole || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

	snprintf(text, OUT_TEXT_LEN, "%.*f%s%s%s", decimals, value, *prefix || *unit ? " " : "", prefix,
		 unit);
	return text;
}

const char *out_si(double value, const char *unit, char *text)
{
	static const char *const prefixes[] = { "", "k", "M", "G", "T", "P", "E" };
	size_t i = 0;

	if (!(value > 0))
		value = 0;
	while (value >= 999.5 && i + 1 < sizeof(prefixes) / sizeof(prefixes[0])) {
		value /= 1000;
		i++;
	}
	return format_scaled(value, prefixes[i], unit, text);
}

const char *out_bytes(uint64_t bytes, char *text)
{
	static const char *const prefixes[] = { "", "Ki", "Mi", "Gi", "Ti", "Pi", "Ei" };
	double value = (double)bytes;
	size_t i = 0;

	while (value >= 999.5) {
		value /= 1024;
		i++;
	}
	return format_scaled(value, prefixes[i], "B", text);
}

const char *out_duration(uint64_t s, char *text)
{
	static const struct {
		uint64_t s;
		char name;
	} unit[] = { { 86400, 'd' }, { 3600, 'h' }, { 60, 'm' }, { 1, 's' } };
	const size_t seconds = sizeof(unit) / sizeof(unit[0]) - 1;
	size_t i = 0;
	uint64_t rest;
	int n;

	while (i < seconds && s < unit[i].s)
		i++;
	rest = i < seconds ? s % unit[i].s / unit[i + 1].s : 0;
	n = snprintf(text, OUT_TEXT_LEN, "%ju%c", (uintmax_t)(s / unit[i].s), unit[i].name);
	if (rest)
		snprintf(text + n, OUT_TEXT_LEN - (size_t)n, "%ju%c", (uintmax_t)rest, unit[i + 1].name);
	return text;
}

const char *out_exact(uint64_t number, char *text)
{
	char digits[24];
	int nr = snprintf(digits, sizeof(digits), "%ju", (uintmax_t)number);
	char *to = text;

	for (int i = 0; i < nr; i++) {
		if (i && (nr - i) % 3 == 0)
			*to++ = ',';
		*to++ = digits[i];
	}
	*to = '\0';
	return text;
}

const char *out_percent(double share, char *text)
{
	bool is_round = share <= 0 || share >= 0.9995;

	snprintf(text, OUT_TEXT_LEN, "%.*f %%", is_round ? 0 : 1, share > 0 ? 100 * share : 0);
	return text;
}

void out_table_init(struct out_table *table, const struct out_column *columns, size_t nr)
{
	*table = (struct out_table){ .column = columns, .columns = nr, .gap = 2 };
	for (size_t i = 0; i < nr; i++)
		table->width[i] = strlen(columns[i].head);
}

static void forget_cells(struct out_table *table)
{
	for (size_t i = 0; i < table->cells; i++)
		free(table->cell[i]);
	table->cells = 0;
}

void out_table_done(struct out_table *table)
{
	forget_cells(table);
	free(table->cell);
	table->cell = NULL;
}

/* Columns of a terminal: characters of UTF-8, of which we have none that are wide. */
static size_t text_width(const char *text)
{
	size_t width = 0;

	for (; *text; text++)
		width += (*text & 0xc0) != 0x80;
	return width;
}

void out_cell(struct out_table *table, const char *format, ...)
{
	size_t column = table->cells % table->columns;
	char *text = NULL;
	size_t width;
	va_list args;

	if (table->cells == table->room) {
		size_t room = table->room ? 2 * table->room : 64;
		char **more = reallocarray(table->cell, room, sizeof(*more));

		if (!more) {
			table->is_short_of_memory = true;
			return;
		}
		table->cell = more;
		table->room = room;
	}
	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	table->is_short_of_memory |= !text;
	for (char *p = text; p && *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	table->cell[table->cells++] = text;
	width = text ? text_width(text) : 0;
	if (width > table->width[column])
		table->width[column] = width;
}

void out_cell_si(struct out_table *table, double value, const char *unit)
{
	char text[OUT_TEXT_LEN];

	out_cell(table, "%s", out_si(value, unit, text));
}

size_t out_table_rows(const struct out_table *table)
{
	return table->cells / table->columns;
}

/* A gap between columns, none at the end of a line. */
static void print_cell(const struct out_table *table, size_t column, const char *text, FILE *to)
{
	int left = (int)(table->width[column] - text_width(text)), gap = (int)table->gap;
	bool is_last = column + 1 == table->columns;

	if (table->column[column].align == OUT_RIGHT)
		fprintf(to, "%*s%s%*s", left, "", text, is_last ? 0 : gap, is_last ? "\n" : "");
	else
		fprintf(to, "%s%*s", text, is_last ? 0 : left + gap, is_last ? "\n" : "");
}

int out_table_print(struct out_table *table, FILE *to)
{
	for (size_t i = 0; i < table->columns && !table->has_head; i++)
		print_cell(table, i, table->column[i].head, to);
	table->has_head = true;
	for (size_t i = 0, column = 0; i < table->cells; i++) {
		print_cell(table, column, table->cell[i] ? table->cell[i] : "?", to);
		column = column + 1 < table->columns ? column + 1 : 0;
	}
	forget_cells(table);
	return table->is_short_of_memory ? -ENOMEM : 0;
}

int out_json(const json_t *json, FILE *to)
{
	if (!json)
		return -ENOMEM;
	if (json_dumpf(json, to, JSON_INDENT(2)) < 0 || fputc('\n', to) == EOF)
		return -EIO;
	return 0;
}
