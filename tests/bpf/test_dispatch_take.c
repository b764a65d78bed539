/* SPDX-License-Identifier: GPL-2.0-only */
/* A daemon takes over what is attached beside others: its program takes the old one's place in libxdp's dispatcher, and what
 * went wrong before is put right. Attaching there: test_dispatch.c. All is skipped on a kernel that does not let ours join
 * a dispatcher (make check-vm has one that does). */
#include "bpf/dispatchlab.h"

#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/capability.h>

/* With a link of our own on one interface, and two that are shared. */
static void test_take_replaces_the_program(void **state)
{
	static const char *const ports[] = { "lo", "port0", "port1" };
	uint32_t old[CV_ARRAY_SIZE(ports)];
	struct other first, second;
	unsigned descriptors;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	first = other_attach("port0", XDP_MODE_NATIVE);
	second = other_attach("port1", XDP_MODE_NATIVE);
	descriptors = portlab_entries("/proc/self/fd");
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports); i++) {
		portlab_attach(portlab_pins, ports[i], ATTACH_AUTO);
		old[i] = portlab_find(portlab_pins, ports[i])->program_id;
	}
	/* the same program and the same tables: no change for those beside us */
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	assert_int_not_equal(portlab_find(portlab_pins, "lo")->program_id, old[0]);
	assert_int_equal(portlab_find(portlab_pins, "port0")->program_id, old[1]);
	assert_int_equal(portlab_find(portlab_pins, "port1")->program_id, old[2]);
	assert_false(portlab_find(portlab_pins, "port1")->outdated);

	/* other tables */
	dp_free(portlab_take(portlab_pins, 8192, CV_FULL_REJECT));
	assert_int_equal(portlab_count(portlab_pins), CV_ARRAY_SIZE(ports));
	/* libxdp leaves some open; in the daemon they would add up */
	assert_int_equal(portlab_entries("/proc/self/fd"), descriptors);
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports); i++)
		assert_int_not_equal(portlab_find(portlab_pins, ports[i])->program_id, old[i]);
	assert_int_equal(dispatchlab_programs("port0"), 2);
	assert_int_equal(dispatchlab_programs("port1"), 2);
	dispatchlab_expect_both(&first, "far0");
	dispatchlab_expect_both(&second, "far1");
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports); i++)
		portlab_detach(portlab_pins, ports[i]);
	assert_int_equal(dispatchlab_programs("port0"), 1);
	assert_int_equal(dispatchlab_programs("port1"), 1);
	other_remove(&first);
	other_remove(&second);
}

/* For this thread, and those that it starts. */
static void set_capability(int capability, bool is_on)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	assert_return_code(syscall(SYS_capget, &header, data), 0);
	if (is_on)
		data[0].effective |= 1u << capability;
	else
		data[0].effective &= ~(1u << capability);
	assert_return_code(syscall(SYS_capset, &header, data), 0);
}

/* culvertd goes without CAP_SYS_ADMIN. It sees what is there, and leaves it, and goes on with the same tables. */
static void test_without_sys_admin(void **state)
{
	const struct flow_table_conf conf = { .max_flows = 16384, .when_full = CV_FULL_EVICT };
	struct cv_meta meta;
	struct other other;
	struct dp *dp;
	uint32_t program;
	struct err err;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	set_capability(CAP_SYS_ADMIN, false);
	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO, -EPERM, "port0", "neighbour", "CAP_SYS_ADMIN",
		       NULL);
	set_capability(CAP_SYS_ADMIN, true);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	program = portlab_find(portlab_pins, "port0")->program_id;

	set_capability(CAP_SYS_ADMIN, false);
	dp = portlab_take(portlab_pins, 4096, CV_FULL_EVICT);
	assert_int_equal(portlab_find(portlab_pins, "port0")->program_id, program);
	assert_false(portlab_find(portlab_pins, "port0")->outdated);
	dispatchlab_expect_both(&other, "far0");
	assert_int_equal(dp_retake(&dp, &conf, &err), -EPERM);
	assert_non_null(strstr(err.text, "CAP_SYS_ADMIN"));
	assert_int_equal(dp_meta(dp, &meta, &err), 0);
	assert_int_equal(meta.max_flows, 4096);
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -EPERM);
	dispatchlab_expect_both(&other, "far0");
	set_capability(CAP_SYS_ADMIN, true);
	dp_free(dp);

	portlab_detach(portlab_pins, "port0");
	assert_int_equal(dispatchlab_programs("port0"), 1);
	other_remove(&other);
}

/* A mark without an interface, and one without a program of ours. */
static void test_stale_marks(void **state)
{
	struct other other;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_run("mkdir -p %s/dispatched/%u %s/dispatched/7777", portlab_pins, if_nametoindex("port0"),
		    portlab_pins);
	assert_int_equal(portlab_count(portlab_pins), 0);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	assert_int_equal(dispatchlab_programs("port0"), 1);
	portlab_detach_all(portlab_pins);
	assert_int_equal(access(portlab_pins, F_OK), -1);
	assert_int_equal(dispatchlab_programs("port0"), 1);
	portlab_load(portlab_pins);
	other_remove(&other);
}

/* A process that died between joining with the new program and leaving with the old one. */
static void test_two_of_ours_are_one_after_a_take(void **state)
{
	struct other other;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_run("rmdir %s/dispatched/*", portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_int_equal(dispatchlab_programs("port0"), 3);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	assert_int_equal(dispatchlab_programs("port0"), 2);
	dispatchlab_expect_both(&other, "far0");
	portlab_detach(portlab_pins, "port0");
	assert_int_equal(dispatchlab_programs("port0"), 1);
	other_remove(&other);
}

#define PORT_TEST(test) cmocka_unit_test_setup_teardown(test, portlab_up, dispatchlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_take_replaces_the_program),
		PORT_TEST(test_without_sys_admin),
		PORT_TEST(test_stale_marks),
		PORT_TEST(test_two_of_ours_are_one_after_a_take),
	};

	harness_need_root();
	return cmocka_run_group_tests(tests, dispatchlab_open, dispatchlab_close);
}
