/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Generic UDP Encapsulation (draft-ietf-intarea-gue-09): what the program that puts it on, the one that takes it off,
 * and the arithmetic of packet sizes share.
 *
 *   variant 0   outer IP, UDP, GUE header, inner IP
 *   variant 1   outer IP, UDP, inner IP: its version field (0100 or 0110) tells it from variant 0 (section 4)
 *
 * The UDP checksum is zero, over IPv6 too (RFC 6935, RFC 6936): the inner packet has checksums of its own, and the
 * decapsulating side takes tunnels only at addresses and from prefixes that it knows. */
#ifndef CV_GUE_H
#define CV_GUE_H

#include "cv_types.h"

#define CV_GUE_PORT 6080 /* IANA's: gue */

/* Source ports are dynamic ones (RFC 6335), 14 bits of the flow's hash: routers and network cards that spread by ports spread flows. */
#define CV_GUE_SOURCE_PORTS 0xc000
#define CV_GUE_SOURCE_BITS 14

enum cv_gue_variant { CV_GUE_HEADER, CV_GUE_DIRECT };

/* The header of variant 0; in wire order. */
struct cv_gue_header {
	__u8 first;    /* variant, C, and length of what follows the header in units of 4 bytes */
	__u8 protocol; /* of the inner packet: 4 or 41. With C set a type of control message */
	__be16 flags;  /* of optional fields, none of which we know */
};
CV_ASSERT_SIZE(struct cv_gue_header, 4);

#define CV_GUE_VARIANT_SHIFT 6
#define CV_GUE_CONTROL 0x20
#define CV_GUE_LENGTH_MASK 0x1f

#define CV_UDP_BYTES 8

/* Bytes that a tunnel puts before a client's packet; `outer` is the family of the backend's address. */
static inline __attribute__((always_inline)) __u32 cv_outer_bytes(enum cv_forward forward, __u8 gue_variant,
								  enum cv_family outer)
{
	__u32 ip = outer == CV_FAMILY_IPV4 ? 20 : 40;

	if (forward == CV_FORWARD_IPIP)
		return ip;
	if (forward == CV_FORWARD_GUE)
		return ip + CV_UDP_BYTES +
		       (gue_variant == CV_GUE_DIRECT ? 0 : (__u32)sizeof(struct cv_gue_header));
	return 0;
}

#endif
