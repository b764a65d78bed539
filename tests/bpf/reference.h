/* SPDX-License-Identifier: GPL-2.0-only */
/* The parser of the data path, written a second time, plainly: which frames are ours, and what is in them.
 * The random test holds the program against it, packet by packet. */
#ifndef TESTS_REFERENCE_H
#define TESTS_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv_verdict.h"
#include "model/image.h"

/* Offsets are those in the frame. */
struct reference {
	size_t ip;
	size_t ip_bytes;
	size_t transport;
	size_t transport_bytes;
	bool is_v4;
	uint8_t protocol;
	uint8_t tcp_flags;
	uint16_t listener; /* its id; 0 for a fragment that goes where the first one of its datagram went */
	bool is_fragment;
	size_t fragment_at; /* its place in the datagram */
};

/* CV_CONTINUE and all of it for a frame (of 14 bytes and more) of a listener; else the verdict that ends
 * it, and as much as was read until then. */
enum cv_verdict reference_parse(const struct image *image, const uint8_t *frame, size_t len,
				struct reference *ret);

/* Sum of 16-bit words in wire order, folded: 0xffff over a header whose checksum is right. */
uint16_t reference_sum(const uint8_t *bytes, size_t len);

#endif
