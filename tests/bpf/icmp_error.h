/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors, as a router on the way to a client sends them: each is told by the flow that it is about, and by what
 * is not ordinary about it. */
#ifndef TESTS_ICMP_ERROR_H
#define TESTS_ICMP_ERROR_H

#include "bpf/world.h"

#define ROUTER4 "203.0.113.1"
#define ROUTER6 "2001:db8:f::1"

/* The types of both families. */
enum {
	UNREACHABLE4 = 3,
	TIME_EXCEEDED4 = 11,
	PARAMETER_PROBLEM4 = 12,
	UNREACHABLE6 = 1,
	TOO_BIG6 = 2,
	TIME_EXCEEDED6 = 3,
	PARAMETER_PROBLEM6 = 4,
};

struct icmp_error {
	/* the flow; and what the quoted packet, its answer, is like: options, extensions, fragments, payload */
	struct probe quoted;
	uint8_t type; /* UNREACHABLE4 or TOO_BIG6 */
	uint8_t code;
	/* bytes that are quoted; 0: IP headers and 8 bytes of what follows; more than there are: all */
	uint16_t quote;
	/* the packet that carries it: link, TTL, TOS, ID, DF, options, extensions, fragment, padding, poke */
	struct probe carrier;
	const char *to;	  /* where the quoted packet came from */
	const char *from; /* ROUTER4 or ROUTER6 */
};

/* The frame as it comes in. */
void icmp_error_build(const struct icmp_error *error, struct pkt *ret);

/* The frame that this backend gets. */
void icmp_error_forwarded(const struct image *image, const struct icmp_error *error, uint16_t backend,
			  struct pkt *ret);

/* Sends it. The verdict must be this one; if it is TX, what leaves must be for that backend, to the byte. */
void icmp_error_expect(struct world *world, const struct icmp_error *error, enum cv_verdict verdict,
		       uint16_t backend);

#endif
