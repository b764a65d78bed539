/* SPDX-License-Identifier: GPL-2.0-only */
/* What is read out of the kernel's answer to the question for a route. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <linux/rtnetlink.h>

#include "net/route.h"
#include "unit/message.h"

static struct rtmsg *begin_route(uint8_t family, uint8_t type)
{
	struct rtmsg *rtm = message_begin(RTM_NEWROUTE, sizeof(*rtm));

	rtm->rtm_family = family;
	rtm->rtm_type = type;
	mnl_attr_put_u32(message(), RTA_OIF, 7);
	return rtm;
}

static void test_route_with_everything(void **state)
{
	struct addr gateway = message_addr("10.0.0.254"), source = message_addr("10.0.0.2");
	struct nlattr *metrics;
	struct route route;

	(void)state;
	begin_route(AF_INET, RTN_UNICAST);
	message_put_addr(RTA_GATEWAY, "10.0.0.254");
	message_put_addr(RTA_PREFSRC, "10.0.0.2");
	metrics = mnl_attr_nest_start(message(), RTA_METRICS);
	mnl_attr_put_u32(message(), RTAX_ADVMSS, 9000);
	mnl_attr_put_u32(message(), RTAX_MTU, 1400);
	mnl_attr_nest_end(message(), metrics);
	assert_int_equal(route_note(message(), &route), 0);
	assert_int_equal(route.kind, ROUTE_AWAY);
	assert_int_equal(route.ifindex, 7);
	assert_true(route.has_gateway);
	assert_memory_equal(&route.gateway, &gateway, sizeof(gateway));
	assert_memory_equal(&route.source, &source, sizeof(source));
	assert_int_equal(route.mtu, 1400);
}

/* What path MTU discovery of the kernel itself found out; and a route that expires for other reasons. */
static void test_learned_mtu_has_an_end(void **state)
{
	const struct rta_cacheinfo cache = { .rta_expires = 59950 }; /* hundredths of a second */
	struct nlattr *metrics;
	struct rtmsg *rtm;
	struct route route;

	(void)state;
	for (int is_cached = 0; is_cached <= 1; is_cached++) {
		rtm = begin_route(AF_INET6, RTN_UNICAST);
		rtm->rtm_flags = is_cached ? RTM_F_CLONED : 0;
		metrics = mnl_attr_nest_start(message(), RTA_METRICS);
		mnl_attr_put_u32(message(), RTAX_MTU, 1400);
		mnl_attr_nest_end(message(), metrics);
		mnl_attr_put(message(), RTA_CACHEINFO, sizeof(cache), &cache);
		assert_int_equal(route_note(message(), &route), 0);
		assert_int_equal(route.mtu, 1400);
		assert_int_equal(route.mtu_left_s, is_cached ? 600 : 0);
	}
}

static void test_route_via_another_family(void **state)
{
	struct {
		uint16_t family;
		uint8_t address[16];
	} via = { AF_INET6, { 0xfe, 0x80, [15] = 1 } };
	struct addr gateway = message_addr("fe80::1");
	struct route route;

	(void)state;
	begin_route(AF_INET, RTN_UNICAST);
	mnl_attr_put(message(), RTA_VIA, sizeof(via), &via);
	assert_int_equal(route_note(message(), &route), 0);
	assert_true(route.has_gateway);
	assert_memory_equal(&route.gateway, &gateway, sizeof(gateway));

	begin_route(AF_INET, RTN_UNICAST);
	mnl_attr_put(message(), RTA_VIA, sizeof(via) - 1, &via);
	assert_int_equal(route_note(message(), &route), 0);
	assert_false(route.has_gateway);
}

static void test_route_kinds(void **state)
{
	static const struct {
		uint8_t type;
		enum route_kind kind;
	} cases[] = {
		{ RTN_UNICAST, ROUTE_AWAY },	 { RTN_LOCAL, ROUTE_LOCAL },	{ RTN_ANYCAST, ROUTE_LOCAL },
		{ RTN_UNREACHABLE, ROUTE_NONE }, { RTN_BLACKHOLE, ROUTE_NONE }, { RTN_PROHIBIT, ROUTE_NONE },
		{ RTN_BROADCAST, ROUTE_NONE },	 { RTN_MULTICAST, ROUTE_NONE },
	};
	struct route route;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		begin_route(AF_INET6, cases[i].type);
		assert_int_equal(route_note(message(), &route), 0);
		assert_int_equal(route.kind, cases[i].kind);
		assert_false(route.has_gateway);
		assert_int_equal(route.mtu, 0);
	}
}

static void test_short_message_is_refused(void **state)
{
	struct route route = { 0 };

	(void)state;
	message_begin(RTM_NEWROUTE, sizeof(struct rtgenmsg));
	assert_int_equal(route_note(message(), &route), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_route_with_everything),
		cmocka_unit_test(test_learned_mtu_has_an_end),
		cmocka_unit_test(test_route_via_another_family),
		cmocka_unit_test(test_route_kinds),
		cmocka_unit_test(test_short_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
