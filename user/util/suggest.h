/* SPDX-License-Identifier: GPL-2.0-only */
/* "Did you mean ...?": the candidate that a misspelt word is closest to. */
#ifndef UTIL_SUGGEST_H
#define UTIL_SUGGEST_H

struct suggest {
	const char *word;  /* what was written */
	const char *best;  /* the closest candidate so far, NULL if none is close */
	unsigned distance; /* a candidate must be closer than this */
};

/* Starts with no candidate. `word` must outlive it. */
void suggest_init(struct suggest *suggest, const char *word);

/* Takes a candidate, which must outlive `suggest`, if it is closer than those before. Close are words that
 * differ, case aside, by at most two letters wrong, missing, too many or swapped with their neighbour
 * (optimal string alignment), and by no more than a third of the letters. */
void suggest_consider(struct suggest *suggest, const char *candidate);

#endif
