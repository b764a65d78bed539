/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching by a link of our own. What the maps hold stays while the program is replaced: test_take.c. */
#include "bpf/portlab.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

/* --- modes ----------------------------------------------------------------------------------------- */

static void attach_and_detach(enum attach_mode mode)
{
	const struct dp_interface *port;
	enum attach_mode other = mode == ATTACH_NATIVE ? ATTACH_GENERIC : ATTACH_NATIVE;
	struct err err;

	portlab_load(portlab_pins);
	assert_int_equal(portlab_attach(portlab_pins, "port0", mode), mode);
	port = portlab_find(portlab_pins, "port0");
	assert_non_null(port);
	assert_int_equal(port->mode, mode);
	assert_int_equal(port->ifindex, if_nametoindex("port0"));
	assert_int_equal(port->program_id, portlab_program("port0"));
	assert_false(port->dispatcher);
	portlab_send("far0", 5);
	assert_int_equal(portlab_passed(portlab_pins, 5), 5);

	/* once more is no error, in the other mode it is */
	assert_int_equal(portlab_attach(portlab_pins, "port0", ATTACH_AUTO), mode);
	assert_int_equal(portlab_attach(portlab_pins, "port0", mode), mode);
	portlab_refuse(portlab_pins, "port0", other, -EBUSY, "port0",
		       mode == ATTACH_NATIVE ? "native" : "generic", "detach");

	portlab_detach(portlab_pins, "port0");
	assert_int_equal(portlab_program("port0"), 0);
	assert_int_equal(portlab_count(portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/links", portlab_pins), 0);
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -ENOENT);
	assert_non_null(strstr(err.text, "port0"));
	portlab_send("far0", 5);
	assert_int_equal(portlab_passed(portlab_pins, 5), 5);
}

static void test_native(void **state)
{
	(void)state;
	attach_and_detach(ATTACH_NATIVE);
}

static void test_generic(void **state)
{
	(void)state;
	attach_and_detach(ATTACH_GENERIC);
}

static void test_auto(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	assert_int_equal(portlab_attach(portlab_pins, "port0", ATTACH_AUTO), ATTACH_NATIVE);
	/* the loopback has no native mode */
	portlab_refuse(portlab_pins, "lo", ATTACH_NATIVE, -EOPNOTSUPP, "lo", "--mode generic");
	assert_int_equal(portlab_attach(portlab_pins, "lo", ATTACH_AUTO), ATTACH_GENERIC);
	assert_int_equal(portlab_count(portlab_pins), 2);
	assert_int_equal(portlab_find(portlab_pins, "lo")->mode, ATTACH_GENERIC);
}

static void test_no_such_interface(void **state)
{
	struct err err;

	(void)state;
	portlab_refuse(portlab_pins, "port9", ATTACH_AUTO, -ENODEV, "port9");
	assert_int_equal(dp_detach(portlab_pins, "port9", &err), -ENODEV);
	assert_int_equal(access(portlab_pins, F_OK), -1);
}

/* Attaching is all that a fresh host needs; detach-all leaves nothing. */
static void test_attach_loads_and_detach_all_removes(void **state)
{
	(void)state;
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_attach(portlab_pins, "port1", ATTACH_GENERIC);
	assert_true(portlab_entries("%s", portlab_pins) > 15);
	assert_int_equal(portlab_entries("%s/links", portlab_pins), 2);
	portlab_detach_all(portlab_pins);
	assert_int_equal(access(portlab_pins, F_OK), -1);
	assert_int_equal(portlab_program("port0"), 0);
	assert_int_equal(portlab_program("port1"), 0);
	portlab_detach_all(portlab_pins);
}

/* Whether packets may leave by an interface, until now if we take that away. */
static bool is_port(const char *ifname, bool take_it)
{
	__u32 ifindex = if_nametoindex(ifname), value;
	char path[96];
	bool is_there;
	int map;

	snprintf(path, sizeof(path), "%s/tables/cv_ports", portlab_pins);
	map = bpf_obj_get(path);
	assert_return_code(map, -map);
	is_there = !bpf_map_lookup_elem(map, &ifindex, &value);
	if (take_it)
		assert_return_code(bpf_map_delete_elem(map, &ifindex), 0);
	close(map);
	return is_there;
}

/* A port comes with the program and goes with it; who attaches once more mends what was done by half. */
static void test_ports(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	portlab_refuse(portlab_pins, "lo", ATTACH_NATIVE, -EOPNOTSUPP, "lo");
	assert_false(is_port("lo", false));
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_true(is_port("port0", true));
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_true(is_port("port0", false));
	portlab_detach(portlab_pins, "port0");
	assert_false(is_port("port0", false));
}

/* --- others ---------------------------------------------------------------------------------------- */

/* A program that no dispatcher holds, put there as ip does it. */
static uint32_t attach_plain(const char *ifname, __u32 flags)
{
	const struct bpf_insn pass[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = BPF_REG_0, .imm = XDP_PASS },
		{ .code = BPF_JMP | BPF_EXIT },
	};
	int fd = bpf_prog_load(BPF_PROG_TYPE_XDP, "plain_pass", "GPL", pass, CV_ARRAY_SIZE(pass), NULL);

	assert_return_code(fd, 0);
	assert_return_code(bpf_xdp_attach((int)if_nametoindex(ifname), fd, flags, NULL), 0);
	close(fd);
	return portlab_program(ifname);
}

static void leave_alone(__u32 flags, const char *remedy)
{
	uint32_t plain = attach_plain("port0", flags);
	struct err err;

	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO, -EBUSY, "port0", "plain_pass", remedy);
	portlab_refuse(portlab_pins, "port0", ATTACH_NATIVE, -EBUSY, "plain_pass");
	portlab_refuse(portlab_pins, "port0", ATTACH_GENERIC, -EBUSY, "plain_pass");
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -ENOENT);
	portlab_detach_all(portlab_pins);
	assert_int_equal(portlab_program("port0"), plain);
	assert_int_equal(access(portlab_pins, F_OK), -1);
}

static void test_plain_native_program_is_left_alone(void **state)
{
	(void)state;
	leave_alone(XDP_FLAGS_DRV_MODE, "ip link set dev port0 xdp off");
}

static void test_plain_generic_program_is_left_alone(void **state)
{
	(void)state;
	leave_alone(XDP_FLAGS_SKB_MODE, "ip link set dev port0 xdpgeneric off");
}

static void test_two_instances(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	portlab_load(portlab_other_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_refuse(portlab_other_pins, "port0", ATTACH_AUTO, -EBUSY, "cv_balance");
	portlab_attach(portlab_other_pins, "port1", ATTACH_AUTO);
	assert_null(portlab_find(portlab_pins, "port1"));
	portlab_send("far1", 3);
	assert_int_equal(portlab_passed(portlab_other_pins, 3), 3);
	assert_int_equal(portlab_passed(portlab_pins, 0), 0);
	portlab_detach_all(portlab_pins);
	assert_int_equal(portlab_count(portlab_other_pins), 1);
	assert_int_not_equal(portlab_program("port1"), 0);
}

/* --- interfaces that change ------------------------------------------------------------------------ */

static void test_renamed(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_run("ip link set port0 down && ip link set port0 name new.0 && ip link set new.0 up");
	assert_null(portlab_find(portlab_pins, "port0"));
	assert_non_null(portlab_find(portlab_pins, "new.0"));
	portlab_attach(portlab_pins, "new.0", ATTACH_NATIVE);
	assert_int_equal(portlab_count(portlab_pins), 1);
	/* another one takes the name */
	portlab_run("ip link set port1 down && ip link set port1 name port0");
	portlab_attach(portlab_pins, "port0", ATTACH_GENERIC);
	assert_int_equal(portlab_count(portlab_pins), 2);
	portlab_detach(portlab_pins, "new.0");
	assert_int_equal(portlab_program("new.0"), 0);
	assert_int_equal(portlab_find(portlab_pins, "port0")->mode, ATTACH_GENERIC);
}

/* The BPF file system takes no name with a dot. */
static void test_dot_in_the_name(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	portlab_run("ip link set port0 down && ip link set port0 name port.5");
	portlab_attach(portlab_pins, "port.5", ATTACH_AUTO);
	portlab_detach(portlab_pins, "port.5");
}

static void test_gone_and_come_back(void **state)
{
	(void)state;
	portlab_load(portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_run("ip link delete port0");
	assert_int_equal(portlab_count(portlab_pins), 0);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	portlab_run(
		"ip link add port0 type veth peer name far0 && ip link set port0 up && ip link set far0 up");
	assert_int_equal(portlab_program("port0"), 0);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_int_equal(portlab_count(portlab_pins), 1);
	assert_int_equal(portlab_entries("%s/links", portlab_pins), 1); /* the old one's link is gone */
	portlab_send("far0", 2);
	assert_int_equal(portlab_passed(portlab_pins, 2), 2);
}

/* The number of an interface means another one in another network namespace. */
static void test_same_number_in_another_namespace(void **state)
{
	static const char add_twin[] = "ip link add twin index 77 type veth peer name far7";
	int here = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	struct err err;

	(void)state;
	assert_return_code(here, 0);
	portlab_load(portlab_pins);
	portlab_run(add_twin);
	portlab_attach(portlab_pins, "twin", ATTACH_AUTO);
	assert_return_code(unshare(CLONE_NEWNET), 0);
	portlab_run(add_twin);
	attach_plain("twin", XDP_FLAGS_DRV_MODE);
	assert_int_equal(portlab_count(portlab_pins), 0);
	portlab_run("ip link set twin xdp off");
	assert_int_equal(dp_detach(portlab_pins, "twin", &err), -ENOENT);
	portlab_refuse(portlab_pins, "twin", ATTACH_AUTO, -EBUSY, "network namespace", "--pin-dir");
	assert_int_equal(portlab_program("twin"), 0);
	assert_return_code(setns(here, CLONE_NEWNET), 0);
	close(here);
	assert_int_equal(portlab_count(portlab_pins), 1);
}

#define PORT_TEST(test) cmocka_unit_test_setup_teardown(test, portlab_up, portlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_native),
		PORT_TEST(test_generic),
		PORT_TEST(test_auto),
		PORT_TEST(test_no_such_interface),
		PORT_TEST(test_attach_loads_and_detach_all_removes),
		PORT_TEST(test_ports),
		PORT_TEST(test_plain_native_program_is_left_alone),
		PORT_TEST(test_plain_generic_program_is_left_alone),
		PORT_TEST(test_two_instances),
		PORT_TEST(test_renamed),
		PORT_TEST(test_dot_in_the_name),
		PORT_TEST(test_gone_and_come_back),
		PORT_TEST(test_same_number_in_another_namespace),
	};

	harness_need_root();
	return cmocka_run_group_tests(tests, portlab_open, portlab_close);
}
