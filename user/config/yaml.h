/* SPDX-License-Identifier: GPL-2.0-only */
/* A YAML document as a tree of values, each with its place in the file. Only the plain part of YAML that a
 * configuration needs: one document of mappings, lists and texts; anchors, aliases, tags and keys that are
 * not a text are refused, depth and size are bounded. What the values mean is schema.c's affair; keys given
 * twice are both in the tree. */
#ifndef CONFIG_YAML_H
#define CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>

#include "config/config.h"

#define YAML_MAX_DEPTH 16
#define YAML_MAX_NODES 262144

enum node_kind { NODE_TEXT, NODE_LIST, NODE_MAPPING };

struct node {
	enum node_kind kind;
	bool is_empty;	  /* a text that was not even written: "key:" and nothing behind */
	struct mark mark; /* line 0: not in the file */
	char *text;	  /* of a text, UTF-8; NULL in the others */
	char *key;	  /* of a value in a mapping; NULL in a list and at the top */
	struct mark key_mark;
	struct node *child; /* values of a list or mapping, in the order of the file */
	size_t nr;
};

/* 0 and a tree, to be ended with yaml_done; -EINVAL and what is wrong in *ret_error; -ENOMEM. A file with no
 * value in it is an empty text. */
int yaml_parse_tree(const char *text, size_t size, struct node *ret, struct config_error *ret_error);
void yaml_done(struct node *tree);

/* The value of `key` (the first, if there are several) in a mapping; NULL if there is none. */
const struct node *yaml_get(const struct node *mapping, const char *key);

/* The value at a path such as "pools[1].backends[0].port", or the one that comes closest from above. */
const struct node *yaml_find(const struct node *tree, const char *path);

#endif
