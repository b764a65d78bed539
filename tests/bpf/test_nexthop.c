/* SPDX-License-Identifier: GPL-2.0-only */
/* Ways to backends as this host's kernel gives them, asked for in namespaces of the test's own. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>
#include <net/if.h>
#include <cmocka.h>

#include "bpf/netlab.h"
#include "net/nexthop.h"

/* Link-local address of the other end, from its MAC. */
#define FAR_LINK_LOCAL "fe80::ff:fe00:2"

static const uint8_t near_mac[6] = { 2, 0, 0, 0, 0, 1 };
static const uint8_t far_mac[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t new_mac[6] = { 2, 0, 0, 0, 0, 0x99 };

static void assert_addr(const struct addr *addr, const char *text)
{
	struct addr expected = netlab_addr(text);

	assert_memory_equal(addr, &expected, sizeof(expected));
}

static void assert_problem(struct netlab *lab, const char *to, enum nexthop_problem problem)
{
	assert_int_equal(netlab_find(lab, to).problem, problem);
}

/* --- routes ---------------------------------------------------------------------------------------- */

static void test_on_link(void **state)
{
	static const char *const cases[][2] = { { "10.0.0.2", "10.0.0.1" }, { "fd00::2", "fd00::1" } };
	struct netlab *lab = netlab_need(state);

	for (size_t i = 0; i < 2; i++) {
		struct nexthop_way way = netlab_await(lab, cases[i][0], NEXTHOP_OK);

		assert_int_equal(way.ifindex, if_nametoindex("eth0"));
		assert_string_equal(way.ifname, "eth0");
		assert_true(way.on_link);
		assert_addr(&way.gateway, cases[i][0]);
		assert_addr(&way.source, cases[i][1]);
		assert_int_equal(way.mtu, 1500);
		assert_memory_equal(way.next_hop_mac, far_mac, 6);
		assert_memory_equal(way.port_mac, near_mac, 6);
	}
}

static void test_via_gateway(void **state)
{
	static const struct {
		const char *to, *gateway, *source;
	} cases[] = {
		{ "192.0.2.7", "10.0.0.2", "10.0.0.1" },
		{ "2001:db8::7", "fd00::2", "fd00::1" },
		{ "2001:db9::7", FAR_LINK_LOCAL, "fd00::1" },
		{ "198.51.100.7", FAR_LINK_LOCAL, "10.0.0.1" },
	};
	struct netlab *lab = netlab_need(state);

	netlab_run("ip route add 192.0.2.0/24 via 10.0.0.2 && ip route add 2001:db8::/32 via fd00::2 &&"
		   "ip route add 2001:db9::/32 via " FAR_LINK_LOCAL " dev eth0 &&"
		   "ip route add 198.51.100.0/24 via inet6 " FAR_LINK_LOCAL " dev eth0");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct nexthop_way way = netlab_await(lab, cases[i].to, NEXTHOP_OK);

		assert_false(way.on_link);
		assert_addr(&way.gateway, cases[i].gateway);
		assert_addr(&way.source, cases[i].source);
		assert_memory_equal(way.next_hop_mac, far_mac, 6);
	}
}

static void test_no_route(void **state)
{
	static const char *const cases[] = { "203.0.113.1", "2001:db8::1",   "192.0.2.1",     "192.0.2.65",
					     "192.0.2.129", "2001:db8:1::1", "2001:db8:2::1", "10.0.0.255" };
	struct netlab *lab = netlab_need(state);

	netlab_run("ip route add unreachable 192.0.2.0/26 && ip route add blackhole 192.0.2.64/26 &&"
		   "ip route add prohibit 192.0.2.128/26 &&"
		   "ip route add unreachable 2001:db8:1::/48 && ip route add blackhole 2001:db8:2::/48");
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_problem(lab, cases[i], NEXTHOP_NO_ROUTE);
}

static void test_own_address(void **state)
{
	static const char *const cases[] = { "10.0.0.1", "fd00::1", "127.0.0.1", "::1" };
	struct netlab *lab = netlab_need(state);

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_problem(lab, cases[i], NEXTHOP_LOCAL);
}

static void test_link_without_ethernet(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run("ip route add 192.0.2.0/24 dev lo");
	assert_problem(lab, "192.0.2.1", NEXTHOP_NO_MAC);
}

static void test_route_replaced(void **state)
{
	struct netlab *lab = netlab_need(state);
	struct nexthop_way way;

	netlab_run("ip route add 192.0.2.0/24 via 10.0.0.2");
	netlab_await(lab, "192.0.2.7", NEXTHOP_OK);
	netlab_process(lab);
	netlab_run("ip route replace 192.0.2.0/24 via 10.0.0.3");
	assert_true(netlab_process(lab));
	way = netlab_await(lab, "192.0.2.7", NEXTHOP_OK);
	assert_addr(&way.gateway, "10.0.0.3");
	netlab_run("ip route del 192.0.2.0/24");
	assert_true(netlab_process(lab));
	assert_problem(lab, "192.0.2.7", NEXTHOP_NO_ROUTE);
	netlab_run("ip address add 10.0.0.9/24 dev eth0");
	assert_true(netlab_process(lab));
}

static void test_mtu(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run(
		"ip route add 192.0.2.0/24 via 10.0.0.2 mtu 1400 && ip route add 2001:db8::/32 via fd00::2 mtu 1400");
	assert_int_equal(netlab_find(lab, "192.0.2.7").mtu, 1400);
	assert_int_equal(netlab_find(lab, "2001:db8::7").mtu, 1400);
	netlab_process(lab);
	netlab_run("ip link set eth0 mtu 1300");
	assert_true(netlab_process(lab));
	assert_int_equal(netlab_find(lab, "192.0.2.7").mtu, 1300);
	assert_int_equal(netlab_find(lab, "fd00::2").mtu, 1300);
}

/* --- neighbours ------------------------------------------------------------------------------------ */

static void test_neighbour_answers(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run_there(lab, "ip address del 10.0.0.2/24 dev peer0");
	assert_problem(lab, "10.0.0.2", NEXTHOP_UNRESOLVED);
	netlab_process(lab);
	netlab_run_there(lab, "ip address add 10.0.0.2/24 dev peer0");
	/* The kernel asks once a second by itself, three times; then it is asked to ask again. */
	for (int i = 0; i < 100 && netlab_find(lab, "10.0.0.2").problem != NEXTHOP_OK; i++) {
		usleep(100000);
		netlab_process(lab);
	}
	assert_problem(lab, "10.0.0.2", NEXTHOP_OK);
}

static void test_neighbour_is_asked_for_once_a_second(void **state)
{
	struct netlab *lab = netlab_need(state);

	assert_problem(lab, "10.0.0.77", NEXTHOP_UNRESOLVED);
	netlab_run("ip neigh show 10.0.0.77 | grep -q eth0 && ip neigh del 10.0.0.77 dev eth0");
	netlab_process(lab);
	assert_problem(lab, "10.0.0.77", NEXTHOP_UNRESOLVED);
	netlab_run("! ip neigh show 10.0.0.77 | grep -q eth0");
	usleep(1000000);
	assert_problem(lab, "10.0.0.77", NEXTHOP_UNRESOLVED);
	netlab_run("ip neigh show 10.0.0.77 | grep -q eth0");
}

static void test_neighbour_gets_another_mac(void **state)
{
	static const char *const cases[] = { "10.0.0.2", "fd00::2" };
	struct netlab *lab = netlab_need(state);

	netlab_run("sysctl -qw net.ipv4.neigh.eth0.locktime=0");
	netlab_run_there(lab,
			 "sysctl -qw net.ipv4.conf.peer0.arp_notify=1 net.ipv6.conf.peer0.ndisc_notify=1");
	for (size_t i = 0; i < 2; i++)
		netlab_await(lab, cases[i], NEXTHOP_OK);
	netlab_process(lab);
	netlab_run_there(lab, "ip link set peer0 address 02:00:00:00:00:99");
	netlab_await_change(lab);
	for (size_t i = 0; i < 2; i++)
		assert_memory_equal(netlab_await(lab, cases[i], NEXTHOP_OK).next_hop_mac, new_mac, 6);
}

static void test_neighbour_state_is_no_change(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	netlab_process(lab);
	netlab_run("ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud stale");
	assert_false(netlab_process(lab));
	netlab_run("ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud reachable");
	assert_false(netlab_process(lab));
	netlab_run("ip neigh del 10.0.0.2 dev eth0");
	assert_true(netlab_process(lab));
	assert_problem(lab, "10.0.0.2", NEXTHOP_UNRESOLVED);
}

static void test_permanent_neighbour(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run("ip neigh add 10.0.0.50 lladdr 02:00:00:00:00:99 dev eth0 nud permanent &&"
		   "ip neigh add fd00::50 lladdr 02:00:00:00:00:99 dev eth0 nud permanent");
	assert_true(netlab_process(lab));
	assert_memory_equal(netlab_find(lab, "10.0.0.50").next_hop_mac, new_mac, 6);
	assert_problem(lab, "fd00::50", NEXTHOP_OK);
}

static void both_grow_stale(struct netlab *lab)
{
	netlab_run("ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud stale &&"
		   "ip neigh change 10.0.0.3 lladdr 02:00:00:00:00:02 dev eth0 nud stale");
	assert_false(netlab_process(lab));
}

/* A neighbour that only XDP sends to grows stale, as the kernel sees none of it. */
static void test_refresh(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run(
		"sysctl -qw net.ipv4.neigh.eth0.base_reachable_time_ms=1500 net.ipv4.neigh.eth0.delay_first_probe_time=0");
	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	netlab_await(lab, "10.0.0.3", NEXTHOP_OK);
	netlab_run("i=0; until [ $(ip neigh show nud stale to 10.0.0.0/24 | wc -l) = 2 ]; do"
		   " i=$((i + 1)); [ $i -lt 100 ] || exit 1; sleep 0.1; done");
	assert_false(netlab_process(lab));
	nexthop_refresh(lab->nh);
	netlab_run("[ $(ip neigh show nud stale to 10.0.0.0/24 | wc -l) = 0 ]");
	both_grow_stale(lab);
	nexthop_refresh(lab->nh); /* as often as need be: ways that stay good are not looked up again */
	netlab_run("[ $(ip neigh show nud stale to 10.0.0.0/24 | wc -l) = 0 ]");
	both_grow_stale(lab);
	nexthop_begin(lab->nh);
	assert_problem(lab, "10.0.0.2", NEXTHOP_OK);
	nexthop_refresh(lab->nh);
	netlab_run("! ip neigh show 10.0.0.2 | grep -q STALE && ip neigh show 10.0.0.3 | grep -q STALE");
}

/* Nothing but our own question finds it: no gratuitous ARP, and nobody there who would speak. */
static void test_neighbour_gets_another_mac_in_silence(void **state)
{
	struct netlab *lab = netlab_need(state);

	netlab_run("sysctl -qw net.ipv4.neigh.eth0.locktime=0 net.ipv4.neigh.eth0.delay_first_probe_time=0"
		   " net.ipv4.neigh.eth0.retrans_time_ms=100");
	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	nexthop_refresh(lab->nh);
	netlab_run_there(lab, "ip link set peer0 address 02:00:00:00:00:99");
	netlab_run("ip neigh change 10.0.0.2 lladdr 02:00:00:00:00:02 dev eth0 nud stale");
	netlab_process(lab);
	nexthop_refresh(lab->nh);
	netlab_await_change(lab);
	assert_memory_equal(netlab_await(lab, "10.0.0.2", NEXTHOP_OK).next_hop_mac, new_mac, 6);
}

/* --- links ----------------------------------------------------------------------------------------- */

static void test_link_down_and_up(void **state)
{
	struct netlab *lab = netlab_need(state);
	struct nexthop_link link;

	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	netlab_run_there(lab, "ip link set peer0 down");
	netlab_await(lab, "10.0.0.2", NEXTHOP_LINK_DOWN);
	assert_int_equal(nexthop_link_by_name(lab->nh, "eth0", &link), 0);
	assert_false(link.up);
	netlab_run_there(lab, "ip link set peer0 up");
	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
	netlab_run("ip link set eth0 down"); /* takes its routes along */
	assert_true(netlab_process(lab));
	assert_problem(lab, "10.0.0.2", NEXTHOP_NO_ROUTE);
	netlab_run("ip link set eth0 up");
	netlab_await(lab, "10.0.0.2", NEXTHOP_OK);
}

static void test_link_renamed(void **state)
{
	struct netlab *lab = netlab_need(state);
	struct nexthop_link link;
	uint32_t ifindex = if_nametoindex("eth0");

	netlab_run("ip link set eth0 down && ip link set eth0 name wan && ip link set wan up");
	assert_true(netlab_process(lab));
	assert_int_equal(nexthop_link_by_name(lab->nh, "eth0", &link), -ENODEV);
	assert_int_equal(nexthop_link_by_name(lab->nh, "wan", &link), 0);
	assert_int_equal(link.ifindex, ifindex);
	assert_string_equal(netlab_await(lab, "10.0.0.2", NEXTHOP_OK).ifname, "wan");
}

static void test_links_come_and_go(void **state)
{
	struct netlab *lab = netlab_need(state);
	struct nexthop_link link;
	uint32_t ifindex;

	netlab_run("ip link add br0 type bridge && ip link add eth1 mtu 9000 type veth peer name eth2 &&"
		   "ip link set eth1 master br0 && ip link set eth1 nomaster");
	ifindex = if_nametoindex("eth1");
	assert_true(netlab_process(lab));
	assert_int_equal(nexthop_link_by_index(lab->nh, ifindex, &link), 0);
	assert_string_equal(link.name, "eth1");
	assert_int_equal(link.mtu, 9000);
	assert_true(link.ethernet);
	assert_false(link.up);
	assert_int_equal(link.lower, 0);
	netlab_run("ip link del eth1");
	assert_true(netlab_process(lab));
	assert_int_equal(nexthop_link_by_index(lab->nh, ifindex, &link), -ENODEV);
}

#define LAB_TEST(test) cmocka_unit_test_setup_teardown(test, netlab_up, netlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		LAB_TEST(test_on_link),
		LAB_TEST(test_via_gateway),
		LAB_TEST(test_no_route),
		LAB_TEST(test_own_address),
		LAB_TEST(test_link_without_ethernet),
		LAB_TEST(test_route_replaced),
		LAB_TEST(test_mtu),
		LAB_TEST(test_neighbour_answers),
		LAB_TEST(test_neighbour_is_asked_for_once_a_second),
		LAB_TEST(test_neighbour_gets_another_mac),
		LAB_TEST(test_neighbour_state_is_no_change),
		LAB_TEST(test_permanent_neighbour),
		LAB_TEST(test_refresh),
		LAB_TEST(test_neighbour_gets_another_mac_in_silence),
		LAB_TEST(test_link_down_and_up),
		LAB_TEST(test_link_renamed),
		LAB_TEST(test_links_come_and_go),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
