/* SPDX-License-Identifier: GPL-2.0-only */
/* Images as values: making, freeing, finding ids; see image.h. image_build.c fills them. Pure. */
#include <stdlib.h>
#include <string.h>

#include "model/image.h"
#include "model/table.h"

struct image *image_new(void)
{
	return calloc(1, sizeof(struct image));
}

void image_free(struct image *image)
{
	if (!image)
		return;
	for (size_t id = 1; id <= CV_MAX_POOLS; id++)
		table_put(image->table[id]);
	free(image);
}

/* --- the index --- */

/* What a backend is known by. */
struct backend_key {
	uint16_t pool;
	const uint8_t *address;
	uint16_t port;
};

/* Order of the record `id` and a key: as strcmp. */
typedef int (*compare_key)(const struct image *image, uint16_t id, const void *key);

static int compare_listener(const struct image *image, uint16_t id, const void *name)
{
	return strcmp(image->listener[id].name, name);
}

static int compare_pool(const struct image *image, uint16_t id, const void *name)
{
	return strcmp(image->pool[id].name, name);
}

static int compare_backend(const struct image *image, uint16_t id, const void *key)
{
	const struct cv_backend *backend = &image->backend[id];
	const struct backend_key *wanted = key;
	int r;

	if (backend->pool != wanted->pool)
		return backend->pool - wanted->pool;
	r = memcmp(backend->address, wanted->address, sizeof(backend->address));
	return r != 0 ? r : backend->port - wanted->port;
}

static int order_listeners(const void *a, const void *b, void *image)
{
	const uint16_t *left = a, *right = b;

	return compare_listener(image, *left, ((struct image *)image)->listener[*right].name);
}

static int order_pools(const void *a, const void *b, void *image)
{
	const uint16_t *left = a, *right = b;

	return compare_pool(image, *left, ((struct image *)image)->pool[*right].name);
}

static int order_backends(const void *a, const void *b, void *image)
{
	const uint16_t *left = a, *right = b;
	const struct cv_backend *backend = &((struct image *)image)->backend[*right];
	struct backend_key key = { backend->pool, backend->address, backend->port };

	return compare_backend(image, *left, &key);
}

void image_index(struct image *image)
{
	image->listeners_nr = image->pools_nr = image->backends_nr = 0;
	for (uint16_t id = 1; id <= CV_MAX_LISTENERS; id++)
		if (image->listener[id].protocol != CV_PROTOCOL_NONE)
			image->listeners[image->listeners_nr++] = id;
	for (uint16_t id = 1; id <= CV_MAX_POOLS; id++)
		if (image->pool[id].name[0] != '\0')
			image->pools[image->pools_nr++] = id;
	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++)
		if (image->backend[id].state != CV_BACKEND_NONE)
			image->backends[image->backends_nr++] = id;
	qsort_r(image->listeners, image->listeners_nr, sizeof(uint16_t), order_listeners, image);
	qsort_r(image->pools, image->pools_nr, sizeof(uint16_t), order_pools, image);
	qsort_r(image->backends, image->backends_nr, sizeof(uint16_t), order_backends, image);
}

static uint16_t find(const struct image *image, const uint16_t *ids, size_t nr, compare_key compare,
		     const void *key)
{
	size_t first = 0;

	while (first < nr) {
		size_t middle = first + (nr - first) / 2;
		int order = compare(image, ids[middle], key);

		if (order == 0)
			return ids[middle];
		if (order < 0)
			first = middle + 1;
		else
			nr = middle;
	}
	return 0;
}

uint16_t image_listener_id(const struct image *image, const char *name)
{
	return find(image, image->listeners, image->listeners_nr, compare_listener, name);
}

uint16_t image_pool_id(const struct image *image, const char *name)
{
	return find(image, image->pools, image->pools_nr, compare_pool, name);
}

uint16_t image_backend_id(const struct image *image, uint16_t pool, const struct addr *address, uint16_t port)
{
	struct backend_key key = { pool, address->byte, port };

	return find(image, image->backends, image->backends_nr, compare_backend, &key);
}

bool image_is_backend(const struct image *image, uint16_t id, uint16_t pool, const struct addr *address,
		      uint16_t port)
{
	struct backend_key key = { pool, address->byte, port };

	return id && image->backend[id].state != CV_BACKEND_NONE && compare_backend(image, id, &key) == 0;
}

void image_all_slots(const struct image *image, uint32_t ret[CV_MAX_BACKENDS + 1])
{
	memset(ret, 0, (CV_MAX_BACKENDS + 1) * sizeof(*ret));
	for (size_t pool = 0; pool < CV_ARRAY_SIZE(image->table); pool++) {
		const struct image_table *table = image->table[pool];

		for (size_t i = 0; table && i < table->shares; i++)
			ret[table->share[i].backend] += table->share[i].slots;
	}
}

uint32_t image_slots(const struct image *image, uint16_t pool, uint16_t backend)
{
	const struct image_table *table = image->table[pool];
	uint32_t nr = 0;

	for (uint32_t i = 0; table && i < table->size; i++)
		nr += table_owner(table, i) == backend;
	return nr;
}
