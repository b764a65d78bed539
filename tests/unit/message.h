/* SPDX-License-Identifier: GPL-2.0-only */
/* Builds one netlink message at a time, as the kernel would send it, for the tests of user/net. */
#ifndef UNIT_MESSAGE_H
#define UNIT_MESSAGE_H

#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

#include "util/addr.h"

static _Alignas(struct nlmsghdr) char message_buffer[1024];

static inline struct nlmsghdr *message(void)
{
	return (struct nlmsghdr *)message_buffer;
}

/* Begins a message and returns its fixed part, all zero. */
static inline void *message_begin(uint16_t type, size_t body_size)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(message_buffer);

	nlh->nlmsg_type = type;
	return mnl_nlmsg_put_extra_header(nlh, body_size);
}

static inline struct addr message_addr(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static inline void message_put_addr(uint16_t type, const char *text)
{
	struct addr addr = message_addr(text);
	const uint8_t *wire;
	size_t size;

	wire = addr_wire(&addr, &size);
	mnl_attr_put(message(), type, size, wire);
}

#endif
