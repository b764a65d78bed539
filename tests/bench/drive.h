/* SPDX-License-Identifier: GPL-2.0-only */
/* What the driver in the kernel (drive.bpf.c) and its user (packets.c) share. */
#ifndef BENCH_DRIVE_H
#define BENCH_DRIVE_H

#include <linux/types.h>

/* Packets of one run: a program may tail call 33 times. */
#define DRIVE_PACKETS 32
/* Room for each; all of them must fit into a page with the kernel's own things. */
#define DRIVE_SLOT 96

/* What to send. Written before a run of the driver. */
struct drive_plan {
	__u8 template[DRIVE_SLOT]; /* one packet; what is behind its end is padding */
	__u32 source;		   /* where in it the 4 bytes are that make the flow; a multiple of 2 */
	__u32 flags;		   /* where the byte of TCP's flags is; 0: nowhere */
	__u32 flows;
	__u32 first;	 /* number of the first flow */
	__u32 in_order;	 /* 1: flow by flow, each with a SYN and an ACK; 0: ACKs in random order */
	__u32 per_flow;	 /* packets, when in order */
	__u64 next;	 /* of the sequence; goes on from run to run */
	__u64 action[8]; /* what the program under test made of them, counted */
};

#endif
