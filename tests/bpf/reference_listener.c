/* SPDX-License-Identifier: GPL-2.0-only */
/* The reference's listeners, searched one by one; and the hash of a tuple. */
#include "bpf/reference_parts.h"

#include <arpa/inet.h>
#include <string.h>

bool listener_filter(const struct image *image, const uint8_t address[16])
{
	uint32_t words[4], bit;

	memcpy(words, address, sizeof(words));
	bit = cv_directory_bit(cv_directory_hash(&image->directory, words));
	return image->directory.vip_filter[bit / 64] >> bit % 64 & 1;
}

static const struct cv_listener *nth(const struct image *image, size_t i)
{
	return &image->listener[image->listeners[i]];
}

bool listener_has_address(const struct image *image, const uint8_t address[16])
{
	for (size_t i = 0; i < image->listeners_nr; i++)
		if (!memcmp(nth(image, i)->address, address, 16))
			return true;
	return false;
}

bool listener_has_protocol(const struct image *image, const uint8_t address[16], uint8_t protocol)
{
	for (size_t i = 0; i < image->listeners_nr; i++)
		if (!memcmp(nth(image, i)->address, address, 16) && nth(image, i)->protocol == protocol)
			return true;
	return false;
}

/* The narrowest: of its port alone, of a range, of any. */
uint16_t listener_find(const struct image *image, const struct cv_flow6_key *tuple)
{
	unsigned narrowest = 65536;
	uint16_t found = 0;

	for (size_t i = 0; i < image->listeners_nr; i++) {
		const struct cv_listener *listener = nth(image, i);
		unsigned ports = (unsigned)listener->port_last - listener->port_first + 1;

		if (memcmp(listener->address, tuple->address, 16) != 0 ||
		    listener->protocol != tuple->protocol || tuple->port < listener->port_first ||
		    tuple->port > listener->port_last || ports >= narrowest)
			continue;
		narrowest = ports;
		found = image->listeners[i];
	}
	return found;
}

/* Source: the client's 16 bytes. IPv4: addresses, ports, protocol. IPv6: the same, in ten words. */
uint64_t listener_hash(const struct image *image, uint16_t listener, const struct cv_flow6_key *tuple,
		       bool is_v4)
{
	const uint32_t *hash_key = image->directory.hash_key;
	uint16_t ports[2] = { htons(tuple->client_port), htons(tuple->port) };
	uint32_t words[10] = { 0 };

	if (image->listener[listener].hash == CV_HASH_SOURCE) {
		memcpy(words, tuple->client, 16);
		return cv_hash_mix(cv_hash_nh(hash_key, words, 4));
	}
	if (is_v4) {
		memcpy(words, tuple->client + 12, 4);
		memcpy(words + 1, tuple->address + 12, 4);
		memcpy(words + 2, ports, 4);
		words[3] = tuple->protocol;
		return cv_hash_mix(cv_hash_nh(hash_key, words, 4));
	}
	memcpy(words, tuple->client, 16);
	memcpy(words + 4, tuple->address, 16);
	memcpy(words + 8, ports, 4);
	words[9] = tuple->protocol;
	return cv_hash_mix(cv_hash_nh(hash_key, words, 10));
}
