/* SPDX-License-Identifier: GPL-2.0-only */
/* What people read: numbers with units, durations, aligned tables; and JSON for programs. */
#ifndef CLI_OUT_H
#define CLI_OUT_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Each writes to `text`, of at least OUT_TEXT_LEN bytes, and returns it. */
#define OUT_TEXT_LEN 32
/* "7", "950", "1.23 k", "45.6 Mbit/s": three digits and a decimal prefix. `unit` may be "", at most 8 bytes;
 * below zero counts as zero. */
const char *out_si(double value, const char *unit, char *text);
const char *out_bytes(uint64_t bytes, char *text); /* of memory: "512 B", "1.50 MiB" */
const char *out_duration(uint64_t s, char *text); /* the two largest units: "45s", "5m50s", "3h12m", "2d4h" */
const char *out_exact(uint64_t number, char *text); /* "1,048,576" */
const char *out_percent(double share, char *text);  /* "0.1 %", "33.3 %", "100 %"; of a share from 0 to 1 */

/* A table is filled cell by cell, row after row, and printed in pieces: with the first piece the heading, and
 * columns that are never narrower than in the piece before. So a table of a million rows needs the memory of
 * the rows between two prints. When memory runs out, cells are dropped and out_table_print says so. */
enum out_align { OUT_LEFT, OUT_RIGHT };

struct out_column {
	const char *head;
	enum out_align align;
};

#define OUT_MAX_COLUMNS 16

struct out_table {
	const struct out_column *column;
	size_t columns;
	size_t width[OUT_MAX_COLUMNS];
	size_t gap;  /* spaces between columns: 2, if nothing else is set */
	char **cell; /* row by row */
	size_t cells;
	size_t room;
	bool has_head; /* it was printed */
	bool is_short_of_memory;
};

void out_table_init(struct out_table *table, const struct out_column *columns, size_t nr);
void out_table_done(struct out_table *table);

/* The next cell. Control characters, which a server could send to a terminal this way, come out as '?'. */
void out_cell(struct out_table *table, const char *format, ...) __attribute__((format(printf, 2, 3)));
void out_cell_si(struct out_table *table, double value, const char *unit);

size_t out_table_rows(const struct out_table *table); /* not printed yet */
/* Prints the rows so far and forgets them. 0 or -ENOMEM. */
int out_table_print(struct out_table *table, FILE *to);

/* One document, indented. 0, or -ENOMEM or -EIO. */
int out_json(const json_t *json, FILE *to);

#endif
