/* SPDX-License-Identifier: GPL-2.0-only */
/* What names something else in the file: the pool of a listener. Listeners come first in a file, so the names
 * are looked up when all of it is read. */
#ifndef CONFIG_REFERENCES_H
#define CONFIG_REFERENCES_H

#include "config/report.h"
#include "config/yaml.h"

/* Sets listener_conf.pool of every listener from the names in the tree the model was read from; SIZE_MAX, and
 * an error unless the name itself was wrong, if there is no such pool. */
void references_resolve(struct report *report, const struct node *tree, struct model *model);

#endif
