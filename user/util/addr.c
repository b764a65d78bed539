/* SPDX-License-Identifier: GPL-2.0-only */
/* Addresses as the maps hold them; see addr.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/addr.h"
#include "util/number.h"

/* RFC 4291 2.5.5.2. */
static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

static struct addr addr_from_v4(const void *bytes)
{
	struct addr addr;

	memcpy(addr.byte, v4_mapped, sizeof(v4_mapped));
	memcpy(addr.byte + sizeof(v4_mapped), bytes, 4);
	return addr;
}

int addr_parse(const char *text, struct addr *ret)
{
	struct addr addr;
	struct in_addr v4;

	if (inet_pton(AF_INET, text, &v4) == 1)
		addr = addr_from_v4(&v4);
	else if (inet_pton(AF_INET6, text, addr.byte) != 1 || addr_is_v4(&addr))
		return -EINVAL;
	*ret = addr;
	return 0;
}

/* Whether a bit is set in `addr` behind its first `bits` ones. */
static bool has_bits_behind(const struct addr *addr, unsigned bits)
{
	if (bits < 128 && addr->byte[bits / 8] & (0xff >> bits % 8))
		return true;
	for (unsigned i = bits / 8 + 1; i < sizeof(addr->byte); i++) {
		if (addr->byte[i])
			return true;
	}
	return false;
}

int addr_parse_prefix(const char *text, struct addr *ret_addr, unsigned *ret_length)
{
	const char *slash = strchr(text, '/');
	char host[ADDR_TEXT_LEN];
	struct addr addr;
	uint64_t length;
	unsigned before, max;
	size_t size = slash ? (size_t)(slash - text) : strlen(text);

	if (size >= sizeof(host))
		return -EINVAL;
	memcpy(host, text, size);
	host[size] = '\0';
	if (addr_parse(host, &addr) < 0)
		return -EINVAL;
	before = addr_is_v4(&addr) ? 96 : 0;
	max = 128 - before;
	length = max;
	if (slash && (number_parse(slash + 1, &length) < 0 || length > max))
		return -EINVAL;
	if (has_bits_behind(&addr, before + (unsigned)length))
		return -EINVAL;
	*ret_addr = addr;
	*ret_length = (unsigned)length;
	return 0;
}

int addr_parse_port(const char *text, struct addr *ret_addr, uint16_t *ret_port)
{
	bool is_v6 = *text == '[';
	const char *colon = strrchr(text, ':');
	size_t size = colon ? (size_t)(colon - text) : 0;
	char host[ADDR_TEXT_LEN + 2];
	struct addr addr;
	uint64_t port;

	if (!size || size >= sizeof(host) || (is_v6 && text[size - 1] != ']'))
		return -EINVAL;
	memcpy(host, text, size);
	host[is_v6 ? size - 1 : size] = '\0';
	if (addr_parse(host + is_v6, &addr) < 0 || addr_is_v4(&addr) == is_v6)
		return -EINVAL;
	if (number_parse(colon + 1, &port) < 0 || !port || port > UINT16_MAX)
		return -EINVAL;
	*ret_addr = addr;
	*ret_port = (uint16_t)port;
	return 0;
}

const char *addr_format(const struct addr *addr, char *text)
{
	size_t size;
	const uint8_t *wire = addr_wire(addr, &size);

	return inet_ntop(size == 4 ? AF_INET : AF_INET6, wire, text, ADDR_TEXT_LEN);
}

const char *addr_format_port(const struct addr *addr, uint16_t port, char *text)
{
	char host[ADDR_TEXT_LEN];

	snprintf(text, ADDR_PORT_TEXT_LEN, addr_is_v4(addr) ? "%s:%u" : "[%s]:%u", addr_format(addr, host),
		 port);
	return text;
}

bool addr_is_v4(const struct addr *addr)
{
	return !memcmp(addr->byte, v4_mapped, sizeof(v4_mapped));
}

bool addr_is_zero(const struct addr *addr)
{
	static const struct addr none;
	size_t size;
	const uint8_t *wire = addr_wire(addr, &size);

	return !memcmp(wire, none.byte, size);
}

/* 224.0.0.0/4 (RFC 5771) and ff00::/8 (RFC 4291 2.7). */
bool addr_is_multicast(const struct addr *addr)
{
	return addr_is_v4(addr) ? (addr->byte[12] & 0xf0) == 0xe0 : addr->byte[0] == 0xff;
}

bool addr_is_link_local(const struct addr *addr)
{
	if (addr_is_v4(addr))
		return addr->byte[12] == 169 && addr->byte[13] == 254;
	return addr->byte[0] == 0xfe && (addr->byte[1] & 0xc0) == 0x80;
}

enum cv_family addr_family(const struct addr *addr)
{
	return addr_is_v4(addr) ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6;
}

int addr_compare(const struct addr *a, const struct addr *b)
{
	return memcmp(a->byte, b->byte, sizeof(a->byte));
}

const uint8_t *addr_wire(const struct addr *addr, size_t *ret_size)
{
	*ret_size = addr_is_v4(addr) ? 4 : 16;
	return addr->byte + 16 - *ret_size;
}

int addr_from_wire(int family, const void *bytes, struct addr *ret)
{
	switch (family) {
	case AF_INET:
		*ret = addr_from_v4(bytes);
		return 0;
	case AF_INET6:
		memcpy(ret->byte, bytes, sizeof(ret->byte));
		return 0;
	}
	return -EAFNOSUPPORT;
}

void addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret,
		      socklen_t *ret_len)
{
	size_t size;
	const uint8_t *wire = addr_wire(addr, &size);

	memset(ret, 0, sizeof(*ret));
	if (size == 4) {
		struct sockaddr_in *v4 = (struct sockaddr_in *)ret;

		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		memcpy(&v4->sin_addr, wire, size);
		*ret_len = sizeof(*v4);
	} else {
		struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)ret;

		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		memcpy(&v6->sin6_addr, wire, size);
		*ret_len = sizeof(*v6);
	}
}
