/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames that wait: who comes out, in which order, and who goes when there is no room or time left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "model/held.h"

static struct held *make(size_t frames, size_t bytes)
{
	struct held *held =
		held_new(&(struct held_limits){ .frames = frames, .bytes = bytes, .wait_ms = 1000 }, 7);

	assert_non_null(held);
	return held;
}

static struct cv_fragment_key key_of(uint32_t identification)
{
	return (struct cv_fragment_key){ .identification = identification, .protocol = CV_PROTOCOL_UDP };
}

static bool add(struct held *held, uint32_t identification, const char *text, uint64_t now_ms)
{
	struct cv_fragment_key key = key_of(identification);

	return held_add(held, &key, 3, text, strlen(text), now_ms);
}

/* Whether that comes out next; NULL: nothing does. */
static bool gives(struct held *held, uint32_t identification, const char *text)
{
	struct cv_fragment_key key = key_of(identification);
	struct held_frame *frame = held_take(held, &key);
	bool is_it = frame && text ? frame->size == strlen(text) &&
					     !memcmp(frame->bytes, text, frame->size) && frame->ifindex == 3
				   : !frame && !text;

	free(frame);
	return is_it;
}

static void gives_each_datagram_its_own_in_order(void **state)
{
	struct held *held = make(10, 1000);

	(void)state;
	assert_true(add(held, 1, "a", 0));
	assert_true(add(held, 2, "b", 0));
	assert_true(add(held, 1, "cc", 1));
	assert_true(add(held, 1, "ddd", 2));
	assert_true(gives(held, 3, NULL));
	assert_true(gives(held, 1, "a"));
	assert_true(gives(held, 1, "cc"));
	assert_true(gives(held, 2, "b"));
	assert_true(gives(held, 2, NULL));
	assert_true(gives(held, 1, "ddd"));
	assert_true(gives(held, 1, NULL));
	assert_int_equal(held_counts(held)->held, 4);
	assert_int_equal(held_counts(held)->released, 4);
	assert_int_equal(held_counts(held)->waiting, 0);
	held_free(held);
}

static void forgets_what_waits_too_long(void **state)
{
	struct held *held = make(10, 1000);

	(void)state;
	assert_true(add(held, 1, "a", 100));
	assert_true(add(held, 1, "b", 101));
	held_expire(held, 1099);
	assert_int_equal(held_counts(held)->waiting, 2);
	held_expire(held, 1100);
	assert_int_equal(held_counts(held)->timed_out, 1);
	assert_true(gives(held, 1, "b"));
	held_expire(held, 5000);
	assert_int_equal(held_counts(held)->timed_out, 1);
	held_free(held);
}

static void pushes_out_the_oldest(void **state)
{
	struct held *few = make(2, 1000), *small = make(10, 6);

	(void)state;
	assert_true(add(few, 1, "a", 0));
	assert_true(add(few, 2, "b", 0));
	assert_true(add(few, 3, "c", 0));
	assert_true(gives(few, 1, NULL));
	assert_true(gives(few, 2, "b"));
	assert_true(gives(few, 3, "c"));
	assert_int_equal(held_counts(few)->pushed_out, 1);
	assert_true(add(small, 1, "aaa", 0));
	assert_true(add(small, 2, "bbb", 0));
	assert_true(add(small, 3, "cccc", 0));
	assert_int_equal(held_counts(small)->pushed_out, 2);
	assert_int_equal(held_counts(small)->waiting, 1);
	/* what would not fit by itself pushes out nobody */
	assert_false(add(small, 4, "ddddddd", 0));
	assert_true(gives(small, 3, "cccc"));
	held_free(few);
	held_free(small);
}

/* Many datagrams, so that several share a bucket. */
static void finds_each_of_many(void **state)
{
	enum { MANY = 5000 };
	struct held *held = make(MANY, MANY);

	(void)state;
	for (uint32_t i = 0; i < MANY; i++)
		assert_true(add(held, i, "x", i / 100));
	for (uint32_t i = MANY; i-- > MANY / 2;)
		assert_true(gives(held, i, "x"));
	held_expire(held, 2000);
	assert_int_equal(held_counts(held)->timed_out, MANY / 2);
	held_free(held);
	held_free(NULL);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_each_datagram_its_own_in_order),
		cmocka_unit_test(forgets_what_waits_too_long),
		cmocka_unit_test(pushes_out_the_oldest),
		cmocka_unit_test(finds_each_of_many),
	};

	return cmocka_run_group_tests_name("held", tests, NULL, NULL);
}
