/* SPDX-License-Identifier: GPL-2.0-only */
/* Two namespaces and the questions asked in one of them; see netlab.h. */
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>
#include <cmocka.h>

#include "bpf/netlab.h"

#define PATIENCE_MS 5000

/* --- the two namespaces ---------------------------------------------------------------------------- */

void netlab_run(const char *format, ...)
{
	char command[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("this failed: %s", command);
}

void netlab_run_there(const struct netlab *lab, const char *command)
{
	assert_int_equal(setns(lab->there, CLONE_NEWNET), 0);
	netlab_run("%s", command);
	assert_int_equal(setns(lab->here, CLONE_NEWNET), 0);
}

/* Inherited by the commands, which may name it /proc/self/fd/N. */
static int new_namespace(void)
{
	int fd;

	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = open("/proc/self/ns/net", O_RDONLY);
	assert_true(fd >= 0);
	netlab_run("ip link set lo up &&"
		   "sysctl -qw net.ipv6.conf.all.accept_dad=0 net.ipv6.conf.default.accept_dad=0");
	return fd;
}

int netlab_up(void **state)
{
	struct netlab *lab;
	struct err err;

	if (geteuid())
		return 0;
	lab = calloc(1, sizeof(*lab));
	assert_non_null(lab);
	*state = lab;
	lab->there = new_namespace();
	lab->here = new_namespace();
	netlab_run(
		"ip link add eth0 address 02:00:00:00:00:01 type veth peer name peer0 address 02:00:00:00:00:02 &&"
		"ip link set peer0 netns /proc/self/fd/%d &&"
		"ip address add 10.0.0.1/24 dev eth0 && ip address add fd00::1/64 dev eth0 nodad &&"
		"ip link set eth0 up",
		lab->there);
	netlab_run_there(lab,
			 "ip address add 10.0.0.2/24 dev peer0 && ip address add 10.0.0.3/24 dev peer0 &&"
			 "ip address add fd00::2/64 dev peer0 nodad && ip link set peer0 up");
	if (nexthop_new(&lab->nh, &err))
		fail_msg("%s", err.text);
	return 0;
}

int netlab_down(void **state)
{
	struct netlab *lab = *state;

	if (!lab)
		return 0;
	nexthop_free(lab->nh);
	close(lab->here);
	close(lab->there);
	free(lab);
	return 0;
}

struct netlab *netlab_need(void **state)
{
	if (!*state)
		skip(); /* needs root */
	return *state;
}

/* --- asking and waiting ---------------------------------------------------------------------------- */

uint64_t netlab_now_us(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

bool netlab_process(struct netlab *lab)
{
	struct pollfd pollfd = { .fd = nexthop_fd(lab->nh), .events = POLLIN };
	bool changed, is_any = false;

	do {
		assert_int_equal(nexthop_process(lab->nh, &changed), 0);
		is_any = is_any || changed;
	} while (poll(&pollfd, 1, 0) > 0);
	return is_any;
}

void netlab_wait(struct netlab *lab, int ms)
{
	struct pollfd pollfd = { .fd = nexthop_fd(lab->nh), .events = POLLIN };

	if (poll(&pollfd, 1, ms) > 0)
		assert_int_equal(pollfd.revents, POLLIN);
}

void netlab_await_change(struct netlab *lab)
{
	uint64_t end = netlab_now_us() + PATIENCE_MS * 1000;

	while (!netlab_process(lab)) {
		assert_true(netlab_now_us() < end);
		netlab_wait(lab, 100);
	}
}

struct addr netlab_addr(const char *text)
{
	struct addr addr;

	assert_int_equal(addr_parse(text, &addr), 0);
	return addr;
}

struct nexthop_way netlab_find(struct netlab *lab, const char *to)
{
	struct addr addr = netlab_addr(to);
	struct nexthop_way way;
	struct err err;

	if (nexthop_find(lab->nh, &addr, &way, &err))
		fail_msg("%s", err.text);
	return way;
}

/* Follows the notifications until the way has that problem, or none. */
struct nexthop_way netlab_await(struct netlab *lab, const char *to, enum nexthop_problem problem)
{
	uint64_t end = netlab_now_us() + PATIENCE_MS * 1000;

	for (;;) {
		struct nexthop_way way = netlab_find(lab, to);
		char text[128];

		if (way.problem == problem)
			return way;
		nexthop_describe(&way, text, sizeof(text));
		if (netlab_now_us() > end)
			fail_msg("%s: still \"%s\"", to, text);
		netlab_wait(lab, 100);
		netlab_process(lab);
	}
}
