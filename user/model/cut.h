/* SPDX-License-Identifier: GPL-2.0-only */
/* Cuts an IPv4 packet into fragments that fit, as every hop may whose next link takes no longer ones (RFC 791 3.2). What is
 * a fragment already is cut further. */
#ifndef MODEL_CUT_H
#define MODEL_CUT_H

#include <stddef.h>
#include <stdint.h>

/* Gets the frames that come out, in order; they are gone when it returns. */
typedef void (*cut_fn)(const uint8_t *frame, size_t size, void *arg);

/* Cuts the packet in `frame` that begins behind `link` bytes, which all frames get that come out; what follows the packet
 * (padding) is left out. No packet in them is longer than `mtu`. -EINVAL for what is no IPv4 packet, is wrong (its
 * header's checksum included), has DF or needs no cut; -EMSGSIZE if no 8 bytes fit behind the header. */
int cut_ip4(const uint8_t *frame, size_t size, size_t link, size_t mtu, cut_fn each, void *arg);

#endif
