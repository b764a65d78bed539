/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the program hands to culvertd, in the ring cv_held: packets that it cannot finish by itself. culvertd runs what comes
 * of them through the program again (CV_MODE_AGAIN), and sends what comes out. */
#ifndef CV_HELD_H
#define CV_HELD_H

#include "cv_types.h"

enum cv_held_kind {
	CV_HELD_NONE,
	CV_HELD_EARLY, /* a fragment that came before the first one of its datagram */
	CV_HELD_FIRST, /* that first one came: no frame, the word to let go of those */
	CV_HELD_LARGE, /* an IPv4 packet without DF, to be cut so that no piece is longer than `room` */
} CV_BYTE_ENUM;

struct cv_held {
	struct cv_fragment_key key;
	__u32 ifindex; /* that it came in by */
	__u16 bytes;   /* of the frame */
	__u16 room;    /* bytes of a client's packet that reach the backend in one piece */
	enum cv_held_kind kind;
	__u8 link; /* bytes before the IP header */
	__u8 pad[2];
};
CV_ASSERT_SIZE(struct cv_held, 52);

/* A record of the ring, or the first part of one alone. */
struct cv_held_frame {
	struct cv_held held;
	__u8 frame[CV_HELD_BYTES];
};

/* cv_holder, one entry. */
struct cv_holder {
	__u32 until_s; /* somebody reads the ring until then; 0: nobody ever did */
	__u32 pad;
};

#endif
