/* SPDX-License-Identifier: GPL-2.0-only */
/* Models for tests, small and by hand or large and by chance, and facts about their backends. */
#ifndef UNIT_MODEL_MAKER_H
#define UNIT_MODEL_MAKER_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "model/image.h"

#define MAKER_POOLS 8
#define MAKER_BACKENDS 16 /* of one pool */
#define MAKER_LISTENERS 16

struct maker {
	struct model model;
	struct listener_conf listeners[MAKER_LISTENERS];
	struct pool_conf pools[MAKER_POOLS];
	struct backend_conf backends[MAKER_POOLS][MAKER_BACKENDS];
	struct backend_facts facts[MAKER_POOLS][MAKER_BACKENDS];
};

static inline struct addr maker_v4(uint8_t a, uint8_t b, uint8_t c, uint8_t d)
{
	return (struct addr){ { [10] = 0xff, [11] = 0xff, [12] = a, [13] = b, [14] = c, [15] = d } };
}

static inline struct addr maker_v6(uint8_t last)
{
	return (struct addr){ { 0x20, 0x01, 0x0d, 0xb8, [15] = last } };
}

static inline void maker_init(struct maker *maker)
{
	memset(maker, 0, sizeof(*maker));
	maker->model.listeners = maker->listeners;
	maker->model.pools = maker->pools;
	for (size_t i = 0; i < MAKER_POOLS; i++)
		maker->pools[i].backends = maker->backends[i];
}

static inline size_t maker_pool(struct maker *maker, const char *name, uint32_t table_size)
{
	struct pool_conf *pool = &maker->pools[maker->model.pools_nr];

	snprintf(pool->name, sizeof(pool->name), "%s", name);
	pool->table_size = table_size;
	pool->backends_nr = 0;
	return maker->model.pools_nr++;
}

static inline void maker_backend(struct maker *maker, size_t pool, struct addr address, uint16_t weight)
{
	size_t index = maker->pools[pool].backends_nr++;

	maker->backends[pool][index] = (struct backend_conf){ .address = address, .weight = weight };
	maker->facts[pool][index] = (struct backend_facts){
		.ifindex = 2,
		.next_hop_mac = { 2, 0, 0, 0, 0, 1 },
		.port_mac = { 2, 0, 0, 0, 0, 2 },
		.source = addr_is_v4(&address) ? maker_v4(10, 0, 0, 1) : maker_v6(1),
		.mtu = 1500,
		.state = CV_BACKEND_UP,
		.weight = -1,
	};
}

static inline void maker_listener(struct maker *maker, const char *name, struct addr address, unsigned first,
				  unsigned last, size_t pool)
{
	struct listener_conf *listener = &maker->listeners[maker->model.listeners_nr++];

	*listener = (struct listener_conf){
		.address = address,
		.protocol = CV_PROTOCOL_TCP,
		.port_first = (uint16_t)first,
		.port_last = (uint16_t)last,
		.pool = pool,
		.forward = CV_FORWARD_IPIP,
		.idle_timeout_s = CV_IDLE_TIMEOUT_TCP_S,
	};
	snprintf(listener->name, sizeof(listener->name), "%s", name);
}

/* The facts of a maker are its own. */
static inline void maker_facts(const struct model *model, size_t pool, size_t backend,
			       struct backend_facts *ret, void *arg)
{
	const struct maker *maker = arg;

	(void)model;
	*ret = maker->facts[pool][backend];
}

static inline int maker_build(struct maker *maker, const struct image *old, struct image **ret)
{
	return image_build(&maker->model, old, maker_facts, maker, ret, NULL);
}

static inline size_t maker_random(size_t below)
{
	return (size_t)random() % below;
}

/* A model by chance out of few names, addresses and sizes, so that two of them have much in common. */
static inline void maker_randomize(struct maker *maker)
{
	static const uint32_t sizes[] = { 251, 257, 509, 1021 };
	char name[CV_NAME_LEN];

	maker_init(maker);
	snprintf(maker->model.seed, sizeof(maker->model.seed), "%s", maker_random(8) ? "" : "other");
	for (size_t i = 0; i < MAKER_POOLS; i++) {
		size_t pool;

		if (maker_random(3) == 0)
			continue;
		snprintf(name, sizeof(name), "pool%zu", i);
		pool = maker_pool(maker, name, sizes[maker_random(4)]);
		maker->pools[pool].all_down = maker_random(2) ? ALL_DOWN_OPEN : ALL_DOWN_REJECT;
		for (uint8_t j = 0; j < MAKER_BACKENDS; j++) {
			struct backend_facts *facts = &maker->facts[pool][maker->pools[pool].backends_nr];

			if (maker_random(2))
				continue;
			maker_backend(maker, pool,
				      i % 2 ? maker_v6((uint8_t)(10 + j)) : maker_v4(10, 0, 1, j),
				      (uint16_t)(maker_random(4) * 100));
			facts->state = (enum cv_backend_state)(CV_BACKEND_UP + maker_random(4));
			facts->ifindex = (uint32_t)maker_random(3);
			facts->weight = maker_random(4) ? -1 : (int)maker_random(CV_MAX_WEIGHT + 1);
		}
	}
	for (uint8_t i = 0; i < MAKER_LISTENERS && maker->model.pools_nr > 0; i++) {
		if (maker_random(3) == 0)
			continue;
		snprintf(name, sizeof(name), "listener%u", i);
		maker_listener(maker, name, maker_v4(192, 0, 2, (uint8_t)((i + maker_random(2)) / 4)),
			       80 + i * 10u, 80 + i * 10u + (unsigned)maker_random(3),
			       maker_random(maker->model.pools_nr));
	}
}

#endif
