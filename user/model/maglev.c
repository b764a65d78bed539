/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables; see maglev.h. Each backend walks its own permutation of the slots, offset + i * skip modulo
 * the prime size, and takes the first free one when it has a turn. Called by model/table.c with the backends
 * that serve. Pure.
 *
 * Weights say how often a backend has a turn: in every round it earns its weight as credit, and a turn costs
 * the highest weight of all. Equal weights make it the paper's algorithm. Backends of one weight earn alike,
 * so credit is kept by group, and a round costs nothing for a backend without a turn.
 *
 * Positions are fractions of the whole table in units of 2^-64: a step is one addition, its overflow is the
 * modulus, and one multiplication makes a slot of it. Rounding errors stay below 2^40 units, as no walk is
 * longer than the table, while a slot is more than 2^44 wide; walks start in the middle of one. */
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "cv_limits.h"
#include "model/maglev.h"

_Static_assert(CV_MAX_TABLE_SIZE < 1 << 20, "a slot must be wider than 2^44 units");

struct entrant {
	uint64_t hash;
	const struct maglev_backend *backend;
};

struct walker {
	uint64_t position;
	uint64_t stride;
	uint16_t id;
};

/* Backends of one weight: walkers `first` to `end` - 1. */
struct group {
	size_t first;
	size_t end;
	uint32_t weight;
	uint32_t credit;
};

struct work {
	struct walker *walker;
	struct group *group; /* by falling weight */
	size_t groups;
	uint64_t *taken; /* a bit for each slot: stays in the L1 cache, as the slots would not */
	uint32_t *last;	 /* the last few free slots, once there are no more than `few` */
	uint32_t few;
	uint32_t left; /* free slots */
	uint32_t size;
	uint64_t slot_width;  /* in units of 2^-64 */
	uint64_t offset_seed; /* of the hashes of a name that make offset and skip */
	uint64_t skip_seed;
};

_Bool maglev_is_size(uint32_t size)
{
	if (size < CV_MIN_TABLE_SIZE || size > CV_MAX_TABLE_SIZE || size % 2 == 0)
		return false;
	for (uint32_t i = 3; i * i <= size; i += 2)
		if (size % i == 0)
			return false;
	return true;
}

static uint64_t middle_of(const struct work *work, uint32_t slot)
{
	return slot * work->slot_width + work->slot_width / 2;
}

static uint32_t slot_at(const struct work *work, uint64_t position)
{
	return (uint32_t)((position >> 20) * work->size >> 44);
}

static bool is_taken(const struct work *work, uint32_t slot)
{
	return work->taken[slot / 64] >> (slot % 64) & 1;
}

static uint32_t claim_by_walking(const struct work *work, struct walker *walker)
{
	uint64_t position = walker->position;
	uint32_t slot;

	for (slot = slot_at(work, position); is_taken(work, slot); slot = slot_at(work, position))
		position += walker->stride;
	work->taken[slot / 64] |= 1ULL << (slot % 64);
	walker->position = position + walker->stride;
	return slot;
}

/* The inverse of `value` modulo the prime `prime`, by Euclid's extended algorithm. */
static uint32_t inverse(uint32_t value, uint32_t prime)
{
	int32_t factor = 0, factor_next = 1;
	uint32_t rest = prime, rest_next = value;

	while (rest_next) {
		uint32_t quotient = rest / rest_next;
		uint32_t rest_new = rest - quotient * rest_next;
		int32_t factor_new = factor - (int32_t)quotient * factor_next;

		rest = rest_next;
		rest_next = rest_new;
		factor = factor_next;
		factor_next = factor_new;
	}
	return factor < 0 ? (uint32_t)factor + prime : (uint32_t)factor;
}

/* With few slots left a walk takes size / left steps on average. It is shorter to ask each free slot how many
 * steps away it is, (slot - position) / skip modulo size: again a fraction, and one multiplication. */
static uint32_t claim_by_distance(const struct work *work, struct walker *walker)
{
	uint32_t skip = (uint32_t)(walker->stride / work->slot_width);
	uint64_t unit = inverse(skip, work->size) * work->slot_width;
	uint64_t origin = slot_at(work, walker->position) * unit;
	uint64_t least = UINT64_MAX;
	uint32_t nearest = 0, slot;

	for (uint32_t i = 0; i < work->left; i++) {
		uint64_t distance = work->last[i] * unit - origin;

		if (distance < least) {
			least = distance;
			nearest = i;
		}
	}
	slot = work->last[nearest];
	work->last[nearest] = work->last[work->left - 1];
	walker->position = middle_of(work, slot) + walker->stride;
	return slot;
}

static void collect_last(struct work *work)
{
	uint32_t nr = 0;

	for (uint32_t word = 0; nr < work->left; word++)
		for (uint64_t open = ~work->taken[word]; open && nr < work->left; open &= open - 1)
			work->last[nr++] = word * 64 + (uint32_t)__builtin_ctzll(open);
}

static void take_turns(struct work *work, const struct group *group, uint16_t *slots)
{
	for (size_t i = group->first; i < group->end && work->left > 0; i++) {
		struct walker *walker = &work->walker[i];

		if (work->left > work->few) {
			slots[claim_by_walking(work, walker)] = walker->id;
			if (--work->left == work->few)
				collect_last(work);
		} else {
			slots[claim_by_distance(work, walker)] = walker->id;
			work->left--;
		}
	}
}

static void play(struct work *work, uint16_t *slots)
{
	uint32_t price = work->group[0].weight;

	while (work->left > 0) {
		for (size_t i = 0; i < work->groups; i++) {
			struct group *group = &work->group[i];

			group->credit += group->weight;
			if (group->credit >= price) {
				group->credit -= price;
				take_turns(work, group, slots);
			}
		}
	}
}

/* The order must not depend on the caller's. By hash: cheaper than by name, and nobody sits first for good
 * because its address is the lowest. */
static int compare_hash(const void *left, const void *right)
{
	const struct entrant *a = left, *b = right;

	if (a->hash != b->hash)
		return a->hash < b->hash ? -1 : 1;
	return strcmp(a->backend->name, b->backend->name);
}

static int compare_weight(const void *left, const void *right)
{
	const struct entrant *a = left, *b = right;

	if (a->backend->weight != b->backend->weight)
		return a->backend->weight > b->backend->weight ? -1 : 1;
	return compare_hash(left, right);
}

/* Lines up the backends by falling weight, those without weight last. -EINVAL if two have one name. */
static int line_up(const struct work *work, const struct maglev_backend *backends, size_t nr,
		   struct entrant *ret)
{
	bool equal = true;

	for (size_t i = 0; i < nr; i++) {
		ret[i].hash = XXH64(backends[i].name, strlen(backends[i].name), work->offset_seed);
		ret[i].backend = &backends[i];
		equal = equal && backends[i].weight == backends[0].weight;
	}
	qsort(ret, nr, sizeof(*ret), compare_hash);
	for (size_t i = 1; i < nr; i++)
		if (compare_hash(&ret[i - 1], &ret[i]) == 0)
			return -EINVAL;
	if (!equal)
		qsort(ret, nr, sizeof(*ret), compare_weight);
	return 0;
}

static void place(struct work *work, const struct entrant *entrants, size_t nr)
{
	for (size_t i = 0; i < nr && entrants[i].backend->weight > 0; i++) {
		const struct maglev_backend *backend = entrants[i].backend;
		uint64_t hash = XXH64(backend->name, strlen(backend->name), work->skip_seed);

		work->walker[i] = (struct walker){
			.position = middle_of(work, (uint32_t)(entrants[i].hash % work->size)),
			.stride = (hash % (work->size - 1) + 1) * work->slot_width,
			.id = backend->id,
		};
		/* Credit for half a turn to start with: shares are rounded, not cut off. */
		if (i == 0 || backend->weight != entrants[i - 1].backend->weight)
			work->group[work->groups++] = (struct group){
				.first = i,
				.weight = backend->weight,
				.credit = entrants[0].backend->weight / 2,
			};
		work->group[work->groups - 1].end = i + 1;
	}
}

int maglev_build(const struct maglev_backend *backends, size_t backends_nr, const char *seed, uint16_t *slots,
		 uint32_t size)
{
	struct entrant *entrants = calloc(backends_nr + 1, sizeof(*entrants));
	struct walker *walkers = calloc(backends_nr + 1, sizeof(*walkers));
	struct group *groups = calloc(backends_nr + 1, sizeof(*groups));
	uint64_t *taken = calloc(size / 64 + 1, sizeof(*taken));
	uint32_t *last = NULL, few = 1;
	struct work work;
	int r = -EINVAL;

	if (!maglev_is_size(size) || backends_nr > size)
		goto out;
	while (few * few < 2 * size) /* there the two ways to claim a slot cost the same */
		few++;
	last = calloc(few, sizeof(*last));
	r = -ENOMEM;
	if (!entrants || !walkers || !groups || !taken || !last)
		goto out;
	work = (struct work){
		.walker = walkers,
		.group = groups,
		.taken = taken,
		.last = last,
		.few = few,
		.left = size,
		.size = size,
		.slot_width = UINT64_MAX / size,
		.offset_seed = XXH64(seed, strlen(seed), 0),
		.skip_seed = XXH64(seed, strlen(seed), 1),
	};
	r = line_up(&work, backends, backends_nr, entrants);
	if (r < 0)
		goto out;
	place(&work, entrants, backends_nr);
	if (work.groups > 0)
		play(&work, slots);
	else
		memset(slots, 0, size * sizeof(*slots));
out:
	free(last);
	free(taken);
	free(groups);
	free(walkers);
	free(entrants);
	return r;
}
