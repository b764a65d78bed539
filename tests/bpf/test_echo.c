/* SPDX-License-Identifier: GPL-2.0-only */
/* Pings of a listener's address: answered to the byte, whatever their size, so many in a second, and not if the file
 * says no. */
#include "bpf/world.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/reference.h"

#define CLIENT4 "198.18.0.7"
#define CLIENT6 "2001:db8:c::7"

/* Of both families. */
static const uint8_t request_type[] = { 8, 128 }, reply_type[] = { 0, 129 };

struct ping {
	const char *name;
	enum cv_family family;
	const char *from; /* CLIENT4, CLIENT6 */
	const char *to;	  /* VIP4, VIP6 */
	const char *to_mac;
	uint8_t vlans;
	uint8_t tos;
	bool df;
	uint8_t code;
	uint8_t options;
	uint8_t extension; /* bytes of a hop-by-hop header */
	bool more;	   /* fragments */
	uint32_t flow_label;
	uint16_t id; /* of the IP packet */
	uint32_t number;
	size_t payload;
	uint8_t padding;
	const uint8_t *bytes; /* payload; else some text */
};

static void push_ip(const struct ping *ping, const char *from, const char *to, int ttl, struct pkt *p)
{
	static const uint8_t no_operation[40] = { [0 ... 39] = 1 };

	if (ping->family == CV_FAMILY_IPV4) {
		pkt_ipv4(p, from, to, .ttl = ttl, .tos = ping->tos, .df = ping->df, .id = ping->id,
			 .more = ping->more, .options = no_operation, .options_len = ping->options);
		return;
	}
	pkt_ipv6(p, from, to, .hop_limit = ttl, .tclass = ping->tos, .flow_label = ping->flow_label);
	if (ping->extension)
		pkt_ext(p, IPPROTO_HOPOPTS, ping->extension);
	if (ping->more)
		pkt_fragment(p, .more = 1, .id = 9);
}

static void build(const struct ping *ping, bool is_reply, struct pkt *p)
{
	static uint8_t text[PKT_MAX_LEN];
	bool is_v4 = ping->family == CV_FAMILY_IPV4;
	const char *client = ping->from ? ping->from : is_v4 ? CLIENT4 : CLIENT6;
	const char *vip = ping->to ? ping->to : is_v4 ? VIP4 : VIP6;
	const char *port = ping->to_mac ? ping->to_mac : PORT_MAC;
	struct probe link = { .vlans = ping->vlans };

	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (uint8_t)(i * 7 + 1);
	*p = (struct pkt)PKT_NEW;
	probe_push_link(&link, is_reply ? port : ROUTER_MAC, is_reply ? ROUTER_MAC : port, p);
	push_ip(ping, is_reply ? vip : client, is_reply ? client : vip, is_reply ? 64 : 57, p);
	pkt_icmp(p, (is_reply ? reply_type : request_type)[!is_v4], ping->code, .rest = ping->number);
	if (ping->payload)
		pkt_bytes(p, ping->bytes ? ping->bytes : text, ping->payload);
	pkt_pad(p, ping->padding);
}

static void expect(struct world *world, const struct ping *ping, enum cv_verdict verdict)
{
	struct harness_result result;
	struct pkt in, want;
	enum cv_verdict got;

	build(ping, false, &in);
	got = world_run(world, &in, &result);
	if (got != verdict)
		fail_msg("%s: verdict %s, expected %s", ping->name, dp_verdict_name(got),
			 dp_verdict_name(verdict));
	if (verdict != CV_ECHO_ANSWERED)
		return;
	build(ping, true, &want);
	assert_pkt(&want, result.data, result.len);
}

static void pings_of_every_size_are_answered(void **state)
{
	struct ping four = { .name = "IPv4", V4, .number = 0x00010002 };
	struct ping six = { .name = "IPv6", V6, .number = 0xfffefffd };

	for (four.payload = 0; four.payload <= 1472; four.payload++)
		expect(*state, &four, CV_ECHO_ANSWERED);
	for (six.payload = 0; six.payload <= 1452; six.payload++)
		expect(*state, &six, CV_ECHO_ANSWERED);
}

static void pings_of_every_kind_are_answered(void **state)
{
	static const struct ping pings[] = {
		{ .name = "a tag", V4, .vlans = 1, .payload = 56 },
		{ .name = "tags", V6, .vlans = 2, .payload = 56 },
		{ .name = "padding", V4, .padding = 18, .payload = 3 },
		{ .name = "padding", V6, .padding = 1 },
		{ .name = "marked", V4, .tos = 0xff, .df = true, .id = 0xffff },
		{ .name = "marked", V6, .tos = 0xff, .flow_label = 0xfffff },
		{ .name = "code", V4, .code = 255 },
		{ .name = "link-local", V6, .from = "fe80::1" },
		{ .name = "class A", V4, .from = "223.255.255.255" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(pings); i++)
		expect(world, &pings[i], CV_ECHO_ANSWERED);
	for (size_t kind = 0; kind < PROBE_KINDS; kind++)
		assert_int_equal(world_listener_stats(world, world_listener[kind]).packets, 0);
	assert_int_equal(world_count(world, "cv_half_open"), 0);
}

/* Carries, whatever the numbers are; a sum of 0xffff may be written as 0 by others. */
static void replies_have_right_checksums(void **state)
{
	static const uint8_t zeroes[64];
	struct world *world = *state;
	struct harness_result result;
	uint8_t bytes[64];
	struct pkt in;

	expect(world, &(struct ping){ .name = "all zero", V4, .payload = 64, .bytes = zeroes },
	       CV_ECHO_ANSWERED);
	srandom(4);
	for (size_t i = 0; i < 6000; i++) {
		struct ping ping = { .name = "random", V4, .payload = (size_t)random() % 64, .bytes = bytes };

		ping.number = i < 3000 ? (uint32_t)i * 7 : (uint32_t)random();
		ping.id = (uint16_t)random();
		for (size_t j = 0; j < sizeof(bytes); j++)
			bytes[j] = (uint8_t)random();
		build(&ping, false, &in);
		assert_int_equal(world_run(world, &in, &result), CV_ECHO_ANSWERED);
		assert_int_equal(reference_sum(result.data + 14, 20), 0xffff);
		assert_int_equal(reference_sum(result.data + 34, result.len - 34), 0xffff);
	}
}

/* Nobody looks at the payload: the one who asked finds out. */
static void a_wrong_checksum_stays_wrong(void **state)
{
	static const enum cv_family families[] = { CV_FAMILY_IPV4, CV_FAMILY_IPV6 };

	for (size_t i = 0; i < CV_ARRAY_SIZE(families); i++) {
		struct ping ping = { .family = families[i], .payload = 56, .number = 5 };
		struct harness_result result;
		struct pkt in, want;

		build(&ping, false, &in);
		in.data[in.len - 1] ^= 0x10;
		assert_int_equal(world_run(*state, &in, &result), CV_ECHO_ANSWERED);
		build(&ping, true, &want);
		want.data[want.len - 1] ^= 0x10;
		assert_pkt(&want, result.data, result.len);
	}
}

static void what_is_not_to_be_answered_passes(void **state)
{
	static const struct ping pings[] = {
		{ .name = "IPv4 options", V4, .options = 4 },
		{ .name = "extension", V6, .extension = 8 },
		{ .name = "from no one", V4, .from = "0.0.0.0" },
		{ .name = "from this net", V4, .from = "0.1.2.3" },
		{ .name = "from loopback", V4, .from = "127.0.0.1" },
		{ .name = "from a group", V4, .from = "224.0.0.1" },
		{ .name = "from all", V4, .from = "255.255.255.255" },
		{ .name = "from itself", V4, .from = VIP4 },
		{ .name = "from no one", V6, .from = "::" },
		{ .name = "from loopback", V6, .from = "::1" },
		{ .name = "from a group", V6, .from = "ff02::1" },
		{ .name = "from itself", V6, .from = VIP6 },
	};
	static const struct ping groups[] = {
		{ .name = "to all", V4, .to_mac = "ff:ff:ff:ff:ff:ff" },
		{ .name = "to a group", V6, .to_mac = "33:33:00:00:00:01" },
	};
	static const struct ping fragments[] = {
		{ .name = "fragment", V4, .more = true, .payload = 1480 - 8 },
		{ .name = "fragment", V6, .more = true, .payload = 1448 - 8 },
	};
	static const struct ping foreign[] = {
		{ .name = "foreign", V4, .to = "192.0.2.99" },
		{ .name = "foreign", V6, .to = "2001:db8:a::99" },
	};
	struct world *world = *state;

	/* nor do they use up what others are due */
	world_set_gate(world, &(struct cv_gate){ .second = world_young_second(world),
						 .icmp_replies = CV_ICMP_REPLIES_PER_S });
	for (size_t i = 0; i < CV_ARRAY_SIZE(pings); i++)
		expect(world, &pings[i], CV_PASS_PROTOCOL);
	for (size_t i = 0; i < CV_ARRAY_SIZE(groups); i++)
		expect(world, &groups[i], CV_PASS_GROUP);
	for (size_t i = 0; i < CV_ARRAY_SIZE(fragments); i++)
		expect(world, &fragments[i], CV_PASS_ICMP_FRAGMENT);
	for (size_t i = 0; i < CV_ARRAY_SIZE(foreign); i++)
		expect(world, &foreign[i], CV_PASS_NOT_VIP);
}

/* The filter lets some addresses through that are no listener's. */
static void addresses_like_ours_are_not_ours(void **state)
{
	struct world *world = *state;
	const struct cv_directory *directory = &world->image->directory;
	char text[ADDR_TEXT_LEN];

	for (unsigned i = 0;; i++) {
		struct addr address;
		uint32_t words[4], bit;

		snprintf(text, sizeof(text), "10.%u.%u.%u", i >> 16 & 255, i >> 8 & 255, i & 255);
		address = world_addr(text);
		memcpy(words, address.byte, sizeof(words));
		bit = cv_directory_bit(cv_directory_hash(directory, words));
		if (directory->vip_filter[bit / 64] >> bit % 64 & 1)
			break;
	}
	expect(world, &(struct ping){ .name = text, V4, .to = text }, CV_PASS_NO_LISTENER);
}

static void so_many_in_a_second_and_no_more(void **state)
{
	static const struct ping ping = { .name = "flood", V4 }, ping6 = { .name = "flood", V6 };
	struct world *world = *state;
	uint32_t now = world_tick(world);

	world_set_gate(world, &(struct cv_gate){ .second = now, .icmp_replies = CV_ICMP_REPLIES_PER_S - 2 });
	expect(world, &ping, CV_ECHO_ANSWERED);
	expect(world, &ping6, CV_ECHO_ANSWERED);
	expect(world, &ping, CV_DROP_ICMP_LIMIT);
	expect(world, &ping6, CV_DROP_ICMP_LIMIT);
	world_tick(world);
	expect(world, &ping, CV_ECHO_ANSWERED);
}

static void not_where_the_file_says_no(void **state)
{
	static const struct ping ping = { .name = "off", V4 }, ping6 = { .name = "off", V6 };
	struct world *world = *state;

	world_vary(world, .top = "icmp: { echo: false }");
	expect(world, &ping, CV_PASS_PROTOCOL);
	expect(world, &ping6, CV_PASS_PROTOCOL);
	world_vary(world, .top = "icmp: { echo: true }");
	expect(world, &ping, CV_ECHO_ANSWERED);
	expect(world, &ping6, CV_ECHO_ANSWERED);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pings_of_every_size_are_answered, world_forget),
		cmocka_unit_test_setup(pings_of_every_kind_are_answered, world_forget),
		cmocka_unit_test_setup(replies_have_right_checksums, world_forget),
		cmocka_unit_test_setup(a_wrong_checksum_stays_wrong, world_forget),
		cmocka_unit_test_setup(what_is_not_to_be_answered_passes, world_forget),
		cmocka_unit_test_setup(addresses_like_ours_are_not_ours, world_forget),
		cmocka_unit_test_setup(so_many_in_a_second_and_no_more, world_forget),
		cmocka_unit_test_setup(not_where_the_file_says_no, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("echo", tests, world_up, world_down);
}
