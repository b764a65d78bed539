/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: is culvertd there, and is its configuration in force? */
#include <errno.h>

#include "cli/doctor.h"
#include "cli/view.h"
#include "config/config.h"

#define DEFAULT_CONFIG "/etc/culvert/culvert.yaml"

static void check_running(struct doctor *doctor, json_t *status)
{
	const json_t *reload = json_object_get(status, "last_reload");
	struct findings *findings = &doctor->findings;
	char time[OUT_TEXT_LEN];

	finding_ok(findings, "culvertd", "version %s, up %s", view_text(status, "version"),
		   out_duration(view_count(status, "uptime_s"), time));
	if (json_is_true(json_object_get(reload, "ok"))) {
		finding_ok(findings, "reload", "the file was read %s ago and is in force",
			   out_duration(view_count(reload, "at_s_ago"), time));
		return;
	}
	finding_bad(findings, FINDING_ERROR, "reload", "what is in force is an older file",
		    "the last reload failed: %s", view_text(reload, "error"));
	finding_mend(findings, "culvert check %s && culvert reload --socket %s", doctor->config,
		     doctor->cli.socket);
}

static void check_config(struct doctor *doctor)
{
	struct config_errors errors = { 0 };
	struct err err = { "out of memory" };
	int r = config_load(doctor->config, &doctor->model, &errors, &err);

	if (!r) {
		finding_ok(&doctor->findings, "config", "%s is right", doctor->config);
	} else {
		finding_bad(&doctor->findings, FINDING_ERROR, "config",
			    "culvertd does not start with it, or goes on with what it read before",
			    errors.nr ? "%s has mistakes" : "%s cannot be read", doctor->config);
		finding_mend(&doctor->findings, "culvert check %s", doctor->config);
	}
	config_errors_done(&errors);
}

void doctor_daemon(struct doctor *doctor, const char *config)
{
	json_t *where = NULL, *status = NULL;
	const char *its = NULL;
	struct err err;
	int r = ctl_call(doctor->cli.socket, "where", NULL, &where, &err);

	if (!r)
		its = json_string_value(json_object_get(where, "config"));
	snprintf(doctor->config, sizeof(doctor->config), "%s", config ? config : its ? its : DEFAULT_CONFIG);
	if (!r)
		r = ctl_call(doctor->cli.socket, "status", NULL, &status, &err);
	if (!r) {
		check_running(doctor, status);
	} else {
		finding_bad(&doctor->findings, FINDING_ERROR, "culvertd",
			    "nobody checks backends and follows routes; what is attached goes on forwarding",
			    "it does not answer: %s", r < 0 ? err.text : "it refuses");
		finding_mend(&doctor->findings, "systemctl restart culvertd");
	}
	check_config(doctor);
	json_decref(where);
	json_decref(status);
}
