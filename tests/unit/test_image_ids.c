/* SPDX-License-Identifier: GPL-2.0-only */
/* Images: which ids stay over a change, and which are given to what is new. All else, in test_image.c. */
#include "image_fixture.h"

#include <stdlib.h>
#include <string.h>

/* Names keep their ids whatever comes, goes or moves around them. */
static void test_ids_stay(void **state)
{
	uint16_t ids[4];
	size_t other;

	(void)state;
	for (size_t i = 0; i < 4; i++)
		ids[i] = id_of(0, i);
	other = maker_pool(&maker, "zeta", 251);
	maker_backend(&maker, other, maker_v4(10, 0, 1, 1), 100);
	maker_listener(&maker, "alpha", maker_v6(80), 80, 80, other);
	/* web goes behind zeta */
	maker.pools[2] = maker.pools[0];
	maker.pools[0] = maker.pools[1];
	maker.pools[1] = maker.pools[2];
	memcpy(maker.facts[1], maker.facts[0], sizeof(maker.facts[0]));
	maker.listeners[0].pool = 1;
	maker.listeners[1].pool = 0;
	rebuild();
	assert_int_equal(image_pool_id(image, "web"), 1);
	assert_int_equal(image_pool_id(image, "zeta"), 2);
	assert_int_equal(image_pool_id(image, "none"), 0);
	assert_int_equal(image_listener_id(image, "https"), 1);
	assert_int_equal(image_listener_id(image, "alpha"), 2);
	assert_int_equal(image->listener[1].pool, 1);
	for (size_t i = 0; i < 4; i++)
		assert_int_equal(image_backend_id(image, 1, &maker.backends[0][i].address, 0), ids[i]);
	/* the same address in another pool is another backend */
	assert_int_equal(image_backend_id(image, 2, &maker.backends[0][0].address, 0), 5);
	assert_int_equal(image_backend_id(image, 1, &maker.backends[0][0].address, 8080), 0);
}

/* The index is in order, whatever order ids were given in. */
static void test_index(void **state)
{
	static const uint16_t backends[] = { 3, 1, 2, 4, 5 };

	(void)state;
	maker.backends[0][0].port = 9; /* 1 and 3 share an address */
	maker.backends[0][2].address = maker.backends[0][0].address;
	maker_pool(&maker, "back", 251);
	maker_backend(&maker, 1, maker_v4(10, 0, 1, 1), 100);
	maker.listeners[0].name[0] = 'x';
	maker_listener(&maker, "http", maker_v4(192, 0, 2, 10), 80, 80, 0);
	image_free(image);
	assert_int_equal(maker_build(&maker, empty, &image), 0);
	assert_int_equal(image->listeners_nr, 2);
	assert_int_equal(image->listeners[0], 2);
	assert_int_equal(image->pools_nr, 2);
	assert_int_equal(image->pools[0], 2);
	assert_int_equal(image->backends_nr, CV_ARRAY_SIZE(backends));
	assert_memory_equal(image->backends, backends, sizeof(backends));
}

/* A removed backend leaves its generation behind; its id waits until those with fewer users had their
 * turn. */
static void test_generations(void **state)
{
	uint16_t freed = id_of(0, 1);
	struct cv_backend cleared = { .generation = 1 };

	(void)state;
	maker.backends[0][1].address = maker_v4(10, 0, 9, 9);
	rebuild();
	assert_memory_equal(&image->backend[freed], &cleared, sizeof(cleared));
	assert_int_equal(id_of(0, 1), 5);
	assert_int_equal(image->backend[5].generation, 1);

	for (uint16_t id = 6; id <= CV_MAX_BACKENDS; id++)
		image->backend[id].generation = id == 100 ? 0 : 3;
	image->backend[freed].generation = 2;
	for (uint8_t i = 0; i < 3; i++)
		maker.backends[0][i].address = maker_v4(10, 0, 9, 10 + i);
	rebuild();
	assert_int_equal(id_of(0, 0), 100);
	assert_int_equal(image->backend[100].generation, 1);
	assert_int_equal(id_of(0, 1), freed);
	assert_int_equal(image->backend[freed].generation, 3);
	assert_int_equal(id_of(0, 2), 6);
	assert_int_equal(image->backend[id_of(0, 3)].generation, 1);
}

/* So does a removed listener: flows that it left behind must not be charged to the next one. */
static void test_listener_generations(void **state)
{
	struct cv_listener cleared = { .generation = 1 };

	(void)state;
	assert_int_equal(image_listener_id(image, "https"), 1);
	maker.model.listeners_nr = 0;
	rebuild();
	assert_memory_equal(&image->listener[1], &cleared, sizeof(cleared));
	maker_listener(&maker, "http", maker_v4(192, 0, 2, 10), 80, 80, 0);
	rebuild();
	assert_int_equal(image_listener_id(image, "http"), 2);
	assert_int_equal(image->listener[2].generation, 1);

	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++)
		image->listener[id].generation = 3;
	image->listener[1].generation = 2;
	maker_listener(&maker, "other", maker_v4(192, 0, 2, 10), 81, 81, 0);
	rebuild();
	assert_int_equal(image_listener_id(image, "http"), 2);
	assert_int_equal(image->listener[2].generation, 3);
	assert_int_equal(image_listener_id(image, "other"), 1);
	assert_int_equal(image->listener[1].generation, 3);
}

static void same_facts(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
		       void *arg)
{
	(void)model;
	(void)pool;
	(void)backend;
	(void)arg;
	*ret = (struct backend_facts){ .state = CV_BACKEND_UP, .weight = -1 };
}

/* As many backends as there can be, all replaced at once: new ones must take the ids that the old ones
 * free. */
static void test_full(void **state)
{
	struct backend_conf *backends = calloc(CV_MAX_BACKENDS, sizeof(*backends));
	struct image *first, *second;
	struct maker full;

	(void)state;
	maker_init(&full);
	maker_pool(&full, "full", 65537);
	full.pools[0].backends = backends;
	full.pools[0].backends_nr = CV_MAX_BACKENDS;
	for (int host = 0; host < 2; host++) {
		for (size_t i = 0; i < CV_MAX_BACKENDS; i++)
			backends[i] = (struct backend_conf){
				.address = maker_v4(10, (uint8_t)host, (uint8_t)(i >> 8), (uint8_t)i),
				.weight = 1,
			};
		if (host == 0)
			assert_int_equal(image_build(&full.model, empty, same_facts, NULL, &first, NULL), 0);
		else
			assert_int_equal(image_build(&full.model, first, same_facts, NULL, &second, NULL), 0);
	}
	assert_int_equal(second->backends_nr, CV_MAX_BACKENDS);
	for (size_t id = 1; id <= CV_MAX_BACKENDS; id++) {
		assert_int_equal(first->backend[id].generation, 1);
		assert_int_equal(second->backend[id].generation, 2);
	}
	image_free(first);
	image_free(second);
	free(backends);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(test_ids_stay),
		IMAGE_TEST(test_generations),
		IMAGE_TEST(test_listener_generations),
		IMAGE_TEST(test_index),
		IMAGE_TEST(test_full),
	};

	return cmocka_run_group_tests_name("image_ids", tests, NULL, NULL);
}
