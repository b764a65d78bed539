/* SPDX-License-Identifier: GPL-2.0-only */
/* The types of single values; see scalar.h. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/scalar.h"
#include "model/maglev.h"
#include "util/addr.h"
#include "util/number.h"
#include "util/suggest.h"

#define NAME_LETTERS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"

static void *at(void *target, struct field field)
{
	return (char *)target + field.offset;
}

static void store(void *target, struct field field, uint64_t value)
{
	switch (field.size) {
	case 1:
		*(uint8_t *)at(target, field) = (uint8_t)value;
		break;
	case 2:
		*(uint16_t *)at(target, field) = (uint16_t)value;
		break;
	case 4:
		*(uint32_t *)at(target, field) = (uint32_t)value;
		break;
	}
}

/* --- texts ---------------------------------------------------------------------------------------- */

int scalar_reference(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	(void)key;
	(void)target;
	if (!length || length >= CV_NAME_LEN || strspn(text, NAME_LETTERS) != length)
		return err_set(err, -EINVAL, "must be a name of 1 to %d of the characters A-Z a-z 0-9 _ . -",
			       CV_NAME_LEN - 1);
	return 0;
}

int scalar_name(const struct key *key, const char *text, void *target, struct err *err)
{
	int r;

	r = scalar_reference(key, text, target, err);
	if (r == 0)
		memcpy(at(target, key->field), text, strlen(text) + 1);
	return r;
}

int scalar_interface(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	/* as dev_valid_name() of the kernel, and nothing that would not print */
	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/' || text[i] == ':')
			length = 0;
	}
	if (!length || length >= key->field.size || !strcmp(text, ".") || !strcmp(text, ".."))
		return err_set(err, -EINVAL, "must be the name of a network interface, like eth0");
	memcpy(at(target, key->field), text, length + 1);
	return 0;
}

int scalar_text(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	if (length >= key->field.size)
		return err_set(err, -EINVAL, "must be a text of at most %zu bytes", key->field.size - 1);
	memcpy(at(target, key->field), text, length + 1);
	return 0;
}

int scalar_hostname(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	if (!length || length >= key->field.size || text[0] == '-' || text[0] == '.' ||
	    strspn(text, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-.") != length)
		return err_set(err, -EINVAL, "must be a name like www.example.org, of at most %zu characters",
			       key->field.size - 1);
	memcpy(at(target, key->field), text, length + 1);
	return 0;
}

int scalar_path(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	for (size_t i = 0; i < length; i++) {
		if (text[i] <= ' ' || text[i] > '~')
			length = 0;
	}
	if (!length || length >= key->field.size || text[0] != '/')
		return err_set(err, -EINVAL,
			       "must be a path like /healthz, of at most %zu ASCII characters without space",
			       key->field.size - 1);
	memcpy(at(target, key->field), text, length + 1);
	return 0;
}

int scalar_file(const struct key *key, const char *text, void *target, struct err *err)
{
	size_t length = strlen(text);

	if (text[0] != '/' || length >= key->field.size)
		return err_set(err, -EINVAL,
			       "must be the path of a file that begins with /, of at most %zu bytes",
			       key->field.size - 1);
	memcpy(at(target, key->field), text, length + 1);
	return 0;
}

int scalar_choice(const struct key *key, const char *text, void *target, struct err *err)
{
	char allowed[128] = "";
	struct suggest suggest;
	size_t used = 0;

	suggest_init(&suggest, text);
	for (const struct choice *choice = key->choices; choice->name; choice++) {
		if (!strcmp(choice->name, text)) {
			if (choice->refusal)
				return err_set(err, -EINVAL, "%s", choice->refusal);
			store(target, key->field, (uint64_t)choice->value);
			return 0;
		}
		if (choice->refusal)
			continue;
		suggest_consider(&suggest, choice->name);
		used += (size_t)snprintf(allowed + used, sizeof(allowed) - used, "%s%s", used ? ", " : "",
					 choice->name);
	}
	if (suggest.best)
		return err_set(err, -EINVAL, "did you mean %s? must be one of: %s", suggest.best, allowed);
	return err_set(err, -EINVAL, "must be one of: %s", allowed);
}

/* --- numbers -------------------------------------------------------------------------------------- */

static bool is_within(const struct key *key, uint64_t n)
{
	return n >= key->min && n <= key->max;
}

int scalar_number(const struct key *key, const char *text, void *target, struct err *err)
{
	uint64_t n;

	if (number_parse(text, &n) < 0 || !is_within(key, n))
		return err_set(err, -EINVAL, "must be a whole number from %ju to %ju", (uintmax_t)key->min,
			       (uintmax_t)key->max);
	store(target, key->field, n);
	return 0;
}

int scalar_prime(const struct key *key, const char *text, void *target, struct err *err)
{
	uint64_t n, below, above;

	if (number_parse(text, &n) < 0 || !is_within(key, n))
		return err_set(err, -EINVAL, "must be a prime from %ju to %ju, like 65537",
			       (uintmax_t)key->min, (uintmax_t)key->max);
	if (!maglev_is_size((uint32_t)n)) {
		/* both limits are primes: there is one on either side */
		for (below = n; !maglev_is_size((uint32_t)below);)
			below--;
		for (above = n; !maglev_is_size((uint32_t)above);)
			above++;
		return err_set(err, -EINVAL, "must be a prime from %ju to %ju; near it are %ju and %ju",
			       (uintmax_t)key->min, (uintmax_t)key->max, (uintmax_t)below, (uintmax_t)above);
	}
	store(target, key->field, n);
	return 0;
}

static int parse_duration(const struct key *key, uint64_t unit_ms, const char *text, void *target,
			  struct err *err)
{
	char min[DURATION_TEXT_LEN], max[DURATION_TEXT_LEN];
	uint64_t ms;

	if (duration_parse(text, &ms) < 0 || ms % unit_ms || !is_within(key, ms / unit_ms))
		return err_set(err, -EINVAL, "must be %s from %s to %s with the unit ms, s, m or h",
			       unit_ms == 1 ? "a duration" : "whole seconds",
			       duration_format(key->min * unit_ms, min),
			       duration_format(key->max * unit_ms, max));
	store(target, key->field, ms / unit_ms);
	return 0;
}

int scalar_seconds(const struct key *key, const char *text, void *target, struct err *err)
{
	return parse_duration(key, 1000, text, target, err);
}

int scalar_milliseconds(const struct key *key, const char *text, void *target, struct err *err)
{
	return parse_duration(key, 1, text, target, err);
}

static int parse_range(const struct key *key, const char *text, void *target)
{
	uint64_t first, last;

	if (number_parse_range(text, &first, &last) < 0 || !is_within(key, first) || !is_within(key, last))
		return -EINVAL;
	store(target, key->field, first);
	store(target, key->second, last);
	return 0;
}

int scalar_range(const struct key *key, const char *text, void *target, struct err *err)
{
	if (parse_range(key, text, target) < 0)
		return err_set(err, -EINVAL, "must be a number from %ju to %ju, or a range of them like %s",
			       (uintmax_t)key->min, (uintmax_t)key->max, key->fallback);
	return 0;
}

int scalar_ports(const struct key *key, const char *text, void *target, struct err *err)
{
	if (!strcmp(text, "any")) {
		store(target, key->field, key->min);
		store(target, key->second, key->max);
		return 0;
	}
	if (parse_range(key, text, target) < 0)
		return err_set(err, -EINVAL,
			       "must be a port from %ju to %ju, a range of them like 8000-8099, or any",
			       (uintmax_t)key->min, (uintmax_t)key->max);
	return 0;
}

int scalar_mss(const struct key *key, const char *text, void *target, struct err *err)
{
	uint64_t number;

	if (!strcmp(text, "path"))
		number = CV_MSS_PATH;
	else if (number_parse(text, &number) < 0 || number < key->min || number > key->max)
		return err_set(err, -EINVAL, "must be a whole number from %ju to %ju, or path",
			       (uintmax_t)key->min, (uintmax_t)key->max);
	store(target, key->field, number);
	return 0;
}

/* --- addresses ------------------------------------------------------------------------------------ */

#define LINK_LOCAL "169.254.0.0/16 or fe80::/10 (link-local)"

static bool is_broadcast(const struct addr *addr)
{
	size_t size;
	const uint8_t *wire = addr_wire(addr, &size);

	return size == 4 && !memcmp(wire, "\xff\xff\xff\xff", 4);
}

int scalar_host(const struct key *key, const char *text, void *target, struct err *err)
{
	struct addr addr;

	if (addr_parse(text, &addr) < 0)
		return err_set(err, -EINVAL,
			       "must be an IPv4 (a.b.c.d) or IPv6 address, without port or prefix");
	if (addr_is_zero(&addr) || addr_is_multicast(&addr) || is_broadcast(&addr))
		return err_set(err, -EINVAL,
			       "must be the address of one host, not multicast, broadcast or zero");
	memcpy(at(target, key->field), &addr, sizeof(addr));
	return 0;
}

int scalar_backend(const struct key *key, const char *text, void *target, struct err *err)
{
	struct addr addr;

	if (!addr_parse(text, &addr) && addr_is_link_local(&addr))
		return err_set(err, -EINVAL,
			       "must be an address that is good on every link, not of " LINK_LOCAL);
	return scalar_host(key, text, target, err);
}

int scalar_prefix(const struct key *key, const char *text, void *target, struct err *err)
{
	bool is_v4 = key->max == 32;
	struct addr addr;
	unsigned length;

	if (addr_parse_prefix(text, &addr, &length) < 0 || addr_is_v4(&addr) != is_v4 ||
	    !is_within(key, length))
		return err_set(
			err, -EINVAL,
			"must be an IPv%c prefix like %s, of %ju to %ju bits, with no bit set behind them",
			is_v4 ? '4' : '6', is_v4 ? "172.16.0.0/16" : "0100::/64", (uintmax_t)key->min,
			(uintmax_t)key->max);
	memcpy(at(target, key->field), &addr, sizeof(addr));
	store(target, key->second, length);
	return 0;
}

static int parse_endpoint(const char *text, struct addr *ret_addr, uint64_t *ret_port)
{
	bool has_brackets = text[0] == '[';
	const char *colon = strrchr(text, ':');
	char host[ADDR_TEXT_LEN];
	struct addr addr;
	size_t length;

	if (!colon || number_parse(colon + 1, ret_port) < 0)
		return -EINVAL;
	if (has_brackets && colon[-1] != ']')
		return -EINVAL;
	length = (size_t)(colon - text) - 2 * has_brackets;
	if (length >= sizeof(host))
		return -EINVAL;
	memcpy(host, text + has_brackets, length);
	host[length] = '\0';
	if (addr_parse(host, &addr) < 0 || addr_is_v4(&addr) == has_brackets)
		return -EINVAL;
	*ret_addr = addr;
	return 0;
}

int scalar_endpoint(const struct key *key, const char *text, void *target, struct err *err)
{
	struct addr addr;
	uint64_t port;

	if (parse_endpoint(text, &addr, &port) < 0 || !is_within(key, port) || addr_is_multicast(&addr))
		return err_set(
			err, -EINVAL,
			"must be address:port to listen on, like 127.0.0.1:9469 or \"[::1]:9469\" (in quotes)");
	if (addr_is_link_local(&addr))
		return err_set(err, -EINVAL,
			       "must be address:port to listen on, good on every link, not of " LINK_LOCAL);
	memcpy(at(target, key->field), &addr, sizeof(addr));
	store(target, key->second, port);
	return 0;
}
