/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets: exactly the bytes that came and left, with what became of them; only those that are wanted; and
 * nothing at all when nobody captures. */
#include "bpf/flow.h"

#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/oracle.h"
#include "dataplane/dp_capture.h"

#define RING_BYTES (256 * 1024)

/* What came out of the ring. */
struct taken {
	size_t nr;
	struct cv_captured last;
	uint8_t before[CV_CAPTURE_SNAPLEN_MAX];
	uint8_t after[CV_CAPTURE_SNAPLEN_MAX];
};

static int take(const struct cv_captured *captured, const uint8_t *before, const uint8_t *after, void *arg)
{
	struct taken *taken = arg;

	taken->nr++;
	taken->last = *captured;
	assert_in_range(captured->saved_before, 0, sizeof(taken->before));
	assert_in_range(captured->saved_after, 0, sizeof(taken->after));
	memcpy(taken->before, before, captured->saved_before);
	memcpy(taken->after, after, captured->saved_after);
	return 0;
}

/* Takes everything that passes by; tests narrow it. */
static struct cv_capture everything(void)
{
	return (struct cv_capture){
		.client_port_last = 65535,
		.port_last = 65535,
		.verdicts = { UINT64_MAX, UINT64_MAX },
		.snaplen = CV_CAPTURE_SNAPLEN_MAX,
	};
}

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

static struct dp_capture *start(struct world *world, const struct cv_capture *want)
{
	struct dp_capture *capture;
	struct err err;

	assert_ok(dp_capture_start(world->dp, want, RING_BYTES, &capture, &err), err);
	return capture;
}

static struct taken collect(struct dp_capture *capture)
{
	struct taken taken = { 0 };
	struct err err;
	uint32_t gap;

	assert_ok(dp_capture_poll(capture, 0, take, &taken, &gap, &err), err);
	return taken;
}

static size_t stop(struct dp_capture *capture)
{
	struct taken taken = { 0 };
	struct err err;

	assert_ok(dp_capture_stop(capture, take, &taken, &err), err);
	dp_capture_free(capture);
	return taken.nr;
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static struct cv_capture read_setting(struct world *world)
{
	int map = world_map(world, "cv_capture");
	struct cv_capture setting;
	__u32 zero = 0;

	assert_return_code(bpf_map_lookup_elem(map, &zero, &setting), 0);
	close(map);
	return setting;
}

/* Sends it, and checks what was captured against what the program got and gave. */
static struct taken send_captured(struct world *world, struct dp_capture *capture, const struct probe *probe,
				  enum cv_verdict verdict)
{
	uint64_t began = now_ns();
	struct harness_result result;
	struct taken taken;
	struct pkt in;

	probe_build(probe, &in);
	assert_int_equal(world_run(world, &in, &result), verdict);
	taken = collect(capture);
	assert_int_equal(taken.nr, 1);
	assert_in_range(taken.last.time_ns, began, now_ns());
	assert_int_equal(taken.last.verdict, verdict);
	assert_int_equal(taken.last.cpu, sched_getcpu());
	assert_int_equal(taken.last.ifindex, WORLD_IFINDEX);
	assert_int_equal(taken.last.bytes_before, in.len);
	assert_pkt(&in, taken.before, taken.last.saved_before);
	if (dp_verdict_class(verdict) == CV_CLASS_TX) {
		struct pkt out = { .len = result.len };

		memcpy(out.data, result.data, result.len);
		assert_pkt(&out, taken.after, taken.last.saved_after);
		assert_int_equal(taken.last.bytes_after, result.len);
		assert_int_equal(taken.last.out_ifindex, WORLD_IFINDEX);
	} else {
		assert_int_equal(taken.last.saved_after, 0);
		assert_int_equal(taken.last.bytes_after, 0);
		assert_int_equal(taken.last.out_ifindex, 0);
	}
	return taken;
}

static void takes_packets_before_and_after(void **state)
{
	static const struct probe probes[] = {
		{ .name = "SYN", .flags = PKT_SYN },
		{ .name = "data", .flags = PKT_ACK, .payload = 1000 },
		{ .name = "tags", .flags = PKT_ACK, .vlans = 2, .payload = 3 },
		{ .name = "padding", .flags = PKT_ACK, .padding = 6 },
		{ .name = "empty", .flags = PKT_ACK },
	};
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want);
	uint64_t packet = UINT64_MAX;

	for (size_t i = 0; i < CV_ARRAY_SIZE(probes) * PROBE_KINDS; i++) {
		struct probe probe = probe_kind(probes[i / PROBE_KINDS], i % PROBE_KINDS);
		struct taken taken = send_captured(world, capture, &probe, CV_TX);
		uint16_t owner = oracle_owner(world->image, &probe);

		assert_string_equal(taken.last.listener, world_listener[i % PROBE_KINDS]);
		assert_memory_equal(taken.last.backend, world->image->backend[owner].address, 16);
		assert_int_not_equal(taken.last.packet, packet);
		packet = taken.last.packet;
	}
	assert_int_equal(stop(capture), 0);
}

static void takes_drops_and_answers(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture;
	struct taken taken;

	world_vary(world, .tcp = "unknown_packet: reset");
	capture = start(world, &want);
	taken = send_captured(world, capture, &(struct probe){ .flags = PKT_SYN, .ttl = 1 }, CV_DROP_TTL);
	assert_string_equal(taken.last.listener, "tcp4");
	taken = send_captured(world, capture, &(struct probe){ V6, .flags = PKT_ACK }, CV_RESET_UNKNOWN);
	assert_string_equal(taken.last.listener, "tcp6");
	taken = send_captured(world, capture, &(struct probe){ .to = "192.0.2.77" }, CV_PASS_NOT_VIP);
	assert_string_equal(taken.last.listener, "");
	assert_int_equal(taken.last.backend_port, 0);
	for (size_t i = 0; i < sizeof(taken.last.backend); i++)
		assert_int_equal(taken.last.backend[i], 0);
	stop(capture);
}

static void cuts_at_snaplen(void **state)
{
	static const uint32_t lengths[] = { 1, 14, 60, 256, 1023 };
	struct world *world = *state;
	struct cv_capture want = everything();
	struct harness_result result;
	struct taken taken;
	struct pkt in;

	probe_build(&(struct probe){ .flags = PKT_ACK, .payload = 1200 }, &in);
	for (size_t i = 0; i < CV_ARRAY_SIZE(lengths); i++) {
		struct dp_capture *capture;

		want.snaplen = lengths[i];
		capture = start(world, &want);
		world_run(world, &in, &result);
		taken = collect(capture);
		assert_int_equal(taken.nr, 1);
		assert_int_equal(taken.last.saved_before, lengths[i]);
		assert_int_equal(taken.last.saved_after, lengths[i]);
		assert_int_equal(taken.last.bytes_before, in.len);
		assert_int_equal(taken.last.bytes_after, result.len);
		assert_memory_equal(taken.before, in.data, lengths[i]);
		assert_memory_equal(taken.after, result.data, lengths[i]);
		stop(capture);
	}
}

/* --- filters --- */

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
		struct cv_capture want = everything();
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
		capture = start(world, &want);
		world_probe(world, &f->probe);
		if ((collect(capture).nr == 1) != f->is_wanted)
			fail_msg("%s: was %scaptured", f->name, f->is_wanted ? "not " : "");
		stop(capture);
	}
}

/* Nothing is read of a frame that has no IP, and no part of a filter but none at all wants it. */
static void frames_without_ip_have_no_addresses(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want);
	struct harness_result result;
	struct pkt arp = PKT_NEW;

	pkt_eth(&arp);
	pkt_bytes(&arp, "\x08\x06\x00\x01", 4);
	world_run(world, &arp, &result);
	assert_int_equal(collect(capture).nr, 1);
	stop(capture);
	want.host = prefix("0.0.0.0/0");
	capture = start(world, &want);
	world_run(world, &arp, &result);
	assert_int_equal(collect(capture).nr, 0);
	stop(capture);
}

static void filters_by_what_became_of_it(void **state)
{
	const struct probe syn = { SYN }, syn6 = { V6, SYN }, last_hop = { SYN, .ttl = 1 };
	struct world *world = *state;
	struct cv_capture want = everything();
	uint16_t owner = oracle_owner(world->image, &syn);
	struct dp_capture *capture;

	want_only(&want, CV_DROP_TTL);
	capture = start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(collect(capture).nr, 0);
	world_expect(world, &last_hop, CV_DROP_TTL);
	assert_int_equal(collect(capture).nr, 1);
	stop(capture);

	want = everything();
	memcpy(want.listener, "tcp6", 5);
	capture = start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(collect(capture).nr, 0);
	world_expect(world, &syn6, CV_TX);
	assert_int_equal(collect(capture).nr, 1);
	stop(capture);

	want = everything();
	memcpy(want.backend, world->image->backend[owner].address, sizeof(want.backend));
	capture = start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(collect(capture).nr, 1);
	world_expect(world, &syn6, CV_TX);
	assert_int_equal(collect(capture).nr, oracle_owner(world->image, &syn6) == owner);
	want.backend[15] ^= 0x80;
	stop(capture);
	capture = start(world, &want);
	world_expect(world, &syn, CV_TX);
	assert_int_equal(stop(capture), 0);
}

/* One in ten of 20,000 is 2,000, give or take 42: the bounds are ten times that. */
static void samples_by_chance(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture;
	struct cv_capture_stats stats;
	struct err err;

	want.sample = UINT32_MAX / 10;
	want.snaplen = 60;
	capture = start(world, &want);
	for (size_t i = 0; i < 20000; i++) {
		world_expect(world, &(struct probe){ SYN }, CV_TX);
		if (i % 1000 == 0)
			collect(capture);
	}
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_in_range(stats.captured, 1580, 2420);
	assert_int_equal(stats.lost, 0);
	stop(capture);
}

/* --- beginning and end --- */

static void counts_what_a_full_ring_loses(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want);
	struct cv_capture_stats stats, of_port;
	struct err err;

	for (size_t i = 0; i < 200; i++)
		world_expect(world, &(struct probe){ .flags = PKT_ACK, .payload = 1400 }, CV_TX);
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_int_equal(stats.captured + stats.lost, 200);
	/* 104 bytes, 1454 before and 1474 after, and 8 of the ring's, rounded up */
	assert_int_equal(stats.captured, RING_BYTES / 3040);
	/* lo is no port of ours: it is counted with the rest */
	assert_ok(dp_capture_stats(capture, WORLD_IFINDEX, &of_port, &err), err);
	assert_int_equal(of_port.captured, 0);
	assert_int_equal(collect(capture).nr, stats.captured);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_int_equal(stop(capture), 1);
}

static void counts_by_port(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	uint32_t port = world_add_port(world, "cap0");
	struct dp_capture *capture = start(world, &want);
	struct harness_result result;
	struct cv_capture_stats stats;
	struct err err;
	struct pkt in;

	probe_build(&(struct probe){ .to = "192.0.2.77" }, &in);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(world_run_on(world, &in, port, &result), CV_PASS_NOT_VIP);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_ok(dp_capture_stats(capture, port, &stats, &err), err);
	assert_int_equal(stats.captured, 3);
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_int_equal(stats.captured, 4);
	assert_int_equal(stop(capture), 4);
	assert_ok(dp_detach(DP_DEFAULT_PIN_DIR, "cap0", &err), err);
}

static void leaves_nothing_switched_on(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want);
	int rings = bpf_obj_get(DP_DEFAULT_PIN_DIR "/tables/cv_captured");
	__u32 zero = 0, id;

	assert_return_code(rings, -rings);
	assert_int_not_equal(read_setting(world).until_s, 0);
	assert_return_code(bpf_map_lookup_elem(rings, &zero, &id), 0);
	stop(capture);
	assert_int_equal(read_setting(world).until_s, 0);
	assert_int_equal(bpf_map_lookup_elem(rings, &zero, &id), -ENOENT);
	close(rings);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
}

/* A command that was killed: the lease runs out, and the first packet after that puts it out. */
static void ends_when_the_lease_does(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want);
	struct cv_capture setting = read_setting(world);
	int map = world_map(world, "cv_capture");
	struct taken taken = { 0 };
	struct err err;
	__u32 zero = 0;
	uint32_t gap;

	assert_in_range(setting.until_s - world_clock(world), CV_CAPTURE_LEASE_S - 1, CV_CAPTURE_LEASE_S);
	setting.until_s = world_young_second(world);
	assert_return_code(bpf_map_update_elem(map, &zero, &setting, BPF_ANY), 0);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	setting.until_s = world_clock(world) - 1;
	assert_return_code(bpf_map_update_elem(map, &zero, &setting, BPF_ANY), 0);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_int_equal(read_setting(world).until_s, 0);
	world_expect(world, &(struct probe){ SYN }, CV_TX);

	/* one that only stood still goes on, and is told of it */
	sleep(CV_CAPTURE_LEASE_S + 2);
	assert_ok(dp_capture_poll(capture, 0, take, &taken, &gap, &err), err);
	assert_int_equal(taken.nr, 1);
	assert_in_range(gap, 1, 60);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_int_equal(stop(capture), 1);
	close(map);
}

static void one_at_a_time(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture = start(world, &want), *other;
	char text[64];
	struct err err;

	assert_int_equal(dp_capture_start(world->dp, &want, RING_BYTES, &other, &err), -EBUSY);
	snprintf(text, sizeof(text), "process %d captures there already: one at a time", getpid());
	assert_string_equal(err.text, text);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_int_equal(stop(capture), 1);
	stop(start(world, &want));
}

/* Its lock and its ring die with the process, whatever it was doing. */
static void the_killed_make_room(void **state)
{
	struct world *world = *state;
	struct cv_capture want = everything();
	struct dp_capture *capture;
	pid_t child = fork();
	int status;

	assert_return_code(child, errno);
	if (!child) {
		start(world, &want);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	capture = start(world, &want);
	world_expect(world, &(struct probe){ SYN }, CV_TX);
	assert_int_equal(stop(capture), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_packets_before_and_after, world_forget),
		cmocka_unit_test_setup(takes_drops_and_answers, world_forget),
		cmocka_unit_test_setup(cuts_at_snaplen, world_forget),
		cmocka_unit_test_setup(filters_by_what_the_frame_says, world_forget),
		cmocka_unit_test_setup(frames_without_ip_have_no_addresses, world_forget),
		cmocka_unit_test_setup(filters_by_what_became_of_it, world_forget),
		cmocka_unit_test_setup(samples_by_chance, world_forget),
		cmocka_unit_test_setup(counts_what_a_full_ring_loses, world_forget),
		cmocka_unit_test_setup(counts_by_port, world_forget),
		cmocka_unit_test_setup(leaves_nothing_switched_on, world_forget),
		cmocka_unit_test_setup(ends_when_the_lease_does, world_forget),
		cmocka_unit_test_setup(one_at_a_time, world_forget),
		cmocka_unit_test_setup(the_killed_make_room, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("capture", tests, world_up, world_down);
}
