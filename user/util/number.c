/* SPDX-License-Identifier: GPL-2.0-only */
/* Numbers and durations as people write them; see number.h. */
#include <errno.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cv_defs.h"
#include "util/number.h"

static const struct {
	const char *name;
	uint64_t ms;
} units[] = { { "h", 3600000 }, { "m", 60000 }, { "s", 1000 }, { "ms", 1 } };

/* The digits at the start of `text`; *ret_rest is what comes behind them. */
static int parse_digits(const char *text, uint64_t *ret, const char **ret_rest)
{
	const char *c = text;
	bool overflow = false;
	uint64_t n = 0;

	for (; *c >= '0' && *c <= '9'; c++) {
		overflow |= __builtin_mul_overflow(n, 10, &n);
		overflow |= __builtin_add_overflow(n, *c - '0', &n);
	}
	if (c == text)
		return -EINVAL;
	if (overflow)
		return -ERANGE;
	*ret = n;
	*ret_rest = c;
	return 0;
}

int number_parse(const char *text, uint64_t *ret)
{
	const char *rest;
	uint64_t n;
	int r;

	r = parse_digits(text, &n, &rest);
	if (r < 0)
		return r;
	if (*rest)
		return -EINVAL;
	*ret = n;
	return 0;
}

int number_parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last)
{
	uint64_t first, last;
	const char *rest;
	int r;

	r = parse_digits(text, &first, &rest);
	if (r < 0)
		return r;
	last = first;
	if (*rest == '-') {
		r = parse_digits(rest + 1, &last, &rest);
		if (r < 0)
			return r;
	}
	if (*rest || last < first)
		return -EINVAL;
	*ret_first = first;
	*ret_last = last;
	return 0;
}

int duration_parse(const char *text, uint64_t *ret_ms)
{
	const char *rest;
	uint64_t n;
	int r;

	r = parse_digits(text, &n, &rest);
	if (r < 0)
		return r;
	for (size_t i = 0; i < CV_ARRAY_SIZE(units); i++) {
		if (strcmp(rest, units[i].name) != 0)
			continue;
		if (__builtin_mul_overflow(n, units[i].ms, &n))
			return -ERANGE;
		*ret_ms = n;
		return 0;
	}
	return -EINVAL;
}

const char *duration_format(uint64_t ms, char *text)
{
	size_t i = 0;

	while (ms % units[i].ms)
		i++;
	/* No time at all is "0s", not "0h". */
	if (ms == 0)
		i = 2;
	snprintf(text, DURATION_TEXT_LEN, "%" PRIu64 "%s", ms / units[i].ms, units[i].name);
	return text;
}
