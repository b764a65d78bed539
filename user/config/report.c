/* SPDX-License-Identifier: GPL-2.0-only */
/* The list of errors; see report.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/report.h"
#include "util/vec.h"

/* printf to the end of the path; returns how long it was. */
static __attribute__((format(printf, 2, 3))) size_t enter(struct report *report, const char *format, ...)
{
	size_t used = report->path_used, room = sizeof(report->path) - used;
	va_list args;
	int length;

	va_start(args, format);
	length = vsnprintf(report->path + used, room, format, args);
	va_end(args);
	report->path_used += (size_t)length < room ? (size_t)length : room - 1;
	return used;
}

size_t report_enter_key(struct report *report, const char *key)
{
	char quoted[REPORT_QUOTE_LEN];
	int length = (int)strlen(report_quote(key, quoted));
	const char *dot = report->path_used ? "." : "";

	/* in quotes only if there would be nothing to see without */
	return length > 2 ? enter(report, "%s%.*s", dot, length - 2, quoted + 1)
			  : enter(report, "%s\"\"", dot);
}

size_t report_enter_item(struct report *report, size_t index)
{
	return enter(report, "[%zu]", index);
}

void report_leave(struct report *report, size_t path_used)
{
	report->path_used = path_used;
	report->path[path_used] = '\0';
}

void report_error(struct report *report, struct mark mark, const char *format, ...)
{
	struct config_errors *errors = report->errors;
	struct config_error *error;
	va_list args;

	error = vec_grow(errors->error, errors->nr, sizeof(*error));
	if (!error) {
		report->r = -ENOMEM;
		return;
	}
	errors->error = error;
	error += errors->nr++;
	error->mark = mark;
	memcpy(error->path, report->path, sizeof(error->path));
	va_start(args, format);
	vsnprintf(error->text, sizeof(error->text), format, args);
	va_end(args);
}

static int compare(const void *one, const void *other)
{
	const struct config_error *a = one, *b = other;
	int order;

	if (a->mark.line != b->mark.line)
		return a->mark.line < b->mark.line ? -1 : 1;
	if (a->mark.column != b->mark.column)
		return a->mark.column < b->mark.column ? -1 : 1;
	order = strcmp(a->path, b->path);
	return order ? order : strcmp(a->text, b->text);
}

void report_sort(struct config_errors *errors)
{
	if (errors->nr)
		qsort(errors->error, errors->nr, sizeof(*errors->error), compare);
}

const char *report_quote(const char *text, char *quoted)
{
	static const char dots[] = "...";
	size_t room = REPORT_QUOTE_LEN - 3; /* the quotes and the NUL */
	size_t length = strlen(text);
	char *to = quoted;

	*to++ = '"';
	for (size_t i = 0; i < length && i < room; i++)
		*to++ = text[i] >= ' ' && text[i] <= '~' ? text[i] : '?';
	if (length > room)
		memcpy(to - strlen(dots), dots, strlen(dots));
	*to++ = '"';
	*to = '\0';
	return quoted;
}
