/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The listener directory: how a packet finds its listener, at a cost that does not depend on how many
 * there are. The daemon builds it aside and swaps it in with one update of cv_directory (an array of
 * maps), so that all listeners of a configuration appear in one instant.
 *
 *   1. vip_filter: one bit for each listener address; foreign traffic ends here.
 *   2. exact: buckets of listener ids for (address, protocol, port) of listeners with one port.
 *   3. vip: buckets for (address, protocol), with the spans of port ranges and the listener of `any`.
 *
 * Buckets hold only a tag and an id; the listener record is compared in full, so a tag that matches
 * by chance costs a comparison and no more. The builder searches a salt with which no bucket overflows.
 */
#ifndef CV_DIRECTORY_H
#define CV_DIRECTORY_H

#include "cv_hash.h"
#include "cv_types.h"

struct cv_exact {
	__u16 tag;
	__u16 listener; /* 0: empty */
};

struct cv_exact_bucket {
	struct cv_exact way[CV_DIRECTORY_WAYS];
};
CV_ASSERT_SIZE(struct cv_exact_bucket, 16);

struct cv_vip {
	__u16 tag;
	__u16 listener;	  /* some listener of this address and protocol; 0: empty */
	__u16 any;	  /* listener of all other ports, or 0 */
	__u16 first_span; /* its ranges, by ascending port, none overlapping */
	__u16 spans;
	__u16 pad[3];
};

struct cv_vip_bucket {
	struct cv_vip way[CV_DIRECTORY_WAYS];
};
CV_ASSERT_SIZE(struct cv_vip_bucket, 64);

struct cv_span {
	__u16 port_first;
	__u16 port_last;
	__u16 listener;
	__u16 pad;
};
CV_ASSERT_SIZE(struct cv_span, 8);

/* Outer source addresses that spread over the receive queues of a backend: the prefix, and below it
 * bits of the flow's hash. mask has the prefix bits set; all zero: the backend's source is used. */
struct cv_outer_source {
	__u8 prefix4[4];
	__u8 mask4[4];
	__u8 prefix6[16];
	__u8 mask6[16];
};
CV_ASSERT_SIZE(struct cv_outer_source, 40);

struct cv_directory {
	__u32 hash_key[CV_HASH_KEY_WORDS]; /* of every tuple and address hash */
	__u64 salt;
	__u32 listeners;  /* how many; 0: nothing is balanced */
	__u16 gue_port;	  /* to which GUE goes, in host order */
	__u8 gue_variant; /* enum cv_gue_variant */
	__u8 answers_echo;
	struct cv_outer_source outer_source;
	__u64 pad1;
	__u64 vip_filter[CV_VIP_FILTER_WORDS];
	struct cv_exact_bucket exact[CV_DIRECTORY_BUCKETS];
	struct cv_vip_bucket vip[CV_DIRECTORY_BUCKETS];
	struct cv_span span[CV_MAX_LISTENERS];
};
CV_ASSERT_OFFSET(struct cv_directory, vip_filter, 128);

/* Hash of a listener address (16 bytes, v4-mapped for IPv4), not mixed: the base of all that follows. */
static inline __attribute__((always_inline)) __u64 cv_directory_hash(const struct cv_directory *dir,
								     const __u32 address[4])
{
	return cv_hash_nh(dir->hash_key, address, 4);
}

/* Bit of vip_filter. */
static inline __attribute__((always_inline)) __u32 cv_directory_bit(__u64 address_hash)
{
	return (__u32)(address_hash * 0x9e3779b97f4a7c15ULL >> 32) & (CV_VIP_FILTER_WORDS * 64 - 1);
}

/* Hash of an exact entry, or with port 0 of a vip entry: low bits are the bucket, high 16 the tag. */
static inline __attribute__((always_inline)) __u64 cv_directory_entry(__u64 address_hash, __u64 salt,
								      __u32 protocol, __u32 port)
{
	__u64 service = (__u64)(protocol << 16 | port) * 0x9e3779b97f4a7c15ULL;

	return cv_hash_mix(address_hash + service + salt);
}

#endif
