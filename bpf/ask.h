/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions from user space (include/cv_ask.h): told from packets of the wire at the entry, answered at the exit. What
 * a question must not do stands in pkt_is_dry. */
#ifndef ASK_H
#define ASK_H

#include "account.h"
#include "cv_knobs.h"
#include "cv_maps.h"
#include "listener.h"
#include "pkt.h"
#include "scratch.h"
#include "select.h"

/* The metadata in front of the frame, if it is a question. Where a driver has no room for metadata, data_meta lies
 * behind data. */
static __always_inline struct cv_ask *ask_find(struct xdp_md *ctx)
{
	struct cv_ask *ask = (void *)(long)ctx->data_meta;

	if ((void *)(ask + 1) > (void *)(long)ctx->data || ask->key != cv_ask_key)
		return NULL;
	return ask;
}

/* Always 0, CV_MODE_LIVE. A constant would do, were it not for the verifier: it would follow every course of the program
 * twice, once for packets with this mode and once for those with any. */
__u8 cv_live_mode = 0;

/* How this run came about. What stages add to the answer on the way begins with nothing. */
static __always_inline enum cv_mode ask_mode(struct xdp_md *ctx)
{
	const struct cv_ask *ask = ask_find(ctx);
	struct scratch *scratch;

	if (!ask)
		return (enum cv_mode)cv_live_mode;
	scratch = scratch_get(ask->mode);
	if (scratch)
		__builtin_memset(&scratch->answer, 0, sizeof(scratch->answer));
	return ask->mode;
}

/* Completes the answer that lies in cv_scratch, and puts it into the metadata, which has moved along with the head of
 * the frame. A function that the verifier checks by itself, as it has nothing to do with how a packet came there. */
__noinline int ask_reply(struct xdp_md *ctx, enum cv_mode mode)
{
	struct scratch *scratch = scratch_get(mode);
	const struct cv_listener *listener;
	const struct cv_backend *backend;
	enum cv_verdict_class class;
	struct cv_ask *ask = ask_find(ctx);

	if (!ask || !scratch)
		return 0;
	listener = listener_get(scratch->answer.listener);
	backend = backend_get(scratch->answer.backend);
	if (!listener || !backend)
		return 0;
	class = verdict_class(scratch->answer.verdict);
	*ask = scratch->answer;
	ask->slot = cv_hash_slot(scratch->hash, listener->table_size);
	if (class == CV_CLASS_TX)
		ask->ifindex = ctx->ingress_ifindex;
	if (class == CV_CLASS_REDIRECT)
		ask->ifindex = backend->ifindex;
	return 0;
}

static __always_inline void ask_answer(struct xdp_md *ctx, const struct pkt *pkt, enum cv_verdict verdict)
{
	struct scratch *scratch = scratch_get(pkt->mode);
	struct cv_ask *answer;

	if (!scratch)
		return;
	scratch->hash = pkt->hash;
	answer = &scratch->answer;
	answer->key = cv_ask_key;
	answer->mode = pkt->mode;
	answer->verdict = (__u8)verdict;
	answer->source = pkt->source;
	answer->listener = pkt->listener;
	answer->backend = pkt->backend;
	ask_reply(ctx, pkt->mode);
}

#endif
