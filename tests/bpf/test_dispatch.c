/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching beside others, by libxdp's dispatcher. On a kernel that does not let ours join one, all that can be tested
 * is that this is said and changes nothing; the rest is skipped (make check-vm has a kernel that does). How a daemon takes
 * over there: test_dispatch_take.c. */
#include "bpf/dispatchlab.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <sys/stat.h>

#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <xdp/prog_dispatcher.h>

/* --- a kernel that refuses ------------------------------------------------------------------------- */

/* On such a kernel libxdp makes no dispatcher; this is one all the same, without programs. */
static void fake_dispatcher(const char *ifname)
{
	const struct xdp_dispatcher_config conf = {
		.magic = XDP_DISPATCHER_MAGIC,
		.dispatcher_version = XDP_DISPATCHER_VERSION,
	};
	LIBBPF_OPTS(xdp_program_opts, opts, .find_filename = "xdp-dispatcher.o",
		    .prog_name = "xdp_dispatcher");
	struct xdp_program *program = xdp_program__create(&opts);
	struct bpf_object *object;
	char path[128];
	int fd;

	assert_int_equal(libxdp_get_error(program), 0);
	object = xdp_program__bpf_obj(program);
	assert_return_code(
		bpf_map__set_initial_value(bpf_object__next_map(object, NULL), &conf, sizeof(conf)), 0);
	assert_return_code(bpf_object__load(object), 0);
	fd = bpf_program__fd(bpf_object__find_program_by_name(object, "xdp_dispatcher"));
	assert_return_code(bpf_xdp_attach((int)if_nametoindex(ifname), fd, XDP_FLAGS_DRV_MODE, NULL), 0);
	xdp_program__close(program);
	snprintf(path, sizeof(path), "%s/xdp/dispatch-%u-%u", portlab_bpffs, if_nametoindex(ifname),
		 portlab_program(ifname));
	assert_return_code(mkdir(path, 0700), 0);
}

static void assert_refused(const char *reason)
{
	uint32_t dispatcher = portlab_program("port0");

	portlab_refuse(portlab_pins, "port0", ATTACH_GENERIC, -EBUSY, "port0", "native");
	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO,
		       dispatchlab_joins == JOINS_OTHERS ? -EINVAL : -EBUSY, "port0", "libxdp", reason,
		       "xdp-loader unload port0");
	assert_int_equal(portlab_program("port0"), dispatcher);
	assert_int_equal(portlab_count(portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/links", portlab_pins), 0);
}

static void test_kernel_without_extensions(void **state)
{
	(void)state;
	if (dispatchlab_joins != JOINS_NONE)
		skip();
	fake_dispatcher("port0");
	assert_refused("extension programs");
}

/* Kernels since 6.13, and updates of older ones, with libxdp before 1.5.5. */
static void test_kernel_that_minds_moved_heads(void **state)
{
	struct other other;

	(void)state;
	if (dispatchlab_joins != JOINS_OTHERS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	assert_refused("moves the head");
	assert_int_equal(dispatchlab_programs("port0"), 1);
	other_remove(&other);
}

/* --- beside others --------------------------------------------------------------------------------- */

static void join_and_leave(enum xdp_attach_mode xdp_mode, enum attach_mode mode)
{
	const struct dp_interface *port;
	struct other other;
	struct err err;
	uint64_t passed;

	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", xdp_mode);
	portlab_refuse(portlab_pins, "port0", mode == ATTACH_NATIVE ? ATTACH_GENERIC : ATTACH_NATIVE, -EBUSY,
		       "port0", mode == ATTACH_NATIVE ? "native" : "generic");
	assert_int_equal(portlab_attach(portlab_pins, "port0", ATTACH_AUTO), mode);
	assert_int_equal(dispatchlab_programs("port0"), 2);
	port = portlab_find(portlab_pins, "port0");
	assert_non_null(port);
	assert_true(port->dispatcher);
	assert_int_equal(port->mode, mode);
	assert_int_equal(port->ifindex, if_nametoindex("port0"));
	dispatchlab_expect_both(&other, "far0");

	assert_int_equal(portlab_attach(portlab_pins, "port0", mode), mode);
	assert_int_equal(dispatchlab_programs("port0"), 2);
	assert_int_equal(portlab_count(portlab_pins), 1);

	portlab_detach(portlab_pins, "port0");
	assert_int_equal(dispatchlab_programs("port0"), 1);
	assert_int_equal(portlab_count(portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -ENOENT);
	passed = portlab_passed(portlab_pins, 0);
	portlab_send("far0", 3);
	assert_int_equal(other_seen(&other), 8);
	assert_int_equal(portlab_passed(portlab_pins, passed), passed);
	other_remove(&other);
}

static void test_native(void **state)
{
	(void)state;
	join_and_leave(XDP_MODE_NATIVE, ATTACH_NATIVE);
}

static void test_generic(void **state)
{
	(void)state;
	join_and_leave(XDP_MODE_SKB, ATTACH_GENERIC);
}

/* The others go, then we. */
static void test_last_in_the_dispatcher(void **state)
{
	struct other other;
	uint64_t passed;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	other_remove(&other);
	assert_int_equal(dispatchlab_programs("port0"), 1);
	passed = portlab_passed(portlab_pins, 0);
	portlab_send("far0", 3);
	assert_int_equal(portlab_passed(portlab_pins, passed + 3), passed + 3);
	portlab_detach(portlab_pins, "port0");
	assert_int_equal(portlab_program("port0"), 0);
	assert_int_equal(portlab_entries("%s/xdp", portlab_bpffs), 0);
}

/* Somebody took the whole dispatcher away: we are not there, and can come again. */
static void test_unloaded_by_somebody(void **state)
{
	struct xdp_multiprog *mp;
	struct other other;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	other_free(&other);
	mp = xdp_multiprog__get_from_ifindex((int)if_nametoindex("port0"));
	assert_int_equal(xdp_multiprog__detach(mp), 0);
	xdp_multiprog__close(mp);
	assert_int_equal(portlab_count(portlab_pins), 0);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_int_equal(portlab_count(portlab_pins), 1);
	assert_false(portlab_find(portlab_pins, "port0")->dispatcher);
	portlab_detach(portlab_pins, "port0");
}

static void test_two_instances(void **state)
{
	struct other other;

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_load(portlab_other_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_attach(portlab_other_pins, "port0", ATTACH_AUTO);
	assert_int_equal(dispatchlab_programs("port0"), 3);
	assert_int_not_equal(portlab_find(portlab_pins, "port0")->program_id,
			     portlab_find(portlab_other_pins, "port0")->program_id);
	dispatchlab_expect_both(&other, "far0");
	assert_int_equal(portlab_passed(portlab_other_pins, 5), 5);
	portlab_detach_all(portlab_pins);
	assert_int_equal(dispatchlab_programs("port0"), 2);
	assert_int_equal(portlab_count(portlab_other_pins), 1);
	portlab_detach_all(portlab_other_pins);
	other_remove(&other);
}

static void test_full_dispatcher(void **state)
{
	struct other others[MAX_DISPATCHER_ACTIONS];

	(void)state;
	if (dispatchlab_joins != JOINS_OURS)
		skip();
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++)
		others[i] = other_attach("port0", XDP_MODE_NATIVE);
	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO, -E2BIG, "port0", "neighbour, neighbour", "full",
		       NULL);
	assert_int_equal(dispatchlab_programs("port0"), MAX_DISPATCHER_ACTIONS);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++)
		other_remove(&others[i]);
}

#define PORT_TEST(test) cmocka_unit_test_setup_teardown(test, portlab_up, dispatchlab_down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_kernel_without_extensions),
		PORT_TEST(test_kernel_that_minds_moved_heads),
		PORT_TEST(test_native),
		PORT_TEST(test_generic),
		PORT_TEST(test_last_in_the_dispatcher),
		PORT_TEST(test_unloaded_by_somebody),
		PORT_TEST(test_two_instances),
		PORT_TEST(test_full_dispatcher),
	};

	harness_need_root();
	return cmocka_run_group_tests(tests, dispatchlab_open, dispatchlab_close);
}
