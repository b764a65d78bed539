/* SPDX-License-Identifier: GPL-2.0-only */
/* The host's links as the kernel tells of them: a table by ifindex, kept by nexthop.c. */
#ifndef NET_LINKS_H
#define NET_LINKS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>

#include "net/nexthop.h"

/* All zero is an empty table. */
struct links {
	struct nexthop_link *link; /* sorted by ifindex */
	size_t count;
	size_t room;
	bool changed; /* set when a link came, went or became another; the owner clears it */
};

void links_done(struct links *links);

/* An rtnl_handler for RTM_NEWLINK and RTM_DELLINK; `data` is the table. 0, -ENOMEM or -EBADMSG. */
int links_note(const struct nlmsghdr *nlh, void *data);

/* NULL if there is none. Valid until the next links_note. */
const struct nexthop_link *links_find(const struct links *links, uint32_t ifindex);
const struct nexthop_link *links_find_name(const struct links *links, const char *name);

#endif
