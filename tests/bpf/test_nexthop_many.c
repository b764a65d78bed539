/* SPDX-License-Identifier: GPL-2.0-only */
/* Much at once: what the kernel tells by the thousand, and what is lost of it. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include "bpf/netlab.h"

static void add_thirty_thousand_neighbours(void)
{
	netlab_run(
		"for i in 1 2 3; do"
		" seq -f \"neigh add fd00::$i:%%g lladdr 02:00:00:00:00:99 dev eth0 nud permanent\" 1 9999;"
		" done | ip -batch -");
}

static void test_lost_notifications(void **state)
{
	struct netlab *lab = netlab_need(state);
	struct nexthop_link link;

	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	netlab_run("ip neigh add 10.0.0.50 lladdr 02:00:00:00:00:99 dev eth0 nud permanent");
	netlab_process(lab);
	add_thirty_thousand_neighbours();
	netlab_run("ip neigh del 10.0.0.50 dev eth0 && ip link add eth1 type veth peer name eth2");
	netlab_run("awk '{ drops += $9 } END { exit !drops }' /proc/net/netlink");
	netlab_wait(lab, 0);
	assert_true(netlab_process(lab));
	assert_int_equal(netlab_find(lab, "fd00::3:9999").problem, NEXTHOP_OK);
	assert_int_equal(netlab_find(lab, "10.0.0.50").problem, NEXTHOP_UNRESOLVED);
	assert_int_equal(nexthop_link_by_name(lab->nh, "eth1", &link), 0);
	netlab_process(lab);
	assert_false(netlab_process(lab));
}

/* Printed, not judged: how long a daemon with that many backends is busy after a change. */
static void test_ten_thousand_ways(void **state)
{
	struct netlab *lab = netlab_need(state);
	uint64_t begin, end;
	char to[32];

	add_thirty_thousand_neighbours();
	netlab_process(lab);
	begin = netlab_now_us();
	for (unsigned i = 1; i <= 10000; i++) {
		snprintf(to, sizeof(to), "fd00::%u:%u", 1 + i % 3, 1 + i % 9999);
		assert_int_equal(netlab_find(lab, to).problem, NEXTHOP_OK);
	}
	end = netlab_now_us();
	print_message("# 10000 ways found in %.1f ms\n", (double)(end - begin) / 1000);
}

static bool is_readable(const struct netlab *lab)
{
	struct pollfd pollfd = { .fd = nexthop_fd(lab->nh), .events = POLLIN };

	return poll(&pollfd, 1, 0) == 1;
}

/* Whoever polls has other things to do, too. */
static void test_storm_is_taken_in_turns(void **state)
{
	struct netlab *lab = netlab_need(state);
	bool is_changed;

	netlab_process(lab);
	netlab_run(
		"seq -f \"neigh add fd00::%%g lladdr 02:00:00:00:00:99 dev eth0 nud permanent\" 1000 5999 |"
		" ip -batch -");
	assert_int_equal(nexthop_process(lab->nh, &is_changed), 0);
	assert_true(is_changed);
	assert_true(is_readable(lab));
	assert_int_equal(nexthop_process(lab->nh, &is_changed), 0);
	assert_true(is_changed);
	assert_false(is_readable(lab));
	assert_int_equal(netlab_find(lab, "fd00::5999").problem, NEXTHOP_OK);
}

#define LAB_TEST(test) cmocka_unit_test_setup_teardown(test, netlab_up, netlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LAB_TEST(test_lost_notifications),
		LAB_TEST(test_storm_is_taken_in_turns),
		LAB_TEST(test_ten_thousand_ways),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
