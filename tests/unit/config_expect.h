/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of config/ share: texts that must parse, and texts with the errors they must give. */
#ifndef UNIT_CONFIG_EXPECT_H
#define UNIT_CONFIG_EXPECT_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"

#define LISTENER_KEYS \
	"name, address, protocol, port, pool, forward, hash, idle_timeout, late_packet, unknown_packet, max_flows, mss"
#define HOST "must be an IPv4 (a.b.c.d) or IPv6 address, without port or prefix"
#define PORTS "must be a port from 1 to 65535, a range of them like 8000-8099, or any"

static inline struct model *parse(const char *text)
{
	struct config_errors errors;
	struct model *model = NULL;
	int r;

	r = config_parse(text, strlen(text), &model, &errors);
	for (size_t i = 0; i < errors.nr; i++)
		print_error("%u:%u: %s: %s\n", errors.error[i].mark.line, errors.error[i].mark.column,
			    errors.error[i].path, errors.error[i].text);
	assert_int_equal(r, 0);
	assert_int_equal(errors.nr, 0);
	config_errors_done(&errors);
	return model;
}

/* `expected` holds "line:column: path: text" of all errors, each with a newline. */
static inline void expect_bytes(const char *text, size_t size, const char *expected)
{
	char found[16384] = "";
	struct config_errors errors;
	struct model *model = NULL;
	size_t used = 0;

	assert_int_equal(config_parse(text, size, &model, &errors), -EINVAL);
	assert_null(model);
	for (size_t i = 0; i < errors.nr; i++)
		used += (size_t)snprintf(found + used, sizeof(found) - used, "%u:%u: %s: %s\n",
					 errors.error[i].mark.line, errors.error[i].mark.column,
					 errors.error[i].path, errors.error[i].text);
	config_errors_done(&errors);
	assert_string_equal(found, expected);
}

static inline void expect(const char *text, const char *expected)
{
	expect_bytes(text, strlen(text), expected);
}

static inline void expect_one(const char *text, const char *expected)
{
	char line[512];

	snprintf(line, sizeof(line), "%s\n", expected);
	expect(text, line);
}

static inline void assert_address(const struct addr *addr, const char *expected)
{
	char text[ADDR_TEXT_LEN];

	assert_string_equal(addr_format(addr, text), expected);
}

#endif
