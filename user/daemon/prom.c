/* SPDX-License-Identifier: GPL-2.0-only */
/* The text format; see prom.h. With many backends the text has some 100,000 lines, so each is put together by hand,
 * from left to right, and written at once. */
#include <string.h>

#include "daemon/prom.h"

/* Room for any line. Functions that add to it return its new end, as stpcpy does. */
#define LINE_LEN (sizeof(((struct prom_labels *)NULL)->text) + 256)

static char *add_number(char *end, uint64_t value)
{
	char digits[21], *first = digits + sizeof(digits) - 1;

	*first = '\0';
	do
		*--first = (char)('0' + value % 10);
	while (value /= 10);
	return stpcpy(end, first);
}

/* A decimal fraction without trailing zeros: 1500 of 1000 is 1.5. `unit` is a power of ten. */
static char *add_fraction(char *end, uint64_t value, uint64_t unit)
{
	uint64_t rest = value % unit;

	end = add_number(end, value / unit);
	if (rest)
		*end++ = '.';
	for (; rest; rest = rest * 10 % unit)
		*end++ = (char)('0' + rest * 10 / unit);
	*end = '\0';
	return end;
}

static size_t escape(const char *value, char *ret)
{
	size_t used = 0;

	for (; *value; value++) {
		if (*value == '\\' || *value == '"' || *value == '\n')
			ret[used++] = '\\';
		ret[used++] = *value == '\n' ? 'n' : *value;
	}
	return used;
}

void prom_label(struct prom_labels *labels, const char *name, const char *value)
{
	size_t used = strlen(labels->text);
	char *end = labels->text + used;

	if (used + strlen(name) + 2 * strlen(value) + sizeof(",=\"\"") > sizeof(labels->text))
		return;
	if (used)
		*end++ = ',';
	end = stpcpy(stpcpy(end, name), "=\"");
	end += escape(value, end);
	end[0] = '"';
	end[1] = '\0';
}

void prom_family(FILE *out, const char *name, enum prom_type type, const char *help)
{
	static const char *const types[] = {
		[PROM_COUNTER] = "counter", [PROM_GAUGE] = "gauge", [PROM_HISTOGRAM] = "histogram"
	};

	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, types[type]);
}

/* Up to the value. `suffix` belongs to the name. */
static char *begin_line(char *line, const char *name, const char *suffix, const struct prom_labels *labels)
{
	char *end = stpcpy(stpcpy(line, name), suffix);

	if (labels && labels->text[0])
		end = stpcpy(stpcpy(stpcpy(end, "{"), labels->text), "}");
	return stpcpy(end, " ");
}

static void write_line(FILE *out, char *line, char *end)
{
	*end++ = '\n';
	fwrite_unlocked(line, 1, (size_t)(end - line), out);
}

void prom_sample(FILE *out, const char *name, const struct prom_labels *labels, uint64_t value)
{
	char line[LINE_LEN], *end = begin_line(line, name, "", labels);

	write_line(out, line, add_number(end, value));
}

void prom_sample_seconds(FILE *out, const char *name, const struct prom_labels *labels, uint64_t ns)
{
	char line[LINE_LEN], *end = begin_line(line, name, "", labels);

	write_line(out, line, add_fraction(end, ns, 1000000000));
}

/* `end_ms` 0: the range without an end. */
static void write_bucket(FILE *out, const char *name, const struct prom_labels *labels, unsigned end_ms,
			 uint64_t count)
{
	char line[LINE_LEN], *end = stpcpy(stpcpy(line, name), "_bucket{");

	if (labels && labels->text[0])
		end = stpcpy(stpcpy(end, labels->text), ",");
	end = stpcpy(end, "le=\"");
	end = end_ms ? add_fraction(end, end_ms, 1000) : stpcpy(end, "+Inf");
	write_line(out, line, add_number(stpcpy(end, "\"} "), count));
}

void prom_histogram(FILE *out, const char *name, const struct prom_labels *labels,
		    const struct histogram *histogram)
{
	char line[LINE_LEN], *end;
	uint64_t up_to = 0;

	for (unsigned range = 0; range < HISTOGRAM_RANGES; range++) {
		up_to += histogram->count[range];
		write_bucket(out, name, labels, range < HISTOGRAM_RANGES - 1 ? histogram_ends_ms[range] : 0,
			     up_to);
	}
	end = begin_line(line, name, "_sum", labels);
	write_line(out, line, add_fraction(end, histogram->sum_ms, 1000));
	end = begin_line(line, name, "_count", labels);
	write_line(out, line, add_number(end, up_to));
}
