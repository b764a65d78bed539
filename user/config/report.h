/* SPDX-License-Identifier: GPL-2.0-only */
/* Collects what is wrong with a file: knows where in the configuration the walk is (the path), adds errors
 * to a list that grows, and puts the list in the order of the file. Running out of memory is remembered, so
 * that callers need not look after every error. */
#ifndef CONFIG_REPORT_H
#define CONFIG_REPORT_H

#include "config/config.h"

/* Longest quoted text with its closing NUL. */
#define REPORT_QUOTE_LEN 48

struct report {
	struct config_errors *errors;
	char path[128]; /* cut off if longer */
	size_t path_used;
	int r; /* 0 or -ENOMEM */
};

/* Appends a key or an index to the path. Both return what report_leave wants, to take it off again. */
size_t report_enter_key(struct report *report, const char *key);
size_t report_enter_item(struct report *report, size_t index);
void report_leave(struct report *report, size_t path_used);

/* Adds an error at the current path. */
void report_error(struct report *report, struct mark mark, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* Sorts by line and column; errors at one place by path and text. */
void report_sort(struct config_errors *errors);

/* Writes `text` in quotes, shortened, with a ? for everything that is not printable ASCII, to `quoted`, of at
 * least REPORT_QUOTE_LEN bytes, and returns it: safe for terminals, logs and JSON. */
const char *report_quote(const char *text, char *quoted);

#endif
