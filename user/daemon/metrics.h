/* SPDX-License-Identifier: GPL-2.0-only */
/* The metrics, in two steps: all that they say is taken down at once, then written out, which with many backends takes
 * a while and may be done in another thread. */
#ifndef DAEMON_METRICS_H
#define DAEMON_METRICS_H

#include <stdio.h>

#include "daemon/numbers.h"

struct metrics;

/* Out of nothing but d and `numbers`, which it takes over, also when it fails. NULL when out of memory. */
struct metrics *metrics_take(const struct daemon *d, struct numbers *numbers);
void metrics_free(struct metrics *metrics); /* takes NULL */

/* In the format of prom.h. 0 or -ENOMEM. */
int metrics_write(const struct metrics *metrics, FILE *out);

#endif
