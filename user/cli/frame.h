/* SPDX-License-Identifier: GPL-2.0-only */
/* The packet that a question is about: built from a 5-tuple, and what came out read back. Pure. */
#ifndef CLI_FRAME_H
#define CLI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

#define FRAME_MAX 10240
#define FRAME_LINK_BYTES 14 /* Ethernet */

/* What else than TCP and UDP can be asked about: an echo request, of ICMP or ICMPv6 as the family has it. */
#define FRAME_ICMP 1

enum frame_flags { FRAME_FIN = 0x01, FRAME_SYN = 0x02, FRAME_RST = 0x04, FRAME_ACK = 0x10 };

struct frame_spec {
	struct addr client; /* of the same family as `address` */
	struct addr address;
	uint16_t
		client_port; /* host order; of an echo request its identifier, and `port` its sequence number */
	uint16_t port;
	uint8_t protocol; /* 6, 17 or FRAME_ICMP */
	uint8_t tcp_flags;
	uint32_t bytes; /* of the IP packet; 0: as short as it can be */
};

/* Writes the frame to `ret`, of at least FRAME_MAX bytes: TTL 64, "do not fragment", checksums that are right, zeroes as
 * data. Returns its length, or -EMSGSIZE if `bytes` are too few for the headers or too many for a frame. */
int frame_build(const struct frame_spec *spec, uint8_t *ret);

/* Bytes that the IP packet of such a spec has at least. */
uint32_t frame_min_bytes(const struct frame_spec *spec);

/* The headers in front of a frame, as far as they concern who forwards it. */
struct frame_view {
	uint8_t to_mac[6];
	uint8_t from_mac[6];
	uint8_t protocol; /* behind the IP header */
	uint8_t ttl;
	bool dont_fragment; /* of IPv6: true */
	uint16_t from_port; /* of TCP and UDP; else 0 */
	uint16_t to_port;
	struct addr from;
	struct addr to;
	uint32_t bytes; /* of the IP packet */
};

/* -EINVAL if there is no whole IP header. */
int frame_read(const uint8_t *frame, size_t len, struct frame_view *ret);

#endif
