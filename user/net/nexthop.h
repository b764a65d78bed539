/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to each backend, from the kernel's routes, links and neighbours (rtnetlink, RFC 3549).
 *
 * The object follows the kernel's notifications on a netlink socket that the caller polls, knows no event
 * loop, and blocks only for the kernel's own answers. It writes one thing: it asks the kernel to resolve a
 * neighbour that is missing, or to confirm one that is stale (NTF_USE), as traffic of the host would. */
#ifndef NET_NEXTHOP_H
#define NET_NEXTHOP_H

#include <stdbool.h>
#include <stdint.h>

#include "util/addr.h"
#include "util/err.h"

struct nexthop;

enum nexthop_problem {
	NEXTHOP_OK,
	NEXTHOP_NO_ROUTE,
	NEXTHOP_LOCAL, /* the address is this host's own */
	NEXTHOP_LINK_DOWN,
	NEXTHOP_NO_MAC,	    /* the link has no Ethernet addresses (a tunnel, a ppp device) */
	NEXTHOP_UNRESOLVED, /* the neighbour does not answer (yet) */
};

struct nexthop_way {
	enum nexthop_problem problem; /* what follows is valid as far as it was found */
	uint32_t ifindex;    /* of the Ethernet port; for a VLAN device the one below it; 0: unknown */
	char ifname[16];     /* of the route's own device, for people: the VLAN device, not the port */
	struct addr gateway; /* the next hop: the destination itself when on_link */
	bool on_link;
	struct addr source; /* that the kernel would choose; may be zero */
	uint16_t mtu;	    /* bytes of an IP packet: of the link, or less where the route says so */
	bool is_mtu_of_route;
	uint32_t
		mtu_left_s; /* the kernel itself learned it (path MTU discovery), and believes it so long; else 0 */
	uint32_t advmss; /* TCP segments that this host asks for on the way; 0: as the MTU has it */
	uint8_t next_hop_mac[6];
	uint8_t port_mac[6];
};

struct nexthop_link {
	uint32_t ifindex;
	char name[16];
	bool up; /* administratively, and with carrier */
	uint32_t mtu;
	uint32_t lower; /* ifindex below a VLAN device, else 0 */
	uint8_t mac[6];
	bool ethernet;
};

/* Opens the sockets and reads links and neighbours. 0 and an object that the caller frees, or -errno. */
int nexthop_new(struct nexthop **ret, struct err *err);
void nexthop_free(struct nexthop *nh); /* takes NULL */

/* Descriptor to poll for reading; then call nexthop_process, which never blocks, and says whether any link,
 * address, route or neighbour changed since the last call, so that ways should be looked up again. It takes some
 * thousand notifications at most: with more, the descriptor stays readable. After a lost notification (ENOBUFS) it
 * reads all anew by itself, once none is left, and reports a change. 0 or -errno: what is known may then be out of
 * date, and the next call tries again. */
int nexthop_fd(const struct nexthop *nh);
int nexthop_process(struct nexthop *nh, bool *ret_changed);

/* The way to `to`, asked of the kernel's routes now. 0 with ret->problem set, or -errno on trouble with
 * netlink itself. A missing or failed neighbour is asked for (at most once a second for each). */
int nexthop_find(struct nexthop *nh, const struct addr *to, struct nexthop_way *ret, struct err *err);

/* Asks the kernel to confirm every stale neighbour that a nexthop_find used since the last nexthop_begin: packets
 * that XDP forwards do not do that. Call it every few seconds. */
void nexthop_refresh(struct nexthop *nh);

/* Call it before all ways are looked up anew: neighbours of earlier ways are left alone from then on. */
void nexthop_begin(struct nexthop *nh);

/* Links by index or name; -ENODEV if there is none. */
int nexthop_link_by_index(const struct nexthop *nh, uint32_t ifindex, struct nexthop_link *ret);
int nexthop_link_by_name(const struct nexthop *nh, const char *name, struct nexthop_link *ret);

/* A short sentence for people: "no route", "neighbour 10.0.0.1 on eth0 does not answer". */
void nexthop_describe(const struct nexthop_way *way, char *text, size_t size);

#endif
