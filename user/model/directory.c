/* SPDX-License-Identifier: GPL-2.0-only */
/* The listener directory: builder and reference lookup; see include/cv_directory.h for what it is and
 * directory.h for the contract. Called by model/image_build.c, explain and the tests. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "model/directory.h"

/* Even 1,024 listeners with an address each find a salt in one of two tries. */
#define SALTS 1000

/* First of the XXH64 seeds that expand the configuration's seed; maglev.c has its own. */
#define KEY_SEED 0x100

void directory_hash_key(const char *seed, uint32_t ret_key[CV_HASH_KEY_WORDS])
{
	for (unsigned i = 0; i < CV_HASH_KEY_WORDS; i += 2) {
		uint64_t hash = XXH64(seed, strlen(seed), KEY_SEED + i);

		ret_key[i] = (uint32_t)hash;
		ret_key[i + 1] = (uint32_t)(hash >> 32);
	}
}

static uint64_t hash_address(const struct cv_directory *directory, const uint8_t address[16])
{
	uint32_t words[4];

	memcpy(words, address, sizeof(words));
	return cv_directory_hash(directory, words);
}

static size_t bucket_of(uint64_t entry)
{
	return entry & (CV_DIRECTORY_BUCKETS - 1);
}

static uint16_t tag_of(uint64_t entry)
{
	return (uint16_t)(entry >> 48);
}

static bool is_exact(const struct cv_listener *listener)
{
	return listener->port_first == listener->port_last;
}

static bool is_any(const struct cv_listener *listener)
{
	return listener->port_first == 1 && listener->port_last == 65535;
}

static bool is_same_service(const struct cv_listener *a, const struct cv_listener *b)
{
	return memcmp(a->address, b->address, sizeof(a->address)) == 0 && a->protocol == b->protocol;
}

/* By address, protocol, port: listeners of one service come together, their ranges in order. */
static int compare(const void *left, const void *right, void *arg)
{
	const struct cv_listener *listeners = arg;
	const struct cv_listener *a = &listeners[*(const uint16_t *)left];
	const struct cv_listener *b = &listeners[*(const uint16_t *)right];
	int r = memcmp(a->address, b->address, sizeof(a->address));

	if (r == 0)
		r = a->protocol - b->protocol;
	if (r == 0)
		r = a->port_first - b->port_first;
	return r;
}

static bool put_exact(struct cv_directory *directory, uint64_t entry, uint16_t listener)
{
	struct cv_exact_bucket *bucket = &directory->exact[bucket_of(entry)];

	for (size_t i = 0; i < CV_DIRECTORY_WAYS; i++) {
		if (bucket->way[i].listener == 0) {
			bucket->way[i] = (struct cv_exact){ .tag = tag_of(entry), .listener = listener };
			return true;
		}
	}
	return false;
}

static bool put_vip(struct cv_directory *directory, uint64_t entry, struct cv_vip vip)
{
	struct cv_vip_bucket *bucket = &directory->vip[bucket_of(entry)];

	vip.tag = tag_of(entry);
	for (size_t i = 0; i < CV_DIRECTORY_WAYS; i++) {
		if (bucket->way[i].listener == 0) {
			bucket->way[i] = vip;
			return true;
		}
	}
	return false;
}

/* Enters all listeners of one address and protocol, and the vip entry that holds them together. A service of
 * exact ports alone has one too: fragments carry no port, yet are ours. False if a bucket is full. */
static bool put_service(struct cv_directory *directory, const struct cv_listener *listeners,
			const uint16_t *ids, size_t nr, uint16_t *spans)
{
	const struct cv_listener *service = &listeners[ids[0]];
	uint64_t hash = hash_address(directory, service->address);
	uint32_t bit = cv_directory_bit(hash);
	struct cv_vip vip = { .listener = ids[0], .first_span = *spans };

	directory->vip_filter[bit / 64] |= 1ULL << (bit % 64);
	for (size_t i = 0; i < nr; i++) {
		const struct cv_listener *listener = &listeners[ids[i]];

		if (is_exact(listener)) {
			if (!put_exact(directory,
				       cv_directory_entry(hash, directory->salt, listener->protocol,
							  listener->port_first),
				       ids[i]))
				return false;
		} else if (is_any(listener)) {
			vip.any = ids[i];
		} else {
			directory->span[*spans + vip.spans++] = (struct cv_span){
				.port_first = listener->port_first,
				.port_last = listener->port_last,
				.listener = ids[i],
			};
		}
	}
	*spans += vip.spans;
	return put_vip(directory, cv_directory_entry(hash, directory->salt, service->protocol, 0), vip);
}

static bool put_all(struct cv_directory *directory, const struct cv_listener *listeners, const uint16_t *ids,
		    size_t nr)
{
	uint16_t spans = 0;
	size_t end;

	for (size_t i = 0; i < nr; i = end) {
		end = i + 1;
		while (end < nr && is_same_service(&listeners[ids[i]], &listeners[ids[end]]))
			end++;
		if (!put_service(directory, listeners, ids + i, end - i, &spans))
			return false;
	}
	return true;
}

static void put_prefix(const struct addr *source, unsigned length, uint8_t *ret_prefix, uint8_t *ret_mask)
{
	const uint8_t *wire;
	size_t size;

	if (length == 0)
		return;
	wire = addr_wire(source, &size);
	for (size_t i = 0; i < size && i * 8 < length; i++) {
		unsigned bits = length - (unsigned)i * 8;

		ret_mask[i] = bits < 8 ? (uint8_t)(0xff << (8 - bits)) : 0xff;
		ret_prefix[i] = wire[i] & ret_mask[i];
	}
}

int directory_build(const struct cv_listener *listeners, size_t nr, const char *seed,
		    const struct encapsulation_conf *encapsulation, struct cv_directory *ret)
{
	uint16_t ids[CV_MAX_LISTENERS];
	size_t ids_nr = 0;

	if (nr > CV_MAX_LISTENERS)
		return -ENOSPC;
	for (size_t id = 1; id <= nr; id++)
		if (listeners[id].protocol != CV_PROTOCOL_NONE)
			ids[ids_nr++] = (uint16_t)id;
	qsort_r(ids, ids_nr, sizeof(*ids), compare, (void *)listeners);

	memset(ret, 0, sizeof(*ret));
	directory_hash_key(seed, ret->hash_key);
	ret->listeners = (uint32_t)ids_nr;
	put_prefix(&encapsulation->source4, encapsulation->source4_length, ret->outer_source.prefix4,
		   ret->outer_source.mask4);
	put_prefix(&encapsulation->source6, encapsulation->source6_length, ret->outer_source.prefix6,
		   ret->outer_source.mask6);
	for (ret->salt = 0; ret->salt < SALTS; ret->salt++) {
		memset(ret->exact, 0, sizeof(ret->exact));
		memset(ret->vip, 0, sizeof(ret->vip));
		if (put_all(ret, listeners, ids, ids_nr))
			return 0;
	}
	return -ENOSPC;
}

static uint16_t find_exact(const struct cv_directory *directory, const struct cv_listener *listeners,
			   uint64_t entry, const struct cv_listener *wanted)
{
	const struct cv_exact_bucket *bucket = &directory->exact[bucket_of(entry)];

	for (size_t i = 0; i < CV_DIRECTORY_WAYS; i++) {
		uint16_t id = bucket->way[i].listener;

		if (id != 0 && bucket->way[i].tag == tag_of(entry) &&
		    is_same_service(&listeners[id], wanted) &&
		    listeners[id].port_first == wanted->port_first &&
		    listeners[id].port_last == wanted->port_last)
			return id;
	}
	return 0;
}

static const struct cv_vip *find_vip(const struct cv_directory *directory,
				     const struct cv_listener *listeners, uint64_t entry,
				     const struct cv_listener *wanted)
{
	const struct cv_vip_bucket *bucket = &directory->vip[bucket_of(entry)];

	for (size_t i = 0; i < CV_DIRECTORY_WAYS; i++) {
		const struct cv_vip *vip = &bucket->way[i];

		if (vip->listener != 0 && vip->tag == tag_of(entry) &&
		    is_same_service(&listeners[vip->listener], wanted))
			return vip;
	}
	return NULL;
}

uint16_t directory_find(const struct cv_directory *directory, const struct cv_listener *listeners,
			const struct addr *address, enum cv_protocol protocol, uint16_t port)
{
	struct cv_listener wanted = { .protocol = protocol, .port_first = port, .port_last = port };
	uint64_t hash = hash_address(directory, address->byte);
	uint32_t bit = cv_directory_bit(hash);
	const struct cv_vip *vip;
	uint16_t id;

	if (!(directory->vip_filter[bit / 64] >> (bit % 64) & 1))
		return 0;
	memcpy(wanted.address, address->byte, sizeof(wanted.address));
	id = find_exact(directory, listeners, cv_directory_entry(hash, directory->salt, protocol, port),
			&wanted);
	if (id != 0)
		return id;
	vip = find_vip(directory, listeners, cv_directory_entry(hash, directory->salt, protocol, 0), &wanted);
	if (!vip)
		return 0;
	for (size_t i = 0; i < vip->spans; i++) {
		const struct cv_span *span = &directory->span[vip->first_span + i];

		if (span->port_first <= port && port <= span->port_last)
			return span->listener;
	}
	return port ? vip->any : 0;
}
