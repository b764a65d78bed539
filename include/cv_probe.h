/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Health checks on the data path: a check connects to the VIP over a socket whose mark (SO_MARK) names the backend, and
 * the program cv_probe, where packets leave, sends what has such a mark to that backend as cv_balance would. */
#ifndef CV_PROBE_H
#define CV_PROBE_H

#include "cv_types.h"

/* The mark: this in the highest byte, then enum cv_forward, then 16 bits of backend id. Firewall marks with that
 * highest byte are ours. */
#define CV_PROBE_MARK 0xc0000000u
#define CV_PROBE_MARK_MASK 0xff000000u

static inline __u32 cv_probe_mark(enum cv_forward forward, __u16 backend)
{
	return CV_PROBE_MARK | (__u32)forward << 16 | backend;
}

/* cv_probes, per CPU, by backend id. Bytes are those of IP packets as the check sent them. */
struct cv_probe_stats {
	__u64 packets; /* sent on to the backend */
	__u64 bytes;
	__u64 dropped; /* no such backend, no way there, or one that this kind of forwarding cannot go */
};

#endif
