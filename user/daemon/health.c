/* SPDX-License-Identifier: GPL-2.0-only */
/* Health: which checks run, and what their results make of a backend. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

static void on_result(const struct check_result *result, void *arg)
{
	struct daemon *d = arg;
	struct backend_run *run = runs_find(&d->runs, result->key);
	const struct health_conf *conf;
	char address[ADDR_TEXT_LEN];

	if (!run)
		return;
	conf = &d->model->pools[run->pool_index].health;
	histogram_add(result->success ? &run->successes : &run->failures, result->duration_ms);
	d->is_count_dirty = true;
	snprintf(run->health_text, sizeof(run->health_text), "%s", result->reason);
	if (!health_result(&run->health, result->success, conf->rise, conf->fall))
		return;
	addr_format(&run->address, address);
	if (run->health.up)
		log_info("backend up pool=%s backend=%s reason=\"%s\"", run->pool, address, result->reason);
	else
		log_warn("backend down pool=%s backend=%s reason=\"%s\"", run->pool, address, result->reason);
	d->is_state_dirty = true;
	daemon_converge_soon(d);
}

/* The port to check: the pool's own, the backend's, or that of the first listener that uses the pool. */
static uint16_t check_port(const struct model *model, size_t pool, const struct backend_conf *backend)
{
	if (model->pools[pool].health.port)
		return model->pools[pool].health.port;
	if (backend->port)
		return backend->port;
	for (size_t i = 0; i < model->listeners_nr; i++)
		if (model->listeners[i].pool == pool)
			return model->listeners[i].port_first;
	return 0;
}

/* Nobody looks at it, so what was found before does not count: it is unknown, and serves. */
static void forget(struct daemon *d, struct backend_run *run, const char *reason)
{
	bool was_down = !run->health.up;

	health_init(&run->health);
	snprintf(run->health_text, sizeof(run->health_text), "%s", reason);
	run->is_check_impossible = reason[0];
	if (!was_down)
		return;
	d->is_state_dirty = true;
	daemon_converge_soon(d);
}

static void tell_impossible(const struct pool_conf *pool, const struct backend_run *first,
			    const char *problem)
{
	if (problem[0] && strcmp(first->health_text, problem) != 0)
		log_warn("health checks not possible, backends count as up pool=%s reason=\"%s\"", pool->name,
			 problem);
	else if (!problem[0] && first->is_check_impossible)
		log_info("health checks possible again pool=%s", pool->name);
}

/* Appends the targets of one pool; returns how many there are. */
static size_t add_targets(struct daemon *d, size_t pool, struct check_target *ret)
{
	const struct pool_conf *conf = &d->model->pools[pool];
	const struct listener_conf *listener = probes_listener(d->model, pool);
	uint16_t pool_id = image_pool_id(d->image, conf->name);
	char problem[sizeof(d->runs.run->health_text)] = "";
	size_t nr = 0;

	if (!conf->backends_nr)
		return 0;
	if (conf->health.type != HEALTH_NONE && listener &&
	    !probes_are_possible(d, listener, pool, problem, sizeof(problem)))
		d->is_health_incomplete = true;
	tell_impossible(conf, runs_at(&d->runs, pool, 0), problem);
	for (size_t i = 0; i < conf->backends_nr; i++) {
		struct backend_run *run = runs_at(&d->runs, pool, i);
		struct check_target target = { .key = run->key,
					       .address = run->address,
					       .conf = conf->health };
		uint16_t id = image_backend_id(d->image, pool_id, &run->address, run->port);

		target.port = check_port(d->model, pool, &conf->backends[i]);
		if (conf->health.type == HEALTH_NONE || !target.port || problem[0]) {
			forget(d, run, problem);
			continue;
		}
		run->is_check_impossible = false;
		if (listener && !id) { /* not in the kernel yet */
			d->is_health_incomplete = true;
			continue;
		}
		if (listener) {
			target.address = listener->address;
			target.mark = cv_probe_mark(listener->forward, id);
		}
		ret[nr++] = target;
	}
	return nr;
}

void daemon_health_set(struct daemon *d)
{
	struct check_target *targets = calloc(d->runs.nr + 1, sizeof(*targets));
	size_t nr = 0;

	probes_attach(d);
	d->is_health_incomplete = false;
	for (size_t pool = 0; targets && pool < d->model->pools_nr; pool++)
		nr += add_targets(d, pool, targets + nr);
	if (!targets || checker_set(d->checker, targets, nr))
		log_err("health checks not changed error=\"out of memory\"");
	free(targets);
}

int daemon_health_start(struct daemon *d, struct err *err)
{
	return checker_new(&d->loop, on_result, d, &d->checker, err);
}
