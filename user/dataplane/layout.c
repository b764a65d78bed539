/* SPDX-License-Identifier: GPL-2.0-only */
/* From one layout to another by the names of BTF; see layout.h. The two types are gone through once, which makes a list of
 * steps; neighbours that lie alike on both sides become one step, so that what did not change is one copy. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/btf.h>

#include "dataplane/layout.h"
#include "util/vec.h"

/* Numbers of an enum of one byte, which is what the maps have. */
struct numbers {
	uint8_t of[256];
};

/* Bytes that go over as they are; a number that changes its width, little end first; or the number of an enum. */
struct step {
	uint32_t from, to;	  /* offsets */
	uint32_t from_size, size; /* equal, if it is bytes */
	bool is_signed;
	struct numbers *numbers; /* NULL: none */
};

struct layout {
	size_t from_size, size;
	struct step *steps;
	size_t nr;
};

struct side {
	const struct btf *btf;
	uint32_t type;
	uint32_t at; /* offset in the record */
};

/* Without typedefs and the like. NULL if there is no such type. */
static const struct btf_type *plain(const struct side *side)
{
	const struct btf_type *type = btf__type_by_id(side->btf, side->type);

	while (type && (btf_is_mod(type) || btf_is_typedef(type)))
		type = btf__type_by_id(side->btf, type->type);
	return type;
}

static bool is_number(const struct btf_type *type)
{
	return btf_is_int(type) || btf_is_enum(type);
}

/* --- enums ----------------------------------------------------------------------------------------- */

static void match_numbers(const struct btf *from_btf, const struct btf_type *from, const struct btf *btf,
			  const struct btf_type *type, uint32_t *ret, size_t nr)
{
	const struct btf_enum *old = btf_enum(from), *now = btf_enum(type);

	for (size_t i = 0; i < nr; i++)
		ret[i] = UINT32_MAX;
	for (unsigned i = 0; i < btf_vlen(from); i++) {
		const char *name = btf__name_by_offset(from_btf, old[i].name_off);

		for (unsigned j = 0; j < btf_vlen(type); j++)
			if ((uint32_t)old[i].val < nr &&
			    !strcmp(name, btf__name_by_offset(btf, now[j].name_off)))
				ret[old[i].val] = (uint32_t)now[j].val;
	}
}

int layout_enum(const struct btf *from_btf, const struct btf *btf, const char *name, uint32_t *ret, size_t nr)
{
	int from = btf__find_by_name_kind(from_btf, name, BTF_KIND_ENUM);
	int to = btf__find_by_name_kind(btf, name, BTF_KIND_ENUM);

	if (from < 0 || to < 0)
		return -ENOENT;
	match_numbers(from_btf, btf__type_by_id(from_btf, (__u32)from), btf, btf__type_by_id(btf, (__u32)to),
		      ret, nr);
	return 0;
}

/* NULL in *ret if every number stays what it is. A number without a name that both know becomes 0, which says "none". */
static int make_numbers(const struct side *from, const struct btf_type *from_type, const struct side *to,
			const struct btf_type *type, struct numbers **ret)
{
	uint32_t match[256];
	bool is_same = true;
	struct numbers *numbers;

	match_numbers(from->btf, from_type, to->btf, type, match, 256);
	for (size_t i = 0; i < btf_vlen(from_type); i++) {
		int32_t number = btf_enum(from_type)[i].val;

		is_same = is_same && number >= 0 && number < 256 && match[number] == (uint32_t)number;
	}
	*ret = NULL;
	if (is_same)
		return 0;
	numbers = calloc(1, sizeof(*numbers));
	if (!numbers)
		return -ENOMEM;
	for (size_t i = 0; i < 256; i++)
		numbers->of[i] = match[i] < 256 ? (uint8_t)match[i] : 0;
	*ret = numbers;
	return 0;
}

/* --- steps ----------------------------------------------------------------------------------------- */

/* Adds a step, or makes the last one longer; takes over its numbers. */
static int add(struct layout *layout, const struct step *step)
{
	struct step *last = layout->nr ? &layout->steps[layout->nr - 1] : NULL, *steps;

	if (last && !last->numbers && !step->numbers && last->from_size == last->size &&
	    step->from_size == step->size && last->from + last->size == step->from &&
	    last->to + last->size == step->to) {
		last->size += step->size;
		last->from_size += step->size;
		return 0;
	}
	steps = vec_grow(layout->steps, layout->nr, sizeof(*steps));
	if (!steps) {
		free(step->numbers);
		return -ENOMEM;
	}
	layout->steps = steps;
	steps[layout->nr++] = *step;
	return 0;
}

static int add_number(struct layout *layout, const struct side *from, const struct btf_type *from_type,
		      const struct side *to, const struct btf_type *type)
{
	struct step step = {
		.from = from->at,
		.to = to->at,
		.from_size = from_type->size,
		.size = type->size,
		.is_signed = btf_is_int(from_type) && (btf_int_encoding(from_type) & BTF_INT_SIGNED),
	};
	int r = 0;

	if (btf_is_enum(from_type) && btf_is_enum(type) && step.from_size == 1 && step.size == 1)
		r = make_numbers(from, from_type, to, type, &step.numbers);
	return r ? r : add(layout, &step);
}

static int walk(struct layout *layout, const struct side *from, const struct side *to);

static int walk_array(struct layout *layout, const struct side *from, const struct btf_type *from_type,
		      const struct side *to, const struct btf_type *type)
{
	const struct btf_array *old = btf_array(from_type), *now = btf_array(type);
	__s64 old_size = btf__resolve_size(from->btf, old->type),
	      size = btf__resolve_size(to->btf, now->type);
	uint32_t nr = old->nelems < now->nelems ? old->nelems : now->nelems;
	int r = old_size < 0 || size < 0 ? -EINVAL : 0;

	for (uint32_t i = 0; !r && i < nr; i++) {
		const struct side a = { from->btf, old->type, from->at + i * (uint32_t)old_size };
		const struct side b = { to->btf, now->type, to->at + i * (uint32_t)size };

		r = walk(layout, &a, &b);
	}
	return r;
}

static const struct btf_member *find_member(const struct btf *btf, const struct btf_type *type,
					    const char *name)
{
	const struct btf_member *member = btf_members(type);

	for (unsigned i = 0; i < btf_vlen(type); i++)
		if (!strcmp(btf__name_by_offset(btf, member[i].name_off), name))
			return &member[i];
	return NULL;
}

/* Members have no bit fields and are not anonymous (cv_types.h): an offset in bits is one in bytes. */
static int walk_struct(struct layout *layout, const struct side *from, const struct btf_type *from_type,
		       const struct side *to, const struct btf_type *type)
{
	const struct btf_member *member = btf_members(type);
	int r = 0;

	for (unsigned i = 0; !r && i < btf_vlen(type); i++) {
		const struct btf_member *old =
			find_member(from->btf, from_type, btf__name_by_offset(to->btf, member[i].name_off));
		const struct side b = { to->btf, member[i].type, to->at + member[i].offset / 8 };

		if (old) {
			const struct side a = { from->btf, old->type, from->at + old->offset / 8 };

			r = walk(layout, &a, &b);
		}
	}
	return r;
}

/* Things of different kinds have nothing to do with each other, even if their name is one. */
static int walk(struct layout *layout, const struct side *from, const struct side *to)
{
	const struct btf_type *old = plain(from), *now = plain(to);

	if (!old || !now)
		return -EINVAL;
	if (btf_is_struct(old) && btf_is_struct(now))
		return walk_struct(layout, from, old, to, now);
	if (btf_is_array(old) && btf_is_array(now))
		return walk_array(layout, from, old, to, now);
	if (is_number(old) && is_number(now))
		return add_number(layout, from, old, to, now);
	return 0;
}

/* --- the whole ------------------------------------------------------------------------------------- */

int layout_new(const struct btf *from_btf, uint32_t from_type, const struct btf *btf, uint32_t type,
	       struct layout **ret)
{
	const struct side from = { from_btf, from_type, 0 }, to = { btf, type, 0 };
	__s64 from_size = btf__resolve_size(from_btf, from_type), size = btf__resolve_size(btf, type);
	struct layout *layout;
	int r;

	if (from_size <= 0 || size <= 0)
		return -EINVAL;
	layout = calloc(1, sizeof(*layout));
	if (!layout)
		return -ENOMEM;
	layout->from_size = (size_t)from_size;
	layout->size = (size_t)size;
	r = walk(layout, &from, &to);
	if (r) {
		layout_free(layout);
		return r;
	}
	*ret = layout;
	return 0;
}

void layout_free(struct layout *layout)
{
	if (!layout)
		return;
	for (size_t i = 0; i < layout->nr; i++)
		free(layout->steps[i].numbers);
	free(layout->steps);
	free(layout);
}

bool layout_is_same(const struct layout *layout)
{
	return layout->from_size == layout->size && layout->nr == 1 &&
	       layout->steps[0].size == layout->size && !layout->steps[0].numbers;
}

size_t layout_from_size(const struct layout *layout)
{
	return layout->from_size;
}

size_t layout_size(const struct layout *layout)
{
	return layout->size;
}

/* A wider number gets zeroes, or its sign, in front; a narrower one loses what it cannot hold. */
static void move_number(const struct step *step, const uint8_t *from, uint8_t *to)
{
	bool is_negative = step->is_signed && from[step->from_size - 1] & 0x80;
	uint32_t common = step->from_size < step->size ? step->from_size : step->size;

	memset(to, is_negative ? 0xff : 0, step->size);
	memcpy(to, from, common);
}

void layout_move(const struct layout *layout, const void *from, void *ret)
{
	memset(ret, 0, layout->size);
	for (size_t i = 0; i < layout->nr; i++) {
		const struct step *step = &layout->steps[i];
		const uint8_t *a = (const uint8_t *)from + step->from;
		uint8_t *b = (uint8_t *)ret + step->to;

		if (step->numbers)
			*b = step->numbers->of[*a];
		else
			move_number(step, a, b);
	}
}

bool layout_is_numbers(const struct btf *btf, uint32_t type)
{
	const struct side record = { btf, type, 0 };
	const struct btf_type *plain_record = plain(&record);
	const struct btf_member *member;

	if (!plain_record || !btf_is_struct(plain_record))
		return false;
	member = btf_members(plain_record);
	for (unsigned i = 0; i < btf_vlen(plain_record); i++) {
		const struct side side = { btf, member[i].type, 0 };
		const struct btf_type *number = plain(&side);

		if (!number || !btf_is_int(number) || number->size != sizeof(uint64_t))
			return false;
	}
	return true;
}
