/* SPDX-License-Identifier: GPL-2.0-only */
/* ICMP errors that say that a packet of a tunnel was too long for a router on its way: "fragmentation needed" (RFC 792,
 * RFC 1191 4) and "packet too big" (RFC 4443 3.2).
 *
 * Anybody can send one. It has to quote a packet that looks as the balancer makes them: who forges it from afar has to know
 * the length of a packet that was sent, and our addresses. That the addresses are right is the caller's to check. */
#ifndef NET_TOO_BIG_H
#define NET_TOO_BIG_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

struct too_big {
	struct addr source; /* of the quoted outer packet: one of ours */
	struct addr destination;
	uint16_t port; /* where its UDP goes to; 0: it carries IP directly */
	uint32_t mtu;  /* of the next hop; 0 from a router that predates RFC 1191 */
};

/* Reads a message as a raw socket gives it: of ICMP with its IP header, of ICMPv6 without. 0, or -EBADMSG if it is no such
 * error, or quotes what the balancer does not send, or not enough of it. */
int too_big_read4(const uint8_t *bytes, size_t size, struct too_big *ret);
int too_big_read6(const uint8_t *bytes, size_t size, struct too_big *ret);

#endif
