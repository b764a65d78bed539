/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads a tree by the tables of schema.c; see keys.h. Linear in the size of the tree. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/keys.h"
#include "util/suggest.h"

static const char *kind_name(enum node_kind kind)
{
	switch (kind) {
	case NODE_TEXT:
		return "a single value";
	case NODE_LIST:
		return "a list";
	case NODE_MAPPING:
		return "a mapping";
	}
	return "";
}

static const struct key *find_key(const struct mapping *mapping, const char *name)
{
	for (const struct key *key = mapping->keys; key->name; key++) {
		if (!strcmp(key->name, name))
			return key;
	}
	return NULL;
}

/* "name, mode" */
static void list_keys(const struct mapping *mapping, char *text, size_t size)
{
	size_t used = 0;

	text[0] = '\0';
	for (const struct key *key = mapping->keys; key->name && used < size; key++)
		used += (size_t)snprintf(text + used, size - used, "%s%s", used ? ", " : "", key->name);
}

/* Returns the name of the key that was probably meant, or NULL. */
static const char *report_unknown(struct report *report, const struct mapping *mapping,
				  const struct node *node)
{
	struct suggest suggest;
	char allowed[200];

	list_keys(mapping, allowed, sizeof(allowed));
	suggest_init(&suggest, node->key);
	for (const struct key *key = mapping->keys; key->name; key++)
		suggest_consider(&suggest, key->name);
	if (suggest.best)
		report_error(report, node->key_mark, "unknown key, did you mean %s? allowed: %s",
			     suggest.best, allowed);
	else
		report_error(report, node->key_mark, "unknown key, allowed: %s", allowed);
	return suggest.best;
}

static void read_text(struct report *report, const struct key *key, const struct node *node, void *target)
{
	char quoted[REPORT_QUOTE_LEN];
	struct err err = { .text = "" };

	if (node->kind != NODE_TEXT) {
		key->parse(key, "", target, &err);
		report_error(report, node->mark, "%s: %s", kind_name(node->kind), err.text);
	} else if (key->parse(key, node->text, target, &err) < 0) {
		report_error(report, node->mark, "%s: %s",
			     node->is_empty ? "no value" : report_quote(node->text, quoted), err.text);
	}
}

static void read_mapping(struct report *report, const struct mapping *mapping, const struct node *node,
			 void *target)
{
	char allowed[200];

	if (node->kind == NODE_MAPPING || node->is_empty) {
		keys_read(report, mapping, node, target);
		return;
	}
	list_keys(mapping, allowed, sizeof(allowed));
	report_error(report, node->mark, "%s: must be a mapping with the keys %s", kind_name(node->kind),
		     allowed);
}

static void read_list(struct report *report, const struct key *key, const struct node *node, char *target)
{
	const struct mapping *items = key->items;
	size_t nr = node->nr;
	char *array = target + key->field.offset;

	if (node->kind != NODE_LIST && !node->is_empty) {
		report_error(report, node->mark, "%s: must be a list", kind_name(node->kind));
		return;
	}
	if (nr > key->max) {
		nr = key->max;
		report_error(report, node->mark, "%zu are too many: at most %zu are allowed", node->nr, nr);
	}
	if (!key->is_in_place && nr) {
		array = calloc(nr, items->size);
		if (!array) {
			report->r = -ENOMEM;
			return;
		}
		memcpy(target + key->field.offset, &array, sizeof(array));
	}
	memcpy(target + key->second.offset, &nr, sizeof(nr));
	for (size_t i = 0; i < nr; i++) {
		char *item = array + i * items->size;
		size_t outside = report_enter_item(report, i);

		memcpy(item + items->mark_offset, &node->child[i].mark, sizeof(struct mark));
		read_mapping(report, items, &node->child[i], item);
		report_leave(report, outside);
	}
}

static void read_missing(struct report *report, const struct key *key, const struct node *parent,
			 void *target)
{
	struct err err = { .text = "" };

	/* Nothing can be required of a mapping that is itself not there. */
	if (key->is_required && parent->mark.line) {
		key->parse(key, "", target, &err);
		report_error(report, parent->mark, "missing: %s", err.text);
	} else if (key->fallback) {
		key->parse(key, key->fallback, target, &err);
	} else if (key->mapping) {
		keys_read(report, key->mapping, &(struct node){ .kind = NODE_MAPPING },
			  (char *)target + key->field.offset);
	}
}

static void read_given(struct report *report, const struct key *key, const struct node *node, void *target)
{
	if (key->refusal)
		report_error(report, node->key_mark, "%s", key->refusal);
	else if (key->items)
		read_list(report, key, node, target);
	else if (key->mapping)
		read_mapping(report, key->mapping, node, (char *)target + key->field.offset);
	else
		read_text(report, key, node, target);
}

/* Where each key of a mapping was found. */
struct found {
	const struct node *node;
	bool is_misspelt; /* not found, but something like it */
};

static void find_values(struct report *report, const struct mapping *mapping, const struct node *node,
			struct found *ret)
{
	for (size_t i = 0; i < node->nr; i++) {
		const struct node *child = &node->child[i];
		const struct key *key = find_key(mapping, child->key);
		size_t outside = report_enter_key(report, child->key);

		if (!key) {
			const char *meant = report_unknown(report, mapping, child);

			if (meant)
				ret[find_key(mapping, meant) - mapping->keys].is_misspelt = true;
		} else if (ret[key - mapping->keys].node) {
			report_error(report, child->key_mark,
				     "given twice, must be given once: first in line %u",
				     ret[key - mapping->keys].node->key_mark.line);
		} else {
			ret[key - mapping->keys].node = child;
		}
		report_leave(report, outside);
	}
}

void keys_read(struct report *report, const struct mapping *mapping, const struct node *node, void *target)
{
	struct found found[KEYS_MAX] = {};

	find_values(report, mapping, node, found);
	for (size_t i = 0; mapping->keys[i].name; i++) {
		size_t outside = report_enter_key(report, mapping->keys[i].name);

		if (found[i].node)
			read_given(report, &mapping->keys[i], found[i].node, target);
		else if (!found[i].is_misspelt)
			read_missing(report, &mapping->keys[i], node, target);
		report_leave(report, outside);
	}
	if (mapping->finish)
		mapping->finish(report, node, target);
}
