/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets: exactly the bytes that came and left, with what became of them; and nothing at all when nobody
 * captures. Only those that are wanted: test_capture_filter.c. */
#include "bpf/capturing.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/oracle.h"
#include "bpf/reader.h"

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
	taken = capturing_collect(capture);
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
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
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
	assert_int_equal(capturing_stop(capture), 0);
}

/* Packets that were held back are counted apart from those of the wire, and yet are none of these. */
static void tells_packets_sent_again_from_others(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
	struct probe syn = { .flags = PKT_SYN };
	struct taken live, again;
	struct pkt frame;

	probe_build(&syn, &frame);
	live = send_captured(world, capture, &syn, CV_TX);
	reader_run_again(world, frame.data, frame.len);
	again = capturing_collect(capture);
	assert_int_not_equal(live.last.packet >> 38, again.last.packet >> 38);
	assert_int_equal(capturing_stop(capture), 0);
}

static void takes_drops_and_answers(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture;
	struct taken taken;

	world_vary(world, .tcp = "unknown_packet: reset");
	capture = capturing_start(world, &want);
	taken = send_captured(world, capture, &(struct probe){ .flags = PKT_SYN, .ttl = 1 }, CV_DROP_TTL);
	assert_string_equal(taken.last.listener, "tcp4");
	taken = send_captured(world, capture, &(struct probe){ V6, .flags = PKT_ACK }, CV_RESET_UNKNOWN);
	assert_string_equal(taken.last.listener, "tcp6");
	taken = send_captured(world, capture, &(struct probe){ .to = "192.0.2.77" }, CV_PASS_NOT_VIP);
	assert_string_equal(taken.last.listener, "");
	assert_int_equal(taken.last.backend_port, 0);
	for (size_t i = 0; i < sizeof(taken.last.backend); i++)
		assert_int_equal(taken.last.backend[i], 0);
	capturing_stop(capture);
}

static void cuts_at_snaplen(void **state)
{
	static const uint32_t lengths[] = { 1, 14, 60, 256, 1023 };
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct harness_result result;
	struct taken taken;
	struct pkt in;

	probe_build(&(struct probe){ .flags = PKT_ACK, .payload = 1200 }, &in);
	for (size_t i = 0; i < CV_ARRAY_SIZE(lengths); i++) {
		struct dp_capture *capture;

		want.snaplen = lengths[i];
		capture = capturing_start(world, &want);
		world_run(world, &in, &result);
		taken = capturing_collect(capture);
		assert_int_equal(taken.nr, 1);
		assert_int_equal(taken.last.saved_before, lengths[i]);
		assert_int_equal(taken.last.saved_after, lengths[i]);
		assert_int_equal(taken.last.bytes_before, in.len);
		assert_int_equal(taken.last.bytes_after, result.len);
		assert_memory_equal(taken.before, in.data, lengths[i]);
		assert_memory_equal(taken.after, result.data, lengths[i]);
		capturing_stop(capture);
	}
}

/* --- beginning and end --- */

static void counts_what_a_full_ring_loses(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
	struct cv_capture_stats stats, of_port;
	struct err err;

	for (size_t i = 0; i < 200; i++)
		world_expect(world, &(struct probe){ .flags = PKT_ACK, .payload = 1400 }, CV_TX);
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_int_equal(stats.captured + stats.lost, 200);
	/* 104 bytes, 1454 before and 1474 after, and 8 of the ring's, rounded up */
	assert_int_equal(stats.captured, CAPTURING_RING_BYTES / 3040);
	/* lo is no port of ours: it is counted with the rest */
	assert_ok(dp_capture_stats(capture, WORLD_IFINDEX, &of_port, &err), err);
	assert_int_equal(of_port.captured, 0);
	assert_int_equal(capturing_collect(capture).nr, stats.captured);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_int_equal(capturing_stop(capture), 1);
}

static void counts_by_port(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	uint32_t port = world_add_port(world, "cap0");
	struct dp_capture *capture = capturing_start(world, &want);
	struct harness_result result;
	struct cv_capture_stats stats;
	struct err err;
	struct pkt in;

	probe_build(&(struct probe){ .to = "192.0.2.77" }, &in);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(world_run_on(world, &in, port, &result), CV_PASS_NOT_VIP);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_ok(dp_capture_stats(capture, port, &stats, &err), err);
	assert_int_equal(stats.captured, 3);
	assert_ok(dp_capture_stats(capture, 0, &stats, &err), err);
	assert_int_equal(stats.captured, 4);
	assert_int_equal(capturing_stop(capture), 4);
	assert_ok(dp_detach(DP_DEFAULT_PIN_DIR, "cap0", &err), err);
}

static void leaves_nothing_switched_on(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
	int rings = bpf_obj_get(DP_DEFAULT_PIN_DIR "/tables/cv_captured");
	__u32 zero = 0, id;

	assert_return_code(rings, -rings);
	assert_int_not_equal(read_setting(world).until_s, 0);
	assert_return_code(bpf_map_lookup_elem(rings, &zero, &id), 0);
	capturing_stop(capture);
	assert_int_equal(read_setting(world).until_s, 0);
	assert_int_equal(bpf_map_lookup_elem(rings, &zero, &id), -ENOENT);
	close(rings);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
}

/* A command that was killed: the lease runs out, and the first packet after that puts it out. */
static void ends_when_the_lease_does(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want);
	struct cv_capture setting = read_setting(world);
	int map = world_map(world, "cv_capture");
	struct taken taken = { 0 };
	struct err err;
	__u32 zero = 0;
	uint32_t gap;

	assert_in_range(setting.until_s - world_clock(world), CV_CAPTURE_LEASE_S - 1, CV_CAPTURE_LEASE_S);
	setting.until_s = world_young_second(world);
	assert_return_code(bpf_map_update_elem(map, &zero, &setting, BPF_ANY), 0);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	setting.until_s = world_clock(world) - 1;
	assert_return_code(bpf_map_update_elem(map, &zero, &setting, BPF_ANY), 0);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_int_equal(read_setting(world).until_s, 0);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);

	/* one that only stood still goes on, and is told of it */
	sleep(CV_CAPTURE_LEASE_S + 2);
	assert_ok(dp_capture_poll(capture, 0, capturing_take, &taken, &gap, &err), err);
	assert_int_equal(taken.nr, 1);
	assert_in_range(gap, 1, 60);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_int_equal(capturing_stop(capture), 1);
	close(map);
}

static void one_at_a_time(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture = capturing_start(world, &want), *other;
	char text[64];
	struct err err;

	assert_int_equal(dp_capture_start(world->dp, &want, CAPTURING_RING_BYTES, &other, &err), -EBUSY);
	snprintf(text, sizeof(text), "process %d captures there already: one at a time", getpid());
	assert_string_equal(err.text, text);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_int_equal(capturing_stop(capture), 1);
	capturing_stop(capturing_start(world, &want));
}

/* Its lock and its ring die with the process, whatever it was doing. */
static void the_killed_make_room(void **state)
{
	struct world *world = *state;
	struct cv_capture want = capturing_everything();
	struct dp_capture *capture;
	pid_t child = fork();
	int status;

	assert_return_code(child, errno);
	if (!child) {
		capturing_start(world, &want);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	capture = capturing_start(world, &want);
	world_expect(world, &(struct probe){ .flags = PKT_SYN }, CV_TX);
	assert_int_equal(capturing_stop(capture), 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(takes_packets_before_and_after, world_forget),
		cmocka_unit_test_setup(tells_packets_sent_again_from_others, world_forget),
		cmocka_unit_test_setup(takes_drops_and_answers, world_forget),
		cmocka_unit_test_setup(cuts_at_snaplen, world_forget),
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
