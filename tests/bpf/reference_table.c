/* SPDX-License-Identifier: GPL-2.0-only */
/* Records by key, with linear probing; see reference_table.h. */
#include "bpf/reference_table.h"

#include <stdlib.h>
#include <string.h>

bool reference_table_init(struct reference_table *table, size_t key_bytes, size_t value_bytes)
{
	*table = (struct reference_table){ .key_bytes = key_bytes, .value_bytes = value_bytes };
	table->slot = calloc(REFERENCE_TABLE_SLOTS, sizeof(*table->slot));
	return table->slot;
}

void reference_table_clear(struct reference_table *table)
{
	memset(table->slot, 0, REFERENCE_TABLE_SLOTS * sizeof(*table->slot));
	table->nr = 0;
}

/* The entry of this key, or the free one where it would be. */
static struct reference_entry *seek(const struct reference_table *table, const void *key)
{
	uint64_t words[REFERENCE_TABLE_KEY / 8] = { 0 }, hash = 0;
	struct reference_entry *entry;

	memcpy(words, key, table->key_bytes);
	for (size_t i = 0; i < REFERENCE_TABLE_KEY / 8; i++) {
		hash = (hash ^ words[i]) * 0x9e3779b97f4a7c15ULL;
		hash ^= hash >> 32;
	}
	for (size_t i = (size_t)hash;; i++) {
		entry = &table->slot[i % REFERENCE_TABLE_SLOTS];
		if (entry->state == REFERENCE_FREE ||
		    (entry->state == REFERENCE_USED && !memcmp(entry->key, words, sizeof(words))))
			return entry;
	}
}

void *reference_table_find(const struct reference_table *table, const void *key)
{
	struct reference_entry *entry = seek(table, key);

	return entry->state == REFERENCE_USED ? entry->value : NULL;
}

void reference_table_put(struct reference_table *table, const void *key, const void *value)
{
	struct reference_entry *entry = seek(table, key);

	table->nr += entry->state != REFERENCE_USED;
	entry->state = REFERENCE_USED;
	memcpy(entry->key, key, table->key_bytes);
	memcpy(entry->value, value, table->value_bytes);
}

bool reference_table_remove(struct reference_table *table, const void *key)
{
	struct reference_entry *entry = seek(table, key);

	if (entry->state != REFERENCE_USED)
		return false;
	entry->state = REFERENCE_GONE;
	table->nr--;
	return true;
}
