/* SPDX-License-Identifier: GPL-2.0-only */
/* From the records of one version to those of another, by names: two types made by hand, byte for byte. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <bpf/btf.h>

#include "dataplane/layout.h"

enum { BYTE = 1, SHORT, WORD, LONG, SIGNED }; /* type ids of every BTF here */

static struct btf *make_btf(void)
{
	struct btf *btf = btf__new_empty();

	assert_non_null(btf);
	assert_int_equal(btf__add_int(btf, "__u8", 1, 0), BYTE);
	assert_int_equal(btf__add_int(btf, "__u16", 2, 0), SHORT);
	assert_int_equal(btf__add_int(btf, "__u32", 4, 0), WORD);
	assert_int_equal(btf__add_int(btf, "__u64", 8, 0), LONG);
	assert_int_equal(btf__add_int(btf, "__s32", 4, BTF_INT_SIGNED), SIGNED);
	return btf;
}

struct field {
	const char *name;
	int type;
	uint32_t offset; /* bytes */
};

static uint32_t add_struct(struct btf *btf, const char *name, uint32_t size, const struct field *field)
{
	int id = btf__add_struct(btf, name, size);

	assert_true(id > 0);
	for (; field->name; field++)
		assert_int_equal(btf__add_field(btf, field->name, field->type, field->offset * 8, 0), 0);
	return (uint32_t)id;
}
#define STRUCT(btf, name, size, ...) add_struct(btf, name, size, (const struct field[]){ __VA_ARGS__, { 0 } })

/* An enum of one byte with names for 0, 1, 2 … */
static int add_enum(struct btf *btf, const char *name, const char *const *values)
{
	int id = btf__add_enum(btf, name, 1);

	assert_true(id > 0);
	for (int i = 0; values[i]; i++)
		assert_int_equal(btf__add_enum_value(btf, values[i], i), 0);
	return id;
}
#define ENUM(btf, name, ...) add_enum(btf, name, (const char *const[]){ __VA_ARGS__, NULL })

static struct layout *make_layout(const struct btf *from_btf, uint32_t from, const struct btf *btf,
				  uint32_t to)
{
	struct layout *layout;

	assert_int_equal(layout_new(from_btf, from, btf, to, &layout), 0);
	return layout;
}

static void what_is_the_same_is_one_copy(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	uint32_t from = STRUCT(old, "a", 8, { "x", WORD, 0 }, { "y", SHORT, 4 }, { "pad", SHORT, 6 });
	uint32_t to = STRUCT(now, "b", 8, { "x", WORD, 0 }, { "y", SHORT, 4 }, { "pad", SHORT, 6 });
	struct layout *layout = make_layout(old, from, now, to);

	(void)state;
	assert_true(layout_is_same(layout));
	layout_free(layout);
	btf__free(old);
	btf__free(now);
}

static void members_go_by_name(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	uint32_t from = STRUCT(old, "a", 8, { "x", WORD, 0 }, { "gone", SHORT, 4 }, { "y", SHORT, 6 });
	uint32_t to = STRUCT(now, "a", 16, { "y", SHORT, 0 }, { "fresh", SHORT, 2 }, { "x", LONG, 8 });
	static const uint8_t record[8] = { 1, 2, 3, 0x84, 5, 6, 7, 8 };
	static const uint8_t want[16] = { 7, 8, 0, 0, 0, 0, 0, 0, 1, 2, 3, 0x84, 0, 0, 0, 0 };
	struct layout *layout = make_layout(old, from, now, to);
	uint8_t got[16];

	(void)state;
	btf__free(old); /* not needed any more */
	btf__free(now);
	assert_false(layout_is_same(layout));
	assert_int_equal(layout_from_size(layout), 8);
	assert_int_equal(layout_size(layout), 16);
	memset(got, 0xff, sizeof(got));
	layout_move(layout, record, got);
	assert_memory_equal(got, want, sizeof(want));
	layout_free(layout);
}

static void signed_numbers_keep_their_sign(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	uint32_t from = STRUCT(old, "a", 4, { "x", SIGNED, 0 });
	uint32_t to = STRUCT(now, "a", 8, { "x", LONG, 0 });
	const int32_t record = -5;
	struct layout *layout = make_layout(old, from, now, to);
	int64_t got;

	(void)state;
	layout_move(layout, &record, &got);
	assert_int_equal(got, -5);
	layout_free(layout);
	btf__free(old);
	btf__free(now);
}

static void enumerators_go_by_name(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	int old_state = ENUM(old, "state", "NONE", "HALF", "OPEN", "ODD");
	int now_state = ENUM(now, "state", "NONE", "FRESH", "OPEN", "HALF");
	uint32_t from = STRUCT(old, "a", 1, { "state", old_state, 0 });
	uint32_t to = STRUCT(now, "a", 1, { "state", now_state, 0 });
	struct layout *layout = make_layout(old, from, now, to);
	static const uint8_t numbers[] = { 0, 1, 2, 3, 200 }, want[] = { 0, 3, 2, 0, 0 };
	uint32_t index[5];
	uint8_t got;

	(void)state;
	assert_false(layout_is_same(layout));
	for (size_t i = 0; i < sizeof(numbers); i++) {
		layout_move(layout, &numbers[i], &got);
		assert_int_equal(got, want[i]);
	}
	assert_int_equal(layout_enum(old, now, "state", index, 5), 0);
	assert_int_equal(index[1], 3);
	assert_int_equal(index[2], 2);
	assert_int_equal(index[3], UINT32_MAX);
	assert_int_equal(index[4], UINT32_MAX);
	assert_int_equal(layout_enum(old, now, "verdict", index, 5), -ENOENT);
	layout_free(layout);
	btf__free(old);
	btf__free(now);
}

/* Arrays of records in a record, the longer and the shorter way. */
static void arrays_go_as_far_as_both_have_them(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	uint32_t item = STRUCT(old, "item", 2, { "a", BYTE, 0 }, { "b", BYTE, 1 });
	uint32_t now_item = STRUCT(now, "item", 4, { "b", BYTE, 0 }, { "fresh", SHORT, 2 });
	int two = btf__add_array(old, WORD, (int)item, 2),
	    three = btf__add_array(now, WORD, (int)now_item, 3);
	uint32_t from = STRUCT(old, "outer", 4, { "list", two, 0 });
	uint32_t to = STRUCT(now, "outer", 12, { "list", three, 0 });
	static const uint8_t record[4] = { 1, 2, 3, 4 }, want[12] = { 2, 0, 0, 0, 4 };
	struct layout *layout = make_layout(old, from, now, to), *back = make_layout(now, to, old, from);
	uint8_t got[12];

	(void)state;
	layout_move(layout, record, got);
	assert_memory_equal(got, want, sizeof(want));
	layout_move(back, want, got);
	assert_memory_equal(got, ((uint8_t[]){ 0, 2, 0, 4 }), 4);
	layout_free(layout);
	layout_free(back);
	btf__free(old);
	btf__free(now);
}

static void what_changed_its_kind_begins_at_zero(void **state)
{
	struct btf *old = make_btf(), *now = make_btf();
	int bytes = btf__add_array(now, WORD, BYTE, 4);
	uint32_t from = STRUCT(old, "a", 8, { "x", WORD, 0 }, { "y", WORD, 4 });
	uint32_t to = STRUCT(now, "a", 8, { "x", bytes, 0 }, { "y", WORD, 4 });
	static const uint8_t record[8] = { 1, 2, 3, 4, 5, 6, 7, 8 }, want[8] = { 0, 0, 0, 0, 5, 6, 7, 8 };
	struct layout *layout = make_layout(old, from, now, to);
	uint8_t got[8];

	(void)state;
	layout_move(layout, record, got);
	assert_memory_equal(got, want, sizeof(want));
	layout_free(layout);
	btf__free(old);
	btf__free(now);
}

static void counters_are_told_from_other_records(void **state)
{
	struct btf *btf = make_btf();
	uint32_t counters = STRUCT(btf, "stats", 16, { "packets", LONG, 0 }, { "bytes", LONG, 8 });
	uint32_t gate = STRUCT(btf, "gate", 12, { "packets", LONG, 0 }, { "second", WORD, 8 });
	struct layout *layout;

	(void)state;
	assert_true(layout_is_numbers(btf, counters));
	assert_false(layout_is_numbers(btf, gate));
	assert_false(layout_is_numbers(btf, WORD));
	assert_false(layout_is_numbers(btf, 1000));
	assert_int_equal(layout_new(btf, 1000, btf, counters, &layout), -EINVAL);
	btf__free(btf);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_the_same_is_one_copy),
		cmocka_unit_test(members_go_by_name),
		cmocka_unit_test(signed_numbers_keep_their_sign),
		cmocka_unit_test(enumerators_go_by_name),
		cmocka_unit_test(arrays_go_as_far_as_both_have_them),
		cmocka_unit_test(what_changed_its_kind_begins_at_zero),
		cmocka_unit_test(counters_are_told_from_other_records),
	};

	return cmocka_run_group_tests_name("layout", tests, NULL, NULL);
}
