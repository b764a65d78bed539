/* SPDX-License-Identifier: GPL-2.0-only */
/* The program that is attached is replaced, and what the maps hold is kept: another daemon, another size of the flow table.
 * Attaching itself: test_attach.c. */
#include "bpf/portlab.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

/* Flows of both families with the numbers from 0 on, as the program would have made them. */
static void add_flows(unsigned nr)
{
	struct cv_flow flow = { .listener = 7, .backend = 9, .idle_timeout_s = 350, .state = CV_FLOW_OPEN };
	struct err err = { "" };
	char path[128];
	int flows, flows6;
	struct dp *dp;

	if (dp_open(portlab_pins, &dp, &err) || dp_clock(dp, &flow.last_seen_s, &err))
		fail_msg("%s", err.text);
	dp_free(dp);
	snprintf(path, sizeof(path), "%s/cv_flows", portlab_pins);
	flows = bpf_obj_get(path);
	snprintf(path, sizeof(path), "%s/cv_flows6", portlab_pins);
	flows6 = bpf_obj_get(path);
	for (unsigned i = 0; i < nr; i++) {
		struct cv_flow4_key key = { .client_port = (__u16)i,
					    .port = 80,
					    .protocol = CV_PROTOCOL_TCP };
		struct cv_flow6_key key6 = { .client_port = (__u16)i,
					     .port = 80,
					     .protocol = CV_PROTOCOL_TCP };

		flow.packets = i;
		assert_return_code(bpf_map_update_elem(flows, &key, &flow, BPF_NOEXIST), 0);
		key6.client[0] = 0xfd;
		assert_return_code(bpf_map_update_elem(flows6, &key6, &flow, BPF_NOEXIST), 0);
	}
	close(flows);
	close(flows6);
}

static int check_flow(const struct cv_flow6_key *key, const struct cv_flow *flow, void *arg)
{
	unsigned *nr = arg;

	assert_int_equal(flow->packets, key->client_port);
	assert_int_equal(flow->listener, 7);
	assert_int_equal(flow->backend, 9);
	assert_int_equal(flow->idle_timeout_s, 350);
	++*nr;
	return 0;
}

static unsigned count_flows(struct dp *dp)
{
	struct err err = { "" };
	unsigned nr = 0;

	if (dp_flows(dp, check_flow, &nr, &err))
		fail_msg("%s", err.text);
	return nr;
}

static void check_table(struct dp *dp, uint32_t max_flows, enum cv_when_full when_full)
{
	struct cv_meta meta;
	struct err err;

	assert_int_equal(dp_meta(dp, &meta, &err), 0);
	assert_int_equal(meta.max_flows, max_flows);
	assert_int_equal(meta.when_full, when_full);
}

static void test_take_replaces_the_program(void **state)
{
	const struct flow_table_conf conf = { .max_flows = 4096, .when_full = CV_FULL_EVICT };
	uint32_t old[2];
	struct dp *dp, *second;
	struct err err;

	(void)state;
	portlab_load(portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_NATIVE);
	portlab_attach(portlab_pins, "port1", ATTACH_GENERIC);
	old[0] = portlab_program("port0");
	old[1] = portlab_program("port1");
	portlab_send("far0", 3);
	add_flows(500);
	assert_int_equal(portlab_passed(portlab_pins, 3), 3);

	dp = portlab_take(portlab_pins, 4096, CV_FULL_EVICT);
	assert_int_not_equal(portlab_program("port0"), old[0]);
	assert_int_not_equal(portlab_program("port1"), old[1]);
	assert_int_equal(portlab_find(portlab_pins, "port0")->mode, ATTACH_NATIVE);
	assert_int_equal(portlab_find(portlab_pins, "port1")->mode, ATTACH_GENERIC);
	assert_int_equal(count_flows(dp), 1000);
	portlab_send("far0", 2);
	portlab_send("far1", 2);
	assert_int_equal(portlab_passed(portlab_pins, 7), 7);

	/* one writer at a time; to look is always allowed */
	assert_int_equal(dp_take(portlab_pins, &conf, &second, &err), -EBUSY);
	assert_non_null(strstr(err.text, portlab_pins));
	assert_int_equal(dp_open(portlab_pins, &second, &err), 0);
	dp_free(second);
	dp_free(dp);
	assert_int_equal(portlab_count(portlab_pins), 2);
}

/* Every change of size and policy, and back: no flow is lost, no packet meets no program. */
static void test_flows_move_to_another_table(void **state)
{
	static const struct flow_table_conf changes[] = {
		{ 8192, CV_FULL_EVICT, CV_SHORTCUT_ON },  { 8192, CV_FULL_REJECT, CV_SHORTCUT_ON },
		{ 2048, CV_FULL_REJECT, CV_SHORTCUT_ON }, { 4096, CV_FULL_EVICT, CV_SHORTCUT_ON },
		{ 4096, CV_FULL_EVICT, CV_SHORTCUT_OFF }, { 4096, CV_FULL_EVICT, CV_SHORTCUT_OFF },
	};
	struct dp *dp = portlab_take(portlab_pins, 4096, CV_FULL_EVICT);
	struct err err = { "" };

	(void)state;
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	add_flows(1000);
	for (size_t i = 0; i < CV_ARRAY_SIZE(changes); i++) {
		uint32_t old = portlab_program("port0");

		if (dp_retake(&dp, &changes[i], &err))
			fail_msg("%s", err.text);
		check_table(dp, changes[i].max_flows, changes[i].when_full);
		assert_int_equal(count_flows(dp), 2000);
		assert_int_not_equal(portlab_program("port0"), old);
		portlab_send("far0", 1);
		assert_int_equal(portlab_passed(portlab_pins, i + 1), i + 1);
	}
	dp_free(dp);
	/* what is pinned is what the program uses */
	dp = portlab_take(portlab_pins, 16384, CV_FULL_EVICT);
	assert_int_equal(count_flows(dp), 2000);
	dp_free(dp);
}

static int open_below(const char *folder, const char *name)
{
	char path[128];
	int fd;

	snprintf(path, sizeof(path), "%s/%s/%s", portlab_pins, folder, name);
	fd = bpf_obj_get(path);
	assert_return_code(fd, -fd);
	return fd;
}

/* Somebody who attaches while another program comes in force may have opened the one before. */
static void test_attached_with_the_program_before(void **state)
{
	const struct dp_interface *port;
	struct err err = { "" };
	struct dp *dp;
	int before, link;
	char name[16];

	(void)state;
	portlab_load(portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	before = open_below("programs", "cv_balance");
	dp = portlab_take(portlab_pins, 8192, CV_FULL_EVICT);
	portlab_attach(portlab_pins, "port1", ATTACH_AUTO);
	assert_false(portlab_find(portlab_pins, "port1")->outdated);
	snprintf(name, sizeof(name), "%u", portlab_find(portlab_pins, "port1")->ifindex);
	link = open_below("links", name);
	assert_return_code(bpf_link_update(link, before, NULL), 0);
	close(link);
	close(before);

	port = portlab_find(portlab_pins, "port1");
	assert_true(port->outdated);
	if (dp_renew(dp, port, &err))
		fail_msg("%s", err.text);
	assert_false(portlab_find(portlab_pins, "port1")->outdated);
	assert_int_equal(portlab_program("port1"), portlab_program("port0"));
	dp_free(dp);
}

/* An attach without the daemon keeps the sizes that the daemon gave. */
static void test_attach_keeps_the_table(void **state)
{
	struct err err = { "" };
	struct dp *dp;

	(void)state;
	dp_free(portlab_take(portlab_pins, 2048, CV_FULL_REJECT));
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	if (dp_open(portlab_pins, &dp, &err))
		fail_msg("%s", err.text);
	check_table(dp, 2048, CV_FULL_REJECT);
	dp_free(dp);
}

#define PORT_TEST(test) cmocka_unit_test_setup_teardown(test, portlab_up, portlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_take_replaces_the_program),
		PORT_TEST(test_flows_move_to_another_table),
		PORT_TEST(test_attached_with_the_program_before),
		PORT_TEST(test_attach_keeps_the_table),
	};

	harness_need_root();
	return cmocka_run_group_tests(tests, portlab_open, portlab_close);
}
