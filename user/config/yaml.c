/* SPDX-License-Identifier: GPL-2.0-only */
/* libyaml's events to a tree; see yaml.h. The tree is built by recursion, as deep as YAML_MAX_DEPTH. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "config/yaml.h"
#include "util/vec.h"

struct loader {
	const char *text;
	yaml_parser_t parser;
	yaml_event_t event; /* the one at hand; of type none before the first */
	size_t nodes;
	struct config_error *error;
};

static struct mark mark_of(yaml_mark_t at)
{
	return (struct mark){ .line = (unsigned)at.line + 1, .column = (unsigned)at.column + 1 };
}

static __attribute__((format(printf, 3, 4))) int refuse(struct loader *loader, struct mark mark,
							const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(loader->error->text, sizeof(loader->error->text), format, args);
	va_end(args);
	loader->error->path[0] = '\0';
	loader->error->mark = mark;
	return -EINVAL;
}

/* The reader below libyaml's scanner reports places as byte offsets. */
static struct mark mark_of_offset(const char *text, size_t offset)
{
	struct mark mark = { 1, 1 };

	for (size_t i = 0; i < offset; i++) {
		if (text[i] == '\n')
			mark = (struct mark){ mark.line + 1, 1 };
		else if ((text[i] & 0xc0) != 0x80)
			mark.column++;
	}
	return mark;
}

static int refuse_syntax(struct loader *loader)
{
	const yaml_parser_t *parser = &loader->parser;
	struct mark mark = mark_of(parser->problem_mark);

	if (parser->error == YAML_MEMORY_ERROR)
		return -ENOMEM;
	if (parser->error == YAML_READER_ERROR) {
		mark = mark_of_offset(loader->text, parser->problem_offset);
		return refuse(loader, mark, "not a text in UTF-8: %s", parser->problem);
	}
	if (!strcmp(parser->problem, "found character that cannot start any token"))
		return refuse(loader, mark, "this character cannot start a value: %s",
			      "indent with spaces, not tabs; quote % @ `");
	if (parser->context)
		return refuse(loader, mark, "%s, %s that began in line %zu", parser->problem, parser->context,
			      parser->context_mark.line + 1);
	return refuse(loader, mark, "%s", parser->problem);
}

static int next_event(struct loader *loader)
{
	yaml_event_delete(&loader->event);
	return yaml_parser_parse(&loader->parser, &loader->event) ? 0 : refuse_syntax(loader);
}

/* Takes the text of the scalar at hand; *ret is owned by the caller. */
static int take_text(struct loader *loader, char **ret)
{
	const char *value = (const char *)loader->event.data.scalar.value;
	size_t length = loader->event.data.scalar.length;
	char *text;

	if (memchr(value, '\0', length))
		return refuse(loader, mark_of(loader->event.start_mark), "a text must not contain \\0");
	text = strndup(value, length);
	if (!text)
		return -ENOMEM;
	*ret = text;
	return 0;
}

/* Anchors and tags sit at the same place in three kinds of events. */
static int refuse_extras(struct loader *loader)
{
	const yaml_event_t *event = &loader->event;
	const yaml_char_t *anchor = NULL, *tag = NULL;

	switch (event->type) {
	case YAML_SCALAR_EVENT:
		anchor = event->data.scalar.anchor;
		tag = event->data.scalar.tag;
		break;
	case YAML_SEQUENCE_START_EVENT:
		anchor = event->data.sequence_start.anchor;
		tag = event->data.sequence_start.tag;
		break;
	case YAML_MAPPING_START_EVENT:
		anchor = event->data.mapping_start.anchor;
		tag = event->data.mapping_start.tag;
		break;
	default:
		break;
	}
	if (anchor || event->type == YAML_ALIAS_EVENT)
		return refuse(loader, mark_of(event->start_mark),
			      "anchors and aliases (&name, *name) are not supported: write the value out");
	if (tag)
		return refuse(loader, mark_of(event->start_mark),
			      "tags (!name) are not supported: leave it out");
	return 0;
}

static int load_key(struct loader *loader, struct node *node)
{
	int r;

	r = refuse_extras(loader);
	if (r < 0)
		return r;
	node->key_mark = mark_of(loader->event.start_mark);
	if (loader->event.type != YAML_SCALAR_EVENT)
		return refuse(loader, node->key_mark, "a key must be a word, not a list or a mapping");
	return take_text(loader, &node->key);
}

static int load_children(struct loader *loader, unsigned depth, yaml_event_type_t end, struct node *parent);

/* Makes a value of the event at hand and, for a list or mapping, those that follow up to its end. Whatever it
 * returns, *node can be ended with yaml_done. */
static int load_node(struct loader *loader, unsigned depth, struct node *node)
{
	const yaml_event_t *event = &loader->event;
	int r;

	node->mark = mark_of(event->start_mark);
	if (depth > YAML_MAX_DEPTH)
		return refuse(loader, node->mark, "nested deeper than %d levels", YAML_MAX_DEPTH);
	if (++loader->nodes > YAML_MAX_NODES)
		return refuse(loader, node->mark, "more than %d values in one file", YAML_MAX_NODES);
	r = refuse_extras(loader);
	if (r < 0)
		return r;
	switch (event->type) {
	case YAML_SEQUENCE_START_EVENT:
		node->kind = NODE_LIST;
		return load_children(loader, depth, YAML_SEQUENCE_END_EVENT, node);
	case YAML_MAPPING_START_EVENT:
		node->kind = NODE_MAPPING;
		return load_children(loader, depth, YAML_MAPPING_END_EVENT, node);
	default:
		node->kind = NODE_TEXT;
		node->is_empty =
			event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && event->data.scalar.length == 0;
		return take_text(loader, &node->text);
	}
}

static int load_children(struct loader *loader, unsigned depth, yaml_event_type_t end, struct node *parent)
{
	int r;

	while ((r = next_event(loader)) == 0 && loader->event.type != end) {
		struct node *child = vec_grow(parent->child, parent->nr, sizeof(*child));

		if (!child)
			return -ENOMEM;
		parent->child = child;
		child += parent->nr++;
		*child = (struct node){ .kind = NODE_TEXT };
		if (end == YAML_MAPPING_END_EVENT) {
			r = load_key(loader, child);
			if (r == 0)
				r = next_event(loader);
			if (r < 0)
				return r;
		}
		r = load_node(loader, depth + 1, child);
		if (r < 0)
			return r;
	}
	return r;
}

/* A document and nothing behind it; an empty text if there is none. */
static int load_document(struct loader *loader, struct node *ret)
{
	int r;

	r = next_event(loader); /* start of the stream */
	if (r == 0)
		r = next_event(loader);
	if (r < 0)
		return r;
	if (loader->event.type == YAML_STREAM_END_EVENT) {
		*ret = (struct node){ .kind = NODE_TEXT, .is_empty = true, .mark = { 1, 1 } };
		ret->text = strdup("");
		return ret->text ? 0 : -ENOMEM;
	}
	r = next_event(loader);
	if (r == 0)
		r = load_node(loader, 1, ret);
	if (r == 0)
		r = next_event(loader); /* end of the document */
	if (r == 0)
		r = next_event(loader);
	if (r == 0 && loader->event.type != YAML_STREAM_END_EVENT)
		r = refuse(loader, mark_of(loader->event.start_mark),
			   "a second document: only one is allowed");
	return r;
}

int yaml_parse_tree(const char *text, size_t size, struct node *ret, struct config_error *ret_error)
{
	struct loader loader = { .text = text, .error = ret_error };
	struct node tree = { .kind = NODE_TEXT };
	int r;

	if (!yaml_parser_initialize(&loader.parser))
		return -ENOMEM;
	yaml_parser_set_encoding(&loader.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(&loader.parser, (const unsigned char *)text, size);
	r = load_document(&loader, &tree);
	yaml_event_delete(&loader.event);
	yaml_parser_delete(&loader.parser);
	if (r < 0)
		yaml_done(&tree);
	else
		*ret = tree;
	return r;
}

void yaml_done(struct node *tree)
{
	for (size_t i = 0; i < tree->nr; i++)
		yaml_done(&tree->child[i]);
	free(tree->child);
	free(tree->text);
	free(tree->key);
	*tree = (struct node){ .kind = NODE_TEXT };
}

static const struct node *get_child(const struct node *mapping, const char *key, size_t length)
{
	for (size_t i = 0; mapping->kind == NODE_MAPPING && i < mapping->nr; i++) {
		const struct node *child = &mapping->child[i];

		if (!strncmp(child->key, key, length) && !child->key[length])
			return child;
	}
	return NULL;
}

const struct node *yaml_get(const struct node *mapping, const char *key)
{
	return get_child(mapping, key, strlen(key));
}

const struct node *yaml_find(const struct node *tree, const char *path)
{
	const struct node *node = tree, *next = tree;

	while (next) {
		char *end;

		node = next;
		next = NULL;
		if (*path == '[') {
			size_t index = strtoul(path + 1, &end, 10);

			path = end + 1;
			if (node->kind == NODE_LIST && index < node->nr)
				next = &node->child[index];
		} else if (*path) {
			size_t length;

			path += *path == '.';
			length = strcspn(path, ".[");
			next = get_child(node, path, length);
			path += length;
		}
	}
	return node;
}
