/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of neighbours; see neighbours.h. */
#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>

#include "net/neighbours.h"

#define ASK_PAUSE_MS 1000

#define USABLE_STATES (NUD_PERMANENT | NUD_NOARP | NUD_REACHABLE | NUD_PROBE | NUD_STALE | NUD_DELAY)

static int compare(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	if (x->ifindex != y->ifindex)
		return x->ifindex < y->ifindex ? -1 : 1;
	return addr_compare(&x->address, &y->address);
}

void neighbours_done(struct neighbours *neighbours)
{
	tdestroy(neighbours->tree, free);
	*neighbours = (struct neighbours){ 0 };
}

static struct neighbour *find(const struct neighbours *neighbours, const struct neighbour *key)
{
	struct neighbour **node = tfind(key, &neighbours->tree, compare);

	return node ? *node : NULL;
}

/* The one that is like `key`, made if need be. */
static struct neighbour *get(struct neighbours *neighbours, const struct neighbour *key)
{
	struct neighbour *neighbour = find(neighbours, key);

	if (neighbour)
		return neighbour;
	neighbour = calloc(1, sizeof(*neighbour));
	if (!neighbour)
		return NULL;
	neighbour->ifindex = key->ifindex;
	neighbour->address = key->address;
	if (!tsearch(neighbour, &neighbours->tree, compare)) {
		free(neighbour);
		return NULL;
	}
	return neighbour;
}

struct neighbour *neighbours_get(struct neighbours *neighbours, uint32_t ifindex, const struct addr *address)
{
	struct neighbour key = { .ifindex = ifindex, .address = *address };

	return get(neighbours, &key);
}

/* False for what is no neighbour of IPv4 or IPv6: a bridge's forwarding entry, a proxy entry. */
static bool read_neighbour(const struct nlmsghdr *nlh, const struct ndmsg *ndm, struct neighbour *ret)
{
	bool has_address = false, has_mac = false;
	struct neighbour told = { .ifindex = (uint32_t)ndm->ndm_ifindex };
	const struct nlattr *attr;

	if ((ndm->ndm_family != AF_INET && ndm->ndm_family != AF_INET6) || ndm->ndm_flags & NTF_PROXY)
		return false;
	mnl_attr_for_each(attr, nlh, sizeof(*ndm))
	{
		if (mnl_attr_get_type(attr) == NDA_DST)
			has_address = rtnl_copy_addr(attr, ndm->ndm_family, &told.address);
		else if (mnl_attr_get_type(attr) == NDA_LLADDR)
			has_mac = rtnl_copy(attr, told.mac, sizeof(told.mac));
	}
	if (!has_address)
		return false;
	told.usable = has_mac && nlh->nlmsg_type == RTM_NEWNEIGH && ndm->ndm_state & USABLE_STATES;
	told.stale = told.usable && ndm->ndm_state & NUD_STALE;
	if (!told.usable)
		memset(told.mac, 0, sizeof(told.mac));
	*ret = told;
	return true;
}

int neighbours_note(const struct nlmsghdr *nlh, void *data)
{
	const struct ndmsg *ndm = rtnl_body(nlh, sizeof(*ndm));
	struct neighbours *neighbours = data;
	struct neighbour *known;
	struct neighbour told;

	if (!ndm)
		return -EBADMSG;
	if (!read_neighbour(nlh, ndm, &told))
		return 0;
	known = nlh->nlmsg_type == RTM_DELNEIGH ? find(neighbours, &told) : get(neighbours, &told);
	if (!known)
		return nlh->nlmsg_type == RTM_DELNEIGH ? 0 : -ENOMEM;
	if (known->usable != told.usable || memcmp(known->mac, told.mac, sizeof(known->mac)) != 0)
		neighbours->changed = true;
	known->usable = told.usable;
	known->stale = told.stale;
	memcpy(known->mac, told.mac, sizeof(known->mac));
	/* One that a way needed stays, for the time it was asked for: next hops are few, passers-by are not. */
	if (nlh->nlmsg_type == RTM_DELNEIGH && !known->asked_ms) {
		tdelete(known, &neighbours->tree, compare);
		free(known);
	}
	return 0;
}

static int compare_ifindex(const void *a, const void *b)
{
	const struct neighbour *x = a, *y = b;

	return x->ifindex < y->ifindex ? -1 : x->ifindex > y->ifindex;
}

void neighbours_forget(struct neighbours *neighbours, uint32_t ifindex)
{
	const struct neighbour any = { .ifindex = ifindex };
	struct neighbour **node;

	/* the tree has links in order: by the link alone it finds one after the other */
	while ((node = tfind(&any, &neighbours->tree, compare_ifindex))) {
		struct neighbour *neighbour = *node;

		tdelete(neighbour, &neighbours->tree, compare);
		free(neighbour);
	}
}

struct heirs {
	struct neighbours *neighbours;
	int r;
};

static void inherit_one(const void *node, VISIT which, void *data)
{
	const struct neighbour *old = *(struct neighbour *const *)node;
	struct heirs *heirs = data;
	struct neighbour *heir;

	if ((which != postorder && which != leaf) || (!old->used && !old->asked_ms))
		return;
	heir = get(heirs->neighbours, old);
	if (!heir) {
		heirs->r = -ENOMEM;
		return;
	}
	heir->used = old->used;
	heir->asked_ms = old->asked_ms;
}

int neighbours_inherit(struct neighbours *neighbours, const struct neighbours *old)
{
	struct heirs heirs = { .neighbours = neighbours };

	twalk_r(old->tree, inherit_one, &heirs);
	return heirs.r;
}

/* To the kernel this is a packet on its way: it resolves the neighbour, or makes sure of a stale one. */
static void ask(const struct neighbour *neighbour, struct rtnl *rtnl)
{
	struct nlmsghdr *nlh;
	const uint8_t *wire;
	struct ndmsg *ndm;
	size_t size;

	wire = addr_wire(&neighbour->address, &size);
	nlh = rtnl_request(rtnl, RTM_NEWNEIGH, NLM_F_CREATE);
	ndm = mnl_nlmsg_put_extra_header(nlh, sizeof(*ndm));
	ndm->ndm_family = addr_is_v4(&neighbour->address) ? AF_INET : AF_INET6;
	ndm->ndm_ifindex = (int)neighbour->ifindex;
	ndm->ndm_state = NUD_NONE;
	ndm->ndm_flags = NTF_USE;
	mnl_attr_put(nlh, NDA_DST, size, wire);
	rtnl_call(rtnl, nlh, NULL, NULL);
}

void neighbour_ask(struct neighbour *neighbour, struct rtnl *rtnl, uint64_t now_ms)
{
	if (neighbour->asked_ms && now_ms - neighbour->asked_ms < ASK_PAUSE_MS)
		return;
	neighbour->asked_ms = now_ms;
	ask(neighbour, rtnl);
}

static void refresh_one(const void *node, VISIT which, void *rtnl)
{
	const struct neighbour *neighbour = *(struct neighbour *const *)node;

	if ((which == postorder || which == leaf) && neighbour->used && neighbour->stale)
		ask(neighbour, rtnl);
}

void neighbours_refresh(struct neighbours *neighbours, struct rtnl *rtnl)
{
	twalk_r(neighbours->tree, refresh_one, rtnl);
}

static void disuse_one(const void *node, VISIT which, void *data)
{
	(void)data;
	if (which == postorder || which == leaf)
		(*(struct neighbour *const *)node)->used = false;
}

void neighbours_disuse(struct neighbours *neighbours)
{
	twalk_r(neighbours->tree, disuse_one, NULL);
}
