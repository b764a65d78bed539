/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* `culvert capture`: what it wants of the program, and what it gets: a record for each packet, with its first bytes as it
 * came and as it left. One capture at a time, on a lease: it ends by itself when the command is gone. */
#ifndef CV_CAPTURE_H
#define CV_CAPTURE_H

#include "cv_types.h"
#include "cv_verdict.h"

#define CV_CAPTURE_SNAPLEN_MAX 2048 /* bytes of a packet, before and after each */

/* The command renews its lease every second, to this many seconds from then. */
#define CV_CAPTURE_LEASE_S 3

#define CV_CAPTURE_PORTS 64 /* ports whose packets are counted apart from the rest */

#define CV_CAPTURE_VERDICT_WORDS 2 /* of 64 bits */
_Static_assert(CV_VERDICT_COUNT <= CV_CAPTURE_VERDICT_WORDS * 64, "a bit for each verdict");

/* The bits of an address that are asked for, and which these are. A mask of zeroes takes any. */
struct cv_capture_prefix {
	__u8 address[16];
	__u8 mask[16];
};

/* cv_capture, one entry: a packet is captured if all of this holds. */
struct cv_capture {
	__u32 until_s; /* end of the lease; 0: off */
	__u32 number;  /* of this capture: records have it, so that none is taken for another's */
	/* asked of the frame as it comes in, before anything is saved */
	struct cv_capture_prefix client; /* source */
	struct cv_capture_prefix address;
	struct cv_capture_prefix host; /* source or destination */
	__u16 client_port_first;       /* 0 to 65535: any, also packets without ports */
	__u16 client_port_last;
	__u16 port_first;
	__u16 port_last;
	__u8 protocol; /* 0: any */
	__u8 pad0[3];
	__u32 sample; /* of 2^32 packets; 0: all */
	/* asked of what became of it */
	__u64 verdicts[CV_CAPTURE_VERDICT_WORDS];
	char listener[CV_NAME_LEN]; /* empty: any */
	__u8 backend[16];	    /* all zero: any */
	__u32 snaplen;
	__u32 pid; /* of the command; for people */
};
CV_ASSERT_SIZE(struct cv_capture, 192);
CV_ASSERT_OFFSET(struct cv_capture, verdicts, 120);

/* In cv_captured, a ring buffer: followed by `saved_before` bytes of the frame as it came in, and `saved_after` of it as
 * it left. */
struct cv_captured {
	__u64 time_ns; /* when it came in, on CLOCK_MONOTONIC */
	__u64 packet;  /* no two of a capture have the same */
	__u32 number;
	__u32 cpu;
	__u32 ifindex; /* it came in by */
	__u32 queue;
	__u32 out_ifindex;  /* it left by; 0: it did not */
	__u32 bytes_before; /* of the whole frame */
	__u32 bytes_after;
	__u16 saved_before;
	__u16 saved_after;
	__u16 verdict;	    /* enum cv_verdict */
	__u16 backend_port; /* 0: as the client chose it */
	__u8 backend[16];   /* all zero: none was chosen */
	char listener[CV_NAME_LEN];
	__u32 pad;
};
CV_ASSERT_SIZE(struct cv_captured, 104);

/* What a frame says of itself, as far as it can be read; zeroes for the rest, which no filter asks for. Addresses are
 * words in wire order, IPv4 v4-mapped. */
struct cv_capture_tuple {
	__u32 client[4];
	__u32 address[4];
	__u16 client_port;
	__u16 port;
	__u8 protocol;
	__u8 pad[3];
};

/* cv_snapshot, per CPU, by enum cv_mode: the packet on its way, and its record as it comes into being. */
struct cv_snapshot {
	__u64 packets; /* taken so far */
	struct cv_capture_tuple tuple;
	__u8 is_taken; /* the packet on its way now */
	__u8 pad[7];
	struct cv_captured captured;
	__u8 bytes[2 * CV_CAPTURE_SNAPLEN_MAX]; /* before, and right behind it after */
};
CV_ASSERT_OFFSET(struct cv_snapshot, captured, 56);
CV_ASSERT_OFFSET(struct cv_snapshot, bytes, 160);

/* cv_captures, per CPU, by the ifindex that packets came in by (0: of ports that were attached later). */
struct cv_capture_stats {
	__u64 captured;
	__u64 lost; /* the ring was full */
};

#endif
