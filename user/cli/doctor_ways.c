/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: the way to each backend, as the daemon would find it, and whether a tunnelled packet fits through. */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"

#define CLIENT_MTU 1500 /* of nearly every client's own link: the largest packets that come */
#define PATIENCE_MS 100 /* for a neighbour to answer; a few times */
#define PATIENCE 15

struct way {
	struct addr address;
	unsigned outer; /* bytes that the longest of its tunnels puts before a packet; 0: it has none */
	struct nexthop_way way;
};

struct ways {
	struct way *way; /* in the order of their addresses, each once */
	size_t nr;
	unsigned widest; /* tunnel of this configuration, were its backend IPv6 */
};

static int compare_ways(const void *left, const void *right)
{
	const struct way *a = left, *b = right;

	return addr_compare(&a->address, &b->address);
}

static unsigned outer_bytes(const struct model *model, size_t pool, enum cv_family backend)
{
	unsigned most = 0;

	for (size_t i = 0; i < model->listeners_nr; i++) {
		unsigned bytes = cv_outer_bytes(model->listeners[i].forward, model->gue.variant, backend);

		if (model->listeners[i].pool == pool && bytes > most)
			most = bytes;
	}
	return most;
}

static int list_ways(const struct model *model, struct ways *ret)
{
	size_t nr = 0;

	for (size_t i = 0; i < model->pools_nr; i++)
		nr += model->pools[i].backends_nr;
	ret->way = calloc(nr + 1, sizeof(*ret->way));
	ret->nr = 0;
	ret->widest = 0;
	if (!ret->way)
		return -ENOMEM;
	for (size_t i = 0; i < model->pools_nr; i++) {
		const unsigned outer[] = { outer_bytes(model, i, CV_FAMILY_IPV4),
					   outer_bytes(model, i, CV_FAMILY_IPV6) };

		if (outer[1] > ret->widest)
			ret->widest = outer[1];
		for (size_t j = 0; j < model->pools[i].backends_nr; j++) {
			const struct addr *address = &model->pools[i].backends[j].address;

			ret->way[ret->nr++] =
				(struct way){ .address = *address, .outer = outer[!addr_is_v4(address)] };
		}
	}
	qsort(ret->way, nr, sizeof(*ret->way), compare_ways);
	ret->nr = 0;
	for (size_t i = 0; i < nr; i++) {
		struct way *last = ret->nr ? &ret->way[ret->nr - 1] : NULL;

		if (last && !compare_ways(last, &ret->way[i]))
			last->outer = ret->way[i].outer > last->outer ? ret->way[i].outer : last->outer;
		else
			ret->way[ret->nr++] = ret->way[i];
	}
	return 0;
}

/* Looks all ways up; again while neighbours that were asked for may still answer. */
static int find_ways(struct doctor *doctor, struct ways *ways, struct err *err)
{
	struct pollfd notices = { .fd = nexthop_fd(doctor->nexthop), .events = POLLIN };
	bool is_changed, is_waiting = true;

	for (int tries = 0; is_waiting && tries < PATIENCE; tries++) {
		is_waiting = false;
		if (tries) {
			poll(&notices, 1, PATIENCE_MS);
			nexthop_process(doctor->nexthop, &is_changed);
		}
		for (size_t i = 0; i < ways->nr; i++) {
			int r = nexthop_find(doctor->nexthop, &ways->way[i].address, &ways->way[i].way, err);

			if (r)
				return r;
			is_waiting |= ways->way[i].way.problem == NEXTHOP_UNRESOLVED;
		}
	}
	return 0;
}

/* How the others are reached, for one that is not: the next hop of the first that has a gateway. */
static const struct nexthop_way *guess_way(const struct ways *ways, const struct addr *address)
{
	for (size_t i = 0; i < ways->nr; i++) {
		const struct nexthop_way *way = &ways->way[i].way;

		if (way->problem == NEXTHOP_OK && !way->on_link &&
		    addr_is_v4(&way->gateway) == addr_is_v4(address))
			return way;
	}
	return NULL;
}

/* A bad way; false if it is none. */
static bool check_way(struct doctor *doctor, const struct ways *ways, const struct way *at)
{
	const struct nexthop_way *way = &at->way, *guess = guess_way(ways, &at->address);
	char address[ADDR_TEXT_LEN], gateway[ADDR_TEXT_LEN] = "GATEWAY", text[96];
	struct findings *findings = &doctor->findings;

	if (way->problem == NEXTHOP_OK)
		return false;
	addr_format(&at->address, address);
	nexthop_describe(way, text, sizeof(text));
	finding_bad(findings, FINDING_ERROR, "way", "packets for this backend are dropped", "backend %s: %s",
		    address, text);
	switch (way->problem) {
	case NEXTHOP_NO_ROUTE:
	case NEXTHOP_NO_MAC: /* another way, over Ethernet */
		if (guess)
			addr_format(&guess->gateway, gateway);
		finding_mend(findings, "ip route replace %s via %s%s%s", address, gateway,
			     guess ? " dev " : "", guess ? guess->ifname : "");
		break;
	case NEXTHOP_LINK_DOWN:
		finding_mend(findings, "ip link set dev %s up", way->ifname);
		break;
	case NEXTHOP_UNRESOLVED:
		addr_format(&way->gateway, gateway);
		finding_mend(findings, "ip neighbour flush to %s dev %s; ping -c 3 %s", gateway, way->ifname,
			     gateway);
		break;
	case NEXTHOP_LOCAL:
		finding_mend(findings, "ip -brief address # and take %s off this host, or out of %s", address,
			     doctor->config);
		break;
	case NEXTHOP_OK:
		break;
	}
	return true;
}

static bool check_port(struct doctor *doctor, const struct way *at)
{
	char address[ADDR_TEXT_LEN];
	struct nexthop_link port;

	for (size_t i = 0; i < doctor->attached_nr; i++)
		if (doctor->attached[i].ifindex == at->way.ifindex)
			return false;
	if (nexthop_link_by_index(doctor->nexthop, at->way.ifindex, &port))
		return false;
	finding_bad(&doctor->findings, FINDING_ERROR, "way", "packets for this backend are dropped",
		    "backend %s is reached through %s, where the program is not attached",
		    addr_format(&at->address, address), port.name);
	finding_mend(&doctor->findings, "culvert attach %s%s", port.name, doctor->pin_option);
	return true;
}

/* The room that a full packet of a client needs in its tunnel. */
static bool check_mtu(struct doctor *doctor, const struct ways *ways, const struct way *at, char *ret_told)
{
	unsigned needed = CLIENT_MTU + at->outer;
	const struct nexthop_way *way = &at->way;
	char address[ADDR_TEXT_LEN], gateway[ADDR_TEXT_LEN];
	struct nexthop_link device;

	if (!at->outer || way->mtu >= needed || nexthop_link_by_name(doctor->nexthop, way->ifname, &device))
		return false;
	if (device.mtu < needed && !strcmp(ret_told, device.name))
		return true; /* as it was said of the backend before */
	addr_format(&at->address, address);
	finding_bad(
		&doctor->findings, FINDING_WARNING, "mtu",
		"clients have to find that out for each connection, and those that send without DF cannot",
		"backend %s: the tunnel through %s carries packets of %u bytes, clients send %u", address,
		way->ifname, way->mtu - at->outer, CLIENT_MTU);
	if (device.mtu < needed) {
		finding_mend(&doctor->findings, "ip link set dev %s mtu %u", device.name,
			     CLIENT_MTU + ways->widest);
		memcpy(ret_told, device.name, sizeof(device.name));
	} else if (way->on_link) {
		finding_mend(&doctor->findings, "ip route replace %s dev %s mtu %u", address, way->ifname,
			     needed);
	} else {
		finding_mend(&doctor->findings, "ip route replace %s via %s dev %s mtu %u", address,
			     addr_format(&way->gateway, gateway), way->ifname, needed);
	}
	return true;
}

/* ICMP errors about tunnels are addressed to where these come from. */
static void check_source(struct doctor *doctor, const struct addr *prefix, unsigned length)
{
	char address[ADDR_TEXT_LEN];
	struct nexthop_way way;
	struct err err;

	if (!length || nexthop_find(doctor->nexthop, prefix, &way, &err))
		return;
	addr_format(prefix, address);
	if (way.problem == NEXTHOP_LOCAL) {
		finding_ok(&doctor->findings, "source", "this host takes packets to %s/%u", address, length);
		return;
	}
	finding_bad(&doctor->findings, FINDING_WARNING, "source",
		    "routers tell tunnels from there of narrow paths, and are not heard",
		    "this host does not take packets to %s/%u", address, length);
	finding_mend(&doctor->findings, "ip route replace local %s/%u dev lo", address, length);
}

void doctor_ways(struct doctor *doctor)
{
	const struct encapsulation_conf *sources = &doctor->model->encapsulation;
	char told[sizeof(((struct nexthop_link *)NULL)->name)] = "";
	struct ways ways;
	struct err err = { "out of memory" };
	size_t bad = 0, narrow = 0;

	if (list_ways(doctor->model, &ways) || find_ways(doctor, &ways, &err)) {
		finding_bad(&doctor->findings, FINDING_ERROR, "way", "the ways were not looked at", "%s",
			    err.text);
		free(ways.way);
		return;
	}
	for (size_t i = 0; i < ways.nr; i++) {
		const struct way *at = &ways.way[i];

		if (check_way(doctor, &ways, at) || check_port(doctor, at))
			bad++;
		else
			narrow += check_mtu(doctor, &ways, at, told);
	}
	if (!bad)
		finding_ok(&doctor->findings, "way", "%zu of %zu backends have one", ways.nr, ways.nr);
	if (!narrow)
		finding_ok(&doctor->findings, "mtu", "full packets of clients fit to every backend");
	check_source(doctor, &sources->source4, sources->source4_length);
	check_source(doctor, &sources->source6, sources->source6_length);
	free(ways.way);
}
