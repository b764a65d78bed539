/* SPDX-License-Identifier: GPL-2.0-only */
/* How a record of one version becomes a record of another: what both call by the same name goes over, whatever its place,
 * its width or, of an enum, its number. What the new one has beyond that is zero. It is sound because names carry units,
 * and because a new member means, when it is zero, what was before it (cv_limits.h). For dp_migrate.c; knows no maps. */
#ifndef DATAPLANE_LAYOUT_H
#define DATAPLANE_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct btf;
struct layout;

/* From records of the type `from_type` to those of `type`. 0; -EINVAL if a type is not there or has no size, -ENOMEM. Takes
 * what it needs from both BTFs: they may go. */
int layout_new(const struct btf *from_btf, uint32_t from_type, const struct btf *btf, uint32_t type,
	       struct layout **ret);
void layout_free(struct layout *layout); /* takes NULL */

/* Whether a record goes over as it is. */
bool layout_is_same(const struct layout *layout);
size_t layout_from_size(const struct layout *layout);
size_t layout_size(const struct layout *layout);

/* Makes a record of the new version, which does not overlap the old one. */
void layout_move(const struct layout *layout, const void *from, void *ret);

/* What the numbers 0 to nr-1 of an enum are in the new version: UINT32_MAX for one that it does not have. -ENOENT if a
 * BTF does not know the enum, whose tag is `name`. */
int layout_enum(const struct btf *from_btf, const struct btf *btf, const char *name, uint32_t *ret,
		size_t nr);

/* Whether a record of this type is nothing but 64-bit numbers. */
bool layout_is_numbers(const struct btf *btf, uint32_t type);

#endif
