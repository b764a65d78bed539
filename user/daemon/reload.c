/* SPDX-License-Identifier: GPL-2.0-only */
/* The file to the kernel, all or nothing: everything that can fail is tried on new values first; what is in force
 * changes only when all of it is ready. A plan is a reload that ends there. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
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

/* All errors of a file in err, one a line, as far as they fit. */
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
	}
	return -EINVAL;
}

/* From a text to the difference that it makes. `path` is where it comes from, for the errors. */
static int prepare(struct daemon *d, const char *path, const char *text, size_t size, struct reload *reload,
		   struct err *err)
{
	struct config_errors errors = { 0 };
	int r = config_parse(text, size, &reload->model, &errors);

	if (r == -EINVAL)
		r = report_errors(path, &errors, err);
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
	daemon_attach_all(d, old);
	daemon_ways_find(d, false);
	daemon_converge(d);
	daemon_health_set(d);
	web_set(d);
	model_free(old);
}

static int replace_tables(struct daemon *d, const struct flow_table_conf *flow_table, struct err *err)
{
	int r;

	uv_mutex_lock(&d->dp_in_use);
	r = dp_retake(&d->dp, flow_table, err);
	uv_mutex_unlock(&d->dp_in_use);
	hold_set(d);
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
	hold_set(d);
	image_free(d->image);
	d->image = image;
	return 0;
}

static int reload(struct daemon *d, json_t **ret_report, struct err *err)
{
	struct reload next = { 0 };
	char *text = NULL;
	size_t size;
	int r = retake_if_gone(d, err);

	if (!r)
		r = config_read(d->options.config, &text, &size, err);
	if (!r)
		r = prepare(d, d->options.config, text, size, &next, err);
	if (!r && !model_is_same_table(&next.model->flow_table, &d->model->flow_table))
		r = replace_tables(d, &next.model->flow_table, err);
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

int daemon_reload(struct daemon *d, json_t **ret_report, struct err *err)
{
	int r;

	notify_reloading(d);
	r = reload(d, ret_report, err);
	d->reloaded_ms = uv_now(&d->loop);
	err_set(&d->reload_error, 0, "%s", r ? err->text : "");
	if (r)
		log_errors(d, err);
	else
		log_info("configuration in force file=%s listeners=%zu pools=%zu backends=%zu",
			 d->options.config, d->model->listeners_nr, d->model->pools_nr, d->runs.nr);
	notify_running(d);
	return r;
}

int daemon_plan(struct daemon *d, const char *path, const char *text, size_t size, json_t **ret_report,
		struct err *err)
{
	struct reload next = { 0 };
	int r = prepare(d, path, text, size, &next, err);

	if (!r)
		*ret_report = report_change(d, next.model, &next.plan);
	reload_done(&next);
	return r;
}
