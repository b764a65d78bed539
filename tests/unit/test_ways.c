/* SPDX-License-Identifier: GPL-2.0-only */
/* The ways of a daemon when netlink is in trouble: what could not be asked is asked again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "daemon/daemon.h"
#include "net/route.h"

#define BACKENDS 3

static struct daemon *d; /* large */
static uint8_t failing;	 /* last byte of the address that cannot be asked for; 0: none */
static unsigned asked;

/* In place of the one of user/net. */
int route_find(struct rtnl *rtnl, const struct addr *to, struct route *ret)
{
	(void)rtnl;
	asked++;
	if (failing && to->byte[15] == failing)
		return -ENOBUFS;
	*ret = (struct route){ .kind = ROUTE_NONE };
	return 0;
}

static int make_daemon(void **state)
{
	struct err err;

	(void)state;
	d = calloc(1, sizeof(*d));
	assert_non_null(d);
	uv_loop_init(&d->loop);
	d->image = image_new();
	d->runs.run = calloc(BACKENDS, sizeof(*d->runs.run));
	assert_true(d->image && d->runs.run);
	for (d->runs.nr = 0; d->runs.nr < BACKENDS; d->runs.nr++) {
		d->runs.run[d->runs.nr].address.byte[0] = 0xfd;
		d->runs.run[d->runs.nr].address.byte[15] = (uint8_t)(1 + d->runs.nr);
	}
	assert_int_equal(daemon_ways_start(d, &err), 0);
	asked = failing = 0;
	return 0;
}

static void close_handle(uv_handle_t *handle, void *arg)
{
	(void)arg;
	uv_close(handle, NULL);
}

static int end_daemon(void **state)
{
	(void)state;
	uv_walk(&d->loop, close_handle, NULL);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	uv_loop_close(&d->loop);
	nexthop_free(d->nexthop);
	runs_done(&d->runs);
	image_free(d->image);
	free(d);
	return 0;
}

static bool is_looked_up_soon(void)
{
	return uv_is_active((uv_handle_t *)&d->net_timer);
}

static void test_trouble_with_one_leaves_the_others(void **state)
{
	(void)state;
	failing = 2;
	assert_true(daemon_ways_find(d, false));
	assert_int_equal(asked, BACKENDS);
	assert_string_equal(d->runs.run[0].way_text, "no route");
	assert_string_equal(d->runs.run[1].way_text, "");
	assert_string_equal(d->runs.run[2].way_text, "no route");
}

static void test_after_trouble_all_are_looked_up_again(void **state)
{
	(void)state;
	failing = 2;
	daemon_ways_find(d, false);
	assert_false(is_looked_up_soon());
	daemon_ways_second(d);
	assert_true(is_looked_up_soon());
	uv_timer_stop(&d->net_timer);
	failing = 0;
	assert_true(daemon_ways_find(d, false));
	daemon_ways_second(d);
	assert_false(is_looked_up_soon());
	assert_string_equal(d->runs.run[1].way_text, "no route");
}

static void test_tables_are_read_again(void **state)
{
	(void)state;
	d->net_error = -ENOMEM;
	daemon_ways_second(d);
	assert_int_equal(d->net_error, 0);
}

#define WAYS_TEST(test) cmocka_unit_test_setup_teardown(test, make_daemon, end_daemon)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WAYS_TEST(test_trouble_with_one_leaves_the_others),
		WAYS_TEST(test_after_trouble_all_are_looked_up_again),
		WAYS_TEST(test_tables_are_read_again),
	};

	return cmocka_run_group_tests_name("ways", tests, NULL, NULL);
}
