/* SPDX-License-Identifier: GPL-2.0-only */
/* The language in which schema.c says what a configuration may contain: for each mapping a table of keys,
 * with the type, the limits and the default of their values and the field of a struct they are stored in. One
 * walk (keys.c) reads any tree by such tables and reports everything that does not fit. */
#ifndef CONFIG_KEYS_H
#define CONFIG_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "config/report.h"
#include "config/yaml.h"
#include "util/err.h"

struct key;
struct mapping;

/* Parses the text of one value and stores it in the field of `target`. -EINVAL, nothing stored, and in err
 * what is allowed ("must be ..."). The empty text is never right where a key is required: what err says of it is
 * also how a missing key is reported. */
typedef int (*key_parse)(const struct key *key, const char *text, void *target, struct err *err);

struct choice {
	const char *name;
	int value;
	const char *refusal; /* known, but not to be had: why */
};

struct field {
	size_t offset;
	size_t size;
};

#define FIELD(type, member)                                          \
	{                                                            \
		offsetof(type, member), sizeof(((type *)0)->member), \
	}

struct key {
	const char *name;
	key_parse parse;	       /* a text, or one of the next two: */
	const struct mapping *mapping; /* a mapping; the field is the struct it is read into */
	const struct mapping *items;   /* a list of mappings; the field points to the array */
	const char *refusal;	       /* or a key that is known, but not to be had: why */
	struct field field;
	struct field second;	      /* of a pair (a range, address and port); of a list: its length */
	const struct choice *choices; /* the last has no name */
	uint64_t min, max;	      /* of numbers, in the unit of the field; of a list: most items */
	const char *fallback;	      /* stands for a key that is missing; NULL: the field stays as it is */
	bool is_required;
	bool is_in_place; /* of a list: the field is the array itself, of `max` items */
};

#define KEYS_MAX 16

struct mapping {
	const struct key *keys; /* at most KEYS_MAX; the last has no name */
	size_t size;		/* of the struct, if it is an item of a list */
	size_t mark_offset;	/* likewise: of its struct mark */
	/* Looks at the struct as a whole, after its keys were read; `node` is its mapping. */
	void (*finish)(struct report *report, const struct node *node, void *target);
};

/* Reads `node` into the struct `target`, which holds zeroes or defaults. Values that are wrong are reported
 * and leave their fields as they are. Lists go to new memory, owned by the target, also after errors. */
void keys_read(struct report *report, const struct mapping *mapping, const struct node *node, void *target);

#endif
