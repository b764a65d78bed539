/* SPDX-License-Identifier: GPL-2.0-only */
/* Who answers at which MAC address: the kernel's neighbour table (ARP, and ND of RFC 4861) by link and
 * address, kept by nexthop.c. Asking the kernel to resolve or to confirm a neighbour is here, too. */
#ifndef NET_NEIGHBOURS_H
#define NET_NEIGHBOURS_H

#include <stdbool.h>
#include <stdint.h>

#include "net/rtnl.h"
#include "util/addr.h"

struct neighbour {
	uint32_t ifindex;
	struct addr address;
	bool usable; /* the kernel would send to `mac` now, sure of it or not */
	bool stale;  /* it would, and then make sure */
	bool used;   /* by a way, since the last neighbours_disuse */
	uint8_t mac[6];
	uint64_t asked_ms; /* when neighbour_ask was last called; 0: never */
};

/* All zero is an empty table. */
struct neighbours {
	void *tree;   /* of struct neighbour, see tsearch(3): no one on the link can make it slow */
	bool changed; /* set when one became usable, unusable or had its MAC changed; the owner clears it */
};

void neighbours_done(struct neighbours *neighbours);

/* An rtnl_handler for RTM_NEWNEIGH and RTM_DELNEIGH; `data` is the table. 0, -ENOMEM or -EBADMSG. */
int neighbours_note(const struct nlmsghdr *nlh, void *data);

/* The neighbour, a new and unusable one if it was not known; NULL if memory is short. Valid until the next
 * neighbours_note. */
struct neighbour *neighbours_get(struct neighbours *neighbours, uint32_t ifindex, const struct addr *address);

/* The link is gone, and all of its neighbours with it. */
void neighbours_forget(struct neighbours *neighbours, uint32_t ifindex);

/* Carries what we, not the kernel, know of the neighbours over to a table read anew. 0 or -ENOMEM. */
int neighbours_inherit(struct neighbours *neighbours, const struct neighbours *old);

/* Asks the kernel to resolve the neighbour (NTF_USE), unless it did so less than a second before `now_ms`.
 * What comes of it is told as a notification; a kernel that refuses leaves the neighbour as it is. */
void neighbour_ask(struct neighbour *neighbour, struct rtnl *rtnl, uint64_t now_ms);

/* Asks the kernel to confirm all that are stale and used. */
void neighbours_refresh(struct neighbours *neighbours, struct rtnl *rtnl);

/* All ways are about to be looked up anew: none is used until one of them does. */
void neighbours_disuse(struct neighbours *neighbours);

#endif
