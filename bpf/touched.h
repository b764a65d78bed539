/* SPDX-License-Identifier: GPL-2.0-only */
/* The shortcut past the flow table. A look at the table costs several cache misses when there are many flows, and for
 * most packets it says only what the slot says. So a packet in the middle of a flow goes to the owner of its slot, if
 *
 *   1. the slot is settled: every live flow in it is on the owner. So it is right to go there, whoever it is of.
 *   2. the flow was touched: met in the table within this epoch, on this owner. So the table knows that it lives.
 *
 * Why the first stays true: a new flow is put on the owner; a change of owner makes a new table, where the slot is not
 * settled (dataplane/dp_settle.c says how it becomes so); and a flow that is found to be on another backend takes
 * the bit off (route_learn), should the sweep have missed it.
 *
 * The second is a cache of tags, small enough to stay near the processor where the table does not: 21 bits of the flow's
 * hash with epoch and owner, in sets of twelve, the last ones to come. Nothing has to be cleared, as tags of another epoch or
 * owner match by chance only; and a set is read and written word by word, without a lock: where two processors write one,
 * a tag is lost, and a flow visits the table once more. A flow that the table has on another backend leaves no tag.
 *
 * By chance a flow that was not touched matches one of twelve tags: once in 175,000 epochs. Then its last-seen time is not
 * renewed in this one. */
#ifndef TOUCHED_H
#define TOUCHED_H

#include "cv_flow.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "pkt.h"

/* The sets in use, less one: all when the program begins, then as many as the live flows need, as a few flows all over a
 * large map would take a cache line each. A change costs every second flow a visit to the table, and nothing else. */
#define TOUCHED_LEAST 255
volatile __u32 touched_mask = ~0U;

/* Three tags to a word, whose highest bit stays 0. */
#define TAG_BITS 21
#define TAG_MASK ((1ULL << TAG_BITS) - 1)
#define TAG_ONES (1ULL | 1ULL << TAG_BITS | 1ULL << 2 * TAG_BITS)
#define WORD_MASK (TAG_ONES * TAG_MASK)

/* A flow's set. */
struct touched {
	volatile struct cv_touched *set; /* NULL: never */
	__u64 newest;			 /* its first word */
	__u64 hash;
};

/* What tells a flow from others: its whole tuple, whatever chooses the slot. A client that aims at collisions hits its own
 * flows. */
static __always_inline __u64 touched_tuple(const struct pkt *pkt)
{
	return pkt->hash + ((__u64)pkt->listener << 32 | (__u32)pkt->client_port << 16 | pkt->port) *
				   0x9e3779b97f4a7c15ULL;
}

/* Reads of the set, which may be the one cache miss of a packet: so it does not wait for the slot to say who the owner
 * is. */
static __always_inline struct touched touched_get(__u64 tuple, __u32 now)
{
	__u64 hash =
		cv_hash_mix((cv_shortcut == CV_SHORTCUT_BLIND ? 0 : tuple) ^ now / CV_EPOCH_S ^ cv_ask_key);
	__u32 index = (__u32)hash & touched_mask & cv_touched_mask;
	struct touched touched = { .set = bpf_map_lookup_elem(&cv_touched, &index), .hash = hash };

	if (touched.set)
		touched.newest = touched.set->tags[0];
	return touched;
}

/* Never 0, which every place is where no tag was written yet. */
static __always_inline __u64 touched_tag(const struct touched *touched, __u32 owner)
{
	__u64 tag = ((touched->hash >> (64 - TAG_BITS)) + (__u64)owner * 0x9e377) & TAG_MASK;

	return tag + !tag;
}

/* Is any of the three tags of the word this one? Not 0 if so. */
static __always_inline __u64 tag_is_in(__u64 tag, __u64 word)
{
	__u64 other = word ^ tag * TAG_ONES;

	return (other - TAG_ONES) & ~other & TAG_ONES << (TAG_BITS - 1);
}

/* The word with this tag in front, without its last one. */
static __always_inline __u64 tag_push(__u64 word, __u64 tag)
{
	return (word << TAG_BITS & WORD_MASK) | tag;
}

/* Is the tag of this flow, on this owner, in its set, which is not NULL? */
static __always_inline bool touched_is(const struct touched *touched, __u32 owner)
{
	__u64 tag = touched_tag(touched, owner);
	__u64 found = tag_is_in(tag, touched->newest);

	for (int i = 1; i < CV_TOUCHED_WORDS; i++)
		found |= tag_is_in(tag, touched->set->tags[i]);
	return found;
}

/* The table was visited: the next packets of this epoch may pass it by, or not any more; whoever else is in the set then
 * visits it once more. */
static __always_inline void touched_note(__u64 tuple, __u32 owner, __u32 now, bool has_shortcut)
{
	struct touched touched = touched_get(tuple, now);
	volatile struct cv_touched *set = touched.set;

	if (!set || touched_is(&touched, owner) == has_shortcut)
		return;
	for (int i = CV_TOUCHED_WORDS - 1; i > 0; i--)
		set->tags[i] = has_shortcut ? tag_push(set->tags[i], set->tags[i - 1] >> 2 * TAG_BITS) : 0;
	set->tags[0] = has_shortcut ? tag_push(touched.newest, touched_tag(&touched, owner)) : 0;
}

/* So many flows live: one step towards as many sets as they need. Asked for each new flow, and after each sweep. */
static __always_inline void touched_fit(__u64 flows)
{
	__u64 sets = flows * CV_TOUCHED_BYTES / sizeof(struct cv_touched);
	__u32 mask = touched_mask & cv_touched_mask;

	if (sets > mask && mask < cv_touched_mask)
		touched_mask = mask << 1 | 1;
	else if (sets < mask / 4 && mask > TOUCHED_LEAST)
		touched_mask = mask >> 1;
}

#endif
