/* SPDX-License-Identifier: GPL-2.0-only */
/* Arrays that grow. The room of an array of n items is the next power of two, so it needs no field. */
#ifndef UTIL_VEC_H
#define UTIL_VEC_H

#include <stdint.h>
#include <stdlib.h>

/* Makes room behind the `nr` items of `size` bytes that lie in `items` (NULL if nr is 0), all of them added
 * through this function. Returns the array, which may have moved, or NULL when out of memory: then `items`
 * is as it was. */
static inline void *vec_grow(void *items, size_t nr, size_t size)
{
	if (nr & (nr - 1))
		return items;
	if (nr > SIZE_MAX / 2 / size)
		return NULL;
	return realloc(items, (nr ? 2 * nr : 1) * size);
}

#endif
