/* SPDX-License-Identifier: GPL-2.0-only */
/* Memory for what is too large for the stack: 512 bytes, over all functions that call each other. One record for each
 * processor and mode, as a packet may interrupt a run that user space asked for; nothing in it outlives the run. */
#ifndef SCRATCH_H
#define SCRATCH_H

#include "cv_ask.h"
#include "cv_maps.h"
#include "pkt.h"

/* A flow as its packet sees it: where it is kept, or would be. */
struct flow_ref {
	struct cv_flow4_key key4;
	struct cv_flow6_key key6; /* IPv4 in v4-mapped form: the key in cv_half_open */
};

/* A fragment's datagram and its note, as the packet sees it. */
struct fragment_ref {
	struct cv_fragment_key key;
	struct cv_fragment note;
	__u32 now;
	enum cv_family family;
	enum cv_mode mode;
	__u8 link;  /* bytes before the IP header */
	__u16 room; /* for a packet to be cut */
};

struct scratch {
	struct flow_ref ref;
	struct cv_flow flow;	       /* one on its way into a table, or out of it */
	enum cv_flow_state half_state; /* of the half-open entry that there was */
	struct cv_expired expired;
	__u32 quote[CV_QUOTE6_BYTES / 4]; /* in an ICMP error */
	struct fragment_ref fragment;
	struct cv_ask answer; /* to a question (ask.h) */
	__u64 hash;
	__u32 frame_bytes; /* of a long frame, in all its pieces (frame.h) */
	struct pkt other;  /* for functions: this packet, or one that ICMP is about; has no pointers */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, CV_MODE_COUNT);
	__type(key, __u32);
	__type(value, struct scratch);
} cv_scratch SEC(".maps");

static __always_inline struct scratch *scratch_get(enum cv_mode mode)
{
	__u32 index = mode;

	return bpf_map_lookup_elem(&cv_scratch, &index);
}

#endif
