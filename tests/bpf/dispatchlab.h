/* SPDX-License-Identifier: GPL-2.0-only */
/* The ports of portlab.h with somebody else's program on them, by libxdp's dispatcher, and what the kernel lets join one.
 * Include it first. */
#ifndef TESTS_DISPATCHLAB_H
#define TESTS_DISPATCHLAB_H

#include "bpf/portlab.h"

#include <xdp/libxdp.h>

/* What the kernel lets join a dispatcher: dispatchlab_open finds out. */
extern enum dispatchlab_joins { JOINS_NONE, JOINS_OTHERS, JOINS_OURS } dispatchlab_joins;

/* Setup and teardown of the group, and teardown of each test, whose setup is portlab_up. */
int dispatchlab_open(void **state);
int dispatchlab_close(void **state);
int dispatchlab_down(void **state);

/* The neighbour: somebody else's program under libxdp, loaded as xdp-loader does it. */
struct other {
	struct neighbour *skel;
	struct xdp_program *program;
	int ifindex;
	enum xdp_attach_mode mode;
};

struct other other_attach(const char *ifname, enum xdp_attach_mode mode);
/* Takes it off the interface, and forgets it; other_free is for one that somebody took off. */
void other_remove(struct other *other);
void other_free(struct other *other);

/* How many packets it has met. */
uint64_t other_seen(const struct other *other);

/* How many programs the dispatcher on an interface calls; 0 if there is none. */
int dispatchlab_programs(const char *ifname);

/* Every packet meets both. */
void dispatchlab_expect_both(const struct other *other, const char *far);

#endif
