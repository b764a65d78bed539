/* SPDX-License-Identifier: GPL-2.0-only */
/* Which flows are wanted, and which count most; see flow.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/flow.h"

const char *flow_state_name(enum cv_flow_state state)
{
	switch (state) {
	case CV_FLOW_NONE:
	case CV_FLOW_REFUSED: /* was never a flow, and is not shown */
		break;
	case CV_FLOW_HALF_OPEN:
		return "half-open";
	case CV_FLOW_OPEN:
		return "open";
	case CV_FLOW_CLOSING:
		return "closing";
	}
	return "none";
}

int flow_state_parse(const char *text, enum cv_flow_state *ret)
{
	static const enum cv_flow_state states[] = { CV_FLOW_HALF_OPEN, CV_FLOW_OPEN, CV_FLOW_CLOSING };

	if (!strcmp(text, "half_open")) /* as keys of JSON and metrics have it */
		text = flow_state_name(CV_FLOW_HALF_OPEN);
	for (size_t i = 0; i < CV_ARRAY_SIZE(states); i++) {
		if (strcmp(text, flow_state_name(states[i])) != 0)
			continue;
		*ret = states[i];
		return 0;
	}
	return -EINVAL;
}

static bool is_in_prefix(const uint8_t *address, const struct addr *prefix, unsigned length)
{
	unsigned bytes = length / 8, bits = length % 8;
	uint8_t mask = (uint8_t)(0xff00 >> bits);

	if (memcmp(address, prefix->byte, bytes) != 0)
		return false;
	return !bits || ((address[bytes] ^ prefix->byte[bytes]) & mask) == 0;
}

bool flow_is_wanted(const struct flow_filter *filter, const struct cv_flow6_key *key,
		    const struct cv_flow *flow, const struct addr *backend)
{
	if (filter->listener && filter->listener != flow->listener)
		return false;
	if (filter->state && filter->state != flow->state)
		return false;
	if (filter->has_backend && (!backend || addr_compare(backend, &filter->backend) != 0))
		return false;
	return is_in_prefix(key->client, &filter->client, filter->client_length);
}

/* Puts `item` where place `at` is empty, or below, so that no item has a lower rank than the one above. */
static void sink(struct flow_top *top, size_t at, const struct flow_ranked *item)
{
	for (;;) {
		size_t below = 2 * at + 1;

		if (below + 1 < top->nr && top->item[below + 1].rank < top->item[below].rank)
			below++;
		if (below >= top->nr || top->item[below].rank >= item->rank)
			break;
		top->item[at] = top->item[below];
		at = below;
	}
	top->item[at] = *item;
}

static void rise(struct flow_top *top, size_t at, const struct flow_ranked *item)
{
	while (at && top->item[(at - 1) / 2].rank > item->rank) {
		top->item[at] = top->item[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	top->item[at] = *item;
}

int flow_top_offer(struct flow_top *top, uint64_t rank, const struct cv_flow6_key *key,
		   const struct cv_flow *flow)
{
	const struct flow_ranked item = { .rank = rank, .key = *key, .flow = *flow };

	if (top->nr == top->max) {
		if (top->nr && rank > top->item[0].rank)
			sink(top, 0, &item);
		return 0;
	}
	if (top->nr == top->room) {
		size_t room = top->room ? 2 * top->room : 64;
		struct flow_ranked *more = reallocarray(top->item, room, sizeof(*more));

		if (!more)
			return -ENOMEM;
		top->item = more;
		top->room = room;
	}
	rise(top, top->nr++, &item);
	return 0;
}

static int compare_ranks(const void *a, const void *b)
{
	const struct flow_ranked *one = a, *two = b;

	if (one->rank != two->rank)
		return one->rank > two->rank ? -1 : 1;
	return memcmp(&one->key, &two->key, sizeof(one->key));
}

void flow_top_sort(struct flow_top *top)
{
	if (top->nr)
		qsort(top->item, top->nr, sizeof(*top->item), compare_ranks);
}

void flow_top_done(struct flow_top *top)
{
	free(top->item);
	*top = (struct flow_top){ 0 };
}
