/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs of the attached program that user space asks for (BPF_PROG_TEST_RUN): the frame brings this in front of it, as
 * metadata, and it comes back with the answer in it. What comes by a wire has no such thing, and the key keeps out a
 * driver or another program that puts metadata of its own there. */
#ifndef CV_ASK_H
#define CV_ASK_H

#include "cv_types.h"

enum cv_mode {
	CV_MODE_LIVE, /* a packet from the wire */
	CV_MODE_DRY,  /* a question: nothing is changed, nothing is counted */
	CV_MODE_AGAIN, /* a packet that was held back: all as for a live one, but user space sends what comes out */
	CV_MODE_COUNT
} CV_BYTE_ENUM;

/* What named the backend. */
enum cv_source {
	CV_SOURCE_NONE,	     /* no backend was looked for, or there was none to have */
	CV_SOURCE_FLOW,	     /* the entry in the flow table */
	CV_SOURCE_HALF_OPEN, /* the note of a flow's first packet */
	CV_SOURCE_MAGLEV,    /* the owner of its slot */
	CV_SOURCE_FRAGMENT,  /* the note of its datagram's first fragment */
	CV_SOURCE_COUNT
} CV_BYTE_ENUM;

/* At most 32 bytes: kernels before 6.3 take no more. */
struct cv_ask {
	__u64 key; /* cv_ask_key of the program, which cv_meta tells */
	enum cv_mode mode;
	/* the answer */
	__u8 verdict; /* enum cv_verdict */
	enum cv_source source;
	enum cv_flow_state state; /* of the entry that this packet met, before it came */
	__u16 listener;
	__u16 backend;
	__u32 slot;	   /* of the tuple in the table of the listener's pool */
	__u32 idle_left_s; /* until that entry is over, had this packet not come */
	__u32 ifindex;	   /* by which the packet leaves, if it does */
	__u8 pad[4];
};
CV_ASSERT_SIZE(struct cv_ask, 32);
CV_ASSERT_OFFSET(struct cv_ask, slot, 16);

#endif
