/* SPDX-License-Identifier: GPL-2.0-only */
/* What a configuration file may contain: every key, its type, its limits, its default. Called by config.c. */
#ifndef CONFIG_SCHEMA_H
#define CONFIG_SCHEMA_H

#include "config/report.h"
#include "config/yaml.h"

/* Reads a tree into a new model and reports what is wrong with any single key, and listeners whose pool is
 * not there. Values that were wrong stay zero (a pool that was not found: SIZE_MAX), so that model_validate
 * can look at the rest. Relations are left to model_validate. */
void schema_read(struct report *report, const struct node *tree, struct model *model);

#endif
