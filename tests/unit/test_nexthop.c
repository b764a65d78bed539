/* SPDX-License-Identifier: GPL-2.0-only */
/* How a way is told to people. All else that nexthop.c does needs a kernel: tests/bpf/test_nexthop.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "net/nexthop.h"

static void test_describe(void **state)
{
	struct nexthop_way way = { .ifindex = 7, .ifname = "eth0" };
	static const char *const texts[] = {
		[NEXTHOP_OK] = "via 10.0.0.1 on eth0",
		[NEXTHOP_NO_ROUTE] = "no route",
		[NEXTHOP_LOCAL] = "10.0.0.1 is an address of this host",
		[NEXTHOP_LINK_DOWN] = "eth0 is down",
		[NEXTHOP_NO_MAC] = "eth0 has no Ethernet addresses",
		[NEXTHOP_UNRESOLVED] = "neighbour 10.0.0.1 on eth0 does not answer",
	};
	char text[80];

	(void)state;
	assert_int_equal(addr_parse("10.0.0.1", &way.gateway), 0);
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		way.problem = (enum nexthop_problem)i;
		nexthop_describe(&way, text, sizeof(text));
		assert_string_equal(text, texts[i]);
	}
	nexthop_describe(&way, text, 9);
	assert_string_equal(text, "neighbou");

	way.problem = NEXTHOP_OK;
	way.on_link = true;
	nexthop_describe(&way, text, sizeof(text));
	assert_string_equal(text, "10.0.0.1 is on eth0");
	way.problem = NEXTHOP_LINK_DOWN;
	way.ifname[0] = '\0';
	nexthop_describe(&way, text, sizeof(text));
	assert_string_equal(text, "interface 7 is not known yet");
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
