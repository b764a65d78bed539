/* SPDX-License-Identifier: GPL-2.0-only */
/* Records and counters of the program beside those of the reference; see twin.h. */
#include "bpf/twin.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/twin_records.h"
#include "cv_flow.h"

/* More than a round makes in any map: lookups in batches want room for a whole bucket. */
#define MAX_RECORDS 65536

/* A map, with the table of the reference that must be equal. */
struct pair {
	const char *map;
	size_t offset; /* of the table in struct reference */
	size_t key_bytes;
	size_t value_bytes;
	bool is_short; /* keys are struct cv_flow4_key */
};

#define TABLE(name) offsetof(struct reference, name)
static const struct pair pairs[] = {
	{ "cv_flows", TABLE(flows), sizeof(struct cv_flow4_key), sizeof(struct cv_flow), true },
	{ "cv_flows6", TABLE(flows), sizeof(struct cv_flow6_key), sizeof(struct cv_flow), false },
	{ "cv_half_open", TABLE(half_open), sizeof(struct cv_flow6_key), sizeof(struct cv_flow), false },
	{ "cv_expired", TABLE(expired), sizeof(struct cv_flow6_key), sizeof(struct cv_expired), false },
	{ "cv_fragments", TABLE(fragments), sizeof(struct cv_fragment_key), sizeof(struct cv_fragment),
	  false },
};

static struct reference_table *table_of(const struct twin *twin, const struct pair *pair)
{
	return (struct reference_table *)((char *)twin->reference + pair->offset);
}

/* All of a map: keys and values one after the other, to be freed. */
struct dump {
	uint8_t *keys;
	uint8_t *values;
	__u32 nr;
};

static struct dump dump_map(struct twin *twin, const struct pair *pair, bool removes)
{
	struct dump dump = { .keys = malloc(MAX_RECORDS * pair->key_bytes),
			     .values = malloc(MAX_RECORDS * pair->value_bytes) };
	int map = world_map(twin->world, pair->map), r;
	__u32 token = 0;

	assert_true(dump.keys && dump.values);
	do {
		__u32 nr = MAX_RECORDS - dump.nr;
		uint8_t *keys = dump.keys + dump.nr * pair->key_bytes;
		uint8_t *values = dump.values + dump.nr * pair->value_bytes;
		__u32 *from = dump.nr ? &token : NULL;

		r = removes ? bpf_map_lookup_and_delete_batch(map, from, &token, keys, values, &nr, NULL)
			    : bpf_map_lookup_batch(map, from, &token, keys, values, &nr, NULL);
		assert_true(!r || r == -ENOENT);
		dump.nr += nr;
	} while (!r && dump.nr);
	close(map);
	return dump;
}

static void dump_done(struct dump *dump)
{
	free(dump->keys);
	free(dump->values);
}

void twin_records_clear(struct twin *twin)
{
	static const struct cv_live none[CV_MAX_LISTENERS + 1];
	static __u32 ids[CV_MAX_LISTENERS + 1];
	__u32 nr = CV_ARRAY_SIZE(ids);
	int live = world_map(twin->world, "cv_live");

	for (size_t i = 0; i < CV_ARRAY_SIZE(pairs); i++) {
		struct dump dump = dump_map(twin, &pairs[i], true);

		dump_done(&dump);
	}
	for (__u32 i = 0; i < nr; i++)
		ids[i] = i;
	assert_return_code(bpf_map_update_batch(live, ids, none, &nr, NULL), errno);
	close(live);
}

/* --- time --- */

static void age_record(const struct reference_table *table, const struct reference *reference, void *value,
		       uint32_t seconds)
{
	if (table == &reference->expired) {
		((struct cv_expired *)value)->expired_s -= seconds;
	} else if (table == &reference->fragments) {
		((struct cv_fragment *)value)->noted_s -= seconds;
	} else {
		((struct cv_flow *)value)->born_s -= seconds;
		((struct cv_flow *)value)->last_seen_s -= seconds;
	}
}

void twin_records_age(struct twin *twin, uint32_t seconds)
{
	const struct reference *reference = twin->reference;

	for (size_t i = 0; i < CV_ARRAY_SIZE(pairs); i++) {
		const struct reference_table *table = table_of(twin, &pairs[i]);
		struct dump dump = dump_map(twin, &pairs[i], false);
		int map = world_map(twin->world, pairs[i].map);

		for (__u32 n = 0; n < dump.nr; n++)
			age_record(table, reference, dump.values + n * pairs[i].value_bytes, seconds);
		if (dump.nr)
			assert_return_code(bpf_map_update_batch(map, dump.keys, dump.values, &dump.nr, NULL),
					   errno);
		close(map);
		dump_done(&dump);
		for (size_t n = 0; i != 0 && n < REFERENCE_TABLE_SLOTS; n++) /* once for both maps of flows */
			if (table->slot[n].state == REFERENCE_USED)
				age_record(table, reference, table->slot[n].value, seconds);
	}
}

/* --- comparing --- */

static void hex(const void *bytes, size_t nr, char *ret)
{
	for (size_t i = 0; i < nr; i++)
		sprintf(ret + 2 * i, "%02x", ((const uint8_t *)bytes)[i]);
}

static bool has_shortcut(const struct twin *twin)
{
	return twin->world->model->flow_table.shortcut != CV_SHORTCUT_OFF;
}

/* A flow with a shortcut counts its visits to the table only; no time passes between these here. */
static bool is_same_but_visits(const struct twin *twin, const struct pair *pair, const void *want,
			       const void *value)
{
	const struct cv_flow *got = value;
	struct cv_flow flow;

	if (!has_shortcut(twin) || pair->offset != TABLE(flows))
		return false;
	memcpy(&flow, want, sizeof(flow));
	if (got->packets > flow.packets || got->bytes > flow.bytes)
		return false;
	flow.packets = got->packets;
	flow.bytes = got->bytes;
	return !memcmp(&flow, got, sizeof(flow));
}

static bool compare_record(struct twin *twin, const struct pair *pair, const void *key, const void *value)
{
	const void *want = reference_table_find(table_of(twin, pair), key);
	char got[2 * REFERENCE_TABLE_VALUE + 1], wanted[2 * REFERENCE_TABLE_VALUE + 1] = "nothing";

	if (want && !memcmp(want, value, pair->value_bytes))
		return true;
	if (want && is_same_but_visits(twin, pair, want, value))
		return true;
	hex(value, pair->value_bytes, got);
	if (want)
		hex(want, pair->value_bytes, wanted);
	snprintf(twin->why, sizeof(twin->why), "%s has %s, the reference %s", pair->map, got, wanted);
	return false;
}

/* How many records of a map are as in the reference; SIZE_MAX if one is not. */
static size_t compare_map(struct twin *twin, const struct pair *pair)
{
	struct dump dump = dump_map(twin, pair, false);
	bool is_same = true;
	size_t nr = dump.nr;

	for (__u32 i = 0; i < dump.nr && is_same; i++) {
		uint8_t *key = dump.keys + i * pair->key_bytes;
		struct cv_flow6_key long_key;

		if (pair->is_short)
			cv_flow_long_key((const struct cv_flow4_key *)key, &long_key);
		is_same = compare_record(twin, pair, pair->is_short ? (void *)&long_key : key,
					 dump.values + i * pair->value_bytes);
	}
	dump_done(&dump);
	return is_same ? nr : SIZE_MAX;
}

static bool compare_records(struct twin *twin)
{
	size_t nr[CV_ARRAY_SIZE(pairs)];

	for (size_t i = 0; i < CV_ARRAY_SIZE(pairs); i++) {
		nr[i] = compare_map(twin, &pairs[i]);
		if (nr[i] == SIZE_MAX)
			return false;
	}
	nr[1] += nr[0]; /* the reference has one table for both families */
	for (size_t i = 1; i < CV_ARRAY_SIZE(pairs); i++)
		if (nr[i] != table_of(twin, &pairs[i])->nr) {
			snprintf(twin->why, sizeof(twin->why), "%s: %zu records, the reference has %zu",
				 pairs[i].map, nr[i], table_of(twin, &pairs[i])->nr);
			return false;
		}
	return true;
}

/* Counters of one id, `before` the round and `now`. */
static bool compare_counters(struct twin *twin, const char *of, size_t id, const void *before,
			     const void *now, const void *want, size_t words)
{
	for (size_t i = 0; i < words; i++) {
		uint64_t got = ((const uint64_t *)now)[i] - ((const uint64_t *)before)[i];

		if (got == ((const uint64_t *)want)[i])
			continue;
		snprintf(twin->why, sizeof(twin->why), "counter %zu of %s %zu: %lu, the reference has %lu", i,
			 of, id, (unsigned long)got, (unsigned long)((const uint64_t *)want)[i]);
		return false;
	}
	return true;
}

#define WORDS(type) (sizeof(type) / sizeof(uint64_t))

static bool compare_stats(struct twin *twin)
{
	static struct cv_listener_stats listener[CV_MAX_LISTENERS + 1];
	static struct cv_live live[CV_MAX_LISTENERS + 1];
	static const struct cv_live zero;
	static struct cv_backend_stats backend[REFERENCE_BACKENDS];
	struct cv_verdict_stats verdict[CV_VERDICT_COUNT];
	const struct reference *reference = twin->reference;
	int map = world_map(twin->world, "cv_live");
	bool is_same = true;
	struct err err;

	assert_ok(dp_listener_stats(twin->world->dp, listener, CV_ARRAY_SIZE(listener), &err), err);
	assert_ok(dp_backend_stats(twin->world->dp, backend, CV_ARRAY_SIZE(backend), &err), err);
	assert_ok(dp_verdict_stats(twin->world->dp, verdict, CV_ARRAY_SIZE(verdict), &err), err);
	for (__u32 i = 0; i < 64; i++)
		assert_return_code(bpf_map_lookup_elem(map, &i, &live[i]), errno);
	close(map);
	for (size_t i = 1; is_same && i < CV_ARRAY_SIZE(listener); i++) {
		if (has_shortcut(twin)) /* how many take it is not for the reference to say */
			listener[i].shortcut_packets = twin->listener[i].shortcut_packets;
		is_same = compare_counters(twin, "listener", i, &twin->listener[i], &listener[i],
					   &reference->listener[i], WORDS(listener[i]));
	}
	for (size_t i = 1; is_same && i < CV_ARRAY_SIZE(backend); i++)
		is_same = compare_counters(twin, "backend", i, &twin->backend[i], &backend[i],
					   &reference->backend[i], WORDS(backend[i]));
	for (size_t i = 0; is_same && i < CV_VERDICT_COUNT; i++)
		is_same = compare_counters(twin, "verdict", i, &twin->verdict[i], &verdict[i],
					   &reference->verdict[i], WORDS(verdict[i]));
	for (size_t i = 0; is_same && i < 64; i++)
		is_same = compare_counters(twin, "live flows of listener", i, &zero, &live[i],
					   &reference->live[i], 1);
	return is_same;
}

void twin_records_begin(struct twin *twin)
{
	struct err err;

	assert_ok(dp_listener_stats(twin->world->dp, twin->listener, CV_ARRAY_SIZE(twin->listener), &err),
		  err);
	assert_ok(dp_backend_stats(twin->world->dp, twin->backend, CV_ARRAY_SIZE(twin->backend), &err), err);
	assert_ok(dp_verdict_stats(twin->world->dp, twin->verdict, CV_ARRAY_SIZE(twin->verdict), &err), err);
}

bool twin_compare(struct twin *twin)
{
	if (twin->reference->releases != twin->releases_nr) {
		snprintf(twin->why, sizeof(twin->why),
			 "%zu words that a first fragment came, the reference has %zu", twin->releases_nr,
			 twin->reference->releases);
		return false;
	}
	return compare_records(twin) && compare_stats(twin);
}
