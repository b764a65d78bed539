/* SPDX-License-Identifier: GPL-2.0-only */
/* libFuzzer entry: any bytes as a configuration. Beyond what the sanitizers see, it holds config_parse to its
 * contract: a model or errors, never both, and errors in the order of the file, printable. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_errors(const struct config_errors *errors)
{
	const struct config_error *error = errors->error;

	for (size_t i = 0; i < errors->nr; i++, error++) {
		if (!error->mark.line || !error->mark.column || !error->path[0] || !error->text[0])
			abort();
		if (i &&
		    (error[-1].mark.line > error->mark.line ||
		     (error[-1].mark.line == error->mark.line && error[-1].mark.column > error->mark.column)))
			abort();
		for (const char *c = error->text; *c; c++) {
			if (*c < ' ' || *c > '~')
				abort();
		}
	}
}

static void ignore(const struct model_fault *fault, void *arg)
{
	(void)fault;
	(void)arg;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct config_errors errors;
	struct model *model = NULL;
	int r;

	r = config_parse((const char *)data, size, &model, &errors);
	if (r == 0 && (!model || errors.nr || model_validate(model, ignore, NULL)))
		abort();
	if (r == -EINVAL && (model || !errors.nr))
		abort();
	check_errors(&errors);
	config_errors_done(&errors);
	model_free(model);
	return 0;
}
