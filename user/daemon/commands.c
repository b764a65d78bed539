/* SPDX-License-Identifier: GPL-2.0-only */
/* The commands of the control socket: each changes a backend's run, or asks for a report. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

/* What was asked is kept, and tried again. */
#define NOTED "noted, but the data plane could not be changed yet: see the log"

typedef void (*command_fn)(struct daemon *d, struct ctl_request *request, const json_t *json);

/* What needs true counts of flows waits for them; the request is answered then. */
struct awaited {
	struct ctl_request *request;
	const json_t *json;
	json_t *(*report)(struct daemon *d); /* that is asked for, if it is one */
};

static void answer_report(struct daemon *d, void *arg)
{
	struct awaited *awaited = arg;
	json_t *report = awaited->report(d);

	if (report)
		ctl_answer(awaited->request, report);
	else
		ctl_answer_error(awaited->request, 1, "the counters could not be read, see the log");
	free(awaited);
}

static void await(struct daemon *d, sweep_done answer, struct awaited what)
{
	struct awaited *awaited = malloc(sizeof(*awaited));

	if (awaited)
		*awaited = what;
	if (!awaited || !sweep_then(d, answer, awaited)) {
		free(awaited);
		ctl_answer_error(what.request, 1, "out of memory");
	}
}

static void await_report(struct daemon *d, struct ctl_request *request, json_t *(*report)(struct daemon *d))
{
	await(d, answer_report, (struct awaited){ .request = request, .report = report });
}

static void command_status(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	await_report(d, request, report_status);
}

static void command_listeners(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	await_report(d, request, report_listeners);
}

static void command_pools(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	await_report(d, request, report_pools);
}

static void command_backends(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	await_report(d, request, report_backends);
}

/* With every error of the file, however many there are. */
static void answer_refusal(struct ctl_request *request, struct refusal *refusal)
{
	if (refusal->errors)
		ctl_answer_refusal(request, refusal->status, json_incref(refusal->errors));
	else
		ctl_answer_error(request, refusal->status, "%s", refusal->err.text);
	refusal_done(refusal);
}

static void warn(json_t *answer, json_t *sentence)
{
	json_t *warnings = json_object_get(answer, "warnings");

	if (!warnings)
		json_object_set_new(answer, "warnings", warnings = json_array());
	json_array_append_new(warnings, sentence);
}

/* An interface of the file that is not there yet does not make the file wrong, nor the reload fail. */
static void warn_of_interfaces(const struct daemon *d, json_t *report)
{
	char text[320];

	for (size_t i = 0; i < d->model->interfaces_nr; i++)
		if (!daemon_is_attached(d, i, text, sizeof(text)))
			warn(report, json_string(text));
}

static void answer_reload(struct daemon *d, void *arg)
{
	struct awaited *awaited = arg;
	json_t *report = NULL;
	struct refusal refusal;

	if (daemon_reload(d, &report, &refusal)) {
		answer_refusal(awaited->request, &refusal);
	} else if (d->is_converge_failed) {
		json_decref(report);
		ctl_answer_error(awaited->request, 1, NOTED);
	} else {
		json_object_set_new(report, "message", json_string("configuration in force"));
		warn_of_interfaces(d, report);
		ctl_answer(awaited->request, report);
	}
	free(awaited);
}

static void command_reload(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	await(d, answer_reload, (struct awaited){ .request = request });
}

static void answer_plan(struct daemon *d, void *arg)
{
	struct awaited *awaited = arg;
	const char *file = json_string_value(json_object_get(awaited->json, "file"));
	const json_t *text = json_object_get(awaited->json, "text");
	json_t *report = NULL;
	struct refusal refusal;

	if (daemon_plan(d, file, json_string_value(text), json_string_length(text), &report, &refusal))
		answer_refusal(awaited->request, &refusal);
	else
		ctl_answer(awaited->request, report);
	free(awaited);
}

/* The text comes with the request: whoever may use the socket need not be able to make us read a file. */
static void command_plan(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	if (!json_is_string(json_object_get(json, "file")) || !json_is_string(json_object_get(json, "text")))
		ctl_answer_error(request, 2, "the request needs \"file\" and \"text\"");
	else
		await(d, answer_plan, (struct awaited){ .request = request, .json = json });
}

static void command_where(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	(void)json;
	ctl_answer(request, json_pack("{s:s, s:s, s:s}", "pin_dir", d->options.pin_dir, "config",
				      d->options.config, "state_dir", d->options.state_dir));
}

/* The run that a request names, or NULL after the error was answered. */
static struct backend_run *named_run(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	const char *pool = json_string_value(json_object_get(json, "pool"));
	const char *backend = json_string_value(json_object_get(json, "backend"));
	struct addr address;
	int index;

	if (!pool || !backend) {
		ctl_answer_error(request, 2, "the request needs \"pool\" and \"backend\"");
		return NULL;
	}
	index = model_find_pool(d->model, pool);
	if (index < 0) {
		ctl_answer_error(request, 2, "there is no pool %s", pool);
		return NULL;
	}
	if (addr_parse(backend, &address)) {
		ctl_answer_error(request, 2, "%s is not an IPv4 or IPv6 address", backend);
		return NULL;
	}
	for (size_t i = 0; i < d->model->pools[index].backends_nr; i++) {
		struct backend_run *run = runs_at(&d->runs, (size_t)index, i);

		if (!addr_compare(&run->address, &address))
			return run;
	}
	ctl_answer_error(request, 2, "pool %s has no backend %s", pool, backend);
	return NULL;
}

/* Puts a changed run in force, then waits for the disk, and answers with what it came to. */
static void changed(struct daemon *d, struct ctl_request *request, const struct backend_run *run,
		    const char *what)
{
	char address[ADDR_TEXT_LEN];
	json_t *answer;
	int r, saved;

	addr_format(&run->address, address);
	log_info("backend %s pool=%s backend=%s state=%s", what, run->pool, address,
		 report_state_name(run_state(run)));
	d->is_state_dirty = true;
	r = daemon_converge(d);
	saved = state_save(d);
	if (r) {
		ctl_answer_error(request, 1, NOTED);
		return;
	}
	answer = json_pack("{s:o, s:s, s:s, s:s, s:b}", "message",
			   json_sprintf("backend %s of pool %s: %s", address, run->pool, what), "pool",
			   run->pool, "backend", address, "state", report_state_name(run_state(run)), "saved",
			   !saved);
	if (saved)
		warn(answer,
		     json_sprintf("in force, but not saved in %s: %s; it is tried again every second, and "
				  "forgotten if culvertd ends before",
				  d->options.state_dir, strerror(-saved)));
	ctl_answer(request, answer);
}

static void command_drain(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	const json_t *deadline = json_object_get(json, "deadline_s");
	struct backend_run *run = named_run(d, request, json);

	if (!run)
		return;
	if (deadline && (!json_is_integer(deadline) || json_integer_value(deadline) < 1 ||
			 json_integer_value(deadline) > DAEMON_MAX_DRAIN_S)) {
		ctl_answer_error(request, 2, "the deadline is 1s to %ds", DAEMON_MAX_DRAIN_S);
		return;
	}
	run->is_draining = true;
	run->drain_deadline_ms =
		deadline ? uv_now(&d->loop) + (uint64_t)json_integer_value(deadline) * 1000 : 0;
	changed(d, request, run, "draining");
}

static void command_undrain(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	struct backend_run *run = named_run(d, request, json);

	if (!run)
		return;
	run->is_draining = false;
	run->is_drained = false;
	run->drain_deadline_ms = 0;
	changed(d, request, run, "not draining");
}

static void command_disable(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	struct backend_run *run = named_run(d, request, json);

	if (!run)
		return;
	run->is_disabled = true;
	changed(d, request, run, "disabled");
}

static void command_enable(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	struct backend_run *run = named_run(d, request, json);

	if (!run)
		return;
	run->is_disabled = false;
	run->is_drained = false; /* what a drain came to at its deadline is shown as disabled, too */
	changed(d, request, run, "enabled");
}

static void command_weight(struct daemon *d, struct ctl_request *request, const json_t *json)
{
	const json_t *weight = json_object_get(json, "weight");
	struct backend_run *run;

	if (!json_is_integer(weight) || json_integer_value(weight) < 0 ||
	    json_integer_value(weight) > CV_MAX_WEIGHT) {
		ctl_answer_error(request, 2, "a weight is 0 to %d", CV_MAX_WEIGHT);
		return;
	}
	run = named_run(d, request, json);
	if (!run)
		return;
	run->weight = (int)json_integer_value(weight);
	changed(d, request, run, "weighted anew");
}

static const struct {
	const char *name;
	command_fn run;
} commands[] = {
	{ "status", command_status },	  { "listeners", command_listeners }, { "pools", command_pools },
	{ "backends", command_backends }, { "reload", command_reload },	      { "drain", command_drain },
	{ "undrain", command_undrain },	  { "disable", command_disable },     { "enable", command_enable },
	{ "weight", command_weight },	  { "where", command_where },	      { "plan", command_plan },
};

void commands_handle(struct ctl_request *request, const json_t *json, void *arg)
{
	const char *name = json_string_value(json_object_get(json, "command"));

	for (size_t i = 0; i < CV_ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name)) {
			commands[i].run(arg, request, json);
			return;
		}
	}
	ctl_answer_error(request, 2, "this culvertd has no command %s", name);
}
