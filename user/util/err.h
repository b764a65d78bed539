/* SPDX-License-Identifier: GPL-2.0-only */
/* An error as a value: a negative errno for the program, a sentence for the person. Functions that can
 * fail for a reason worth telling take a `struct err *`, which may be NULL; whoever is on top prints it. */
#ifndef UTIL_ERR_H
#define UTIL_ERR_H

#include <stddef.h>

struct err {
	char text[4096]; /* room for all that is wrong with a file */
};

/* Formats the sentence (no full stop, no newline, nothing if err is NULL) and returns `code`, a negative
 * errno, so that a failing function ends in `return err_set(err, -EINVAL, "…")`. */
int err_set(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Puts "what: " in front of a sentence already there, and returns `code`. */
int err_prefix(struct err *err, int code, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
