/* SPDX-License-Identifier: GPL-2.0-only */
/* What a change of the configuration comes to, as JSON: promised by `plan`, reported by `reload`. */
#include <stdlib.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "daemon/daemon.h"
#include "model/change.h"
#include "util/log.h"

static void note_change(enum change_what what, enum change_how how, const char *name, void *arg)
{
	json_t *kind = json_object_get(arg, change_what_name(what));

	json_array_append_new(json_object_get(kind, change_how_name(how)), json_string(name));
}

/* {"listeners": {"added": [...], "changed": [...], "removed": [...]}, ...} */
static json_t *names_json(const struct model *from, const struct model *to)
{
	json_t *json = json_object();

	for (int what = 0; what < CHANGE_WHAT_COUNT; what++)
		json_object_set_new(json, change_what_name(what),
				    json_pack("{s:[], s:[], s:[]}", change_how_name(CHANGE_ADDED),
					      change_how_name(CHANGE_CHANGED),
					      change_how_name(CHANGE_REMOVED)));
	if (change_list(from, to, note_change, json)) {
		json_decref(json);
		return NULL;
	}
	return json;
}

/* Flows by what becomes of them. One may be counted in both: its listener and its backend go. */
static json_t *flows_json(struct daemon *d, const struct plan *plan)
{
	struct cv_flow_counts *backend = calloc(CV_MAX_BACKENDS + 1, sizeof(*backend));
	struct cv_flow_counts *listener = calloc(CV_MAX_LISTENERS + 1, sizeof(*listener));
	uint64_t moved = 0, ended = 0;
	struct err err = { "out of memory" };
	json_t *json = NULL;

	if (!backend || !listener || dp_backend_use(d->dp, backend, CV_MAX_BACKENDS + 1, &err) ||
	    dp_listener_use(d->dp, listener, CV_MAX_LISTENERS + 1, &err)) {
		log_err("flows of a change not counted error=\"%s\"", err.text);
		goto out;
	}
	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++)
		moved += plan_moves_flows(plan, id) ? backend[id].open : 0;
	for (uint16_t id = 1; id <= CV_MAX_LISTENERS; id++)
		ended += plan_ends_flows(plan, id) ? listener[id].open : 0;
	json = json_pack("{s:I, s:I, s:I}", "active", (json_int_t)sweep_last(d)->open, "placed_anew",
			 (json_int_t)moved, "without_listener", (json_int_t)ended);
out:
	free(backend);
	free(listener);
	return json;
}

static void set_bytes(const char *map, uint64_t bytes, void *object)
{
	json_object_set_new(object, map, json_integer((json_int_t)bytes));
}

static json_t *memory_json(const struct model *model)
{
	json_t *maps = json_object();
	uint64_t sum = model_memory(model, (unsigned)get_nprocs_conf(), set_bytes, maps);

	return json_pack("{s:I, s:o}", "bytes", (json_int_t)sum, "maps", maps);
}

static double percent(uint64_t part, uint64_t all)
{
	return all ? 100 * (double)part / (double)all : 0;
}

json_t *report_change(struct daemon *d, const struct model *model, const struct plan *plan)
{
	json_t *json = names_json(d->model, model);
	json_t *more =
		json_pack("{s:I, s:I, s:f, s:o*, s:{s:o, s:o}}", "slots_moved", (json_int_t)plan->slots_moved,
			  "slots", (json_int_t)plan->slots, "slots_moved_percent",
			  percent(plan->slots_moved, plan->slots), "flows", flows_json(d, plan), "memory",
			  "now", memory_json(d->model), "then", memory_json(model));

	if (!json || !more || json_object_update(json, more)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(more);
	return json;
}
