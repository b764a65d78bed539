/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of pools to indices; see references.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/references.h"
#include "config/scalar.h"
#include "util/suggest.h"

static int compare_names(const void *a, const void *b)
{
	const struct pool_conf *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

static void report_no_pool(struct report *report, const struct model *model, size_t listener,
			   const struct node *name)
{
	struct suggest suggest;

	suggest_init(&suggest, name->text);
	for (size_t i = 0; i < model->pools_nr; i++)
		suggest_consider(&suggest, model->pools[i].name);
	report_enter_key(report, "listeners");
	report_enter_item(report, listener);
	report_enter_key(report, "pool");
	if (suggest.best)
		report_error(report, name->mark, "\"%s\": no pool has this name, did you mean %s?",
			     name->text, suggest.best);
	else
		report_error(report, name->mark, "\"%s\": no pool has this name", name->text);
	report_leave(report, 0);
}

void references_resolve(struct report *report, const struct node *tree, struct model *model)
{
	const struct node *listeners = yaml_get(tree, "listeners");
	const struct pool_conf **sorted, **found;

	sorted = calloc(model->pools_nr + 1, sizeof(*sorted));
	if (!sorted) {
		report->r = -ENOMEM;
		return;
	}
	for (size_t i = 0; i < model->pools_nr; i++)
		sorted[i] = &model->pools[i];
	qsort(sorted, model->pools_nr, sizeof(*sorted), compare_names);
	for (size_t i = 0; i < model->listeners_nr; i++) {
		const struct node *name = yaml_get(&listeners->child[i], "pool");
		struct pool_conf wanted, *key = &wanted;

		model->listeners[i].pool = SIZE_MAX;
		if (!name || !name->text || scalar_reference(NULL, name->text, NULL, NULL) < 0)
			continue;
		memcpy(wanted.name, name->text, strlen(name->text) + 1);
		found = bsearch(&key, sorted, model->pools_nr, sizeof(*sorted), compare_names);
		if (found)
			model->listeners[i].pool = (size_t)(*found - model->pools);
		else
			report_no_pool(report, model, i, name);
	}
	free(sorted);
}
