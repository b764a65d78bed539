/* SPDX-License-Identifier: GPL-2.0-only */
/* What is measured: XDP programs with all they need, and the driver that calls them (drive.h). A process has one set of
 * them. Whatever goes wrong ends the process. */
#ifndef BENCH_SUBJECTS_H
#define BENCH_SUBJECTS_H

#include "bpf/world.h"

#include "e2e/tools/frame.h"

enum subject {
	SUBJECT_FLOOR,	   /* returns at once */
	SUBJECT_CULVERT,   /* the program as it gets attached */
	SUBJECT_BARE,	   /* the same, built without captures */
	SUBJECT_WATCHED,   /* as it gets attached, while somebody captures the packets of another client */
	SUBJECT_CAPTURED,  /* and while somebody captures all of them, and is too slow */
	SUBJECT_CLASSIC,   /* rivals.bpf.c */
	SUBJECT_STATELESS, /* rivals.bpf.c */
	SUBJECT_COUNT
};

extern const char *const subject_name[SUBJECT_COUNT];

/* Where packets go: a listener that is in the configuration of subjects_up. */
struct target {
	const char *address;
	uint16_t port;
};

/* A data plane of culvert's with so many listeners beside those that are measured, and both rivals, with as many backends
 * each, and room for a million flows of each family. The process stays on one processor from here on. */
void subjects_up(size_t more_listeners, bool has_shortcut);

/* The kind of frame to that target, from now on. */
void subjects_send(enum frame_kind kind, const struct target *target);

/* Makes the subject know these flows: a SYN and an ACK of each, or two datagrams. */
void subject_warm(enum subject subject, uint32_t flows);

/* Nanoseconds that the subject takes for a packet, the driver included, over so many packets of random ones of those
 * flows. With flows 0 they are of flows that were never seen, `per_flow` of each: 1 is a SYN, 2 a SYN and an ACK. All
 * must end with that action. */
double subject_run(enum subject subject, uint32_t flows, uint32_t per_flow, uint64_t packets,
		   uint32_t action);

/* The program began as many new flows as it may in this second, or none yet. Until the next second begins. */
void subjects_set_gate(bool is_full);

#endif
