/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables: golden vectors (a change of them would move the flows of every fleet), a plain
 * implementation of the paper beside the fast one, and the properties that the paper promises. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "cv_limits.h"
#include "model/maglev.h"

#define MAX_BACKENDS 1000

static char names[MAX_BACKENDS][32];
static struct maglev_backend backends[MAX_BACKENDS];
static uint16_t slots[CV_MAX_TABLE_SIZE], others[CV_MAX_TABLE_SIZE];

/* 10.0.0.1 and so on, with ids from 1; weights are repeated as often as it takes. */
static void make_backends(size_t nr, const uint16_t *weights, size_t weights_nr)
{
	for (size_t i = 0; i < nr; i++) {
		snprintf(names[i], sizeof(names[i]), "10.0.%zu.%zu", (i + 1) / 256, (i + 1) % 256);
		backends[i] = (struct maglev_backend){
			.name = names[i],
			.id = (uint16_t)(i + 1),
			.weight = weights[i % weights_nr],
		};
	}
}

static void make_equal(size_t nr)
{
	make_backends(nr, (const uint16_t[]){ CV_DEFAULT_WEIGHT }, 1);
}

static void build(size_t nr, const char *seed, uint16_t *table, uint32_t size)
{
	memset(table, 0xff, size * sizeof(*table));
	assert_int_equal(maglev_build(backends, nr, seed, table, size), 0);
}

static uint64_t checksum(const uint16_t *table, uint32_t size)
{
	uint64_t sum = 0;

	for (uint32_t i = 0; i < size; i++)
		sum = (sum ^ table[i]) * 0x100000001b3ULL;
	return sum;
}

static void count(const uint16_t *table, uint32_t size, uint32_t ret_count[MAX_BACKENDS + 1])
{
	memset(ret_count, 0, (MAX_BACKENDS + 1) * sizeof(*ret_count));
	for (uint32_t i = 0; i < size; i++) {
		assert_in_range(table[i], 0, MAX_BACKENDS);
		ret_count[table[i]]++;
	}
}

/* Slots in which two tables differ, those of backend `id` in either left out. */
static uint32_t moved(const uint16_t *a, const uint16_t *b, uint32_t size, uint16_t id)
{
	uint32_t nr = 0;

	for (uint32_t i = 0; i < size; i++)
		nr += a[i] != b[i] && a[i] != id && b[i] != id;
	return nr;
}

/* --- golden vectors --- */

static const struct golden {
	size_t nr;
	uint32_t size;
	const char *seed;
	uint16_t weights[3];
	size_t weights_nr;
	uint64_t checksum;
	uint16_t first[8];
} goldens[] = {
	{ 3, 251, "culvert", { 100 }, 1, 0x38ff59ca46687785, { 1, 1, 2, 3, 2, 1, 1, 1 } },
	{ 10, 1009, "culvert", { 100 }, 1, 0x0293ec04cdad8406, { 7, 7, 7, 5, 6, 10, 1, 10 } },
	{ 100, 65537, "", { 100 }, 1, 0xf6a3fcdc10c65fc8, { 88, 34, 58, 10, 69, 88, 27, 96 } },
	{ 1000, 65537, "culvert", { 100 }, 1, 0x12981b22b7b0664a, { 719, 732, 9, 782, 105, 190, 63, 379 } },
	{ 1000, 655373, "", { 100 }, 1, 0xa1f38ceccf832def, { 490, 613, 535, 858, 692, 961, 222, 560 } },
	{ 100, 65537, "culvert", { 100, 1, 1000 }, 3, 0x28998ee1d6261886, { 28, 90, 9, 75, 96, 27, 63, 36 } },
	{ 3, 65537, "", { 100, 100, 200 }, 3, 0x78a05c3a12fa5eab, { 2, 3, 3, 3, 2, 2, 3, 2 } },
	{ 5, 257, "", { 0, 100, 0 }, 3, 0x3ad53e6cffba2de6, { 2, 2, 5, 2, 5, 2, 5, 2 } },
};

static void test_golden(void **state)
{
	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(goldens); i++) {
		const struct golden *golden = &goldens[i];

		make_backends(golden->nr, golden->weights, golden->weights_nr);
		build(golden->nr, golden->seed, slots, golden->size);
		assert_memory_equal(slots, golden->first, sizeof(golden->first));
		assert_int_equal(checksum(slots, golden->size), golden->checksum);
	}
}

/* --- the paper, in plain words --- */

struct plain {
	const struct maglev_backend *backend;
	uint64_t offset;
	uint64_t skip;
	uint64_t hash;
	uint32_t next; /* in its permutation */
	uint32_t credit;
};

static int plain_compare(const void *left, const void *right)
{
	const struct plain *a = left, *b = right;

	if (a->backend->weight != b->backend->weight)
		return a->backend->weight > b->backend->weight ? -1 : 1;
	return a->hash < b->hash ? -1 : 1;
}

static void plain_build(size_t nr, const char *seed, uint16_t *table, uint32_t size)
{
	static struct plain plain[MAX_BACKENDS];
	uint32_t left = size;
	uint16_t most;

	for (size_t i = 0; i < nr; i++) {
		const char *name = backends[i].name;

		plain[i] = (struct plain){ .backend = &backends[i] };
		plain[i].hash = XXH64(name, strlen(name), XXH64(seed, strlen(seed), 0));
		plain[i].offset = plain[i].hash % size;
		plain[i].skip = XXH64(name, strlen(name), XXH64(seed, strlen(seed), 1)) % (size - 1) + 1;
	}
	qsort(plain, nr, sizeof(*plain), plain_compare);
	most = plain[0].backend->weight;
	for (size_t i = 0; i < nr; i++)
		plain[i].credit = most / 2;
	memset(table, 0, size * sizeof(*table));
	for (size_t i = 0; left > 0; i = i + 1 < nr ? i + 1 : 0) {
		struct plain *turn = &plain[i];
		uint32_t slot;

		turn->credit += turn->backend->weight;
		if (turn->credit < most)
			continue;
		turn->credit -= most;
		do
			slot = (uint32_t)((turn->offset + turn->next++ * turn->skip) % size);
		while (table[slot] != 0);
		table[slot] = turn->backend->id;
		left--;
	}
}

static void test_plain(void **state)
{
	static const uint32_t sizes[] = { 251, 257, 1009, 8191, 65537, 655373 };
	static const size_t nrs[] = { 1, 2, 3, 10, 100, 251 };
	uint16_t weights[7];

	(void)state;
	srandom(1);
	for (size_t i = 0; i < CV_ARRAY_SIZE(sizes); i++) {
		for (size_t j = 0; j < CV_ARRAY_SIZE(nrs); j++) {
			for (size_t k = 0; k < CV_ARRAY_SIZE(weights); k++)
				weights[k] = (uint16_t)(1 + random() % CV_MAX_WEIGHT);
			make_backends(nrs[j], weights, j % 2 ? CV_ARRAY_SIZE(weights) : 1);
			build(nrs[j], "plain", slots, sizes[i]);
			plain_build(nrs[j], "plain", others, sizes[i]);
			assert_memory_equal(slots, others, sizes[i] * sizeof(*slots));
		}
	}
}

/* --- properties --- */

static void test_order_and_seed(void **state)
{
	(void)state;
	make_backends(100, (const uint16_t[]){ 100, 7, 1000 }, 3);
	build(100, "a", slots, 65537);
	for (size_t i = 0; i < 100; i++) {
		size_t other = (i * 37 + 11) % 100;
		struct maglev_backend backend = backends[i];

		backends[i] = backends[other];
		backends[other] = backend;
	}
	build(100, "a", others, 65537);
	assert_memory_equal(slots, others, 65537 * sizeof(*slots));

	build(100, "b", others, 65537);
	assert_in_range(moved(slots, others, 65537, 0), 65537 * 9 / 10, 65537);
}

/* The paper, 5.3: with a hundred slots for each backend the imbalance is within 1 %. */
static void test_balance(void **state)
{
	static const struct {
		size_t nr;
		uint32_t size;
	} cases[] = { { 2, 251 }, { 10, 1009 }, { 100, 65537 }, { 655, 65537 }, { 1000, 655373 } };
	uint32_t counts[MAX_BACKENDS + 1];

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		uint32_t fair = cases[i].size / (uint32_t)cases[i].nr;

		make_equal(cases[i].nr);
		build(cases[i].nr, "", slots, cases[i].size);
		count(slots, cases[i].size, counts);
		assert_int_equal(counts[0], 0);
		for (size_t id = 1; id <= cases[i].nr; id++)
			assert_in_range(counts[id], fair, fair + 1);
	}
}

static void test_weights(void **state)
{
	uint32_t counts[MAX_BACKENDS + 1];

	(void)state;
	make_backends(3, (const uint16_t[]){ 100, 100, 200 }, 3);
	build(3, "", slots, 65537);
	count(slots, 65537, counts);
	assert_in_range(counts[1], 65537 * 24 / 100, 65537 * 26 / 100);
	assert_in_range(counts[2], 65537 * 24 / 100, 65537 * 26 / 100);
	assert_in_range(counts[3], 65537 * 49 / 100, 65537 * 51 / 100);

	/* Every share within one slot, however odd the weights are. */
	make_backends(7, (const uint16_t[]){ 1000, 999, 500, 333, 10, 2, 1 }, 7);
	build(7, "", slots, 65537);
	count(slots, 65537, counts);
	for (size_t i = 0; i < 7; i++) {
		double ideal = 65537.0 * backends[i].weight / 2845;

		assert_true(counts[i + 1] > ideal - 1.01 && counts[i + 1] < ideal + 1.01);
	}
}

static void test_zero_weights(void **state)
{
	uint32_t counts[MAX_BACKENDS + 1];

	(void)state;
	make_backends(6, (const uint16_t[]){ 100, 0, 300 }, 3);
	build(6, "", slots, 65537);
	count(slots, 65537, counts);
	assert_int_equal(counts[0] + counts[2] + counts[5], 0);
	assert_in_range(counts[1], 65537 / 8 - 1, 65537 / 8 + 1);

	/* Whoever has no weight leaves no trace. */
	backends[1] = backends[2];
	backends[2] = backends[3];
	backends[3] = backends[5];
	build(4, "", others, 65537);
	assert_memory_equal(slots, others, 65537 * sizeof(*slots));
}

static void test_nobody(void **state)
{
	(void)state;
	memset(others, 0, sizeof(others));
	build(0, "", slots, 251);
	assert_memory_equal(slots, others, 251 * sizeof(*slots));
	make_backends(5, (const uint16_t[]){ 0 }, 1);
	build(5, "", slots, 251);
	assert_memory_equal(slots, others, 251 * sizeof(*slots));
}

static void test_disruption(void **state)
{
	(void)state;
	make_equal(100);
	build(100, "", slots, 65537);
	backends[41].weight = 0;
	build(100, "", others, 65537);
	assert_in_range(moved(slots, others, 65537, 42), 0, 65537 * 2 / 100);
	for (uint32_t i = 0; i < 65537; i++)
		assert_int_not_equal(others[i], 42);

	/* Doubled, it owns one slot in a hundred more; that and a little is all that moves. */
	backends[41].weight = 2 * CV_DEFAULT_WEIGHT;
	build(100, "", others, 65537);
	assert_in_range(moved(slots, others, 65537, 0), 0, 65537 * 2 / 100);
	backends[41].weight = CV_DEFAULT_WEIGHT + 1;
	build(100, "", others, 65537);
	assert_in_range(moved(slots, others, 65537, 0), 1, 65537 * 2 / 1000);
}

static void test_sizes(void **state)
{
	static const uint32_t good[] = { 251, 257, 65537, 655373, 131071 };
	static const uint32_t bad[] = { 0,	1,	   2,	   3,
					241,	252,	   253,	   63001 /* 251 * 251 */,
					65536,	65535,	   655374, 655379,
					655383, UINT32_MAX };

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(good); i++)
		assert_true(maglev_is_size(good[i]));
	for (size_t i = 0; i < CV_ARRAY_SIZE(bad); i++)
		assert_false(maglev_is_size(bad[i]));
}

static void test_errors(void **state)
{
	(void)state;
	make_equal(300);
	slots[0] = 77;
	assert_int_equal(maglev_build(backends, 3, "", slots, 65536), -EINVAL);
	assert_int_equal(maglev_build(backends, 252, "", slots, 251), -EINVAL);
	backends[7].name = "10.0.0.1";
	assert_int_equal(maglev_build(backends, 100, "", slots, 65537), -EINVAL);
	backends[7].weight = 0;
	assert_int_equal(maglev_build(backends, 100, "", slots, 65537), -EINVAL);
	assert_int_equal(slots[0], 77);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_golden),	       cmocka_unit_test(test_plain),
		cmocka_unit_test(test_order_and_seed), cmocka_unit_test(test_balance),
		cmocka_unit_test(test_weights),	       cmocka_unit_test(test_zero_weights),
		cmocka_unit_test(test_nobody),	       cmocka_unit_test(test_disruption),
		cmocka_unit_test(test_sizes),	       cmocka_unit_test(test_errors),
	};

	return cmocka_run_group_tests_name("maglev", tests, NULL, NULL);
}
