/* SPDX-License-Identifier: GPL-2.0-only */
/* The closest of some words; see suggest.h. */
#include <ctype.h>
#include <limits.h>
#include <string.h>

#include "util/suggest.h"

#define MAX_LETTERS 32
#define MAX_DISTANCE 2

static unsigned min(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

static int lower(char c)
{
	return tolower((unsigned char)c);
}

/* Optimal string alignment distance; UINT_MAX if a word is too long to be worth the time. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[3][MAX_LETTERS + 1];
	size_t a_len = strlen(a), b_len = strlen(b);

	if (a_len > MAX_LETTERS || b_len > MAX_LETTERS)
		return UINT_MAX;
	for (unsigned j = 0; j <= b_len; j++)
		row[0][j] = j;
	for (unsigned i = 1; i <= a_len; i++) {
		const unsigned *before = row[(i + 1) % 3], *last = row[(i - 1) % 3];
		unsigned *now = row[i % 3];

		now[0] = i;
		for (unsigned j = 1; j <= b_len; j++) {
			unsigned other = lower(a[i - 1]) != lower(b[j - 1]);

			now[j] = min(min(last[j], now[j - 1]) + 1, last[j - 1] + other);
			if (i > 1 && j > 1 && lower(a[i - 1]) == lower(b[j - 2]) &&
			    lower(a[i - 2]) == lower(b[j - 1]))
				now[j] = min(now[j], before[j - 2] + 1);
		}
	}
	return row[a_len % 3][b_len];
}

void suggest_init(struct suggest *suggest, const char *word)
{
	suggest->word = word;
	suggest->best = NULL;
	suggest->distance = min(MAX_DISTANCE, (unsigned)strnlen(word, MAX_LETTERS) / 3) + 1;
}

void suggest_consider(struct suggest *suggest, const char *candidate)
{
	unsigned d = distance(suggest->word, candidate);

	if (d >= suggest->distance)
		return;
	suggest->distance = d;
	suggest->best = candidate;
}
