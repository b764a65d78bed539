/* SPDX-License-Identifier: GPL-2.0-only */
/* Findings, collected and printed; see finding.h. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "cli/cli.h"
#include "cli/finding.h"
#include "cli/view.h"

static const char *const levels[] = {
	[FINDING_OK] = "ok", [FINDING_WARNING] = "warning", [FINDING_ERROR] = "error"
};

void findings_init(struct findings *findings)
{
	*findings = (struct findings){ .list = json_array() };
}

void findings_done(struct findings *findings)
{
	json_decref(findings->list);
	findings->list = NULL;
}

static json_t *format_text(const char *format, va_list args)
{
	char *text = NULL;
	json_t *json;

	if (vasprintf(&text, format, args) < 0)
		return NULL;
	json = json_string(text);
	free(text);
	return json;
}

static void add(struct findings *findings, enum finding_level level, const char *check, const char *why,
		json_t *what)
{
	findings->nr[level]++;
	json_array_append_new(findings->list, json_pack("{s:s, s:s, s:o, s:s*}", "level", levels[level],
							"check", check, "what", what, "why", why));
}

void finding_ok(struct findings *findings, const char *check, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, FINDING_OK, check, NULL, format_text(format, args));
	va_end(args);
}

void finding_bad(struct findings *findings, enum finding_level level, const char *check, const char *why,
		 const char *format, ...)
{
	va_list args;

	va_start(args, format);
	add(findings, level, check, why, format_text(format, args));
	va_end(args);
}

void finding_mend(struct findings *findings, const char *format, ...)
{
	size_t nr = json_array_size(findings->list);
	va_list args;

	va_start(args, format);
	json_object_set_new(json_array_get(findings->list, nr - 1), "mend", format_text(format, args));
	va_end(args);
}

static void print_finding(const json_t *finding)
{
	const char *why = json_string_value(json_object_get(finding, "why"));
	const char *mend = json_string_value(json_object_get(finding, "mend"));

	printf("%-8s %-11s %s\n", view_text(finding, "level"), view_text(finding, "check"),
	       view_text(finding, "what"));
	if (why)
		printf("%20s why:   %s\n", "", why);
	if (mend)
		printf("%20s mend: %s\n", "", mend);
}

int findings_print(struct findings *findings, bool json)
{
	int status = findings->nr[FINDING_ERROR] ? CLI_FAILED : CLI_DONE, printed = CLI_DONE;
	const json_t *finding;
	size_t i;

	if (json) {
		printed = cli_print_json("doctor", json_pack("{s:O, s:i, s:i}", "findings", findings->list,
							     "errors", (int)findings->nr[FINDING_ERROR],
							     "warnings", (int)findings->nr[FINDING_WARNING]));
	} else {
		json_array_foreach(findings->list, i, finding)
			print_finding(finding);
		printf("\nerrors: %u, warnings: %u, well: %u\n", findings->nr[FINDING_ERROR],
		       findings->nr[FINDING_WARNING], findings->nr[FINDING_OK]);
	}
	findings_done(findings);
	return printed ? printed : status;
}
