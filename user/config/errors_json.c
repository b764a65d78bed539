/* SPDX-License-Identifier: GPL-2.0-only */
/* The errors of a file as a document; see errors_json.h. */
#include "config/errors_json.h"

static json_t *error_json(const struct config_error *error)
{
	return json_pack("{s:i, s:i, s:s, s:s}", "line", (int)error->mark.line, "column",
			 (int)error->mark.column, "path", error->path, "text", error->text);
}

json_t *config_errors_json(const char *file, const struct config_errors *errors)
{
	json_t *list = json_array();

	for (size_t i = 0; i < errors->nr; i++)
		json_array_append_new(list, error_json(&errors->error[i]));
	return json_pack("{s:s, s:b, s:o}", "file", file, "ok", 0, "errors", list);
}
