/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter of `culvert capture`, from words to what the data plane is asked for. Pure. */
#ifndef CLI_CAPTURE_FILTER_H
#define CLI_CAPTURE_FILTER_H

#include "cv_capture.h"
#include "util/err.h"

/* Reads a filter such as "client 198.51.100.0/24 port 443 drop": terms that must all hold, in any order, each at most
 * once; only pass, tx, redirect, drop and the reasons are alternatives of each other. Without one of these all is
 * wanted but what passes untouched. Fills the parts of *ret that are asked of packets, and leaves the others zero.
 * -EINVAL, and in err the word and what is allowed. */
int capture_filter_parse(const char *text, struct cv_capture *ret, struct err *err);

#endif
