/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets: only those that are wanted. What is captured of them, in test_capture.c. */
#include "bpf/capturing.h"

#include <netinet/in.h>
#include <string.h>

#include "bpf/oracle.h"

static void want_only(struct cv_capture *want, enum cv_verdict verdict)
{
	memset(want->verdicts, 0, sizeof(want->verdicts));
	want->verdicts[verdict / 64] = 1ULL << verdict % 64;
}

static struct cv_capture_prefix prefix(const char *text)
{
	struct cv_capture_prefix prefix;
	struct addr address, mask = { { 0 } };
	unsigned length;

	assert_return_code(addr_parse_prefix(text, &address, &length), 0);
	length += addr_is_v4(&address) ? 96 : 0;
	for (unsigned bit = 0; bit < length; bit++)
		mask.byte[bit / 8] |= (uint8_t)(0x80 >> bit % 8);
	memcpy(prefix.address, address.byte, sizeof(prefix.address));
	memcpy(prefix.mask, mask.byte, sizeof(prefix.mask));
	return prefix;
}

struct filter_case {
	const char *name;
	const char *client, *address, *host; /* prefixes */
	uint16_t client_port[2], port[2];    /* 0: any */
	uint8_t protocol;
	bool is_wanted;
	struct probe probe;
};

#define CLIENT4 "198.18.0.7"
#define SYN .flags = PKT_SYN

static const struct filter_case filters[] = {
	{ .name = "client", .client = CLIENT4, .is_wanted = true, .probe = { SYN } },
	{ .name = "another client", .client = CLIENT4, .probe = { SYN, .client = 8 } },
	{ .name = "a network", .client = "198.18.0.0/24", .is_wanted = true, .probe = { SYN } },
	{ .name = "another network", .client = "198.18.1.0/24", .probe = { SYN } },
	{ .name = "the last bit of a prefix",
	  .client = "198.18.0.6/31",
	  .is_wanted = true,
	  .probe = { SYN } },
	{ .name = "the bit behind it", .client = "198.18.0.4/31", .probe = { SYN } },
	{ .name = "all of IPv4", .client = "0.0.0.0/0", .is_wanted = true, .probe = { SYN } },
	{ .name = "no IPv6 is IPv4", .client = "0.0.0.0/0", .probe = { V6, SYN } },
	{ .name = "address", .address = VIP4, .is_wanted = true, .probe = { SYN } },
	{ .name = "an address is no client", .client = VIP4, .probe = { SYN } },
	{ .name = "a client is no address", .address = CLIENT4, .probe = { SYN } },
	{ .name = "address, IPv6", .address = VIP6, .is_wanted = true, .probe = { V6, SYN } },
	{ .name = "prefix, IPv6", .address = "2001:db8:a::/48", .is_wanted = true, .probe = { V6, SYN } },
	{ .name = "another prefix", .address = "2001:db8:b::/48", .probe = { V6, SYN } },
	{ .name = "host as client", .host = CLIENT4, .is_wanted = true, .probe = { SYN } },
	{ .name = "host as address", .host = VIP4, .is_wanted = true, .probe = { SYN } },
	{ .name = "another host", .host = "192.0.2.11", .probe = { SYN } },
	{ .name = "port", .port = { 443, 443 }, .is_wanted = true, .probe = { SYN } },
	{ .name = "ports", .port = { 400, 443 }, .is_wanted = true, .probe = { SYN } },
	{ .name = "ports above", .port = { 444, 65535 }, .probe = { SYN } },
	{ .name = "ports below", .port = { 1, 442 }, .probe = { SYN } },
	{ .name = "client port", .client_port = { 40000, 40000 }, .is_wanted = true, .probe = { SYN } },
	{ .name = "client port above", .client_port = { 40001, 40001 }, .probe = { SYN } },
	{ .name = "port, UDP over IPv6", .port = { 443, 443 }, .is_wanted = true, .probe = { V6, UDP } },
	{ .name = "port behind tags", .port = { 443, 443 }, .is_wanted = true, .probe = { SYN, .vlans = 2 } },
	{ .name = "port behind options",
	  .port = { 443, 443 },
	  .is_wanted = true,
	  .probe = { SYN, .options = 40 } },
	{ .name = "port behind extensions",
	  .port = { 443, 443 },
	  .is_wanted = true,
	  .probe = { V6, SYN, .extension = { { 24, IPPROTO_DSTOPTS }, { 8, IPPROTO_HOPOPTS } } } },
	{ .name = "a later fragment has no port",
	  .port = { 443, 443 },
	  .probe = { UDP, .fragment = PROBE_LATER_FRAGMENT, .payload = 100 } },
	{ .name = "but addresses",
	  .host = CLIENT4,
	  .is_wanted = true,
	  .probe = { UDP, .fragment = PROBE_LATER_FRAGMENT, .payload = 100 } },
	{ .name = "TCP", .protocol = IPPROTO_TCP, .is_wanted = true, .probe = { SYN } },
	{ .name = "not UDP", .protocol = IPPROTO_UDP, .probe = { SYN } },
	{ .name = "UDP behind extensions",
	  .protocol = IPPROTO_UDP,
	  .is_wanted = true,
	  .probe = { V6, UDP, .extension = { { 24, IPPROTO_DSTOPTS } } } },
	{ .name = "all at once",
	  .client = CLIENT4,
	  .address = VIP4,
	  .host = CLIENT4,
	  .client_port = { 40000, 40000 },
	  .port = { 443, 443 },
	  .protocol = IPPROTO_TCP,
	  .is_wanted = true,
	  .probe = { SYN } },
};

static void filters_by_what_the_frame_says(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(filters); i++) {
		const struct filter_case *f = &filters[i];
		struct cv_capture want = capturing_everything();
		struct dp_capture *capture;

		if (f->client)
			want.client = prefix(f->client);
		if (f->address)
			want.address = prefix(f->address);
		if (f->host)
			want.host = prefix(f->host);
		want.client_port_first = f->client_port[0];
		want.client_port_last = f->client_port[1] ? f->client_port[1] : 65535;
		want.port_first = f->port[0];
		want.port_last = f->port[1] ? f->port[1] : 65535;
		want.protocol = f->protocol;
		capture = capturing_start(world, &want);
		world_probe(world, &f->probe);
		if ((capturing_collect(capture).nr == 1) != f->is_wanted)
			fail_msg("%s: was %scaptured", f->name, f->is_wanted ? "not " : "");
		capturing_stop(capture);
	}
}

/* Nothing is read of a frame that has no IP, and no part of a filter but none at all wants it. */
static void frames_without_ip_have_no_addresses(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
	struct harness_result result;
	struct pkt arp = PKT_NEW;

	pkt_eth(&arp);
	pkt_bytes(&arp, "\x08\x06\x00\x01", 4);
	world_run(world, &arp, &result);
	assert_int_equal(capturing_collect(capture).nr, 1);
	capturing_stop(capture);
	want.host = prefix("0.0.0.0/0");
	capture = capturing_start(world, &want);
	world_run(world, &arp, &result);
	assert_int_equal(capturing_collect(capture).nr, 0);
	capturing_stop(capture);
}

static void filters_by_what_became_of_it(void **state)
{
	const struct probe syn = { SYN }, syn6 = { V6, SYN }, last_hop = { SYN, .ttl = 1 };
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	uint16_t owner = oracle_owner(world->image, &syn);
	struct dp_capture *capture;

	want_only(&want, CV_DROP_TTL);
	capture = capturing_start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(capturing_collect(capture).nr, 0);
	world_expect(world, &last_hop, CV_DROP_TTL);
	assert_int_equal(capturing_collect(capture).nr, 1);
	capturing_stop(capture);

	want = capturing_everything();
	memcpy(want.listener, "tcp6", 5);
	capture = capturing_start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(capturing_collect(capture).nr, 0);
	world_expect(world, &syn6, CV_TX);
	assert_int_equal(capturing_collect(capture).nr, 1);
	capturing_stop(capture);

	want = capturing_everything();
	memcpy(want.backend, world->image->backend[owner].address, sizeof(want.backend));
	capture = capturing_start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(capturing_collect(capture).nr, 1);
	world_expect(world, &syn6, CV_TX);
	assert_int_equal(capturing_collect(capture).nr, oracle_owner(world->image, &syn6) == owner);
	want.backend[15] ^= 0x80;
	capturing_stop(capture);
	capture = capturing_start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(capturing_stop(capture), 0);
}

/* One in ten of 20,000 is 2,000, give or take 42: the bounds are ten times that. */
static void samples_by_chance(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture;
	struct cv_capture_stats stats;
	struct err err;

	want.sample = UINT32_MAX / 10;
	want.snaplen = 60;
	capture = capturing_start(world, &want);
	for (size_t i = 0; i < 20000; i++) {
		world_expect(world, &(struct probe){ SYN }, CV_TX);
		if (i % 1000 == 0)
			capturing_collect(capture);
	}
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_in_range(stats.captured, 1580, 2420);
	assert_int_equal(stats.lost, 0);
	capturing_stop(capture);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(filters_by_what_the_frame_says, world_forget),
		cmocka_unit_test_setup(frames_without_ip_have_no_addresses, world_forget),
		cmocka_unit_test_setup(filters_by_what_became_of_it, world_forget),
		cmocka_unit_test_setup(samples_by_chance, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("capture_filter", tests, world_up, world_down);
}
