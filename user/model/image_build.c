/* SPDX-License-Identifier: GPL-2.0-only */
/* A model and the facts about its backends to an image: ids, backends and tables, listeners, directory; see
 * image.h. Called by the daemon for every change, and by the plan command. Pure. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/directory.h"
#include "model/ids.h"
#include "model/image.h"
#include "model/table.h"

struct build {
	const struct model *model;
	const struct image *old;
	struct image *image;
	struct err *err;
	struct ids ids;
	struct table_backend member[CV_MAX_BACKENDS]; /* of the pool at hand */
};

static int check_limits(const struct model *model, struct err *err)
{
	size_t backends_nr = 0;

	for (size_t i = 0; i < model->pools_nr; i++)
		backends_nr += model->pools[i].backends_nr;
	if (model->listeners_nr > CV_MAX_LISTENERS)
		return err_set(err, -ENOSPC, "%zu listeners, at most %d are possible", model->listeners_nr,
			       CV_MAX_LISTENERS);
	if (model->pools_nr > CV_MAX_POOLS)
		return err_set(err, -ENOSPC, "%zu pools, at most %d are possible", model->pools_nr,
			       CV_MAX_POOLS);
	if (backends_nr > CV_MAX_BACKENDS)
		return err_set(err, -ENOSPC, "%zu backends, at most %d are possible", backends_nr,
			       CV_MAX_BACKENDS);
	return 0;
}

/* --- records --- */

/* Records are compared byte by byte: nothing may come along behind the closing NUL. */
static void copy_name(const char name[CV_NAME_LEN], char ret[CV_NAME_LEN])
{
	memset(ret, 0, CV_NAME_LEN);
	memcpy(ret, name, strnlen(name, CV_NAME_LEN - 1));
}

static void fill_listener(const struct listener_conf *conf, uint16_t pool, uint32_t table_size,
			  struct cv_listener *ret)
{
	*ret = (struct cv_listener){
		.port_first = conf->port_first,
		.port_last = conf->port_last,
		.pool = pool,
		.protocol = conf->protocol,
		.forward = conf->forward,
		.hash = conf->hash,
		.late_packet = conf->late_packet,
		.unknown_packet = conf->unknown_packet,
		.table_size = table_size,
		.idle_timeout_s = conf->idle_timeout_s,
		.max_flows = conf->max_flows,
		.generation = ret->generation,
	};
	memcpy(ret->address, conf->address.byte, sizeof(ret->address));
	copy_name(conf->name, ret->name);
}

uint32_t image_outer_sum(const struct addr *backend)
{
	size_t size;
	const uint8_t *wire = addr_wire(backend, &size);

	if (size != 4)
		return 0;
	return 0x4500 + (CV_OUTER_TTL << 8) + (uint32_t)(wire[0] << 8 | wire[1]) +
	       (uint32_t)(wire[2] << 8 | wire[3]);
}

static void fill_backend(const struct backend_conf *conf, uint16_t pool, const struct backend_facts *facts,
			 struct cv_backend *backend)
{
	backend->ifindex = facts->ifindex;
	backend->outer_sum = image_outer_sum(&conf->address);
	backend->mtu = facts->mtu;
	backend->pool = pool;
	backend->port = conf->port;
	backend->state = facts->state;
	backend->family = addr_family(&conf->address);
	backend->on_link = facts->on_link;
	memcpy(backend->address, conf->address.byte, sizeof(backend->address));
	memcpy(backend->source, facts->source.byte, sizeof(backend->source));
	memcpy(backend->next_hop_mac, facts->next_hop_mac, sizeof(backend->next_hop_mac));
	memcpy(backend->port_mac, facts->port_mac, sizeof(backend->port_mac));
}

/* Flows remember the id of their listener, and id and generation of their backend: whoever gets an id should not, or
 * must not, be taken for the one before. */
static void fill_generations(const struct build *build)
{
	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++)
		build->image->listener[id].generation = build->old->listener[id].generation;
	for (size_t i = 0; i < build->model->listeners_nr; i++)
		if (build->ids.is_new_listener[i])
			build->image->listener[build->ids.listener[i]].generation++;
	for (size_t id = 1; id <= CV_MAX_BACKENDS; id++)
		build->image->backend[id].generation = build->old->backend[id].generation;
	for (size_t i = 0; i < build->ids.backends_nr; i++)
		if (build->ids.is_new_backend[i])
			build->image->backend[build->ids.backend[i]].generation++;
}

/* --- pools --- */

/* Moves the members that serve to the front and returns how many they are. */
static size_t choose_serving(struct image *image, enum all_down_policy all_down, struct table_backend *member,
			     size_t nr)
{
	bool all_are_down = true;
	size_t serving = 0;

	for (size_t i = 0; i < nr; i++)
		if (image->backend[member[i].id].state == CV_BACKEND_UP && member[i].weight > 0)
			all_are_down = false;
	for (size_t i = 0; i < nr; i++) {
		struct cv_backend *backend = &image->backend[member[i].id];
		bool serves = backend->state == CV_BACKEND_UP;

		if (all_are_down)
			serves = all_down == ALL_DOWN_OPEN && backend->state != CV_BACKEND_DISABLED;
		serves = serves && member[i].weight > 0;
		backend->keeps_flows =
			serves || backend->state == CV_BACKEND_UP || backend->state == CV_BACKEND_DRAINING;
		if (serves)
			member[serving++] = member[i];
	}
	return serving;
}

static int fill_pool(struct build *build, size_t index, const uint16_t *backend_id, image_facts facts,
		     void *arg)
{
	const struct pool_conf *conf = &build->model->pools[index];
	struct image *image = build->image;
	uint16_t id = build->ids.pool[index];
	size_t serving;
	int r;

	copy_name(conf->name, image->pool[id].name);
	image->pool[id].table_size = conf->table_size;
	image->pool[id].backends = (uint32_t)conf->backends_nr;
	for (size_t i = 0; i < conf->backends_nr; i++) {
		const struct backend_conf *backend = &conf->backends[i];
		struct backend_facts known = { .weight = -1 };

		facts(build->model, index, i, &known, arg);
		fill_backend(backend, id, &known, &image->backend[backend_id[i]]);
		build->member[i] = (struct table_backend){
			.address = backend->address,
			.port = backend->port,
			.id = backend_id[i],
			.weight = known.weight < 0 ? backend->weight : (uint16_t)known.weight,
		};
	}
	serving = choose_serving(image, conf->all_down, build->member, conf->backends_nr);
	r = table_make(build->member, serving, build->model->seed, conf->table_size, build->old->table[id],
		       &image->table[id]);
	if (r < 0)
		return err_set(build->err, r, "pool %s: its table of %u slots for %zu backends: %s",
			       conf->name, conf->table_size, serving, strerror(-r));
	return 0;
}

/* Without anybody new and nobody gone the index is the old one: a health result sorts nothing. */
static void make_index(const struct build *build)
{
	const struct ids *ids = &build->ids;
	const struct image *old = build->old;
	struct image *image = build->image;
	bool is_same = build->model->listeners_nr == old->listeners_nr &&
		       build->model->pools_nr == old->pools_nr && ids->backends_nr == old->backends_nr;

	for (size_t i = 0; is_same && i < build->model->listeners_nr; i++)
		is_same = !ids->is_new_listener[i];
	for (size_t i = 0; is_same && i < build->model->pools_nr; i++)
		is_same = old->pool[ids->pool[i]].name[0];
	for (size_t i = 0; is_same && i < ids->backends_nr; i++)
		is_same = !ids->is_new_backend[i];
	memcpy(image->in_file, ids->backend, ids->backends_nr * sizeof(image->in_file[0]));
	if (!is_same) {
		image_index(image);
		return;
	}
	image->listeners_nr = old->listeners_nr;
	image->pools_nr = old->pools_nr;
	image->backends_nr = old->backends_nr;
	memcpy(image->listeners, old->listeners, sizeof(image->listeners));
	memcpy(image->pools, old->pools, sizeof(image->pools));
	memcpy(image->backends, old->backends, sizeof(image->backends));
}

static int fill_image(struct build *build, image_facts facts, void *arg)
{
	const struct model *model = build->model;
	struct image *image = build->image;
	size_t first = 0;
	int r;

	fill_generations(build);
	for (size_t i = 0; i < model->pools_nr; i++) {
		r = fill_pool(build, i, build->ids.backend + first, facts, arg);
		if (r < 0)
			return r;
		first += model->pools[i].backends_nr;
	}
	for (size_t i = 0; i < model->listeners_nr; i++) {
		const struct listener_conf *conf = &model->listeners[i];

		fill_listener(conf, build->ids.pool[conf->pool], model->pools[conf->pool].table_size,
			      &image->listener[build->ids.listener[i]]);
	}
	r = directory_build(image->listener, CV_MAX_LISTENERS, model->seed, &model->encapsulation,
			    &image->directory);
	if (r < 0)
		return err_set(build->err, r, "no directory of %zu listeners could be built",
			       model->listeners_nr);
	image->directory.gue_port = model->gue.port;
	image->directory.gue_variant = model->gue.variant;
	image->directory.answers_echo = model->icmp.echo;
	make_index(build);
	return 0;
}

int image_build(const struct model *model, const struct image *old, image_facts facts, void *arg,
		struct image **ret, struct err *err)
{
	struct build *build = NULL;
	struct image *image = NULL;
	int r = check_limits(model, err);

	if (r < 0)
		return r;
	build = calloc(1, sizeof(*build));
	image = image_new();
	if (!build || !image || ids_assign(model, old, &build->ids) < 0) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	build->model = model;
	build->old = old;
	build->image = image;
	build->err = err;
	r = fill_image(build, facts, arg);
	if (r < 0)
		goto out;
	*ret = image;
	image = NULL;
out:
	image_free(image);
	free(build);
	return r;
}
