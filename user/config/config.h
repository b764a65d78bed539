/* SPDX-License-Identifier: GPL-2.0-only */
/* A configuration file to a model: tree (yaml.h), table of keys (schema.c), relations (model.h). */
#ifndef CONFIG_CONFIG_H
#define CONFIG_CONFIG_H

#include "model/model.h"
#include "util/err.h"

/* One message about a file, ready to print as FILE:LINE:COLUMN: path.to.key: text. */
struct config_error {
	struct mark mark;
	char path[128];
	char text[256];
};

struct config_errors {
	struct config_error *error; /* in the order of the file */
	size_t nr;
};

void config_errors_done(struct config_errors *errors);

/* Reads `size` bytes of YAML. 0 and a model that the caller frees; -EINVAL and every error of the text at
 * once in *errors (which the caller ends with config_errors_done); -ENOMEM. Never touches a kernel. */
int config_parse(const char *text, size_t size, struct model **ret_model, struct config_errors *errors);

/* A whole file of at most 16 MiB. 0 and a text that the caller frees, or -errno and err. */
int config_read(const char *path, char **ret_text, size_t *ret_size, struct err *err);

/* The two in one: as config_parse for a file of at most 16 MiB; other negative errnos, and err, say why it could not be read. */
int config_load(const char *path, struct model **ret_model, struct config_errors *errors, struct err *err);

#endif
