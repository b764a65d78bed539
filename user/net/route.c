/* SPDX-License-Identifier: GPL-2.0-only */
/* The question for a route; see route.h. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <unistd.h>

#include "net/route.h"

static enum route_kind kind_of(unsigned char type)
{
	switch (type) {
	case RTN_UNICAST:
		return ROUTE_AWAY;
	case RTN_LOCAL:
	case RTN_ANYCAST: /* an address of a router is one of its own, too (RFC 4291 2.6.1) */
		return ROUTE_LOCAL;
	default: /* unreachable, blackhole, prohibit; broadcast and multicast lead to no one host */
		return ROUTE_NONE;
	}
}

static void read_metrics(const struct nlattr *metrics, struct route *route)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, metrics)
	{
		if (mnl_attr_get_type(attr) == RTAX_MTU)
			rtnl_copy(attr, &route->mtu, sizeof(route->mtu));
		if (mnl_attr_get_type(attr) == RTAX_ADVMSS)
			rtnl_copy(attr, &route->advmss, sizeof(route->advmss));
	}
}

/* A cached answer that expires: path MTU discovery made it. (Routes of router advertisements expire as well, and are not
 * cached.) */
static void read_cache(const struct nlattr *attr, const struct rtmsg *rtm, struct route *route)
{
	struct rta_cacheinfo cache = { 0 };

	rtnl_copy(attr, &cache, sizeof(cache));
	if (rtm->rtm_flags & RTM_F_CLONED && cache.rta_expires > 0)
		route->mtu_left_s = (uint32_t)(cache.rta_expires / sysconf(_SC_CLK_TCK)) + 1;
}

/* RTA_VIA: a next hop of a family of its own. */
static bool via_of(const struct nlattr *attr, struct addr *ret)
{
	const struct rtvia *via = mnl_attr_get_payload(attr);
	size_t size = mnl_attr_get_payload_len(attr);

	if (size < sizeof(*via) || size - sizeof(*via) != (via->rtvia_family == AF_INET ? 4 : 16))
		return false;
	return !addr_from_wire(via->rtvia_family, via->rtvia_addr, ret);
}

int route_note(const struct nlmsghdr *nlh, void *data)
{
	const struct rtmsg *rtm = rtnl_body(nlh, sizeof(*rtm));
	const struct nlattr *attr;
	struct route *route = data;

	if (!rtm)
		return -EBADMSG;
	*route = (struct route){ .kind = kind_of(rtm->rtm_type) };
	mnl_attr_for_each(attr, nlh, sizeof(*rtm))
	{
		switch (mnl_attr_get_type(attr)) {
		case RTA_OIF:
			rtnl_copy(attr, &route->ifindex, sizeof(route->ifindex));
			break;
		case RTA_GATEWAY:
			route->has_gateway = rtnl_copy_addr(attr, rtm->rtm_family, &route->gateway);
			break;
		case RTA_VIA:
			route->has_gateway = via_of(attr, &route->gateway);
			break;
		case RTA_PREFSRC:
			rtnl_copy_addr(attr, rtm->rtm_family, &route->source);
			break;
		case RTA_METRICS:
			read_metrics(attr, route);
			break;
		case RTA_CACHEINFO:
			read_cache(attr, rtm, route);
			break;
		}
	}
	return 0;
}

/* The kernel says "no route" in an error for each kind of it: none, unreachable, prohibit, blackhole, and no
 * such protocol on this host. */
static bool is_refusal(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL || r == -EOPNOTSUPP;
}

int route_find(struct rtnl *rtnl, const struct addr *to, struct route *ret)
{
	struct route route = { .kind = ROUTE_NONE };
	const uint8_t *wire;
	struct nlmsghdr *nlh;
	struct rtmsg *rtm;
	size_t size;
	int r;

	wire = addr_wire(to, &size);
	nlh = rtnl_request(rtnl, RTM_GETROUTE, 0);
	rtm = mnl_nlmsg_put_extra_header(nlh, sizeof(*rtm));
	rtm->rtm_family = addr_is_v4(to) ? AF_INET : AF_INET6;
	rtm->rtm_dst_len = (unsigned char)(8 * size);
	mnl_attr_put(nlh, RTA_DST, size, wire);
	r = rtnl_call(rtnl, nlh, route_note, &route);
	if (r && !is_refusal(r))
		return r;
	if (r)
		route = (struct route){ .kind = ROUTE_NONE };
	*ret = route;
	return 0;
}
