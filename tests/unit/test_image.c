/* SPDX-License-Identifier: GPL-2.0-only */
/* Images: what lands in the records, who serves, which ids and tables stay over a change. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/directory.h"
#include "model/table.h"
#include "unit/model_maker.h"

#define SIZE 1021

static struct maker maker;
static struct image *empty, *image;

/* One listener over one pool of four IPv4 backends of weight 100, 100, 200, 0. */
static int setup(void **state)
{
	static const uint16_t weights[] = { 100, 100, 200, 0 };

	(void)state;
	maker_init(&maker);
	maker_pool(&maker, "web", SIZE);
	for (size_t i = 0; i < CV_ARRAY_SIZE(weights); i++)
		maker_backend(&maker, 0, maker_v4(10, 0, 1, (uint8_t)(i + 1)), weights[i]);
	maker_listener(&maker, "https", maker_v4(192, 0, 2, 10), 443, 443, 0);
	empty = image_new();
	return maker_build(&maker, empty, &image);
}

static int teardown(void **state)
{
	(void)state;
	image_free(image);
	image_free(empty);
	return 0;
}

/* Puts the maker's present state in the place of `image`. */
static void rebuild(void)
{
	struct image *old = image;

	assert_int_equal(maker_build(&maker, old, &image), 0);
	image_free(old);
}

static uint16_t id_of(size_t pool, size_t backend)
{
	return image_backend_id(image, image_pool_id(image, maker.pools[pool].name),
				&maker.backends[pool][backend].address, 0);
}

static uint32_t slots_of(size_t backend)
{
	return image_slots(image, 1, id_of(0, backend));
}

static void set_states(enum cv_backend_state a, enum cv_backend_state b, enum cv_backend_state c,
		       enum cv_backend_state d)
{
	maker.facts[0][0].state = a;
	maker.facts[0][1].state = b;
	maker.facts[0][2].state = c;
	maker.facts[0][3].state = d;
	rebuild();
}

/* Whether exactly these backends own slots, and whether exactly these keep their flows ("1010"). */
static void assert_service(const char *serves, const char *keeps)
{
	for (size_t i = 0; i < 4; i++) {
		assert_int_equal(slots_of(i) > 0, serves[i] == '1');
		assert_int_equal(image->backend[id_of(0, i)].keeps_flows, keeps[i] == '1');
	}
}

static void test_records(void **state)
{
	const struct cv_listener *listener = &image->listener[1];
	const struct cv_backend *backend = &image->backend[id_of(0, 0)];
	struct addr address = maker_v4(192, 0, 2, 10), source = maker_v4(10, 0, 0, 1);

	(void)state;
	assert_int_equal(image_listener_id(image, "https"), 1);
	assert_string_equal(listener->name, "https");
	assert_memory_equal(listener->address, address.byte, 16);
	assert_int_equal(listener->port_first, 443);
	assert_int_equal(listener->port_last, 443);
	assert_int_equal(listener->protocol, CV_PROTOCOL_TCP);
	assert_int_equal(listener->forward, CV_FORWARD_IPIP);
	assert_int_equal(listener->pool, 1);
	assert_int_equal(listener->table_size, SIZE);
	assert_int_equal(listener->idle_timeout_s, CV_IDLE_TIMEOUT_TCP_S);

	assert_string_equal(image->pool[1].name, "web");
	assert_int_equal(image->pool[1].table_size, SIZE);
	assert_int_equal(image->pool[1].backends, 4);
	assert_int_equal(image->table[1]->lines, 64);

	assert_memory_equal(backend->address, maker.backends[0][0].address.byte, 16);
	assert_memory_equal(backend->source, source.byte, 16);
	assert_memory_equal(backend->next_hop_mac, maker.facts[0][0].next_hop_mac, 6);
	assert_memory_equal(backend->port_mac, maker.facts[0][0].port_mac, 6);
	assert_int_equal(backend->ifindex, 2);
	assert_int_equal(backend->mtu, 1500);
	assert_int_equal(backend->pool, 1);
	assert_int_equal(backend->generation, 1);
	assert_int_equal(backend->state, CV_BACKEND_UP);
	assert_int_equal(backend->family, CV_FAMILY_IPV4);

	assert_int_equal(directory_find(&image->directory, image->listener, &address, CV_PROTOCOL_TCP, 443),
			 1);
}

/* Folded and complemented, the constant words with length, identification and source give the checksum of the
 * header: here one of 60 bytes from 10.0.0.1 to 10.0.0.2, protocol 4, TTL 64. */
static void test_outer_sum(void **state)
{
	struct addr v4 = maker_v4(10, 0, 0, 2), v6 = maker_v6(2);
	uint32_t sum = image_outer_sum(&v4) + 60 + 4 + 0x0a00 + 0x0001;

	(void)state;
	assert_int_equal(image_outer_sum(&v4), 0x4500 + 0x4000 + 0x0a00 + 0x0002);
	assert_int_equal(image_outer_sum(&v6), 0);
	sum = (sum & 0xffff) + (sum >> 16);
	assert_int_equal(sum + 0x66bc, 0xffff);
}

static void test_shares(void **state)
{
	(void)state;
	assert_int_equal(image_slots(image, 1, 0), 0);
	assert_in_range(slots_of(0), SIZE / 4 - 1, SIZE / 4 + 1);
	assert_in_range(slots_of(2), SIZE / 2 - 1, SIZE / 2 + 1);

	maker.facts[0][3].weight = 400;
	maker.facts[0][0].weight = 0;
	rebuild();
	assert_service("0111", "1111");
	assert_in_range(slots_of(3), SIZE * 4 / 7 - 1, SIZE * 4 / 7 + 1);
}

static void test_serving(void **state)
{
	(void)state;
	assert_service("1110", "1111");
	set_states(CV_BACKEND_DOWN, CV_BACKEND_UP, CV_BACKEND_DRAINING, CV_BACKEND_UP);
	assert_service("0100", "0111");
	set_states(CV_BACKEND_DISABLED, CV_BACKEND_UP, CV_BACKEND_UP, CV_BACKEND_DISABLED);
	assert_service("0110", "0110");
}

static void test_all_down(void **state)
{
	(void)state;
	/* The one that is up has no weight: nobody serves by right. */
	set_states(CV_BACKEND_DOWN, CV_BACKEND_DISABLED, CV_BACKEND_DRAINING, CV_BACKEND_UP);
	assert_service("1010", "1011");
	maker.pools[0].all_down = ALL_DOWN_REJECT;
	rebuild();
	assert_service("0000", "0011");
	assert_int_equal(image_slots(image, 1, 0), SIZE);

	maker.pools[0].all_down = ALL_DOWN_OPEN;
	set_states(CV_BACKEND_DISABLED, CV_BACKEND_DISABLED, CV_BACKEND_DISABLED, CV_BACKEND_DISABLED);
	assert_service("0000", "0000");
}

/* Only what a table depends on makes a new one. */
static void test_tables_shared(void **state)
{
	const struct image_table *table = image->table[1];
	struct backend_conf first = maker.backends[0][0];

	(void)state;
	maker.facts[0][0].next_hop_mac[5] = 77;
	maker.pools[0].all_down = ALL_DOWN_REJECT;
	maker_pool(&maker, "another", 251);
	maker_listener(&maker, "http", maker_v4(192, 0, 2, 10), 80, 80, 0);
	maker.backends[0][0] = maker.backends[0][1];
	maker.backends[0][1] = first;
	rebuild();
	assert_ptr_equal(image->table[1], table);
	set_states(CV_BACKEND_UP, CV_BACKEND_UP, CV_BACKEND_UP, CV_BACKEND_DOWN);
	assert_ptr_equal(image->table[1], table);

	set_states(CV_BACKEND_DOWN, CV_BACKEND_UP, CV_BACKEND_UP, CV_BACKEND_UP);
	assert_ptr_not_equal(image->table[1], table);
	table = image->table[1];
	maker.facts[0][1].weight = 99;
	rebuild();
	assert_ptr_not_equal(image->table[1], table);
	table = image->table[1];
	maker.model.seed[0] = 'x';
	rebuild();
	assert_ptr_not_equal(image->table[1], table);
	maker.pools[0].table_size = 251;
	rebuild();
	assert_int_equal(image->table[1]->size, 251);
}

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

/* What a restarted daemon reads from the maps: records, but no tables and no index. */
static void test_read_back(void **state)
{
	struct image *read = image_new(), *again;

	(void)state;
	memcpy(read->listener, image->listener, sizeof(read->listener));
	memcpy(read->pool, image->pool, sizeof(read->pool));
	memcpy(read->backend, image->backend, sizeof(read->backend));
	image_index(read);
	assert_int_equal(maker_build(&maker, read, &again), 0);
	assert_memory_equal(again->listener, image->listener, sizeof(read->listener));
	assert_memory_equal(again->pool, image->pool, sizeof(read->pool));
	assert_memory_equal(again->backend, image->backend, sizeof(read->backend));
	assert_true(table_is_equal(again->table[1], image->table[1]));
	image_free(again);
	image_free(read);
}

static void test_limits(void **state)
{
	struct image *none = NULL;
	struct err err = { "" };

	(void)state;
	maker.model.listeners_nr = CV_MAX_LISTENERS + 1;
	assert_int_equal(image_build(&maker.model, empty, maker_facts, &maker, &none, &err), -ENOSPC);
	assert_string_equal(err.text, "1025 listeners, at most 1024 are possible");
	maker.model.listeners_nr = 1;
	maker.pools[0].backends_nr = CV_MAX_BACKENDS + 1;
	assert_int_equal(image_build(&maker.model, empty, maker_facts, &maker, &none, &err), -ENOSPC);
	maker.pools[0].backends_nr = 4;
	maker.pools[0].table_size = 1000;
	assert_int_equal(image_build(&maker.model, empty, maker_facts, &maker, &none, &err), -EINVAL);
	assert_non_null(strstr(err.text, "pool web"));
	assert_null(none);
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(test_records),  TEST(test_outer_sum),   TEST(test_shares),
		TEST(test_serving),  TEST(test_all_down),    TEST(test_tables_shared),
		TEST(test_ids_stay), TEST(test_generations), TEST(test_listener_generations),
		TEST(test_index),    TEST(test_read_back),   TEST(test_limits),
		TEST(test_full),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
