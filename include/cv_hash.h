/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The keyed hash of addresses and tuples: one definition for the program, the directory's builder,
 * explain and the tests.
 *
 * NH of UMAC (RFC 4418 5.2.2): with a secret key two different inputs of the same length collide in
 * its 64 bits with probability 2^-32, whatever an attacker chooses, for one multiplication per eight
 * bytes. A bijective finalizer (Stafford's variant 13 of the MurmurHash3 mixer) then spreads the bits.
 *
 * Words are taken as they lie in memory, in wire order: hosts of one cluster share byte order.
 */
#ifndef CV_HASH_H
#define CV_HASH_H

#include "cv_defs.h"
#include "cv_limits.h"

static inline __attribute__((always_inline)) __u64 cv_hash_mix(__u64 h)
{
	h ^= h >> 30;
	h *= 0xbf58476d1ce4e5b9ULL;
	h ^= h >> 27;
	h *= 0x94d049bb133111ebULL;
	h ^= h >> 31;
	return h;
}

/* NH of `count` words (even, at most CV_HASH_KEY_WORDS). Not mixed. */
static inline __attribute__((always_inline)) __u64 cv_hash_nh(const __u32 *key, const __u32 *words,
							      __u32 count)
{
	__u64 sum = 0;

	for (__u32 i = 0; i < count; i += 2)
		sum += (__u64)(__u32)(words[i] + key[i]) * (__u32)(words[i + 1] + key[i + 1]);
	return sum;
}

/* Slot of a table of `size` slots (below 2^32) from a mixed hash: multiply and shift, no division. */
static inline __attribute__((always_inline)) __u32 cv_hash_slot(__u64 hash, __u32 size)
{
	return (__u32)(((hash >> 32) * size) >> 32);
}

#endif
