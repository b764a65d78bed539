/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's account of a change, which `plan` promises and `reload` reports, for the terminal. */
#ifndef CLI_CHANGES_H
#define CLI_CHANGES_H

#include <jansson.h>

/* What is added, changed and removed, or that nothing is; slots that move; flows that feel it. */
void changes_print(const json_t *change);

#endif
