/* SPDX-License-Identifier: GPL-2.0-only */
/* The way to a backend: a route asked of the kernel, then its link and its neighbour looked up in tables that
 * follow the kernel's notifications. See nexthop.h for the contract. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "net/links.h"
#include "net/neighbours.h"
#include "net/nexthop.h"
#include "net/route.h"
#include "net/rtnl.h"

/* A routing daemon that learns the whole Internet sends a million: others have their turn in between. */
#define NOTICES_AT_ONCE 4096

struct nexthop {
	struct rtnl requests;
	struct rtnl notices;
	int poll_fd;
	struct links links;
	struct neighbours neighbours;
	bool routing_changed; /* an address, a route, a rule: not kept, only asked about */
	bool lost;	      /* a notification: the tables must be read anew */
};

static const enum rtnetlink_groups groups[] = {
	RTNLGRP_LINK,	    RTNLGRP_NEIGH,     RTNLGRP_IPV4_IFADDR, RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV4_ROUTE,
	RTNLGRP_IPV6_ROUTE, RTNLGRP_IPV4_RULE, RTNLGRP_IPV6_RULE,   RTNLGRP_NEXTHOP,
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* Those of links that went away while nothing was heard. */
static void forget_gone(struct nexthop *nh, const struct links *links)
{
	for (size_t i = 0; i < nh->links.count; i++)
		if (!links_find(links, nh->links.link[i].ifindex))
			neighbours_forget(&nh->neighbours, nh->links.link[i].ifindex);
}

/* Reads the tables aside and puts them in place when they are complete. Notifications that were sent
 * meanwhile wait in the other socket; they repeat what is known, or go on from it. */
static int read_tables(struct nexthop *nh)
{
	struct links links = { .changed = true };
	struct neighbours neighbours = { .changed = true };
	int r;

	r = rtnl_dump(&nh->requests, RTM_GETLINK, links_note, &links);
	if (!r)
		r = rtnl_dump(&nh->requests, RTM_GETNEIGH, neighbours_note, &neighbours);
	if (!r)
		forget_gone(nh, &links);
	if (!r)
		r = neighbours_inherit(&neighbours, &nh->neighbours);
	if (r) {
		links_done(&links);
		neighbours_done(&neighbours);
		return r;
	}
	links_done(&nh->links);
	neighbours_done(&nh->neighbours);
	nh->links = links;
	nh->neighbours = neighbours;
	nh->lost = false;
	return 0;
}

/* A netlink socket that lost a message polls as failed, at which event loops give a descriptor up. Behind an
 * epoll descriptor it is readable, and no more. */
static int open_poll(struct nexthop *nh)
{
	struct epoll_event event = { .events = EPOLLIN };

	nh->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (nh->poll_fd < 0 || epoll_ctl(nh->poll_fd, EPOLL_CTL_ADD, rtnl_fd(&nh->notices), &event))
		return -errno;
	return 0;
}

int nexthop_new(struct nexthop **ret, struct err *err)
{
	struct nexthop *nh = calloc(1, sizeof(*nh));
	int r;

	if (!nh)
		return err_set(err, -ENOMEM, "out of memory");
	nh->poll_fd = -1;
	r = rtnl_open(&nh->requests);
	if (!r)
		r = rtnl_listen(&nh->notices, groups, sizeof(groups) / sizeof(groups[0]));
	if (!r)
		r = open_poll(nh);
	if (r) {
		err_set(err, r, "cannot open a netlink socket: %s", strerror(-r));
		goto out;
	}
	r = read_tables(nh);
	if (r) {
		err_set(err, r, "cannot read links and neighbours from the kernel: %s", strerror(-r));
		goto out;
	}
	nh->links.changed = nh->neighbours.changed = false;
	*ret = nh;
	nh = NULL;
out:
	nexthop_free(nh);
	return r;
}

void nexthop_free(struct nexthop *nh)
{
	if (!nh)
		return;
	if (nh->poll_fd >= 0)
		close(nh->poll_fd);
	rtnl_done(&nh->notices);
	rtnl_done(&nh->requests);
	links_done(&nh->links);
	neighbours_done(&nh->neighbours);
	free(nh);
}

int nexthop_fd(const struct nexthop *nh)
{
	return nh->poll_fd;
}

/* Whoever made an interface anew has another one: nobody asks for those again. A bridge tells of a port that leaves
 * it with the same message. */
static void forget_if_gone(struct nexthop *nh, const struct nlmsghdr *nlh)
{
	const struct ifinfomsg *ifi = rtnl_body(nlh, sizeof(*ifi));

	if (ifi && !links_find(&nh->links, (uint32_t)ifi->ifi_index))
		neighbours_forget(&nh->neighbours, (uint32_t)ifi->ifi_index);
}

static int take_notice(const struct nlmsghdr *nlh, void *data)
{
	struct nexthop *nh = data;
	int r = 0;

	switch (nlh->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		r = links_note(nlh, &nh->links);
		forget_if_gone(nh, nlh);
		break;
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		r = neighbours_note(nlh, &nh->neighbours);
		break;
	default:
		nh->routing_changed = true;
	}
	if (r)
		nh->lost = true; /* one that could not be kept is as good as one that never came */
	return 0;
}

int nexthop_process(struct nexthop *nh, bool *ret_changed)
{
	int r = 0;

	for (unsigned i = 0; !r && i < NOTICES_AT_ONCE; i++) {
		r = rtnl_receive(&nh->notices, take_notice, nh);
		if (r == -ENOBUFS) {
			nh->lost = true;
			r = 0;
		}
	}
	if (r && r != -EAGAIN)
		return r;
	/* while older ones still wait, tables read now would be spoilt by them */
	if (nh->lost && r == -EAGAIN) {
		r = read_tables(nh);
		if (r)
			return r;
	}
	*ret_changed = nh->links.changed || nh->neighbours.changed || nh->routing_changed;
	nh->links.changed = nh->neighbours.changed = nh->routing_changed = false;
	return 0;
}

/* The first part of the way: to the link. */
static enum nexthop_problem leave_host(const struct nexthop *nh, const struct route *route,
				       struct nexthop_way *way)
{
	const struct nexthop_link *device = links_find(&nh->links, route->ifindex), *port;
	unsigned tags = 0;
	uint32_t mtu;

	if (route->kind == ROUTE_NONE)
		return NEXTHOP_NO_ROUTE;
	way->ifindex = route->ifindex;
	way->source = route->source;
	if (route->has_gateway) {
		way->gateway = route->gateway;
		way->on_link = false;
	}
	if (route->kind == ROUTE_LOCAL)
		return NEXTHOP_LOCAL;
	if (!device) /* its notification is still to be read */
		return NEXTHOP_LINK_DOWN;
	/* below VLAN devices, of which QinQ has two: the program keeps as many tags */
	for (port = device; port && port->lower && tags < 2; tags++) {
		way->ifindex = port->lower;
		port = links_find(&nh->links, port->lower);
	}
	memcpy(way->ifname, device->name, sizeof(way->ifname));
	memcpy(way->port_mac, device->mac, sizeof(way->port_mac));
	way->is_mtu_of_route = route->mtu && route->mtu < device->mtu;
	way->mtu_left_s = way->is_mtu_of_route ? route->mtu_left_s : 0;
	mtu = way->is_mtu_of_route ? route->mtu : device->mtu;
	way->mtu = mtu < UINT16_MAX ? (uint16_t)mtu : UINT16_MAX;
	if (!device->up)
		return NEXTHOP_LINK_DOWN;
	return device->ethernet ? NEXTHOP_OK : NEXTHOP_NO_MAC;
}

/* The second: over the link to the next hop. */
static enum nexthop_problem cross_link(struct nexthop *nh, struct neighbour *neighbour,
				       struct nexthop_way *way)
{
	neighbour->used = true;
	if (!neighbour->usable) {
		neighbour_ask(neighbour, &nh->requests, now_ms());
		return NEXTHOP_UNRESOLVED;
	}
	memcpy(way->next_hop_mac, neighbour->mac, sizeof(way->next_hop_mac));
	return NEXTHOP_OK;
}

int nexthop_find(struct nexthop *nh, const struct addr *to, struct nexthop_way *ret, struct err *err)
{
	struct nexthop_way way = { .gateway = *to, .on_link = true };
	struct route route;
	int r;

	r = route_find(&nh->requests, to, &route);
	if (r)
		return err_set(err, r, "cannot ask the kernel for a route: %s", strerror(-r));
	way.advmss = route.advmss;
	way.problem = leave_host(nh, &route, &way);
	if (way.problem == NEXTHOP_OK) {
		struct neighbour *neighbour = neighbours_get(&nh->neighbours, route.ifindex, &way.gateway);

		if (!neighbour)
			return err_set(err, -ENOMEM, "out of memory");
		way.problem = cross_link(nh, neighbour, &way);
	}
	*ret = way;
	return 0;
}

void nexthop_refresh(struct nexthop *nh)
{
	neighbours_refresh(&nh->neighbours, &nh->requests);
}

void nexthop_begin(struct nexthop *nh)
{
	neighbours_disuse(&nh->neighbours);
}

int nexthop_link_by_index(const struct nexthop *nh, uint32_t ifindex, struct nexthop_link *ret)
{
	const struct nexthop_link *link = links_find(&nh->links, ifindex);

	if (!link)
		return -ENODEV;
	*ret = *link;
	return 0;
}

int nexthop_link_by_name(const struct nexthop *nh, const char *name, struct nexthop_link *ret)
{
	const struct nexthop_link *link = links_find_name(&nh->links, name);

	if (!link)
		return -ENODEV;
	*ret = *link;
	return 0;
}

void nexthop_describe(const struct nexthop_way *way, char *text, size_t size)
{
	char gateway[ADDR_TEXT_LEN];

	addr_format(&way->gateway, gateway);
	switch (way->problem) {
	case NEXTHOP_OK:
		snprintf(text, size, way->on_link ? "%s is on %s" : "via %s on %s", gateway, way->ifname);
		break;
	case NEXTHOP_NO_ROUTE:
		snprintf(text, size, "no route");
		break;
	case NEXTHOP_LOCAL:
		snprintf(text, size, "%s is an address of this host", gateway);
		break;
	case NEXTHOP_LINK_DOWN:
		if (way->ifname[0])
			snprintf(text, size, "%s is down", way->ifname);
		else
			snprintf(text, size, "interface %u is not known yet", way->ifindex);
		break;
	case NEXTHOP_NO_MAC:
		snprintf(text, size, "%s has no Ethernet addresses", way->ifname);
		break;
	case NEXTHOP_UNRESOLVED:
		snprintf(text, size, "neighbour %s on %s does not answer", gateway, way->ifname);
		break;
	}
}
