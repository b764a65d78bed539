/* SPDX-License-Identifier: GPL-2.0-only */
/* Models for the tests of user/model that own their memory as those read from a file do: listeners, pools and backends
 * are added one by one, each with a mark of its own. */
#ifndef UNIT_MODEL_PARTS_H
#define UNIT_MODEL_PARTS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/model.h"

static inline struct addr address(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

static inline struct listener_conf *add_listener(struct model *model, const char *where, unsigned first,
						 unsigned last)
{
	struct listener_conf *listener;
	size_t nr = model->listeners_nr;

	model->listeners = realloc(model->listeners, (nr + 1) * sizeof(*listener));
	listener = &model->listeners[model->listeners_nr++];
	*listener = (struct listener_conf){
		.address = address(where),
		.protocol = CV_PROTOCOL_TCP,
		.port_first = (uint16_t)first,
		.port_last = (uint16_t)last,
		.forward = CV_FORWARD_IPIP,
		.mark = { (unsigned)nr + 1, 1 },
	};
	snprintf(listener->name, sizeof(listener->name), "listener-%zu", nr);
	return listener;
}

static inline struct pool_conf *add_pool(struct model *model)
{
	struct pool_conf *pool;
	size_t nr = model->pools_nr;

	model->pools = realloc(model->pools, (nr + 1) * sizeof(*pool));
	pool = &model->pools[model->pools_nr++];
	*pool = (struct pool_conf){ .table_size = CV_DEFAULT_TABLE_SIZE, .mark = { 1000 + (unsigned)nr, 1 } };
	snprintf(pool->name, sizeof(pool->name), "pool-%zu", nr);
	return pool;
}

static inline void add_backend(struct pool_conf *pool, struct addr where)
{
	size_t nr = pool->backends_nr++;

	pool->backends = realloc(pool->backends, pool->backends_nr * sizeof(*pool->backends));
	pool->backends[nr] =
		(struct backend_conf){ .address = where, .weight = 1, .mark = { 2000 + (unsigned)nr, 1 } };
}

#endif
