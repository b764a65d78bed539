/* SPDX-License-Identifier: GPL-2.0-only */
/* A configuration file to a model; see config.h. Tree, schema and relations are always all looked at, so that
 * a person sees every mistake at once. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config/config.h"
#include "config/report.h"
#include "config/schema.h"
#include "config/yaml.h"

#define MAX_FILE_BYTES (16 << 20)

struct relations {
	struct report *report;
	const struct node *tree;
};

/* The model knows where its listeners and backends stand; the tree knows it of every single value. */
static void report_fault(const struct model_fault *fault, void *arg)
{
	struct relations *relations = arg;
	struct report *report = relations->report;

	memcpy(report->path, fault->path, sizeof(report->path));
	report_error(report, yaml_find(relations->tree, fault->path)->mark, "%s", fault->text);
	report_leave(report, 0);
}

/* One error for a file that is no YAML. */
static int parse_tree(struct report *report, const char *text, size_t size, struct node *ret)
{
	struct config_error error;
	int r;

	r = yaml_parse_tree(text, size, ret, &error);
	if (r == -EINVAL) {
		report_enter_key(report, "yaml");
		report_error(report, error.mark, "%s", error.text);
		report_leave(report, 0);
	}
	return report->r < 0 ? report->r : r;
}

int config_parse(const char *text, size_t size, struct model **ret_model, struct config_errors *errors)
{
	struct report report = { .errors = errors };
	struct node tree = { .kind = NODE_TEXT };
	struct relations relations = { &report, &tree };
	struct model *model = NULL;
	int r;

	*errors = (struct config_errors){};
	r = parse_tree(&report, text, size, &tree);
	if (r < 0)
		goto out;
	model = model_new();
	if (!model) {
		r = -ENOMEM;
		goto out;
	}
	schema_read(&report, &tree, model);
	model_validate(model, report_fault, &relations);
	r = report.r;
	if (r == 0 && errors->nr)
		r = -EINVAL;
	if (r == 0) {
		*ret_model = model;
		model = NULL;
	}
out:
	if (r == -ENOMEM)
		config_errors_done(errors);
	report_sort(errors);
	model_free(model);
	yaml_done(&tree);
	return r;
}

void config_errors_done(struct config_errors *errors)
{
	free(errors->error);
	*errors = (struct config_errors){};
}

/* The whole file, at most one byte more than is allowed. */
static int read_file(const char *path, char **ret_text, size_t *ret_size)
{
	size_t size = 0, room = 0;
	char *text = NULL, *grown;
	ssize_t n = 1;
	int fd, r;

	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (n > 0 && size <= MAX_FILE_BYTES) {
		if (size == room) {
			room = room ? 2 * room : 1 << 16;
			grown = realloc(text, room);
			if (!grown) {
				r = -ENOMEM;
				goto out;
			}
			text = grown;
		}
		n = read(fd, text + size, room - size);
		if (n < 0) {
			r = -errno;
			goto out;
		}
		size += (size_t)n;
	}
	r = size > MAX_FILE_BYTES ? -EFBIG : 0;
out:
	close(fd);
	if (r < 0) {
		free(text);
		return r;
	}
	*ret_text = text;
	*ret_size = size;
	return 0;
}

int config_read(const char *path, char **ret_text, size_t *ret_size, struct err *err)
{
	int r = read_file(path, ret_text, ret_size);

	return r < 0 ? err_set(err, r, "cannot read %s: %s", path,
			       r == -EFBIG ? "larger than 16 MiB" : strerror(-r))
		     : 0;
}

int config_load(const char *path, struct model **ret_model, struct config_errors *errors, struct err *err)
{
	char *text = NULL;
	size_t size = 0;
	int r;

	*errors = (struct config_errors){};
	r = config_read(path, &text, &size, err);
	if (r < 0)
		return r;
	r = config_parse(text, size, ret_model, errors);
	if (r == -ENOMEM)
		err_set(err, r, "cannot read %s: out of memory", path);
	free(text);
	return r;
}
