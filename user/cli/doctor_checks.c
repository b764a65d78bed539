/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: whether answers of health checks through the tunnel come in. A check goes to the VIP, by the route
 * to it, and the backend answers from there: by another port the kernel takes that only if its reverse path filter is not
 * strict. */
#include <ifaddrs.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>

#include "cli/doctor.h"

#define STRICT 1

/* The address that checks of a pool go to; NULL if none go through a tunnel, or not by IPv4, which alone is filtered. */
static const struct addr *checked_vip(const struct model *model, size_t pool)
{
	const struct health_conf *health = &model->pools[pool].health;

	if (health->type == HEALTH_NONE || health->via == HEALTH_VIA_DIRECT)
		return NULL;
	for (size_t i = 0; i < model->listeners_nr; i++) {
		const struct addr *vip = &model->listeners[i].address;

		if (model->listeners[i].pool == pool)
			return addr_is_v4(vip) ? vip : NULL;
	}
	return NULL;
}

/* The interface that has this address; false if none has, or lo, which is nowhere. */
static bool find_owner(const struct addr *address, char ret_name[IF_NAMESIZE])
{
	struct ifaddrs *list = NULL;
	bool is_found = false;
	struct addr is;

	if (getifaddrs(&list))
		return false;
	for (const struct ifaddrs *at = list; at && !is_found; at = at->ifa_next) {
		is_found = strcmp(at->ifa_name, "lo") != 0 && doctor_address(at, &is) &&
			   !addr_compare(&is, address);
		if (is_found)
			snprintf(ret_name, IF_NAMESIZE, "%s", at->ifa_name);
	}
	freeifaddrs(list);
	return is_found;
}

/* Interfaces that were warned of. */
struct warned {
	char name[CV_MAX_INTERFACES][IF_NAMESIZE];
	size_t nr;
};

static bool is_new(struct warned *warned, const char *name)
{
	for (size_t i = 0; i < warned->nr; i++)
		if (!strcmp(warned->name[i], name))
			return false;
	if (warned->nr < CV_MAX_INTERFACES)
		snprintf(warned->name[warned->nr++], IF_NAMESIZE, "%s", name);
	return true;
}

/* Answers from the VIP that come in by `name`, where `route` is the way to it. */
static void check_interface(struct doctor *doctor, const struct addr *vip, const char *name,
			    const struct nexthop_way *route, struct warned *warned)
{
	char text[ADDR_TEXT_LEN], key[IF_NAMESIZE];

	if (!strcmp(name, route->ifname) || doctor_effective(name, "rp_filter") != STRICT ||
	    !is_new(warned, name))
		return;
	finding_bad(&doctor->findings, FINDING_WARNING, "rp_filter",
		    "answers of health checks come in there and are dropped: backends are down",
		    "%s: reverse path filtering is strict, and the route to %s leads out of %s", name,
		    addr_format(vip, text), route->ifname);
	snprintf(key, sizeof(key), "%s", name);
	for (char *dot = key; (dot = strchr(dot, '.'));)
		*dot = '/'; /* as sysctl writes a dot in a name */
	finding_mend(&doctor->findings, "sysctl -w net.ipv4.conf.%s.rp_filter=2", key);
}

/* Answers go to the source address of the checks: to the port that has it, or if that is lo to the one that leads to the
 * backend. */
static void check_pool(struct doctor *doctor, size_t index, const struct addr *vip, struct warned *warned)
{
	const struct pool_conf *pool = &doctor->model->pools[index];
	struct nexthop_way route, way;
	char owner[IF_NAMESIZE];

	if (!doctor_find_way(doctor, vip, &route))
		return;
	if (find_owner(&route.source, owner)) {
		check_interface(doctor, vip, owner, &route, warned);
		return;
	}
	for (size_t i = 0; i < pool->backends_nr; i++)
		if (doctor_find_way(doctor, &pool->backends[i].address, &way))
			check_interface(doctor, vip, way.ifname, &route, warned);
}

void doctor_checks(struct doctor *doctor)
{
	struct warned warned = { .nr = 0 };
	bool is_any = false;

	for (size_t i = 0; i < doctor->model->pools_nr; i++) {
		const struct addr *vip = checked_vip(doctor->model, i);

		if (!vip)
			continue;
		is_any = true;
		check_pool(doctor, i, vip, &warned);
	}
	if (is_any && !warned.nr)
		finding_ok(&doctor->findings, "rp_filter", "answers of health checks are let in");
}
