/* SPDX-License-Identifier: GPL-2.0-only */
/* Health checks through the tunnel: the filter on the ports that sends them to their backends (dp_egress.h), and whether
 * this host sends them by such a port at all. */
#include <stdio.h>
#include <string.h>

#include "daemon/daemon.h"
#include "dataplane/dp_egress.h"
#include "util/log.h"

const struct listener_conf *probes_listener(const struct model *model, size_t pool)
{
	if (model->pools[pool].health.via == HEALTH_VIA_DIRECT)
		return NULL;
	for (size_t i = 0; i < model->listeners_nr; i++)
		if (model->listeners[i].pool == pool)
			return &model->listeners[i];
	return NULL;
}

static bool is_needed(const struct model *model)
{
	for (size_t i = 0; i < model->pools_nr; i++)
		if (model->pools[i].health.type != HEALTH_NONE && probes_listener(model, i))
			return true;
	return false;
}

static void tell(struct daemon *d, const char *ifname, int r, const struct err *err)
{
	if (r != d->egress_error)
		log_err("health checks through the tunnel not possible interface=%s error=\"%s\"", ifname,
			err->text);
	d->egress_error = r;
}

void probes_attach(struct daemon *d)
{
	bool is_wanted = is_needed(d->model);
	struct err err;

	d->egress_nr = 0;
	for (size_t i = 0; i < d->interfaces_nr; i++) {
		const struct dp_interface *interface = &d->interface[i];
		int r;

		if (!is_wanted) {
			dp_egress_detach(d->dp, interface->ifindex, NULL);
			continue;
		}
		r = dp_egress_attach(d->dp, interface->ifindex, &err);
		if (r)
			tell(d, interface->name, r, &err);
		else
			d->egress[d->egress_nr++] = interface->ifindex;
	}
	if (d->egress_nr == d->interfaces_nr)
		d->egress_error = 0;
}

static bool has_egress(const struct daemon *d, uint32_t ifindex)
{
	for (size_t i = 0; i < d->egress_nr; i++)
		if (d->egress[i] == ifindex)
			return true;
	return false;
}

/* A next hop that takes IP packets for `vip` by one of our ports: that of a backend, or the backend itself. What it is
 * does not matter, as the filter writes another MAC address. NULL if none is known. */
static const struct nexthop_way *find_next_hop(const struct daemon *d, size_t pool, const struct addr *vip)
{
	for (size_t i = 0; i < d->model->pools[pool].backends_nr; i++) {
		const struct backend_run *run = runs_at(&d->runs, pool, i);

		if (run->is_forwardable && addr_is_v4(&run->way.gateway) == addr_is_v4(vip))
			return &run->way;
	}
	return NULL;
}

static void suggest_route(const struct daemon *d, size_t pool, const struct addr *vip, char *ret, size_t size)
{
	const struct nexthop_way *way = find_next_hop(d, pool, vip);
	char to[ADDR_TEXT_LEN], via[ADDR_TEXT_LEN];

	if (way)
		snprintf(ret, size, "ip route replace %s via %s dev %s", addr_format(vip, to),
			 addr_format(&way->gateway, via), way->ifname);
	else
		snprintf(ret, size, "give it a route by an attached interface");
}

bool probes_are_possible(struct daemon *d, const struct listener_conf *listener, size_t pool, char *ret_text,
			 size_t size)
{
	char vip[ADDR_TEXT_LEN], route[160];
	struct nexthop_way way;
	struct err err;

	addr_format(&listener->address, vip);
	if (nexthop_find(d->nexthop, &listener->address, &way, &err)) {
		snprintf(ret_text, size, "no check: asking for the route to %s failed: %.96s", vip, err.text);
		return false;
	}
	/* A router that does not answer yet is the kernel's affair. A VIP that lies on the link is another matter: nobody
	 * answers for it, as backends keep quiet about it. */
	if ((way.problem == NEXTHOP_OK || (way.problem == NEXTHOP_UNRESOLVED && !way.on_link)) &&
	    has_egress(d, way.ifindex))
		return true;
	suggest_route(d, pool, &listener->address, route, sizeof(route));
	if (way.problem == NEXTHOP_LOCAL)
		snprintf(ret_text, size,
			 "no check: %s is an address of this host: ip address del %s dev lo, or via: direct",
			 vip, vip);
	else if (way.problem == NEXTHOP_OK || way.problem == NEXTHOP_UNRESOLVED)
		snprintf(ret_text, size, "no check: this host sends packets for %s %s: %s", vip,
			 has_egress(d, way.ifindex) ? "to a neighbour that does not answer"
						    : "by an interface without the filter for checks",
			 route);
	else
		snprintf(ret_text, size, "no check: no route leads to %s: %s", vip, route);
	return false;
}
