/* SPDX-License-Identifier: GPL-2.0-only */
/* The file to the kernel, all or nothing: everything that can fail is tried on new values first; what is in force
 * changes only when all of it is ready. A plan is a reload that ends there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "config/errors_json.h"
#include "daemon/daemon.h"
#include "model/plan.h"
#include "util/log.h"

#define MORE_LEN 64 /* for the line that says how many errors more there are */

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

void refusal_done(struct refusal *refusal)
{
	json_decref(refusal->errors);
	refusal->errors = NULL;
}

/* The errors as lines, whole ones only, and at the end how many of them found no room. */
static void list_errors(const char *path, const struct config_errors *errors, char *text, size_t size)
{
	size_t room = size - MORE_LEN;

	for (size_t i = 0; i < errors->nr; i++) {
		const struct config_error *e = &errors->error[i];
		const char *colon = e->path[0] ? ": " : "";
		size_t length = (size_t)snprintf(text, room, "%s%s:%u:%u: %s%s%s", i ? "\n" : "", path,
						 e->mark.line, e->mark.column, e->path, colon, e->text);

		if (length >= room) {
			snprintf(text, MORE_LEN, "%sand %zu more errors: see culvert check", i ? "\n" : "",
				 errors->nr - i);
			return;
		}
		text += length;
		room -= length;
	}
}

static int refuse_file(const char *path, const struct config_errors *errors, struct refusal *ret)
{
	ret->status = 2;
	ret->errors = config_errors_json(path, errors);
	list_errors(path, errors, ret->err.text, sizeof(ret->err.text));
	return -EINVAL;
}

static int read_file(const char *path, char **ret_text, size_t *ret_size, struct refusal *ret)
{
	int r = config_read(path, ret_text, ret_size, &ret->err);

	if (r && r != -ENOMEM)
		ret->status = 2;
	return r;
}

/* From a text to the difference that it makes. `path` is where it comes from, for the errors. */
static int prepare(struct daemon *d, const char *path, const char *text, size_t size, struct reload *reload,
		   struct refusal *ret)
{
	struct config_errors errors = { 0 };
	struct err *err = &ret->err;
	int r = config_parse(text, size, &reload->model, &errors);

	if (r == -EINVAL)
		r = refuse_file(path, &errors, ret);
	else if (r)
		r = err_set(err, r, "%s", strerror(-r));
	config_errors_done(&errors);
	if (!r && runs_build(d, reload->model, &d->runs, &reload->runs))
		r = err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	if (!r)
		r = daemon_build_image(d, reload->model, &reload->runs, &reload->image, err);
	if (!r && plan_build(d->image, reload->image, &reload->plan))
		r = err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	return r;
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
	daemon_attach_all(d);
	daemon_ways_find(d, false);
	daemon_converge(d);
	daemon_health_set(d);
	web_set(d);
	model_free(old);
}

static int replace_tables(struct daemon *d, const struct flow_table_conf *flow_table, struct err *err)
{
	int r;

	notify_busy(d, d->model->flow_table.max_flows);
	uv_mutex_lock(&d->dp_in_use);
	r = dp_retake(&d->dp, flow_table, err);
	uv_mutex_unlock(&d->dp_in_use);
	notify_idle(d);
	hold_set(d);
	return r;
}

/* After `culvert detach --all` our maps are nobody's: everything begins anew, as at a start. If that came to its end only by
 * half, some of it is there still, and the directory that we hold the lock of. */
static int retake_if_gone(struct daemon *d, struct err *err)
{
	struct image *image = NULL;
	struct dp *dp = NULL;
	int r;

	if (dp_is_pinned(d->dp))
		return 0;
	log_warn("the pins were removed, a new data plane is laid down dir=%s", d->options.pin_dir);
	dp_unlock(d->dp);
	r = dp_take(d->options.pin_dir, &d->model->flow_table, &dp, err);
	if (!r)
		r = dp_read_image(dp, &image, err);
	if (r) {
		dp_free(dp);
		return r;
	}
	uv_mutex_lock(&d->dp_in_use);
	dp_free(d->dp);
	d->dp = dp;
	uv_mutex_unlock(&d->dp_in_use);
	hold_set(d);
	image_free(d->image);
	d->image = image;
	return 0;
}

static int reload(struct daemon *d, json_t **ret_report, struct refusal *ret)
{
	struct reload next = { 0 };
	char *text = NULL;
	size_t size;
	int r = retake_if_gone(d, &ret->err);

	if (!r)
		r = read_file(d->options.config, &text, &size, ret);
	if (!r)
		r = prepare(d, d->options.config, text, size, &next, ret);
	if (!r && !model_is_same_table(&next.model->flow_table, &d->model->flow_table))
		r = replace_tables(d, &next.model->flow_table, &ret->err);
	if (!r && ret_report)
		*ret_report = report_change(d, next.model, &next.plan);
	if (!r)
		commit(d, &next);
	reload_done(&next);
	free(text);
	return r;
}

/* Each error of the file is a line of the log. */
static void log_errors(const struct daemon *d, const struct err *err)
{
	const char *line = err->text;

	log_err("configuration not changed file=%s", d->options.config);
	while (*line) {
		size_t length = strcspn(line, "\n");

		log_err("%.*s", (int)length, line);
		line += length + (line[length] == '\n');
	}
}

int daemon_reload(struct daemon *d, json_t **ret_report, struct refusal *ret)
{
	int r;

	*ret = (struct refusal){ .status = 1 };
	notify_reloading(d);
	r = reload(d, ret_report, ret);
	d->reloaded_ms = uv_now(&d->loop);
	err_set(&d->reload_error, 0, "%s", r ? ret->err.text : "");
	if (r)
		log_errors(d, &ret->err);
	else if (d->is_converge_failed)
		log_warn("configuration noted, not in force yet file=%s", d->options.config);
	else
		log_info("configuration in force file=%s listeners=%zu pools=%zu backends=%zu",
			 d->options.config, d->model->listeners_nr, d->model->pools_nr, d->runs.nr);
	notify_running(d);
	return r;
}

int daemon_plan(struct daemon *d, const char *path, const char *text, size_t size, json_t **ret_report,
		struct refusal *ret)
{
	struct reload next = { 0 };
	int r;

	*ret = (struct refusal){ .status = 1 };
	r = prepare(d, path, text, size, &next, ret);
	if (!r)
		*ret_report = report_change(d, next.model, &next.plan);
	reload_done(&next);
	return r;
}
