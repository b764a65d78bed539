/* SPDX-License-Identifier: GPL-2.0-only */
/* The file to the kernel, all or nothing: everything that can fail is tried on new values first; what is in force
 * changes only when all of it is ready. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "config/config.h"
#include "daemon/daemon.h"
#include "model/plan.h"
#include "util/log.h"

/* What a reload has ready before it changes anything. */
struct reload {
	struct model *model;
	struct run_table runs;
	struct image *image;
	struct plan plan;
};

static void reload_done(struct reload *reload)
{
	plan_done(&reload->plan);
	image_free(reload->image);
	runs_done(&reload->runs);
	model_free(reload->model);
}

/* All errors of a file: each a line of the log, and together in err, one a line, as far as they fit. */
static int report_errors(const char *path, const struct config_errors *errors, struct err *err)
{
	size_t used = 0;

	err->text[0] = '\0';
	for (size_t i = 0; i < errors->nr; i++) {
		const struct config_error *e = &errors->error[i];
		const char *colon = e->path[0] ? ": " : "";
		int more =
			snprintf(err->text + used, sizeof(err->text) - used, "%s%s:%u:%u: %s%s%s",
				 i ? "\n" : "", path, e->mark.line, e->mark.column, e->path, colon, e->text);

		used += more > 0 ? (size_t)more : 0;
		if (used >= sizeof(err->text))
			used = sizeof(err->text) - 1;
		log_err("%s:%u:%u: %s%s%s", path, e->mark.line, e->mark.column, e->path, colon, e->text);
	}
	return -EINVAL;
}

static int prepare(struct daemon *d, struct reload *reload, struct err *err)
{
	struct config_errors errors = { 0 };
	int r = config_load(d->options.config, &reload->model, &errors, err);

	if (r && errors.nr)
		r = report_errors(d->options.config, &errors, err);
	config_errors_done(&errors);
	if (!r && runs_build(d, reload->model, &d->runs, &reload->runs))
		r = err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	if (!r)
		r = daemon_build_image(d, reload->model, &reload->runs, &reload->image, err);
	if (!r && plan_build(d->image, reload->image, &reload->plan))
		r = err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	return r;
}

static bool is_other_table(const struct flow_table_conf *a, const struct flow_table_conf *b)
{
	return a->max_flows != b->max_flows || a->when_full != b->when_full;
}

/* From here on the new model is in force. */
static void commit(struct daemon *d, struct reload *reload)
{
	struct model *old = d->model;

	d->model = reload->model;
	reload->model = NULL;
	runs_done(&d->runs);
	d->runs = reload->runs;
	memset(&reload->runs, 0, sizeof(reload->runs));
	daemon_attach_all(d, old);
	daemon_ways_find(d, false);
	daemon_converge(d);
	daemon_health_set(d);
	model_free(old);
}

struct change_names {
	json_t *added, *changed, *removed;
};

static void note(struct change_names *names, const char *name, bool was, bool is, bool is_same)
{
	if (is && !was)
		json_array_append_new(names->added, json_string(name));
	else if (was && !is)
		json_array_append_new(names->removed, json_string(name));
	else if (was && !is_same)
		json_array_append_new(names->changed, json_string(name));
}

static json_t *names_json(struct change_names *names)
{
	return json_pack("{s:o, s:o, s:o}", "added", names->added, "changed", names->changed, "removed",
			 names->removed);
}

static struct change_names names_new(void)
{
	return (struct change_names){ json_array(), json_array(), json_array() };
}

/* What is different between two images, by name, for people. */
static json_t *describe_change(const struct plan *plan)
{
	const struct image *from = plan->from, *to = plan->to;
	struct change_names listeners = names_new(), pools = names_new(), backends = names_new();
	char address[ADDR_TEXT_LEN];

	for (size_t i = 1; i < CV_ARRAY_SIZE(to->listener); i++)
		note(&listeners, to->listener[i].name[0] ? to->listener[i].name : from->listener[i].name,
		     from->listener[i].name[0], to->listener[i].name[0],
		     !memcmp(&from->listener[i], &to->listener[i], sizeof(to->listener[i])));
	for (size_t i = 1; i < CV_ARRAY_SIZE(to->pool); i++)
		note(&pools, to->pool[i].name[0] ? to->pool[i].name : from->pool[i].name,
		     from->pool[i].name[0], to->pool[i].name[0],
		     !memcmp(&from->pool[i], &to->pool[i], sizeof(to->pool[i])) &&
			     from->table[i] == to->table[i]);
	for (size_t i = 1; i < CV_ARRAY_SIZE(to->backend); i++) {
		const struct cv_backend *was = &from->backend[i], *is = &to->backend[i];

		addr_format((const struct addr *)(is->state ? is->address : was->address), address);
		note(&backends, address, was->state, is->state, !memcmp(was, is, sizeof(*is)));
	}
	return json_pack("{s:o, s:o, s:o, s:I, s:I}", "listeners", names_json(&listeners), "pools",
			 names_json(&pools), "backends", names_json(&backends), "slots_moved",
			 (json_int_t)plan->slots_moved, "slots", (json_int_t)plan->slots);
}

static int replace_tables(struct daemon *d, const struct flow_table_conf *flow_table, struct err *err)
{
	int r;

	uv_mutex_lock(&d->dp_in_use);
	r = dp_retake(&d->dp, flow_table, err);
	uv_mutex_unlock(&d->dp_in_use);
	return r;
}

/* After `culvert detach --all` our maps are nobody's: everything begins anew, as at a start. */
static int retake_if_gone(struct daemon *d, struct err *err)
{
	struct dp *dp = NULL;
	struct image *image;
	int r;

	if (dp_is_pinned(d->dp))
		return 0;
	log_warn("the pins were removed, a new data plane is laid down dir=%s", d->options.pin_dir);
	image = image_new();
	r = image ? dp_take(d->options.pin_dir, &d->model->flow_table, &dp, err)
		  : err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	if (r) {
		image_free(image);
		return r;
	}
	uv_mutex_lock(&d->dp_in_use);
	dp_free(d->dp);
	d->dp = dp;
	uv_mutex_unlock(&d->dp_in_use);
	image_free(d->image);
	d->image = image;
	return 0;
}

static int reload(struct daemon *d, json_t **ret_report, struct err *err)
{
	struct reload next = { 0 };
	int r = retake_if_gone(d, err);

	if (!r)
		r = prepare(d, &next, err);

	if (!r && is_other_table(&next.model->flow_table, &d->model->flow_table))
		r = replace_tables(d, &next.model->flow_table, err);
	if (!r && ret_report)
		*ret_report = describe_change(&next.plan);
	if (!r)
		commit(d, &next);
	reload_done(&next);
	return r;
}

int daemon_reload(struct daemon *d, json_t **ret_report, struct err *err)
{
	int r = reload(d, ret_report, err);

	d->reloaded_ms = uv_now(&d->loop);
	err_set(&d->reload_error, 0, "%s", r ? err->text : "");
	if (r)
		log_err("configuration not changed file=%s error=\"%.*s\"", d->options.config,
			(int)strcspn(err->text, "\n"), err->text);
	else
		log_info("configuration in force file=%s listeners=%zu pools=%zu backends=%zu",
			 d->options.config, d->model->listeners_nr, d->model->pools_nr, d->runs.nr);
	return r;
}
