/* SPDX-License-Identifier: GPL-2.0-only */
/* A table of small records by key, for the reference: as a hash map of the kernel, without its limits. Keys are compared
 * byte by byte, padding included. */
#ifndef TESTS_REFERENCE_TABLE_H
#define TESTS_REFERENCE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_TABLE_KEY 40 /* bytes of the longest key and value */
#define REFERENCE_TABLE_VALUE 40
#define REFERENCE_TABLE_SLOTS 32768 /* far more than one round of packets can fill */

struct reference_entry {
	uint64_t value[REFERENCE_TABLE_VALUE / 8];
	uint64_t key[REFERENCE_TABLE_KEY / 8];
	enum { REFERENCE_FREE, REFERENCE_GONE, REFERENCE_USED } state;
};

struct reference_table {
	struct reference_entry *slot;
	size_t key_bytes;
	size_t value_bytes;
	size_t nr;
};

bool reference_table_init(struct reference_table *table, size_t key_bytes, size_t value_bytes);
void reference_table_clear(struct reference_table *table);

/* The value, to be read and changed in place until the entry goes; NULL if there is none. */
void *reference_table_find(const struct reference_table *table, const void *key);
void reference_table_put(struct reference_table *table, const void *key, const void *value);
bool reference_table_remove(struct reference_table *table, const void *key);

#endif
