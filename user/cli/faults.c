/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors of a configuration for people and programs; see faults.h. */
#include <errno.h>

#include "cli/faults.h"
#include "cli/view.h"
#include "config/errors_json.h"

int faults_print(const char *name, const struct cli *cli, const char *file, int r,
		 const struct config_errors *errors, const struct err *err)
{
	if (!errors->nr)
		return cli_complain(name, r == -ENOMEM ? CLI_FAILED : CLI_WRONG, "%s", err->text);
	for (size_t i = 0; i < errors->nr; i++) {
		const struct config_error *e = &errors->error[i];

		fprintf(stderr, "%s:%u:%u: %s%s%s\n", file, e->mark.line, e->mark.column, e->path,
			*e->path ? ": " : "", e->text);
	}
	if (cli->json)
		(void)cli_print_json(name, config_errors_json(file, errors));
	return CLI_WRONG;
}

int faults_print_refusal(const char *name, const struct cli *cli, int status, json_t *refusal)
{
	const json_t *error;
	size_t i;

	cli_complain(name, status, "refused:");
	json_array_foreach(json_object_get(refusal, "errors"), i, error) {
		const char *path = view_text(error, "path");

		fprintf(stderr, "%s:%.0f:%.0f: %s%s%s\n", view_text(refusal, "file"),
			view_number(error, "line"), view_number(error, "column"), path, *path ? ": " : "",
			view_text(error, "text"));
	}
	if (cli->json)
		(void)cli_print_json(name, refusal);
	else
		json_decref(refusal);
	return status;
}
