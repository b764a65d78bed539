/* SPDX-License-Identifier: GPL-2.0-only */
/* The listener directory against a search through all listeners: many services of exact ports, ranges and
 * `any`, on IPv4 and IPv6, with whatever collisions they have. */
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

static struct cv_listener listeners[CV_MAX_LISTENERS + 1];
static size_t listeners_nr;
static struct cv_directory directory;
static const struct encapsulation_conf no_source;

static struct addr address_of(const uint8_t bytes[16])
{
	struct addr addr;

	memcpy(addr.byte, bytes, sizeof(addr.byte));
	return addr;
}

static struct addr random_address(void)
{
	struct addr addr = { { [10] = 0xff, [11] = 0xff } };

	for (size_t i = random() % 2 ? 0 : 12; i < sizeof(addr.byte); i++)
		addr.byte[i] = (uint8_t)random();
	return addr;
}

static void add(struct addr address, enum cv_protocol protocol, unsigned first, unsigned last)
{
	struct cv_listener *listener;

	if (listeners_nr == CV_MAX_LISTENERS)
		return;
	listener = &listeners[++listeners_nr];
	memset(listener, 0, sizeof(*listener));
	memcpy(listener->address, address.byte, sizeof(listener->address));
	listener->protocol = protocol;
	listener->port_first = (uint16_t)first;
	listener->port_last = (uint16_t)last;
}

/* Ports in steps of at least one: exact ones, ranges with an exact port within, and at times `any`. */
static void add_service(struct addr address, enum cv_protocol protocol)
{
	unsigned services = 1 + (unsigned)random() % 6;
	unsigned port = (unsigned)random() % 1000;

	for (unsigned i = 0; i < services; i++) {
		unsigned first = port + 1 + (unsigned)random() % 5000;

		port = first + 1 + (unsigned)random() % 3000;
		switch (random() % 3) {
		case 0:
			add(address, protocol, first, first);
			break;
		case 1:
			add(address, protocol, first, port);
			break;
		default:
			add(address, protocol, first + 1, first + 1);
			add(address, protocol, first, port);
			break;
		}
	}
	if (random() % 3 == 0)
		add(address, protocol, 1, 65535);
}

static void make_random(void)
{
	listeners_nr = 0;
	while (listeners_nr < CV_MAX_LISTENERS) {
		struct addr address = random_address();
		long protocols = random() % 3;

		if (protocols != 0)
			add_service(address, CV_PROTOCOL_TCP);
		if (protocols != 1)
			add_service(address, CV_PROTOCOL_UDP);
	}
	/* The order must not matter, and ids may have gaps. */
	for (size_t i = 1; i <= listeners_nr; i++) {
		size_t other = 1 + (size_t)random() % listeners_nr;
		struct cv_listener listener = listeners[i];

		listeners[i] = listeners[other];
		listeners[other] = listener;
	}
	for (size_t i = 0; i < 20; i++)
		memset(&listeners[1 + (size_t)random() % listeners_nr], 0, sizeof(*listeners));
}

static uint16_t brute_force(const struct addr *address, enum cv_protocol protocol, unsigned port)
{
	unsigned narrowest = UINT32_MAX;
	uint16_t id = 0;

	for (size_t i = 1; i <= listeners_nr; i++) {
		const struct cv_listener *listener = &listeners[i];
		unsigned width = listener->port_last - listener->port_first;

		if (listener->protocol == protocol &&
		    memcmp(listener->address, address->byte, sizeof(listener->address)) == 0 &&
		    listener->port_first <= port && port <= listener->port_last && width < narrowest) {
			narrowest = width;
			id = (uint16_t)i;
		}
	}
	return id;
}

static void check(struct addr address, enum cv_protocol protocol, unsigned port)
{
	assert_int_equal(directory_find(&directory, listeners, &address, protocol, (uint16_t)port),
			 brute_force(&address, protocol, (uint16_t)port));
}

static void build(void)
{
	assert_int_equal(directory_build(listeners, listeners_nr, "seed", &no_source, &directory), 0);
}

static void test_random(void **state)
{
	(void)state;
	srandom(2);
	for (int round = 0; round < 5; round++) {
		make_random();
		build();
		for (size_t i = 1; i <= listeners_nr; i++) {
			const struct cv_listener *listener = &listeners[i];
			struct addr address = address_of(listener->address);
			unsigned first = listener->port_first, last = listener->port_last;
			const unsigned ports[] = {
				first,	  first - 1, first + 1, last, last - 1,
				last + 1, 1,	     65535,	0,    (unsigned)random() & 65535
			};

			for (size_t j = 0; j < CV_ARRAY_SIZE(ports); j++) {
				check(address, CV_PROTOCOL_TCP, ports[j]);
				check(address, CV_PROTOCOL_UDP, ports[j]);
			}
			address.byte[i % 16] ^= 1;
			check(address, CV_PROTOCOL_TCP, first);
		}
	}
}

/* All 1,024 listeners with an address each: the fullest that filter and buckets can be. */
static void test_full(void **state)
{
	struct addr address = { { 0x20, 1, 0xd, 0xb8 } };
	uint64_t highest_salt = 0;
	size_t accepted = 0;

	(void)state;
	srandom(3);
	listeners_nr = 0;
	for (unsigned i = 0; i < CV_MAX_LISTENERS; i++) {
		address.byte[14] = (uint8_t)(i >> 8);
		address.byte[15] = (uint8_t)i;
		add(address, CV_PROTOCOL_TCP, 443, 443);
	}
	for (char seed[] = "a"; seed[0] <= 'j'; seed[0]++) {
		assert_int_equal(directory_build(listeners, listeners_nr, seed, &no_source, &directory), 0);
		assert_int_equal(directory.listeners, CV_MAX_LISTENERS);
		for (size_t i = 1; i <= listeners_nr; i++)
			check(address_of(listeners[i].address), CV_PROTOCOL_TCP, 443);
		if (directory.salt > highest_salt)
			highest_salt = directory.salt;
	}
	/* Half of the seeds fill some bucket with the first salt: others were really searched. */
	assert_in_range(highest_salt, 1, 20);

	for (int i = 0; i < 100000; i++) {
		uint32_t words[4], bit;

		address = random_address();
		memcpy(words, address.byte, sizeof(words));
		bit = cv_directory_bit(cv_directory_hash(&directory, words));
		accepted += directory.vip_filter[bit / 64] >> (bit % 64) & 1;
		assert_int_equal(directory_find(&directory, listeners, &address, CV_PROTOCOL_TCP, 443), 0);
	}
	/* 1,024 bits of 16,384: one foreign address in sixteen goes on to the buckets. */
	assert_in_range(accepted, 4000, 7000);
}

/* Records are compared in full: one that has changed under the directory is not found by its old key. */
static void test_changed_record(void **state)
{
	struct addr address = random_address(), other = random_address();

	(void)state;
	listeners_nr = 0;
	add(address, CV_PROTOCOL_TCP, 443, 443);
	add(other, CV_PROTOCOL_TCP, 80, 90);
	build();
	memcpy(listeners[1].address, other.byte, sizeof(other.byte));
	assert_int_equal(directory_find(&directory, listeners, &address, CV_PROTOCOL_TCP, 443), 0);
	listeners[2].protocol = CV_PROTOCOL_UDP;
	assert_int_equal(directory_find(&directory, listeners, &other, CV_PROTOCOL_TCP, 85), 0);
}

/* Fragments have no port: the vip entry must say that address and protocol are ours. */
static void test_exact_only(void **state)
{
	uint32_t words[4];
	uint64_t entry;
	size_t found = 0;

	(void)state;
	listeners_nr = 0;
	add(random_address(), CV_PROTOCOL_UDP, 53, 53);
	build();
	memcpy(words, listeners[1].address, sizeof(words));
	entry = cv_directory_entry(cv_directory_hash(&directory, words), directory.salt, CV_PROTOCOL_UDP, 0);
	for (size_t i = 0; i < CV_DIRECTORY_WAYS; i++) {
		const struct cv_vip *vip = &directory.vip[entry % CV_DIRECTORY_BUCKETS].way[i];

		if (vip->listener == 1 && vip->tag == entry >> 48) {
			found++;
			assert_int_equal(vip->any, 0);
			assert_int_equal(vip->spans, 0);
		}
	}
	assert_int_equal(found, 1);
}

static void test_empty(void **state)
{
	struct addr address = random_address();

	(void)state;
	memset(&directory, 0xff, sizeof(directory));
	assert_int_equal(directory_build(listeners, 0, "", &no_source, &directory), 0);
	assert_int_equal(directory.listeners, 0);
	assert_int_equal(directory_find(&directory, listeners, &address, CV_PROTOCOL_TCP, 80), 0);
	assert_int_equal(directory_build(listeners, CV_MAX_LISTENERS + 1, "", &no_source, &directory),
			 -ENOSPC);
}

/* Hosts of a cluster share the seed; these words must never change for a given one. */
static void test_key(void **state)
{
	uint32_t key[CV_HASH_KEY_WORDS], other[CV_HASH_KEY_WORDS];

	(void)state;
	directory_hash_key("culvert", key);
	assert_int_equal(key[0], 0x34c49e62);
	assert_int_equal(key[CV_HASH_KEY_WORDS - 1], 0xf665d6ae);
	directory_hash_key("culvert!", other);
	for (size_t i = 0; i < CV_HASH_KEY_WORDS; i++)
		assert_int_not_equal(key[i], other[i]);
}

static void test_outer_source(void **state)
{
	static const struct encapsulation_conf conf = {
		.source4 = { { [10] = 0xff, [11] = 0xff, [12] = 10, [13] = 20, [14] = 0xff, [15] = 0 } },
		.source4_length = 20,
		.source6 = { { 0x20, 1, 0xd, 0xb8, 0, 1 } },
		.source6_length = 64,
	};
	static const uint8_t prefix4[4] = { 10, 20, 0xf0, 0 }, mask4[4] = { 0xff, 0xff, 0xf0, 0 };
	static const uint8_t mask6[16] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };
	static const struct cv_outer_source none;

	(void)state;
	assert_int_equal(directory_build(listeners, 0, "", &conf, &directory), 0);
	assert_memory_equal(directory.outer_source.prefix4, prefix4, 4);
	assert_memory_equal(directory.outer_source.mask4, mask4, 4);
	assert_memory_equal(directory.outer_source.prefix6, conf.source6.byte, 16);
	assert_memory_equal(directory.outer_source.mask6, mask6, 16);
	assert_int_equal(directory_build(listeners, 0, "", &no_source, &directory), 0);
	assert_memory_equal(&directory.outer_source, &none, sizeof(none));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_random),	       cmocka_unit_test(test_full),
		cmocka_unit_test(test_changed_record), cmocka_unit_test(test_exact_only),
		cmocka_unit_test(test_empty),	       cmocka_unit_test(test_key),
		cmocka_unit_test(test_outer_source),
	};

	return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
