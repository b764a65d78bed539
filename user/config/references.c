/* SPDX-License-Identifier: GPL-2.0-only */
/* Names of pools to indices; see references.h. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/references.h"
#include "config/scalar.h"
#include "util/suggest.h"

#define POOLS_SHOWN 3 /* of those that there are, where none has the name */

static int compare_names(const void *a, const void *b)
{
	const struct pool_conf *const *one = a, *const *other = b;

	return strcmp((*one)->name, (*other)->name);
}

/* "one of: web, api, mail and 5 more": as many as fit into an error, however long their names are. */
static const char *list_pools(const struct model *model, char *text, size_t size)
{
	size_t used = (size_t)snprintf(text, size, "one of: "), nr = 0;

	for (size_t i = 0; i < model->pools_nr; i++) {
		const char *name = model->pools[i].name;

		if (*name && nr++ < POOLS_SHOWN)
			used += (size_t)snprintf(text + used, size - used, "%s%s", nr > 1 ? ", " : "", name);
	}
	if (nr > POOLS_SHOWN)
		snprintf(text + used, size - used, " and %zu more", nr - POOLS_SHOWN);
	return nr ? text : "one of those in pools, which has none";
}

static void report_no_pool(struct report *report, const struct model *model, size_t listener,
			   const struct node *name)
{
	char meant[CV_NAME_LEN + 32] = ":", allowed[POOLS_SHOWN * (CV_NAME_LEN + 1) + 32];
	struct suggest suggest;

	suggest_init(&suggest, name->text);
	for (size_t i = 0; i < model->pools_nr; i++)
		suggest_consider(&suggest, model->pools[i].name);
	if (suggest.best)
		snprintf(meant, sizeof(meant), ", did you mean %s?", suggest.best);
	report_enter_key(report, "listeners");
	report_enter_item(report, listener);
	report_enter_key(report, "pool");
	report_error(report, name->mark, "\"%s\": no pool has this name%s must be %s", name->text, meant,
		     list_pools(model, allowed, sizeof(allowed)));
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
