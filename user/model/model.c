/* SPDX-License-Identifier: GPL-2.0-only */
/* Birth, death and names of a model; see model.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "model/model.h"

const char *attach_mode_name(enum attach_mode mode)
{
	switch (mode) {
	case ATTACH_AUTO:
		return "auto";
	case ATTACH_NATIVE:
		return "native";
	case ATTACH_GENERIC:
		return "generic";
	}
	return "unknown";
}

struct model *model_new(void)
{
	static const uint8_t localhost[4] = { 127, 0, 0, 1 };
	struct model *model;

	model = calloc(1, sizeof(*model));
	if (!model)
		return NULL;
	model->flow_table.max_flows = CV_DEFAULT_MAX_FLOWS;
	model->flow_table.when_full = CV_FULL_EVICT;
	model->icmp.echo = true;
	model->flow_table.shortcut = CV_SHORTCUT_ON;
	addr_from_wire(AF_INET, localhost, &model->metrics.address);
	model->metrics.port = 9469;
	model->gue.port = CV_GUE_PORT;
	model->gue.variant = CV_GUE_HEADER;
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	for (size_t i = 0; i < model->pools_nr; i++)
		free(model->pools[i].backends);
	free(model->pools);
	free(model->listeners);
	free(model);
}

int model_find_listener(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->listeners_nr; i++) {
		if (!strcmp(model->listeners[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

int model_find_pool(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->pools_nr; i++) {
		if (!strcmp(model->pools[i].name, name))
			return (int)i;
	}
	return -ENOENT;
}

bool model_is_same_table(const struct flow_table_conf *a, const struct flow_table_conf *b)
{
	return a->max_flows == b->max_flows && a->when_full == b->when_full && a->shortcut == b->shortcut;
}
