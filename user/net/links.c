/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of links; see links.h. */
#include <errno.h>
#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdlib.h>
#include <string.h>

#include "net/links.h"
#include "net/rtnl.h"

#define FIRST_ROOM 16

void links_done(struct links *links)
{
	free(links->link);
	*links = (struct links){ 0 };
}

/* Where the link is, or would be put. */
static size_t place_of(const struct links *links, uint32_t ifindex)
{
	size_t low = 0, high = links->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (links->link[middle].ifindex < ifindex)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool is_at(const struct links *links, size_t place, uint32_t ifindex)
{
	return place < links->count && links->link[place].ifindex == ifindex;
}

const struct nexthop_link *links_find(const struct links *links, uint32_t ifindex)
{
	size_t place = place_of(links, ifindex);

	return is_at(links, place, ifindex) ? &links->link[place] : NULL;
}

const struct nexthop_link *links_find_name(const struct links *links, const char *name)
{
	for (size_t i = 0; i < links->count; i++)
		if (!strcmp(links->link[i].name, name))
			return &links->link[i];
	return NULL;
}

static bool is_same(const struct nexthop_link *a, const struct nexthop_link *b)
{
	return !strcmp(a->name, b->name) && a->up == b->up && a->mtu == b->mtu && a->lower == b->lower &&
	       !memcmp(a->mac, b->mac, sizeof(a->mac)) && a->ethernet == b->ethernet;
}

static bool is_vlan(const struct nlattr *linkinfo)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(
		attr, linkinfo) if (mnl_attr_get_type(attr) == IFLA_INFO_KIND &&
				    !mnl_attr_validate(
					    attr, MNL_TYPE_NUL_STRING)) return !strcmp(mnl_attr_get_str(attr),
										       "vlan");
	return false;
}

/* Not every message tells everything (those of wireless extensions do not): what is left out stays. */
static void read_link(const struct nlmsghdr *nlh, const struct ifinfomsg *ifi, struct nexthop_link *link)
{
	const unsigned both = IFF_UP | IFF_LOWER_UP;
	bool vlan = false, elsewhere = false;
	const struct nlattr *attr;
	uint32_t lower = 0;

	link->up = (ifi->ifi_flags & both) == both;
	link->ethernet = ifi->ifi_type == ARPHRD_ETHER;
	mnl_attr_for_each(attr, nlh, sizeof(*ifi))
	{
		switch (mnl_attr_get_type(attr)) {
		case IFLA_IFNAME:
			if (!mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) &&
			    mnl_attr_get_payload_len(attr) <= sizeof(link->name))
				memcpy(link->name, mnl_attr_get_str(attr), mnl_attr_get_payload_len(attr));
			break;
		case IFLA_ADDRESS:
			rtnl_copy(attr, link->mac, sizeof(link->mac));
			break;
		case IFLA_MTU:
			rtnl_copy(attr, &link->mtu, sizeof(link->mtu));
			break;
		case IFLA_LINK: /* other kinds have it too: a veth names its peer there */
			rtnl_copy(attr, &lower, sizeof(lower));
			break;
		case IFLA_LINK_NETNSID:
			elsewhere = true;
			break;
		case IFLA_LINKINFO:
			vlan = is_vlan(attr);
			break;
		}
	}
	if (vlan && !elsewhere)
		link->lower = lower;
}

static int insert(struct links *links, size_t place, const struct nexthop_link *link)
{
	if (links->count == links->room) {
		size_t room = links->room ? 2 * links->room : FIRST_ROOM;
		struct nexthop_link *grown = reallocarray(links->link, room, sizeof(*grown));

		if (!grown)
			return -ENOMEM;
		links->link = grown;
		links->room = room;
	}
	memmove(&links->link[place + 1], &links->link[place],
		(links->count - place) * sizeof(links->link[0]));
	links->link[place] = *link;
	links->count++;
	links->changed = true;
	return 0;
}

static void remove_at(struct links *links, size_t place)
{
	links->count--;
	memmove(&links->link[place], &links->link[place + 1],
		(links->count - place) * sizeof(links->link[0]));
	links->changed = true;
}

int links_note(const struct nlmsghdr *nlh, void *data)
{
	const struct ifinfomsg *ifi = rtnl_body(nlh, sizeof(*ifi));
	struct links *links = data;
	struct nexthop_link link;
	uint32_t ifindex;
	size_t place;

	if (!ifi)
		return -EBADMSG;
	/* A bridge tells of its ports with the same messages: a port that leaves it is not gone. */
	if (ifi->ifi_family != AF_UNSPEC)
		return 0;
	ifindex = (uint32_t)ifi->ifi_index;
	place = place_of(links, ifindex);
	if (nlh->nlmsg_type == RTM_DELLINK) {
		if (is_at(links, place, ifindex))
			remove_at(links, place);
		return 0;
	}
	link = is_at(links, place, ifindex) ? links->link[place]
					    : (struct nexthop_link){ .ifindex = ifindex };
	read_link(nlh, ifi, &link);
	if (!is_at(links, place, ifindex))
		return insert(links, place, &link);
	if (!is_same(&links->link[place], &link)) {
		links->link[place] = link;
		links->changed = true;
	}
	return 0;
}
