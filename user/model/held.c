/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that wait; see held.h. */
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "model/held.h"

#define BUCKETS 1024

TAILQ_HEAD(held_list, held_frame);

struct held {
	struct held_limits limits;
	uint64_t seed;
	size_t bytes;
	struct held_counts counts;
	struct held_list by_age; /* as they came */
	struct held_list bucket[BUCKETS];
};

static struct held_list *bucket_of(struct held *held, const struct cv_fragment_key *key)
{
	return &held->bucket[XXH64(key, sizeof(*key), held->seed) % BUCKETS];
}

struct held *held_new(const struct held_limits *limits, uint64_t seed)
{
	struct held *held = calloc(1, sizeof(*held));

	if (!held)
		return NULL;
	held->limits = *limits;
	held->seed = seed;
	TAILQ_INIT(&held->by_age);
	for (size_t i = 0; i < BUCKETS; i++)
		TAILQ_INIT(&held->bucket[i]);
	return held;
}

static void take_out(struct held *held, struct held_frame *frame)
{
	TAILQ_REMOVE(&held->by_age, frame, by_age);
	TAILQ_REMOVE(bucket_of(held, &frame->key), frame, by_key);
	held->bytes -= frame->size;
	held->counts.waiting--;
}

/* clang-tidy does not see that the first of a list, taken out of it, is no longer its first. */
static void drop_oldest(struct held *held, uint64_t *count)
{
	struct held_frame *frame = TAILQ_FIRST(&held->by_age);

	take_out(held, frame); // NOLINT(clang-analyzer-unix.Malloc)
	free(frame);
	(*count)++;
}

bool held_add(struct held *held, const struct cv_fragment_key *key, uint32_t ifindex, const void *bytes,
	      size_t size, uint64_t now_ms)
{
	struct held_frame *frame = size <= held->limits.bytes ? malloc(sizeof(*frame) + size) : NULL;

	if (!frame)
		return false;
	while (held->counts.waiting >= held->limits.frames || held->bytes + size > held->limits.bytes)
		drop_oldest(held, &held->counts.pushed_out);
	frame->key = *key;
	frame->since_ms = now_ms;
	frame->ifindex = ifindex;
	frame->size = size;
	memcpy(frame->bytes, bytes, size);
	TAILQ_INSERT_TAIL(&held->by_age, frame, by_age);
	TAILQ_INSERT_TAIL(bucket_of(held, key), frame, by_key);
	held->bytes += size;
	held->counts.waiting++;
	held->counts.held++;
	return true;
}

struct held_frame *held_take(struct held *held, const struct cv_fragment_key *key)
{
	struct held_frame *frame;

	TAILQ_FOREACH(frame, bucket_of(held, key), by_key)
	{
		if (memcmp(&frame->key, key, sizeof(*key)) != 0)
			continue;
		take_out(held, frame);
		held->counts.released++;
		return frame;
	}
	return NULL;
}

void held_expire(struct held *held, uint64_t now_ms)
{
	struct held_frame *frame;

	/* NOLINTNEXTLINE(clang-analyzer-unix.Malloc): as above */
	while ((frame = TAILQ_FIRST(&held->by_age)) && now_ms - frame->since_ms >= held->limits.wait_ms)
		drop_oldest(held, &held->counts.timed_out);
}

const struct held_counts *held_counts(const struct held *held)
{
	return &held->counts;
}

void held_free(struct held *held)
{
	uint64_t gone = 0;

	if (!held)
		return;
	while (!TAILQ_EMPTY(&held->by_age))
		drop_oldest(held, &gone);
	free(held);
}
