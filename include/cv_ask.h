/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Runs of the attached program that user space asks for (BPF_PROG_TEST_RUN): the frame brings this in front of it, as
 * metadata. What comes by a wire has no such thing, and the key keeps out a driver or another program that puts
 * metadata of its own there. */
#ifndef CV_ASK_H
#define CV_ASK_H

#include "cv_types.h"

enum cv_mode {
	CV_MODE_LIVE,  /* a packet from the wire */
	CV_MODE_DRY,   /* a question: nothing is changed, nothing is counted */
	CV_MODE_AGAIN, /* a packet that was held back: user space sends what comes out */
	CV_MODE_COUNT
} CV_BYTE_ENUM;

/* At most 32 bytes: kernels before 6.3 take no more. */
struct cv_ask {
	__u64 key; /* cv_ask_key of the program */
	enum cv_mode mode;
	__u8 pad[7];
};
CV_ASSERT_SIZE(struct cv_ask, 16);

#endif
