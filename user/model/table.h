/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev tables in the form of the maps, shared between images as long as nothing they depend on changes.
 * Used by image.c, image_build.c and plan.c only. */
#ifndef MODEL_TABLE_H
#define MODEL_TABLE_H

#include "model/image.h"

/* A backend that serves. */
struct table_backend {
	struct addr address;
	uint16_t port;
	uint16_t id;
	uint16_t weight; /* 1 to CV_MAX_WEIGHT */
};

/* The table of these backends (none: all slots are empty). `old`, which may be NULL, is taken again if it was
 * made from the same. 0 and a reference that the caller gives back with table_put; -EINVAL (a backend twice,
 * a size that is none) or -ENOMEM. */
int table_make(const struct table_backend *backends, size_t nr, const char *seed, uint32_t size,
	       struct image_table *old, struct image_table **ret);

void table_put(struct image_table *table); /* takes NULL */

/* Same slots, whatever they were made from. NULL is equal to nothing. */
bool table_is_equal(const struct image_table *a, const struct image_table *b);

/* Id of the backend that owns a slot. */
static inline uint16_t table_owner(const struct image_table *table, uint32_t slot)
{
	return table->line[slot / CV_SLOTS_PER_LINE].slot[slot % CV_SLOTS_PER_LINE].backend;
}

#endif
