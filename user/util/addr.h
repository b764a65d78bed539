/* SPDX-License-Identifier: GPL-2.0-only */
/* IPv4 and IPv6 addresses as the maps hold them: 16 bytes in wire order, IPv4 in v4-mapped form
 * (::ffff:a.b.c.d). A v4-mapped address written out as IPv6 text is refused, so the form is unambiguous. */
#ifndef UTIL_ADDR_H
#define UTIL_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "cv_types.h"

struct addr {
	uint8_t byte[16];
};

/* Longest text with its closing NUL: an address, an address with a prefix length, "[address]:port". */
#define ADDR_TEXT_LEN 46
#define ADDR_PREFIX_TEXT_LEN 50
#define ADDR_PORT_TEXT_LEN 54

/* Parses an IPv4 or IPv6 address (no zone, no prefix). -EINVAL, and *ret untouched, if it is none. */
int addr_parse(const char *text, struct addr *ret);

/* Parses "address/length", or an address alone as one of full length. The length counts bits of the
 * address's own family (0 to 32, 0 to 128). -EINVAL if it is none or has bits set below the prefix. */
int addr_parse_prefix(const char *text, struct addr *ret_addr, unsigned *ret_length);

/* Parses "a.b.c.d:port" or "[v6]:port", port 1 to 65535, in host order. -EINVAL if it is none. */
int addr_parse_port(const char *text, struct addr *ret_addr, uint16_t *ret_port);

/* Writes the usual text (RFC 5952) to `text`, of at least ADDR_TEXT_LEN bytes, and returns it. */
const char *addr_format(const struct addr *addr, char *text);

/* Writes "a.b.c.d:port" or "[v6]:port" to `text`, of at least ADDR_PORT_TEXT_LEN bytes. Host order. */
const char *addr_format_port(const struct addr *addr, uint16_t port, char *text);

bool addr_is_v4(const struct addr *addr);
bool addr_is_zero(const struct addr *addr); /* 0.0.0.0 or :: */
bool addr_is_multicast(const struct addr *addr);
bool addr_is_link_local(
	const struct addr *addr); /* 169.254.0.0/16 (RFC 3927) or fe80::/10 (RFC 4291 2.5.6) */
enum cv_family addr_family(const struct addr *addr);

/* Order of two addresses as byte strings, like memcmp: IPv4 sorts together. */
int addr_compare(const struct addr *a, const struct addr *b);

/* The 4 bytes of an IPv4 address in wire order, or the 16 of an IPv6 one; *ret_size tells which. */
const uint8_t *addr_wire(const struct addr *addr, size_t *ret_size);

/* The inverse: `family` is AF_INET (4 bytes) or AF_INET6 (16 bytes). -EAFNOSUPPORT for another. */
int addr_from_wire(int family, const void *bytes, struct addr *ret);

/* Socket address with the port in host order; *ret_len is its size. */
void addr_to_sockaddr(const struct addr *addr, uint16_t port, struct sockaddr_storage *ret,
		      socklen_t *ret_len);

#endif
