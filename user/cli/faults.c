/* SPDX-License-Identifier: GPL-2.0-only */
/* Errors of a configuration for people and programs; see faults.h. */
#include <errno.h>

#include "cli/faults.h"

static json_t *faults_to_json(const char *file, const struct config_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->nr; i++) {
		const struct config_error *e = &errors->error[i];

		json_array_append_new(list,
				      json_pack("{s:i, s:i, s:s, s:s}", "line", (int)e->mark.line, "column",
						(int)e->mark.column, "path", e->path, "text", e->text));
	}
	return json_pack("{s:s, s:b, s:o}", "file", file, "ok", 0, "errors", list);
}

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
		(void)cli_print_json(name, faults_to_json(file, errors));
	return CLI_WRONG;
}
