/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaching beside others, by libxdp's dispatcher. On a kernel that does not let ours join one, all that can be tested
 * is that this is said and changes nothing; the rest is skipped (make check-vm has a kernel that does). */
#include "bpf/portlab.h"

#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/capability.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>
#include <xdp/prog_dispatcher.h>

#include "neighbour.skel.h"

/* What the kernel lets join a dispatcher. */
static enum { JOINS_NONE, JOINS_OTHERS, JOINS_OURS } joins;

/* --- the neighbour: somebody else's program under libxdp, loaded as xdp-loader does it --------------- */

struct other {
	struct neighbour *skel;
	struct xdp_program *program;
	int ifindex;
	enum xdp_attach_mode mode;
};

static struct other other_attach(const char *ifname, enum xdp_attach_mode mode)
{
	struct other other = { .skel = neighbour__open(),
			       .ifindex = (int)if_nametoindex(ifname),
			       .mode = mode };

	assert_non_null(other.skel);
	other.program = xdp_program__from_bpf_obj(other.skel->obj, "xdp");
	assert_int_equal(libxdp_get_error(other.program), 0);
	assert_int_equal(xdp_program__attach(other.program, other.ifindex, mode, 0), 0);
	return other;
}

static void other_detach(const struct other *other)
{
	assert_int_equal(xdp_program__detach(other->program, other->ifindex, other->mode, 0), 0);
}

static void other_free(struct other *other)
{
	xdp_program__close(other->program);
	neighbour__destroy(other->skel);
}

static uint64_t other_seen(const struct other *other)
{
	uint32_t zero = 0;
	uint64_t seen;

	assert_return_code(bpf_map_lookup_elem(bpf_map__fd(other->skel->maps.neighbour_seen), &zero, &seen),
			   0);
	return seen;
}

/* How many programs the dispatcher on an interface calls; 0 if there is none. */
static int programs_on(const char *ifname)
{
	struct xdp_multiprog *mp = xdp_multiprog__get_from_ifindex((int)if_nametoindex(ifname));
	int nr;

	if (libxdp_get_error(mp))
		return 0;
	nr = xdp_multiprog__is_legacy(mp) ? 0 : xdp_multiprog__program_count(mp);
	xdp_multiprog__close(mp);
	return nr;
}

/* Every packet meets both. */
static void assert_both_see(const struct other *other, const char *far)
{
	uint64_t passed = portlab_passed(portlab_pins, 0), seen = other_seen(other);

	portlab_send(far, 5);
	assert_int_equal(portlab_passed(portlab_pins, passed + 5), passed + 5);
	assert_int_equal(other_seen(other), seen + 5);
}

static int quiet(enum libxdp_print_level level, const char *format, va_list args)
{
	(void)level;
	(void)format;
	(void)args;
	return 0;
}

/* The maps are laid down once: in the virtual machine a load takes seconds. */
static int open_and_probe(void **state)
{
	enum attach_mode mode;
	struct other other;
	struct err err;

	libxdp_set_print(quiet);
	libbpf_set_print(NULL);
	portlab_open(state);
	portlab_up(state);
	portlab_load(portlab_pins);
	other = other_attach("port0", XDP_MODE_NATIVE);
	if (programs_on("port0") == 1) {
		joins = JOINS_OTHERS;
		if (!dp_attach(portlab_pins, "port0", ATTACH_AUTO, &mode, &err)) {
			joins = JOINS_OURS;
			portlab_detach(portlab_pins, "port0");
		}
	}
	other_detach(&other);
	other_free(&other);
	return portlab_leave(state);
}

static int close_all(void **state)
{
	portlab_detach_all(portlab_pins);
	return portlab_close(state);
}

/* The interfaces of the test are gone then, and the next one's have the same numbers. */
static int down(void **state)
{
	portlab_run("rmdir %s/dispatched/* 2>/dev/null; true", portlab_pins);
	portlab_detach_all(portlab_other_pins);
	return portlab_leave(state);
}

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
	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO, joins == JOINS_OTHERS ? -EINVAL : -EBUSY, "port0",
		       "libxdp", reason, "xdp-loader unload port0");
	assert_int_equal(portlab_program("port0"), dispatcher);
	assert_int_equal(portlab_count(portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/links", portlab_pins), 0);
}

static void test_kernel_without_extensions(void **state)
{
	(void)state;
	if (joins != JOINS_NONE)
		skip();
	fake_dispatcher("port0");
	assert_refused("extension programs");
}

/* Kernels since 6.13, and updates of older ones, with libxdp before 1.5.5. */
static void test_kernel_that_minds_moved_heads(void **state)
{
	struct other other;

	(void)state;
	if (joins != JOINS_OTHERS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	assert_refused("moves the head");
	assert_int_equal(programs_on("port0"), 1);
	other_detach(&other);
	other_free(&other);
}

/* --- beside others --------------------------------------------------------------------------------- */

static void join_and_leave(enum xdp_attach_mode xdp_mode, enum attach_mode mode)
{
	const struct dp_interface *port;
	struct other other;
	struct err err;
	uint64_t passed;

	if (joins != JOINS_OURS)
		skip();
	other = other_attach("port0", xdp_mode);
	portlab_refuse(portlab_pins, "port0", mode == ATTACH_NATIVE ? ATTACH_GENERIC : ATTACH_NATIVE, -EBUSY,
		       "port0", mode == ATTACH_NATIVE ? "native" : "generic");
	assert_int_equal(portlab_attach(portlab_pins, "port0", ATTACH_AUTO), mode);
	assert_int_equal(programs_on("port0"), 2);
	port = portlab_find(portlab_pins, "port0");
	assert_non_null(port);
	assert_true(port->dispatcher);
	assert_int_equal(port->mode, mode);
	assert_int_equal(port->ifindex, if_nametoindex("port0"));
	assert_both_see(&other, "far0");

	assert_int_equal(portlab_attach(portlab_pins, "port0", mode), mode);
	assert_int_equal(programs_on("port0"), 2);
	assert_int_equal(portlab_count(portlab_pins), 1);

	portlab_detach(portlab_pins, "port0");
	assert_int_equal(programs_on("port0"), 1);
	assert_int_equal(portlab_count(portlab_pins), 0);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -ENOENT);
	passed = portlab_passed(portlab_pins, 0);
	portlab_send("far0", 3);
	assert_int_equal(other_seen(&other), 8);
	assert_int_equal(portlab_passed(portlab_pins, passed), passed);
	other_detach(&other);
	other_free(&other);
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

/* With a link of our own on one interface, and two that are shared. */
static void test_take_replaces_the_program(void **state)
{
	static const char *const ports[] = { "lo", "port0", "port1" };
	uint32_t old[CV_ARRAY_SIZE(ports)];
	struct other first, second;
	unsigned descriptors;

	(void)state;
	if (joins != JOINS_OURS)
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
	assert_int_equal(programs_on("port0"), 2);
	assert_int_equal(programs_on("port1"), 2);
	assert_both_see(&first, "far0");
	assert_both_see(&second, "far1");
	for (size_t i = 0; i < CV_ARRAY_SIZE(ports); i++)
		portlab_detach(portlab_pins, ports[i]);
	assert_int_equal(programs_on("port0"), 1);
	assert_int_equal(programs_on("port1"), 1);
	other_detach(&first);
	other_detach(&second);
	other_free(&first);
	other_free(&second);
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
	if (joins != JOINS_OURS)
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
	assert_both_see(&other, "far0");
	assert_int_equal(dp_retake(&dp, &conf, &err), -EPERM);
	assert_non_null(strstr(err.text, "CAP_SYS_ADMIN"));
	assert_int_equal(dp_meta(dp, &meta, &err), 0);
	assert_int_equal(meta.max_flows, 4096);
	assert_int_equal(dp_detach(portlab_pins, "port0", &err), -EPERM);
	assert_both_see(&other, "far0");
	set_capability(CAP_SYS_ADMIN, true);
	dp_free(dp);

	portlab_detach(portlab_pins, "port0");
	assert_int_equal(programs_on("port0"), 1);
	other_detach(&other);
	other_free(&other);
}

/* The others go, then we. */
static void test_last_in_the_dispatcher(void **state)
{
	struct other other;
	uint64_t passed;

	(void)state;
	if (joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	other_detach(&other);
	other_free(&other);
	assert_int_equal(programs_on("port0"), 1);
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
	if (joins != JOINS_OURS)
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

/* A mark without an interface, and one without a program of ours. */
static void test_stale_marks(void **state)
{
	struct other other;

	(void)state;
	if (joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_run("mkdir -p %s/dispatched/%u %s/dispatched/7777", portlab_pins, if_nametoindex("port0"),
		    portlab_pins);
	assert_int_equal(portlab_count(portlab_pins), 0);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	assert_int_equal(programs_on("port0"), 1);
	portlab_detach_all(portlab_pins);
	assert_int_equal(access(portlab_pins, F_OK), -1);
	assert_int_equal(programs_on("port0"), 1);
	portlab_load(portlab_pins);
	other_detach(&other);
	other_free(&other);
}

static void test_two_instances(void **state)
{
	struct other other;

	(void)state;
	if (joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_load(portlab_other_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_attach(portlab_other_pins, "port0", ATTACH_AUTO);
	assert_int_equal(programs_on("port0"), 3);
	assert_int_not_equal(portlab_find(portlab_pins, "port0")->program_id,
			     portlab_find(portlab_other_pins, "port0")->program_id);
	assert_both_see(&other, "far0");
	assert_int_equal(portlab_passed(portlab_other_pins, 5), 5);
	portlab_detach_all(portlab_pins);
	assert_int_equal(programs_on("port0"), 2);
	assert_int_equal(portlab_count(portlab_other_pins), 1);
	portlab_detach_all(portlab_other_pins);
	other_detach(&other);
	other_free(&other);
}

/* A process that died between joining with the new program and leaving with the old one. */
static void test_two_of_ours_are_one_after_a_take(void **state)
{
	struct other other;

	(void)state;
	if (joins != JOINS_OURS)
		skip();
	other = other_attach("port0", XDP_MODE_NATIVE);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	portlab_run("rmdir %s/dispatched/*", portlab_pins);
	portlab_attach(portlab_pins, "port0", ATTACH_AUTO);
	assert_int_equal(programs_on("port0"), 3);
	dp_free(portlab_take(portlab_pins, 4096, CV_FULL_EVICT));
	assert_int_equal(programs_on("port0"), 2);
	assert_both_see(&other, "far0");
	portlab_detach(portlab_pins, "port0");
	assert_int_equal(programs_on("port0"), 1);
	other_detach(&other);
	other_free(&other);
}

static void test_full_dispatcher(void **state)
{
	struct other others[MAX_DISPATCHER_ACTIONS];

	(void)state;
	if (joins != JOINS_OURS)
		skip();
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++)
		others[i] = other_attach("port0", XDP_MODE_NATIVE);
	portlab_refuse(portlab_pins, "port0", ATTACH_AUTO, -E2BIG, "port0", "neighbour, neighbour", "full",
		       NULL);
	assert_int_equal(programs_on("port0"), MAX_DISPATCHER_ACTIONS);
	assert_int_equal(portlab_entries("%s/dispatched", portlab_pins), 0);
	for (size_t i = 0; i < CV_ARRAY_SIZE(others); i++) {
		other_detach(&others[i]);
		other_free(&others[i]);
	}
}

#define PORT_TEST(test) cmocka_unit_test_setup_teardown(test, portlab_up, down)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		PORT_TEST(test_kernel_without_extensions),
		PORT_TEST(test_kernel_that_minds_moved_heads),
		PORT_TEST(test_native),
		PORT_TEST(test_generic),
		PORT_TEST(test_take_replaces_the_program),
		PORT_TEST(test_without_sys_admin),
		PORT_TEST(test_last_in_the_dispatcher),
		PORT_TEST(test_unloaded_by_somebody),
		PORT_TEST(test_stale_marks),
		PORT_TEST(test_two_instances),
		PORT_TEST(test_two_of_ours_are_one_after_a_take),
		PORT_TEST(test_full_dispatcher),
	};

	harness_need_root();
	return cmocka_run_group_tests(tests, open_and_probe, close_all);
}
