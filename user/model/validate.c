/* SPDX-License-Identifier: GPL-2.0-only */
/* The relations of a model (model_validate in model.h). Each check sorts pointers to what it compares, so
 * that nothing is quadratic; equal ones stay in the order of the file, and the later is the one at fault.
 *
 * Files with errors in single values are looked at too. Such values are zero here (the index of a pool: out of
 * range) and are passed over, so that no mistake is reported twice. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

struct check {
	const struct model *model;
	void (*report)(const struct model_fault *fault, void *arg);
	void *arg;
	size_t faults;
	struct model_fault fault; /* the one being put together */
	const void **sorted;	  /* pointers to what is compared at the moment */
	size_t sorted_nr;	  /* of them; there is room for the longest list of the model */
};

/* --- reporting ------------------------------------------------------------------------------------ */

/* Where the next fault is. */
static __attribute__((format(printf, 3, 4))) void at(struct check *check, struct mark mark, const char *path,
						     ...)
{
	va_list args;

	check->fault.mark = mark;
	va_start(args, path);
	vsnprintf(check->fault.path, sizeof(check->fault.path), path, args);
	va_end(args);
}

static __attribute__((format(printf, 2, 3))) void fault(struct check *check, const char *text, ...)
{
	va_list args;

	va_start(args, text);
	vsnprintf(check->fault.text, sizeof(check->fault.text), text, args);
	va_end(args);
	check->report(&check->fault, check->arg);
	check->faults++;
}

static size_t index_of(const struct check *check, const struct listener_conf *listener)
{
	return (size_t)(listener - check->model->listeners);
}

/* --- sorting -------------------------------------------------------------------------------------- */

static int compare_numbers(uintptr_t a, uintptr_t b)
{
	return (a > b) - (a < b);
}

static void sort(struct check *check, int (*compare)(const void *, const void *))
{
	qsort(check->sorted, check->sorted_nr, sizeof(*check->sorted), compare);
}

/* Items of a list lie in the order of the file. */
static int compare_places(const void *a, const void *b)
{
	return compare_numbers((uintptr_t)a, (uintptr_t)b);
}

/* --- names ---------------------------------------------------------------------------------------- */

/* The name is the first field of all that have one. */
static int compare_names(const void *a, const void *b)
{
	const char *one = *(const char *const *)a, *other = *(const char *const *)b;
	int order = strcmp(one, other);

	return order ? order : compare_places(one, other);
}

static void check_names(struct check *check, const char *list, const void *items, size_t nr, size_t size,
			size_t mark_offset)
{
	const char *first = NULL;

	check->sorted_nr = nr;
	for (size_t i = 0; i < nr; i++)
		check->sorted[i] = (const char *)items + i * size;
	sort(check, compare_names);
	for (size_t i = 0; i < nr; i++) {
		const char *item = check->sorted[i];

		if (!*item || !first || strcmp(item, first) != 0) {
			first = item;
			continue;
		}
		at(check, *(const struct mark *)(item + mark_offset), "%s[%zu].name", list,
		   (size_t)(item - (const char *)items) / size);
		fault(check, "\"%s\": the name of %s[%zu] in line %u already, must be unique", item, list,
		      (size_t)(first - (const char *)items) / size,
		      ((const struct mark *)(first + mark_offset))->line);
	}
}

/* --- what listeners claim ------------------------------------------------------------------------- */

/* Of two listeners with a port in common the narrower kind wins; within a kind there must be none. */
enum claim { CLAIM_PORT, CLAIM_RANGE, CLAIM_ANY };

static enum claim claim_of(const struct listener_conf *listener)
{
	if (listener->port_first == listener->port_last)
		return CLAIM_PORT;
	return listener->port_first == 1 && listener->port_last == 65535 ? CLAIM_ANY : CLAIM_RANGE;
}

static bool has_claim(const struct listener_conf *listener)
{
	return listener->protocol != CV_PROTOCOL_NONE && listener->port_first &&
	       !addr_is_zero(&listener->address);
}

/* 0 for two listeners of the same address, protocol and kind of claim. */
static int compare_claims(const struct listener_conf *a, const struct listener_conf *b)
{
	int order = addr_compare(&a->address, &b->address);

	if (!order)
		order = compare_numbers(a->protocol, b->protocol);
	return order ? order : compare_numbers(claim_of(a), claim_of(b));
}

static int compare_ports(const void *a, const void *b)
{
	const struct listener_conf *one = *(const struct listener_conf *const *)a;
	const struct listener_conf *other = *(const struct listener_conf *const *)b;
	int order = compare_claims(one, other);

	if (!order)
		order = compare_numbers(one->port_first, other->port_first);
	return order ? order : compare_places(one, other);
}

static void report_claim(struct check *check, const struct listener_conf *a, const struct listener_conf *b)
{
	const struct listener_conf *first = a < b ? a : b, *second = a < b ? b : a;

	at(check, second->mark, "listeners[%zu].port", index_of(check, second));
	fault(check,
	      claim_of(first) == CLAIM_RANGE
		      ? "must not share a port with the range of listeners[%zu] in line %u, of the same "
			"address and protocol"
		      : "listeners[%zu] in line %u has this address, protocol and port: one must differ",
	      index_of(check, first), first->mark.line);
}

static void check_claims(struct check *check)
{
	const struct model *model = check->model;
	const struct listener_conf *widest = NULL; /* the one of its kind that reaches furthest so far */

	check->sorted_nr = 0;
	for (size_t i = 0; i < model->listeners_nr; i++) {
		if (has_claim(&model->listeners[i]))
			check->sorted[check->sorted_nr++] = &model->listeners[i];
	}
	sort(check, compare_ports);
	for (size_t i = 0; i < check->sorted_nr; i++) {
		const struct listener_conf *listener = check->sorted[i];
		bool is_next = widest && !compare_claims(widest, listener);

		if (is_next && listener->port_first <= widest->port_last)
			report_claim(check, widest, listener);
		if (!is_next || listener->port_last > widest->port_last)
			widest = listener;
	}
}

/* --- listeners and their pools -------------------------------------------------------------------- */

static int compare_pools(const void *a, const void *b)
{
	const struct listener_conf *one = *(const struct listener_conf *const *)a;
	const struct listener_conf *other = *(const struct listener_conf *const *)b;
	int order = compare_numbers(one->pool, other->pool);

	return order ? order : compare_places(one, other);
}

/* A check without a port goes to the port of the pool's first listener. */
static void check_health_port(struct check *check, const struct pool_conf *pool,
			      const struct listener_conf *first)
{
	if (pool->health.type == HEALTH_NONE || pool->health.port || first->port_first == first->port_last)
		return;
	at(check, pool->mark, "pools[%zu].health.port", first->pool);
	fault(check, "missing: must be given, as listeners[%zu] in line %u has more than one port",
	      index_of(check, first), first->mark.line);
}

/* `odd` is a backend of the other family, or NULL. */
static void check_l2(struct check *check, const struct listener_conf *listener,
		     const struct backend_conf *odd)
{
	char text[ADDR_TEXT_LEN];

	if (!odd || listener->forward != CV_FORWARD_L2 || addr_is_zero(&listener->address))
		return;
	at(check, listener->mark, "listeners[%zu].forward", index_of(check, listener));
	fault(check, "l2 cannot reach backend %s in line %u from an %s address: must be ipip or gue",
	      addr_format(&odd->address, text), odd->mark.line,
	      addr_is_v4(&listener->address) ? "IPv4" : "IPv6");
}

static const struct backend_conf *find_family(const struct pool_conf *pool, enum cv_family family)
{
	for (size_t i = 0; i < pool->backends_nr; i++) {
		const struct addr *address = &pool->backends[i].address;

		if (!addr_is_zero(address) && addr_family(address) == family)
			return &pool->backends[i];
	}
	return NULL;
}

static void check_pool_use(struct check *check)
{
	const struct model *model = check->model;
	const struct backend_conf *v4 = NULL, *v6 = NULL;
	const struct pool_conf *pool = NULL;

	check->sorted_nr = 0;
	for (size_t i = 0; i < model->listeners_nr; i++) {
		if (model->listeners[i].pool < model->pools_nr)
			check->sorted[check->sorted_nr++] = &model->listeners[i];
	}
	sort(check, compare_pools);
	for (size_t i = 0; i < check->sorted_nr; i++) {
		const struct listener_conf *listener = check->sorted[i];

		if (pool != &model->pools[listener->pool]) {
			pool = &model->pools[listener->pool];
			v4 = find_family(pool, CV_FAMILY_IPV4);
			v6 = find_family(pool, CV_FAMILY_IPV6);
			check_health_port(check, pool, listener);
		}
		check_l2(check, listener, addr_is_v4(&listener->address) ? v6 : v4);
	}
}

/* --- backends ------------------------------------------------------------------------------------- */

static int compare_backends(const void *a, const void *b)
{
	const struct backend_conf *one = *(const struct backend_conf *const *)a;
	const struct backend_conf *other = *(const struct backend_conf *const *)b;
	int order = addr_compare(&one->address, &other->address);

	if (!order)
		order = compare_numbers(one->port, other->port);
	return order ? order : compare_places(one, other);
}

static void check_twins(struct check *check, size_t pool)
{
	const struct backend_conf *backends = check->model->pools[pool].backends, *first = NULL;

	check->sorted_nr = check->model->pools[pool].backends_nr;
	for (size_t i = 0; i < check->sorted_nr; i++)
		check->sorted[i] = &backends[i];
	sort(check, compare_backends);
	for (size_t i = 0; i < check->sorted_nr; i++) {
		const struct backend_conf *backend = check->sorted[i];

		if (addr_is_zero(&backend->address) || !first || first->port != backend->port ||
		    addr_compare(&first->address, &backend->address)) {
			first = backend;
			continue;
		}
		at(check, backend->mark, "pools[%zu].backends[%zu].address", pool,
		   (size_t)(backend - backends));
		fault(check, "the same backend as backends[%zu] in line %u, must be unique in its pool",
		      (size_t)(first - backends), first->mark.line);
	}
}

static void check_pools(struct check *check)
{
	for (size_t i = 0; i < check->model->pools_nr; i++) {
		const struct pool_conf *pool = &check->model->pools[i];

		check_twins(check, i);
		if (!pool->table_size || pool->table_size >= pool->backends_nr)
			continue;
		at(check, pool->mark, "pools[%zu].table_size", i);
		fault(check, "%u slots for %zu backends: must be at least one each", pool->table_size,
		      pool->backends_nr);
	}
}

static int compare_addresses(const void *a, const void *b)
{
	const struct listener_conf *one = *(const struct listener_conf *const *)a;
	const struct listener_conf *other = *(const struct listener_conf *const *)b;

	return addr_compare(&one->address, &other->address);
}

/* What is sent to a backend with the address of a listener comes back to the balancer. */
static void check_loops(struct check *check)
{
	const struct model *model = check->model;
	struct listener_conf wanted, *key = &wanted;

	check->sorted_nr = model->listeners_nr;
	for (size_t i = 0; i < model->listeners_nr; i++)
		check->sorted[i] = &model->listeners[i];
	sort(check, compare_addresses);
	for (size_t i = 0; i < model->pools_nr; i++) {
		const struct pool_conf *pool = &model->pools[i];

		for (size_t j = 0; j < pool->backends_nr; j++) {
			const struct backend_conf *backend = &pool->backends[j];

			wanted.address = backend->address;
			if (addr_is_zero(&backend->address) ||
			    !bsearch(&key, check->sorted, check->sorted_nr, sizeof(*check->sorted),
				     compare_addresses))
				continue;
			at(check, backend->mark, "pools[%zu].backends[%zu].address", i, j);
			fault(check, "a listener's address: packets would come back, must be another");
		}
	}
}

/* --- limits --------------------------------------------------------------------------------------- */

static void check_limits(struct check *check)
{
	const struct model *model = check->model;
	size_t before, backends = 0;

	if (model->listeners_nr > CV_MAX_LISTENERS) {
		at(check, model->listeners[CV_MAX_LISTENERS].mark, "listeners");
		fault(check, "%zu are too many: at most %d are allowed", model->listeners_nr,
		      CV_MAX_LISTENERS);
	}
	if (model->pools_nr > CV_MAX_POOLS) {
		at(check, model->pools[CV_MAX_POOLS].mark, "pools");
		fault(check, "%zu are too many: at most %d are allowed", model->pools_nr, CV_MAX_POOLS);
	}
	for (size_t i = 0; i < model->pools_nr; i++) {
		before = backends;
		backends += model->pools[i].backends_nr;
		if (before > CV_MAX_BACKENDS || backends <= CV_MAX_BACKENDS)
			continue;
		at(check, model->pools[i].mark, "pools[%zu].backends", i);
		fault(check, "%zu backends in the pools up to this one: at most %d are allowed in all",
		      backends, CV_MAX_BACKENDS);
	}
}

/* At least the length of the longest list. */
static size_t count_items(const struct model *model)
{
	size_t nr = model->interfaces_nr + model->listeners_nr + model->pools_nr;

	for (size_t i = 0; i < model->pools_nr; i++)
		nr += model->pools[i].backends_nr;
	return nr;
}

size_t model_validate(const struct model *model, void (*report)(const struct model_fault *fault, void *arg),
		      void *arg)
{
	struct check check = { .model = model, .report = report, .arg = arg };

	check.sorted = calloc(count_items(model) + 1, sizeof(*check.sorted));
	if (!check.sorted) {
		at(&check, (struct mark){}, "listeners");
		fault(&check, "out of memory: the relations could not be checked");
		return check.faults;
	}
	check_names(&check, "interfaces", model->interfaces, model->interfaces_nr,
		    sizeof(struct interface_conf), offsetof(struct interface_conf, mark));
	check_names(&check, "listeners", model->listeners, model->listeners_nr, sizeof(struct listener_conf),
		    offsetof(struct listener_conf, mark));
	check_names(&check, "pools", model->pools, model->pools_nr, sizeof(struct pool_conf),
		    offsetof(struct pool_conf, mark));
	check_claims(&check);
	check_pool_use(&check);
	check_pools(&check);
	check_loops(&check);
	check_limits(&check);
	free(check.sorted);
	return check.faults;
}
