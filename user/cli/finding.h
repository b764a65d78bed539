/* SPDX-License-Identifier: GPL-2.0-only */
/* What `culvert doctor` finds: each thing it looked at, how it is, and if it is not well why that matters and the command
 * that mends it. */
#ifndef CLI_FINDING_H
#define CLI_FINDING_H

#include <jansson.h>
#include <stdbool.h>

enum finding_level { FINDING_OK, FINDING_WARNING, FINDING_ERROR };

struct findings {
	json_t *list; /* NULL: out of memory */
	unsigned nr[FINDING_ERROR + 1];
};

void findings_init(struct findings *findings);
void findings_done(struct findings *findings);

/* All is well with `check`; the sentence says how it is. */
void finding_ok(struct findings *findings, const char *check, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* Something is not; `why` is what comes of it. */
void finding_bad(struct findings *findings, enum finding_level level, const char *check, const char *why,
		 const char *format, ...) __attribute__((format(printf, 5, 6)));
/* The command that mends the last finding. */
void finding_mend(struct findings *findings, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Prints them, and ends them. CLI_FAILED if there is an error among them, else CLI_DONE. */
int findings_print(struct findings *findings, bool json);

#endif
