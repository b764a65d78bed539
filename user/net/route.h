/* SPDX-License-Identifier: GPL-2.0-only */
/* One question to the kernel: by which link and next hop does a packet of this host leave for an address? */
#ifndef NET_ROUTE_H
#define NET_ROUTE_H

#include <stdbool.h>
#include <stdint.h>

#include "net/rtnl.h"
#include "util/addr.h"

enum route_kind {
	ROUTE_NONE, /* there is no route, or one that forbids */
	ROUTE_LOCAL,
	ROUTE_AWAY,
};

struct route {
	enum route_kind kind;
	uint32_t ifindex;
	bool has_gateway;    /* else the address itself is on the link */
	struct addr gateway; /* an IPv6 one is possible for an IPv4 address (RFC 8950) */
	struct addr source;  /* zero if the kernel names none */
	uint32_t mtu; /* bytes of an IP packet, by the route or by path MTU discovery; 0: not limited */
	uint32_t mtu_left_s; /* of path MTU discovery: seconds until it is forgotten; else 0 */
	uint32_t advmss;     /* the largest TCP segment that this host asks for on it; 0: as the MTU has it */
};

/* 0 (no route is an answer as well), or -errno on trouble with netlink. */
int route_find(struct rtnl *rtnl, const struct addr *to, struct route *ret);

/* An rtnl_handler for the RTM_NEWROUTE that answers; `data` is the struct route. 0 or -EBADMSG. */
int route_note(const struct nlmsghdr *nlh, void *data);

#endif
