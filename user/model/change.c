/* SPDX-License-Identifier: GPL-2.0-only */
/* The difference of two models by name; see change.h. Everything that has a name becomes an entry; the entries of
 * either model are sorted, and the two lists are gone through side by side. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/change.h"

struct entry {
	enum change_what what;
	const char *name;		    /* of a backend: its pool's */
	const struct backend_conf *backend; /* NULL if it is none */
	const struct model *model;	    /* that it is in */
	const void *conf;
};

static int compare_entries(const void *left, const void *right)
{
	const struct entry *a = left, *b = right;
	int order = (int)a->what - (int)b->what;

	if (!order)
		order = strcmp(a->name, b->name);
	if (!order && a->backend)
		order = addr_compare(&a->backend->address, &b->backend->address);
	if (!order && a->backend)
		order = (int)a->backend->port - (int)b->backend->port;
	return order;
}

static struct entry *list_entries(const struct model *model, size_t *ret_nr)
{
	size_t nr = model->interfaces_nr + model->listeners_nr + model->pools_nr;
	struct entry *list, *next;

	for (size_t i = 0; i < model->pools_nr; i++)
		nr += model->pools[i].backends_nr;
	list = next = calloc(nr + 1, sizeof(*list));
	if (!list)
		return NULL;
	for (size_t i = 0; i < model->interfaces_nr; i++) {
		const struct interface_conf *conf = &model->interfaces[i];

		*next++ = (struct entry){ CHANGE_INTERFACE, conf->name, NULL, model, conf };
	}
	for (size_t i = 0; i < model->listeners_nr; i++) {
		const struct listener_conf *conf = &model->listeners[i];

		*next++ = (struct entry){ CHANGE_LISTENER, conf->name, NULL, model, conf };
	}
	for (size_t i = 0; i < model->pools_nr; i++) {
		const struct pool_conf *pool = &model->pools[i];

		*next++ = (struct entry){ CHANGE_POOL, pool->name, NULL, model, pool };
		for (size_t j = 0; j < pool->backends_nr; j++)
			*next++ = (struct entry){ CHANGE_BACKEND, pool->name, &pool->backends[j], model,
						  &pool->backends[j] };
	}
	qsort(list, nr, sizeof(*list), compare_entries);
	*ret_nr = nr;
	return list;
}

static bool is_same_listener(const struct entry *from, const struct entry *to)
{
	const struct listener_conf *a = from->conf, *b = to->conf;

	return !addr_compare(&a->address, &b->address) && a->protocol == b->protocol &&
	       a->port_first == b->port_first && a->port_last == b->port_last &&
	       !strcmp(from->model->pools[a->pool].name, to->model->pools[b->pool].name) &&
	       a->forward == b->forward && a->hash == b->hash && a->idle_timeout_s == b->idle_timeout_s &&
	       a->late_packet == b->late_packet && a->unknown_packet == b->unknown_packet &&
	       a->max_flows == b->max_flows && a->mss == b->mss;
}

static bool is_same_health(const struct health_conf *a, const struct health_conf *b)
{
	return a->type == b->type && a->via == b->via && a->port == b->port && !strcmp(a->path, b->path) &&
	       !strcmp(a->host, b->host) && !strcmp(a->match, b->match) && a->verify == b->verify &&
	       !strcmp(a->ca, b->ca) && a->expect_first == b->expect_first &&
	       a->expect_last == b->expect_last && a->interval_ms == b->interval_ms &&
	       a->timeout_ms == b->timeout_ms && a->rise == b->rise && a->fall == b->fall;
}

static bool is_same_pool(const struct pool_conf *a, const struct pool_conf *b)
{
	return a->table_size == b->table_size && a->all_down == b->all_down &&
	       is_same_health(&a->health, &b->health);
}

static bool is_same(const struct entry *from, const struct entry *to)
{
	switch (from->what) {
	case CHANGE_INTERFACE:
		return ((const struct interface_conf *)from->conf)->mode ==
		       ((const struct interface_conf *)to->conf)->mode;
	case CHANGE_LISTENER:
		return is_same_listener(from, to);
	case CHANGE_POOL:
		return is_same_pool(from->conf, to->conf);
	case CHANGE_BACKEND:
		return from->backend->weight == to->backend->weight;
	case CHANGE_SETTING:
	case CHANGE_WHAT_COUNT:
		break;
	}
	return true;
}

static void tell(const struct entry *entry, enum change_how how, change_fn each, void *arg)
{
	char address[ADDR_PORT_TEXT_LEN], name[CHANGE_NAME_LEN];

	if (!entry->backend) {
		each(entry->what, how, entry->name, arg);
		return;
	}
	if (entry->backend->port)
		addr_format_port(&entry->backend->address, entry->backend->port, address);
	else
		addr_format(&entry->backend->address, address);
	snprintf(name, sizeof(name), "%s/%s", entry->name, address);
	each(entry->what, how, name, arg);
}

static void list_settings(const struct model *from, const struct model *to, change_fn each, void *arg)
{
	const struct encapsulation_conf *x = &from->encapsulation, *y = &to->encapsulation;

	if (x->source4_length != y->source4_length || x->source6_length != y->source6_length ||
	    addr_compare(&x->source4, &y->source4) || addr_compare(&x->source6, &y->source6))
		each(CHANGE_SETTING, CHANGE_CHANGED, "encapsulation", arg);
	if (!model_is_same_table(&from->flow_table, &to->flow_table))
		each(CHANGE_SETTING, CHANGE_CHANGED, "flow_table", arg);
	if (from->gue.port != to->gue.port || from->gue.variant != to->gue.variant)
		each(CHANGE_SETTING, CHANGE_CHANGED, "gue", arg);
	if (from->icmp.echo != to->icmp.echo)
		each(CHANGE_SETTING, CHANGE_CHANGED, "icmp", arg);
	if (from->metrics.port != to->metrics.port ||
	    addr_compare(&from->metrics.address, &to->metrics.address))
		each(CHANGE_SETTING, CHANGE_CHANGED, "metrics", arg);
	if (strcmp(from->seed, to->seed) != 0)
		each(CHANGE_SETTING, CHANGE_CHANGED, "seed", arg);
}

int change_list(const struct model *from, const struct model *to, change_fn each, void *arg)
{
	size_t from_nr = 0, to_nr = 0, i = 0, j = 0;
	struct entry *was = list_entries(from, &from_nr);
	struct entry *is = list_entries(to, &to_nr);
	int r = was && is ? 0 : -ENOMEM;

	while (!r && (i < from_nr || j < to_nr)) {
		int order = i == from_nr ? 1 : j == to_nr ? -1 : compare_entries(&was[i], &is[j]);

		if (order < 0) {
			tell(&was[i], CHANGE_REMOVED, each, arg);
		} else if (order > 0) {
			tell(&is[j], CHANGE_ADDED, each, arg);
		} else if (!is_same(&was[i], &is[j])) {
			tell(&is[j], CHANGE_CHANGED, each, arg);
		}
		i += order <= 0;
		j += order >= 0;
	}
	if (!r)
		list_settings(from, to, each, arg);
	free(was);
	free(is);
	return r;
}

const char *change_what_name(enum change_what what)
{
	static const char *const names[CHANGE_WHAT_COUNT] = {
		[CHANGE_INTERFACE] = "interfaces", [CHANGE_LISTENER] = "listeners", [CHANGE_POOL] = "pools",
		[CHANGE_BACKEND] = "backends",	   [CHANGE_SETTING] = "settings",
	};

	return names[what];
}

const char *change_how_name(enum change_how how)
{
	static const char *const names[CHANGE_HOW_COUNT] = {
		[CHANGE_ADDED] = "added", [CHANGE_CHANGED] = "changed", [CHANGE_REMOVED] = "removed"
	};

	return names[how];
}
