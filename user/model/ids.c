/* SPDX-License-Identifier: GPL-2.0-only */
/* Ids of an image; see ids.h. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/ids.h"

/* How soon a spare id is given: the lowest rank first. */
typedef uint32_t (*rank_id)(const struct image *old, uint16_t id);

#define RANK_IN_USE (1U << 16)

static uint32_t rank_listener(const struct image *old, uint16_t id)
{
	const struct cv_listener *listener = &old->listener[id];

	return (listener->protocol != CV_PROTOCOL_NONE ? RANK_IN_USE : 0) + listener->generation;
}

static uint32_t rank_pool(const struct image *old, uint16_t id)
{
	return old->pool[id].name[0] != '\0' ? RANK_IN_USE : 0;
}

static uint32_t rank_backend(const struct image *old, uint16_t id)
{
	const struct cv_backend *backend = &old->backend[id];

	return (backend->state != CV_BACKEND_NONE ? RANK_IN_USE : 0) + backend->generation;
}

static int compare_spares(const void *left, const void *right)
{
	const uint64_t *a = left, *b = right;

	return *a < *b ? -1 : *a > *b;
}

/* Gives an id of 1 to `max` to every entry of ids[] that is 0. */
static int give_ids(uint16_t *ids, size_t nr, uint16_t max, rank_id rank, const struct image *old)
{
	bool *taken = calloc(max + 1, sizeof(*taken));
	uint64_t *spare = calloc(max, sizeof(*spare)); /* rank and id */
	size_t spares = 0;
	int r = -ENOMEM;

	if (!taken || !spare)
		goto out;
	r = 0;
	for (size_t i = 0; i < nr; i++)
		taken[ids[i]] = true;
	if (!taken[0])
		goto out;
	for (uint16_t id = 1; id <= max; id++)
		if (!taken[id])
			spare[spares++] = (uint64_t)rank(old, id) << 16 | id;
	qsort(spare, spares, sizeof(*spare), compare_spares);
	spares = 0;
	for (size_t i = 0; i < nr; i++)
		if (ids[i] == 0)
			ids[i] = (uint16_t)spare[spares++];
out:
	free(spare);
	free(taken);
	return r;
}

/* Most changes are those of one backend's state: all others are where they were. */
static uint16_t find_backend(const struct image *old, uint16_t guess, uint16_t pool,
			     const struct backend_conf *backend)
{
	if (image_is_backend(old, guess, pool, &backend->address, backend->port))
		return guess;
	return image_backend_id(old, pool, &backend->address, backend->port);
}

/* The listener of this name, if it stays where it is. One that goes to another address becomes another listener: until the
 * new directory is in force, the old one finds its neighbours there by its record. */
static uint16_t find_listener(const struct image *old, const struct listener_conf *conf)
{
	uint16_t id = image_listener_id(old, conf->name);
	const struct cv_listener *listener = &old->listener[id];

	return listener->protocol == conf->protocol &&
			       !memcmp(listener->address, conf->address.byte, sizeof(listener->address))
		       ? id
		       : 0;
}

int ids_assign(const struct model *model, const struct image *old, struct ids *ret)
{
	size_t nr = 0;
	int r;

	for (size_t i = 0; i < model->listeners_nr; i++) {
		ret->listener[i] = find_listener(old, &model->listeners[i]);
		ret->is_new_listener[i] = ret->listener[i] == 0;
	}
	r = give_ids(ret->listener, model->listeners_nr, CV_MAX_LISTENERS, rank_listener, old);
	if (r < 0)
		return r;
	for (size_t i = 0; i < model->pools_nr; i++)
		ret->pool[i] = image_pool_id(old, model->pools[i].name);
	r = give_ids(ret->pool, model->pools_nr, CV_MAX_POOLS, rank_pool, old);
	if (r < 0)
		return r;
	for (size_t i = 0; i < model->pools_nr; i++) {
		const struct pool_conf *pool = &model->pools[i];

		for (size_t j = 0; j < pool->backends_nr; j++, nr++) {
			ret->backend[nr] =
				find_backend(old, old->in_file[nr], ret->pool[i], &pool->backends[j]);
			ret->is_new_backend[nr] = ret->backend[nr] == 0;
		}
	}
	ret->backends_nr = nr;
	return give_ids(ret->backend, nr, CV_MAX_BACKENDS, rank_backend, old);
}
