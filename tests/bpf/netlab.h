/* SPDX-License-Identifier: GPL-2.0-only */
/* Two network namespaces for one test of user/net, joined by a veth: `here`, where the process is and asks,
 * and `there`, where the next hop is. They have no name and go away with the process.
 *
 *	here  eth0   02:00:00:00:00:01  10.0.0.1/24              fd00::1/64
 *	there peer0  02:00:00:00:00:02  10.0.0.2/24 10.0.0.3/24  fd00::2/64
 *
 * Whatever goes wrong in a function here fails the test that called it. */
#ifndef BPF_NETLAB_H
#define BPF_NETLAB_H

#include <stdbool.h>
#include <stdint.h>

#include "net/nexthop.h"

struct netlab {
	int here;
	int there;
	struct nexthop *nh;
};

/* Setup and teardown of a cmocka test. Without root there is no lab, and netlab_need skips the test. */
int netlab_up(void **state);
int netlab_down(void **state);
struct netlab *netlab_need(void **state);

/* Run a shell command, here or there. */
void netlab_run(const char *format, ...) __attribute__((format(printf, 1, 2)));
void netlab_run_there(const struct netlab *lab, const char *command);

/* nexthop_process until nothing is left; true if it told of a change. */
bool netlab_process(struct netlab *lab);

/* Waits for notifications so long at most; netlab_await_change processes them, too, until one is a change. */
void netlab_wait(struct netlab *lab, int ms);
void netlab_await_change(struct netlab *lab);

/* nexthop_find; netlab_await follows the notifications until the way has that problem, or none. */
struct nexthop_way netlab_find(struct netlab *lab, const char *to);
struct nexthop_way netlab_await(struct netlab *lab, const char *to, enum nexthop_problem problem);

struct addr netlab_addr(const char *text);
uint64_t netlab_now_us(void);

#endif
