/* SPDX-License-Identifier: GPL-2.0-only */
/* The errors of a file as a document: what `check --json` and `reload --json` print, and how the daemon hands them to
 * the command. */
#ifndef CONFIG_ERRORS_JSON_H
#define CONFIG_ERRORS_JSON_H

#include <jansson.h>

#include "config/config.h"

/* {"file": "…", "ok": false, "errors": [{"line": …, "column": …, "path": "…", "text": "…"}, …]}. NULL when out of
 * memory, or if the name of the file is no UTF-8. */
json_t *config_errors_json(const char *file, const struct config_errors *errors);

#endif
