/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* When a flow is over, and its key: what the program, the sweep and the command share. */
#ifndef CV_FLOW_H
#define CV_FLOW_H

#include "cv_clock.h"
#include "cv_types.h"

/* Seconds without a packet after which this flow is over. */
static inline __attribute__((always_inline)) __u32 cv_flow_timeout(const struct cv_flow *flow)
{
	if (flow->state == CV_FLOW_OPEN)
		return flow->idle_timeout_s;
	if (flow->state == CV_FLOW_CLOSING && flow->idle_timeout_s < flow->brief_timeout_s)
		return flow->idle_timeout_s;
	return flow->brief_timeout_s;
}

/* Whether packets of this flow may pass the table by for the rest of an epoch. */
static inline __attribute__((always_inline)) int cv_flow_has_shortcut(const struct cv_flow *flow)
{
	return flow->state == CV_FLOW_OPEN && flow->idle_timeout_s >= CV_SHORTCUT_TIMEOUT_S;
}

/* The clock ticks whole seconds: "more than" makes an expiry at most a second late, and never early. Of a flow with a
 * shortcut the last packet may have come an epoch later than the table knows. */
static inline __attribute__((always_inline)) int cv_flow_is_expired(const struct cv_flow *flow, __u32 now_s)
{
	__u32 unseen = cv_flow_has_shortcut(flow) ? CV_EPOCH_S : 0;

	return cv_clock_idle(now_s, flow->last_seen_s) > cv_flow_timeout(flow) + unseen;
}

/* The key that serves both families: IPv4 in v4-mapped form. */
static inline __attribute__((always_inline)) void cv_flow_long_key(const struct cv_flow4_key *key,
								   struct cv_flow6_key *ret)
{
	__builtin_memset(ret, 0, sizeof(*ret));
	ret->client[10] = ret->client[11] = 0xff;
	ret->address[10] = ret->address[11] = 0xff;
	__builtin_memcpy(&ret->client[12], key->client, sizeof(key->client));
	__builtin_memcpy(&ret->address[12], key->address, sizeof(key->address));
	ret->client_port = key->client_port;
	ret->port = key->port;
	ret->protocol = key->protocol;
}

/* Back again. 0, and nothing in *ret, if it is no key of an IPv4 flow. A client may call itself by a v4-mapped address in
 * IPv6; to one nothing is sent there. */
static inline __attribute__((always_inline)) int cv_flow_short_key(const struct cv_flow6_key *key,
								   struct cv_flow4_key *ret)
{
	const __u8 mapped[12] = { [10] = 0xff, [11] = 0xff };

	if (__builtin_memcmp(key->address, mapped, sizeof(mapped)))
		return 0;
	__builtin_memset(ret, 0, sizeof(*ret));
	__builtin_memcpy(ret->client, &key->client[12], sizeof(ret->client));
	__builtin_memcpy(ret->address, &key->address[12], sizeof(ret->address));
	ret->client_port = key->client_port;
	ret->port = key->port;
	ret->protocol = key->protocol;
	return 1;
}

#endif
