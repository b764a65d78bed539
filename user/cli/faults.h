/* SPDX-License-Identifier: GPL-2.0-only */
/* The errors of a configuration file, said the same way by every command that reads one. */
#ifndef CLI_FAULTS_H
#define CLI_FAULTS_H

#include "cli/cli.h"
#include "config/config.h"

/* After config_parse or config_load failed with `r`: says every error as FILE:LINE:COLUMN: path: text, or err if the
 * file could not be read; with --json a document as well. The status to end with. */
int faults_print(const char *name, const struct cli *cli, const char *file, int r,
		 const struct config_errors *errors, const struct err *err);

/* The same of a file that the daemon refused: its document of errors (config/errors_json.h), taken over. Returns
 * `status`. */
int faults_print_refusal(const char *name, const struct cli *cli, int status, json_t *refusal);

#endif
