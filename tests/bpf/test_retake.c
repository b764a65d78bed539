/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table goes into one of another size while packets go on: flows that open meanwhile. */
#include "bpf/flow.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

static void set_copied(struct world *world, bool is_copied)
{
	int map = world_map(world, "cv_meta");
	struct cv_meta meta;
	__u32 zero = 0;

	assert_return_code(bpf_map_lookup_elem(map, &zero, &meta), 0);
	meta.is_copied = is_copied;
	assert_return_code(bpf_map_update_elem(map, &zero, &meta, BPF_ANY), 0);
	close(map);
}

/* Takes the flow out of its table, as if that were one which it did not open in. */
static void forget_flow(struct world *world, const struct probe *probe)
{
	bool is_v4 = probe->family != CV_FAMILY_IPV6;
	int map = world_map(world, is_v4 ? "cv_flows" : "cv_flows6");
	struct cv_flow6_key key;
	struct cv_flow4_key key4;

	probe_key(probe, &key);
	if (is_v4)
		probe_key4(probe, &key4);
	assert_return_code(bpf_map_delete_elem(map, is_v4 ? (void *)&key4 : (void *)&key), 0);
	close(map);
	world_untouch(world);
}

/* A flow of this kind that has opened, by a packet with these flags, in the old tables alone, on a backend that no new flow
 * gets. */
static struct probe open_before(struct world *world, uint8_t flags, size_t kind, uint16_t *ret_backend)
{
	struct probe probe = probe_kind((struct probe){ .name = "before", .flags = flags }, kind);
	struct probe first = flow_flags(&probe, PKT_SYN);

	set_copied(world, true);
	*ret_backend = world_route(world, &first);
	assert_int_equal(world_route(world, &probe), *ret_backend);
	set_copied(world, false);
	assert_int_equal(world_count(world, "cv_half_open"), 1);
	forget_flow(world, &probe);
	world_set_weight(world, *ret_backend, 0);
	return probe;
}

static void expect_one(struct world *world, const struct probe *probe, size_t kind, uint16_t backend)
{
	assert_int_equal(world_route(world, probe), backend);
	assert_int_equal(flow_expect(world, probe, CV_FLOW_OPEN).backend, backend);
	assert_int_equal(world_count(world, "cv_half_open"), 0);
	assert_int_equal(world_live(world, world_listener[kind]), 1);
	assert_int_equal(world_listener_stats(world, world_listener[kind]).new_flows, 1);
}

static void the_next_program_finds_what_opened_before(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		uint16_t backend;
		struct probe probe = open_before(world, PKT_ACK, kind, &backend);

		expect_one(world, &probe, kind, backend);
		world_forget(state);
	}
}

/* Whether it ends by the packet that brings it over, or ended before. */
static void an_end_is_an_end(void **state)
{
	struct world *world = *state;

	for (int i = 0; i < 2; i++) {
		uint8_t last = i ? PKT_FIN | PKT_ACK : PKT_ACK;
		uint16_t backend;
		struct probe probe = open_before(world, i ? PKT_ACK : PKT_FIN | PKT_ACK, 0, &backend);
		struct probe next = flow_flags(&probe, last);

		assert_int_equal(world_route(world, &next), backend);
		flow_expect(world, &probe, CV_FLOW_CLOSING);
		assert_int_equal(world_live(world, "tcp4"), 1);
		world_forget(state);
	}
}

/* The daemon was killed before it had copied all. */
static void the_next_daemon_finds_what_opened_before(void **state)
{
	struct world *world = *state;

	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct flow_table_conf same = world->model->flow_table;
		uint16_t backend;
		struct probe probe = open_before(world, PKT_ACK, kind, &backend);
		struct err err;

		assert_ok(dp_retake(&world->dp, &same, &err), err);
		assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).backend, backend);
		expect_one(world, &probe, kind, backend);
		world_forget(state);
	}
}

/* --- under traffic --------------------------------------------------------------------------------- */

#define FILLING 200000
#define HANDSHAKES 30000

struct retake {
	struct world *world;
	atomic_bool is_over;
	struct err err;
	int r;
};

static void *run_retake(void *arg)
{
	struct retake *job = arg;
	struct flow_table_conf next = job->world->model->flow_table;

	next.max_flows += 100000;
	job->r = dp_retake(&job->world->dp, &next, &job->err);
	job->is_over = true;
	return NULL;
}

/* Flows that make the copies take their time. */
static void fill(struct world *world)
{
	struct cv_flow flow = { .packets = 2,
				.idle_timeout_s = CV_IDLE_TIMEOUT_TCP_S,
				.state = CV_FLOW_OPEN,
				.brief_timeout_s = CV_CLOSING_FIN_TIMEOUT_S };
	struct cv_flow4_key key = { .client = { 11 }, .port = 443, .protocol = CV_PROTOCOL_TCP };
	int map = world_map(world, "cv_flows");

	flow.born_s = flow.last_seen_s = world_clock(world);
	for (uint32_t i = 0; i < FILLING; i++) {
		key.client[1] = (uint8_t)(i >> 16);
		key.client_port = (uint16_t)i;
		assert_return_code(bpf_map_update_elem(map, &key, &flow, BPF_ANY), 0);
	}
	close(map);
}

/* What is attached: the program of then, or of now. */
struct attached {
	int link, program;
	uint32_t id;
};

static void find_attached(struct attached *attached, uint32_t ifindex)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	char path[128];

	snprintf(path, sizeof(path), DP_DEFAULT_PIN_DIR "/links/%u", ifindex);
	attached->link = bpf_obj_get(path);
	assert_return_code(attached->link, 0);
	assert_return_code(bpf_obj_get_info_by_fd(attached->link, &info, &size), 0);
	close(attached->link);
	if (info.prog_id == attached->id)
		return;
	if (attached->id)
		close(attached->program);
	attached->id = info.prog_id;
	attached->program = bpf_prog_get_fd_by_id(attached->id);
	assert_return_code(attached->program, 0);
}

/* Sends packet `flags` of handshake `i`; returns the outer destination, or for IPv6 its last word: 0, it was dropped. */
static uint32_t send_to(const struct attached *attached, unsigned i, uint8_t flags)
{
	struct probe probe = { .client = (uint16_t)(1 + i), .flags = flags };
	struct harness_result result;
	uint32_t address = 0;
	struct pkt in;

	probe_build(&probe, &in);
	harness_run(attached->program, &in, &result);
	if (result.action == XDP_TX)
		memcpy(&address, result.data + (result.data[14] >> 4 == 4 ? 14 + 16 : 14 + 36),
		       sizeof(address));
	return address;
}

/* A backend drains, and handshakes that are under way with it end while the table grows: each goes on where it began, and
 * is counted once. Resets, were there any, would go elsewhere, too. */
static void handshakes_end_while_the_table_grows(void **state)
{
	static uint32_t began_at[HANDSHAKES];
	struct world *world = *state;
	struct retake job = { .world = world };
	struct attached attached = { 0 };
	unsigned ended = 0, by_next = 0, astray = 0;
	pthread_t thread;
	uint32_t port, before;

	world->is_unwatched = true;
	/* without the shortcut, which by chance takes one of thousands of flows for another one, that opens later */
	world_vary(world, .flow_table = "max_flows: 400000, shortcut: off", .tcp = "unknown_packet: reset");
	port = world_add_port(world, "port0");
	fill(world);
	find_attached(&attached, port);
	before = attached.id;
	for (unsigned i = 0; i < HANDSHAKES; i++) {
		began_at[i] = send_to(&attached, i, PKT_SYN);
		assert_int_not_equal(began_at[i], 0);
	}
	world_set_weight(world, world_backend_id(world, "10.0.0.11"), 0);
	assert_int_equal(pthread_create(&thread, NULL, run_retake, &job), 0);
	while (!job.is_over && ended < HANDSHAKES) {
		unsigned any = (unsigned)random() % (ended + 1);

		find_attached(&attached, port);
		by_next += attached.id != before;
		astray += send_to(&attached, ended, PKT_ACK) != began_at[ended];
		astray += send_to(&attached, any, PKT_ACK) != began_at[any];
		ended++;
		usleep(20); /* the kernel makes 80 of it: there are handshakes until the end */
	}
	pthread_join(thread, NULL);
	close(attached.program);
	assert_ok(job.r, job.err);
	print_message("  %u handshakes ended meanwhile, %u of them when the next program was there\n", ended,
		      by_next);
	assert_in_range(by_next, 1, ended - 1);
	assert_int_equal(astray, 0);
	assert_int_equal(world_listener_stats(world, "tcp4").new_flows, ended);
	assert_int_equal(world_live(world, "tcp4"), ended);
	assert_int_equal(world_count(world, "cv_flows"), FILLING + ended);
	assert_int_equal(world_count(world, "cv_half_open"), HANDSHAKES - ended);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_next_program_finds_what_opened_before, world_forget),
		cmocka_unit_test_setup(an_end_is_an_end, world_forget),
		cmocka_unit_test_setup(the_next_daemon_finds_what_opened_before, world_forget),
		cmocka_unit_test_setup(handshakes_end_while_the_table_grows, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("retake", tests, world_up, world_down);
}
