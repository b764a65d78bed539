/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of the decapsulating program share: a private instance of it, tunnel packets, and the check
 * of verdict, bytes and counters in one. */
#ifndef TESTS_DECAP_FIXTURE_H
#define TESTS_DECAP_FIXTURE_H

#include "bpf/harness.h"

#include "dataplane/decap.h"

/* The host's addresses, a balancer's, and those of the inner packet. */
#define HOST4 "10.0.0.11"
#define HOST6 "2001:db8::11"
#define BALANCER4 "10.0.0.2"
#define BALANCER6 "2001:db8::2"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:ffff::7"
#define VIP4 "192.0.2.10"
#define VIP6 "2001:db8:a::10"

/* Not the usual one, so that nobody takes that for granted. */
#define GUE_PORT 6081

struct mix {
	const char *name;
	enum cv_family outer;
	enum cv_family inner;
	enum cv_decap_verdict verdict;
};

#define MIXES 4
extern const struct mix mixes[MIXES];

/* cmocka fixtures: an unpinned instance for the group; tunnels from anywhere to HOST4 and HOST6,
 * GUE at GUE_PORT, for a test. */
int decap_group_setup(void **state);
int decap_group_teardown(void **state);
int decap_setup(void **state);

/* Ethernet header and up to two VLAN tags. */
void push_link(struct pkt *p, int tags);
/* A tunnel header from BALANCER to HOST, and a UDP packet from CLIENT to VIP. */
void push_outer(struct pkt *p, enum cv_family family, uint8_t tos);
void push_inner(struct pkt *p, enum cv_family family, uint8_t tos);
/* UDP to `port`, and before an inner packet of that family a GUE header with so many bytes of private data (a multiple of
 * 4, at most 124), unless the variant is 1. */
void push_gue(struct pkt *p, uint16_t port, int variant, enum cv_family inner, size_t private);
/* The mix's verdict when it comes in GUE. */
enum cv_decap_verdict gue_verdict(const struct mix *mix);
/* Link, outer and inner, without GUE. */
void push_tunnel(struct pkt *p, const struct mix *mix, int tags);

/* Replaces the prefixes from which tunnels are taken: "10.0.0.0/24", NULL at the end. */
void set_from(const char *const prefixes[]);

/* The UDP port of GUE; 0: none. */
void set_gue_port(int port);

/* Runs the program on `in`; returns the verdict, which must be the only one that was counted, with these bytes.
 * A packet that passes must come out as it went in, unless it was decapsulated. */
enum cv_decap_verdict run_any(const struct pkt *in, struct harness_result *ret);

/* The verdict must be this one; and the packet `want`, unless that is NULL. */
void expect(const struct pkt *in, enum cv_decap_verdict verdict, const struct pkt *want);

/* Of the loaded instance, by name; -1 if there is none. */
int decap_map_fd(const char *name);

#endif
