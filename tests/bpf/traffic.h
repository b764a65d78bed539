/* SPDX-License-Identifier: GPL-2.0-only */
/* Random traffic: packets of every kind, of flows that come again and again so that some live, and broken ones; and the
 * configurations they meet. All of it follows from a seed. */
#ifndef TESTS_TRAFFIC_H
#define TESTS_TRAFFIC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "bpf/pkt.h"

#define TRAFFIC_TUPLES 192 /* that are in use at a time */

/* Of a client's packet. What is in here is an index or a number; addresses follow from it. */
struct traffic_tuple {
	bool is_v4;
	bool is_tcp;
	uint8_t client;
	uint8_t vip;
	uint16_t client_port;
	uint16_t port;
};

struct traffic {
	uint64_t state; /* of the random numbers */
	struct traffic_tuple tuple[TRAFFIC_TUPLES];
};

void traffic_seed(struct traffic *traffic, uint64_t seed, uint64_t round);

/* Random numbers: 64 bits; below a limit; true once in n. */
uint64_t traffic_random(struct traffic *traffic);
uint32_t traffic_below(struct traffic *traffic, uint32_t limit);
bool traffic_one_in(struct traffic *traffic, uint32_t n);

/* The next packet; it has no layers. */
void traffic_packet(struct traffic *traffic, struct pkt *ret);

/* A packet of that flow (traffic_layers.c), an error about it, a ping, a fragment. */
void traffic_plain(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret);
void traffic_fragment(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret);
void traffic_error(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret);
void traffic_ping(struct traffic *traffic, const struct traffic_tuple *tuple, struct pkt *ret);

/* A configuration with listeners for these tuples, as text that the caller frees (traffic_config.c). It always has
 * `flow_table`, the same backends' addresses, and other settings each time. */
char *traffic_configuration(struct traffic *traffic);
#define TRAFFIC_BACKENDS 8
extern const char *const traffic_backend[TRAFFIC_BACKENDS];

#endif
