/* SPDX-License-Identifier: GPL-2.0-only */
/* Whole numbers and durations as people write them in files and on command lines. Strict: no sign, no
 * space, nothing behind the number, no overflow. */
#ifndef UTIL_NUMBER_H
#define UTIL_NUMBER_H

#include <stdint.h>

/* Longest text of a duration with its closing NUL. */
#define DURATION_TEXT_LEN 24

/* Decimal digits only. -EINVAL if it is anything else, -ERANGE if it does not fit. */
int number_parse(const char *text, uint64_t *ret);

/* "8000-8099", or "443" as a range of one. -EINVAL, also for a range that ends before it starts; -ERANGE. */
int number_parse_range(const char *text, uint64_t *ret_first, uint64_t *ret_last);

/* A number with the unit ms, s, m or h. -EINVAL, also without a unit; -ERANGE. */
int duration_parse(const char *text, uint64_t *ret_ms);

/* Writes the shortest such text to `text`, of at least DURATION_TEXT_LEN bytes, and returns it. */
const char *duration_format(uint64_t ms, char *text);

#endif
