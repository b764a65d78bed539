/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables of an image; see table.h. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "model/maglev.h"
#include "model/table.h"

/* Does not depend on the order of the backends, as the table does not. */
static uint64_t hash_inputs(const struct table_backend *backends, size_t nr, const char *seed, uint32_t size)
{
	uint64_t sum = XXH64(seed, strlen(seed), size);

	for (size_t i = 0; i < nr; i++) {
		const struct table_backend *backend = &backends[i];
		uint16_t numbers[3] = { backend->port, backend->id, backend->weight };

		sum += XXH64(numbers, sizeof(numbers), XXH64(&backend->address, sizeof(backend->address), 0));
	}
	return sum;
}

/* A backend's name for Maglev is its address, with the port where it has one of its own: the same on every
 * host of a cluster, whatever id it has there. */
static int fill(const struct table_backend *backends, size_t nr, const char *seed, struct image_table *table)
{
	char(*names)[ADDR_PORT_TEXT_LEN] = calloc(nr + 1, sizeof(*names));
	struct maglev_backend *entries = calloc(nr + 1, sizeof(*entries));
	uint16_t *slots = calloc(table->size + 1, sizeof(*slots));
	int r = -ENOMEM;

	if (!names || !entries || !slots)
		goto out;
	for (size_t i = 0; i < nr; i++) {
		const struct table_backend *backend = &backends[i];

		if (backend->port != 0)
			addr_format_port(&backend->address, backend->port, names[i]);
		else
			addr_format(&backend->address, names[i]);
		entries[i] = (struct maglev_backend){
			.name = names[i],
			.id = backend->id,
			.weight = backend->weight,
		};
	}
	r = maglev_build(entries, nr, seed, slots, table->size);
	if (r < 0)
		goto out;
	for (uint32_t i = 0; i < table->size; i++)
		table->line[i / CV_SLOTS_PER_LINE].slot[i % CV_SLOTS_PER_LINE].backend = slots[i];
out:
	free(slots);
	free(entries);
	free(names);
	return r;
}

/* Once, as whoever asks for numbers asks again every few seconds. */
static int count_shares(const struct table_backend *backends, size_t nr, struct image_table *table)
{
	uint32_t *slots = calloc(CV_MAX_BACKENDS + 1, sizeof(*slots));

	table->share = calloc(nr + 1, sizeof(*table->share));
	if (!slots || !table->share) {
		free(slots);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < table->size; i++)
		slots[table_owner(table, i)]++;
	for (; table->shares < nr; table->shares++) {
		uint16_t id = backends[table->shares].id;

		table->share[table->shares] = (struct image_share){ .backend = id, .slots = slots[id] };
	}
	free(slots);
	return 0;
}

int table_make(const struct table_backend *backends, size_t nr, const char *seed, uint32_t size,
	       struct image_table *old, struct image_table **ret)
{
	uint64_t inputs = hash_inputs(backends, nr, seed, size);
	uint32_t lines = (size + CV_SLOTS_PER_LINE - 1) / CV_SLOTS_PER_LINE;
	struct image_table *table;
	int r;

	if (old && old->inputs == inputs && old->size == size) {
		old->refs++;
		*ret = old;
		return 0;
	}
	if (!maglev_is_size(size))
		return -EINVAL;
	table = calloc(1, sizeof(*table) + lines * sizeof(*table->line));
	if (!table)
		return -ENOMEM;
	table->refs = 1;
	table->size = size;
	table->lines = lines;
	table->inputs = inputs;
	r = fill(backends, nr, seed, table);
	if (!r)
		r = count_shares(backends, nr, table);
	if (r < 0) {
		table_put(table);
		return r;
	}
	*ret = table;
	return 0;
}

void table_put(struct image_table *table)
{
	if (!table || --table->refs)
		return;
	free(table->share);
	free(table);
}

bool table_is_equal(const struct image_table *a, const struct image_table *b)
{
	if (!a || !b)
		return false;
	return a == b || (a->size == b->size && memcmp(a->line, b->line, a->lines * sizeof(*a->line)) == 0);
}
