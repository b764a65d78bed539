/* SPDX-License-Identifier: GPL-2.0-only */
/* The table of links, fed with messages as the kernel sends them. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>

#include <linux/if.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>

#include "net/links.h"
#include "unit/message.h"

static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };

static void begin_link(uint16_t type, int ifindex, unsigned flags, const char *name)
{
	struct ifinfomsg *ifi = message_begin(type, sizeof(*ifi));

	ifi->ifi_index = ifindex;
	ifi->ifi_type = ARPHRD_ETHER;
	ifi->ifi_flags = flags;
	if (name)
		mnl_attr_put_strz(message(), IFLA_IFNAME, name);
}

static void note_link(struct links *links, int ifindex, unsigned flags, const char *name)
{
	begin_link(RTM_NEWLINK, ifindex, flags, name);
	mnl_attr_put(message(), IFLA_ADDRESS, sizeof(mac), mac);
	mnl_attr_put_u32(message(), IFLA_MTU, 1500);
	assert_int_equal(links_note(message(), links), 0);
}

static void note_kind(struct links *links, int ifindex, const char *kind, uint32_t lower, bool elsewhere)
{
	struct nlattr *info;

	begin_link(RTM_NEWLINK, ifindex, IFF_UP | IFF_LOWER_UP, kind);
	mnl_attr_put_u32(message(), IFLA_LINK, lower);
	if (elsewhere)
		mnl_attr_put_u32(message(), IFLA_LINK_NETNSID, 0);
	info = mnl_attr_nest_start(message(), IFLA_LINKINFO);
	mnl_attr_put_strz(message(), IFLA_INFO_KIND, kind);
	mnl_attr_nest_end(message(), info);
	assert_int_equal(links_note(message(), links), 0);
}

static bool take_changed(bool *changed)
{
	bool was = *changed;

	*changed = false;
	return was;
}

static void test_link_comes_changes_goes(void **state)
{
	struct links links = { 0 };
	const struct nexthop_link *link;

	(void)state;
	note_link(&links, 7, IFF_UP | IFF_LOWER_UP, "eth0");
	assert_true(take_changed(&links.changed));
	link = links_find(&links, 7);
	assert_non_null(link);
	assert_string_equal(link->name, "eth0");
	assert_true(link->up);
	assert_true(link->ethernet);
	assert_int_equal(link->mtu, 1500);
	assert_int_equal(link->lower, 0);
	assert_memory_equal(link->mac, mac, 6);

	note_link(&links, 7, IFF_UP | IFF_LOWER_UP | IFF_PROMISC, "eth0");
	assert_false(take_changed(&links.changed));
	note_link(&links, 7, IFF_UP, "eth0");
	assert_true(take_changed(&links.changed));
	assert_false(links_find(&links, 7)->up);
	note_link(&links, 7, IFF_UP, "wan");
	assert_true(take_changed(&links.changed));
	assert_ptr_equal(links_find_name(&links, "wan"), links_find(&links, 7));
	assert_null(links_find_name(&links, "eth0"));

	begin_link(RTM_DELLINK, 7, 0, "wan");
	assert_int_equal(links_note(message(), &links), 0);
	assert_true(take_changed(&links.changed));
	assert_null(links_find(&links, 7));
	links_done(&links);
}

static void test_link_keeps_what_a_short_message_leaves_out(void **state)
{
	struct links links = { 0 };

	(void)state;
	note_link(&links, 3, IFF_UP | IFF_LOWER_UP, "wlan0");
	take_changed(&links.changed);
	begin_link(RTM_NEWLINK, 3, IFF_UP | IFF_LOWER_UP, NULL);
	assert_int_equal(links_note(message(), &links), 0);
	assert_false(take_changed(&links.changed));
	assert_int_equal(links_find(&links, 3)->mtu, 1500);
	links_done(&links);
}

static void test_link_that_leaves_a_bridge_stays(void **state)
{
	struct links links = { 0 };
	struct ifinfomsg *ifi;

	(void)state;
	note_link(&links, 3, IFF_UP | IFF_LOWER_UP, "eth0");
	ifi = message_begin(RTM_DELLINK, sizeof(*ifi));
	ifi->ifi_family = AF_BRIDGE;
	ifi->ifi_index = 3;
	assert_int_equal(links_note(message(), &links), 0);
	assert_non_null(links_find(&links, 3));
	links_done(&links);
}

static void test_link_below_a_vlan(void **state)
{
	struct links links = { 0 };

	(void)state;
	note_kind(&links, 1, "vlan", 9, false);
	note_kind(&links, 2, "veth", 9, false);
	note_kind(&links, 3, "vlan", 9, true);
	assert_int_equal(links_find(&links, 1)->lower, 9);
	assert_int_equal(links_find(&links, 2)->lower, 0);
	assert_int_equal(links_find(&links, 3)->lower, 0);
	links_done(&links);
}

static void test_links_in_any_order(void **state)
{
	struct links links = { 0 };
	char name[16];

	(void)state;
	for (int i = 0; i < 1000; i++) {
		snprintf(name, sizeof(name), "l%d", 1 + i * 7 % 1000);
		note_link(&links, 1 + i * 7 % 1000, IFF_UP, name);
	}
	for (uint32_t i = 1; i <= 1000; i += 2) {
		begin_link(RTM_DELLINK, (int)i, 0, NULL);
		assert_int_equal(links_note(message(), &links), 0);
	}
	assert_int_equal(links.count, 500);
	for (uint32_t i = 1; i <= 1000; i++) {
		const struct nexthop_link *link = links_find(&links, i);

		snprintf(name, sizeof(name), "l%u", i);
		if (i % 2)
			assert_null(link);
		else
			assert_string_equal(link->name, name);
	}
	links_done(&links);
}

static void test_short_message_is_refused(void **state)
{
	struct links links = { 0 };

	(void)state;
	message_begin(RTM_NEWLINK, sizeof(struct rtgenmsg));
	assert_int_equal(links_note(message(), &links), -EBADMSG);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_link_comes_changes_goes),
		cmocka_unit_test(test_link_keeps_what_a_short_message_leaves_out),
		cmocka_unit_test(test_link_that_leaves_a_bridge_stays),
		cmocka_unit_test(test_link_below_a_vlan),
		cmocka_unit_test(test_links_in_any_order),
		cmocka_unit_test(test_short_message_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
