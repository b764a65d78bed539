/* SPDX-License-Identifier: GPL-2.0-only */
/* Images: what lands in the records, who serves, which tables stay over a change. Which ids do, in test_image_ids.c. */
#include "image_fixture.h"

#include <errno.h>
#include <string.h>

#include "model/directory.h"
#include "model/table.h"

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

/* Of all backends at once, as they are counted one by one. */
static void test_all_shares(void **state)
{
	static uint32_t slots[CV_MAX_BACKENDS + 1];
	uint32_t sum = 0;

	(void)state;
	maker_backend(&maker, maker_pool(&maker, "another", 251), maker_v4(10, 0, 9, 1), 100);
	for (unsigned round = 0; round < 2; round++) {
		rebuild();
		image_all_slots(image, slots);
		for (unsigned i = 0; i < 4; i++)
			assert_int_equal(slots[id_of(0, i)], slots_of(i));
		assert_int_equal(slots[id_of(1, 0)], 251);
		set_states(CV_BACKEND_DOWN, CV_BACKEND_UP, CV_BACKEND_DRAINING, CV_BACKEND_UP);
	}
	for (size_t id = 0; id <= CV_MAX_BACKENDS; id++)
		sum += slots[id];
	assert_int_equal(sum, SIZE + 251);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		IMAGE_TEST(test_records),	IMAGE_TEST(test_outer_sum), IMAGE_TEST(test_shares),
		IMAGE_TEST(test_all_shares),	IMAGE_TEST(test_serving),   IMAGE_TEST(test_all_down),
		IMAGE_TEST(test_tables_shared), IMAGE_TEST(test_read_back), IMAGE_TEST(test_limits),
	};

	return cmocka_run_group_tests_name("image", tests, NULL, NULL);
}
