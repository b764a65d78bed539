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

void daemon_health_set(struct daemon *d)
{
	struct check_target *targets = calloc(d->runs.nr + 1, sizeof(*targets));
	size_t nr = 0;

	for (size_t pool = 0; targets && pool < d->model->pools_nr; pool++) {
		const struct pool_conf *conf = &d->model->pools[pool];

		for (size_t i = 0; i < conf->backends_nr; i++) {
			struct backend_run *run = runs_at(&d->runs, pool, i);
			struct check_target *target = &targets[nr];

			target->port = check_port(d->model, pool, &conf->backends[i]);
			if (conf->health.type == HEALTH_NONE || !target->port) {
				/* nobody looks any more: what was found before does not count */
				health_init(&run->health);
				run->health_text[0] = '\0';
				continue;
			}
			target->key = run->key;
			target->address = run->address;
			target->conf = conf->health;
			nr++;
		}
	}
	if (!targets || checker_set(d->checker, targets, nr))
		log_err("health checks not changed error=\"out of memory\"");
	free(targets);
}

int daemon_health_start(struct daemon *d, struct err *err)
{
	return checker_new(&d->loop, on_result, d, &d->checker, err);
}
