/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that the program cannot finish by itself (include/cv_held.h): fragments that came before the first one of their
 * datagram wait here for it; packets that are too long are cut. Either goes through the program again, and out of the
 * port that it says. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "daemon/daemon.h"
#include "dataplane/dp_ask.h"
#include "dataplane/dp_held.h"
#include "model/cut.h"
#include "util/log.h"

/* What of it may be had, however many forged packets come. */
#define MAX_FRAMES 4096
#define MAX_BYTES (8 << 20)
#define FRAMES_PER_S 20000 /* through the program again: a fifth of a processor or so */
#define RECORDS_AT_ONCE 256

#define EXPIRE_MS 250

struct hold {
	struct held *held;
	struct dp_held *ring;
	uv_poll_t *on_ring;
	uv_timer_t expire_timer;
	unsigned frames; /* sent again in this second */
	struct hold_counts counts;
	int error;		 /* what opening the ring last failed of, or 0 */
	struct dp_answer answer; /* large */
};

/* Runs one frame through the program again, and sends what comes out. */
static void send_again(struct daemon *d, uint32_t ifindex, const void *frame, size_t size)
{
	struct hold *hold = d->hold;
	const struct dp_question question = {
		.mode = CV_MODE_AGAIN, .ifindex = ifindex, .frame = frame, .len = size
	};
	struct dp_answer *answer = &hold->answer;
	enum cv_verdict_class class = CV_CLASS_DROP;
	struct err err;

	if (hold->frames++ < FRAMES_PER_S && !dp_ask(d->dp, &question, answer, &err))
		class = dp_verdict_class(answer->ask.verdict);
	if ((class == CV_CLASS_TX || class == CV_CLASS_REDIRECT) &&
	    !dp_held_send(hold->ring, answer->ask.ifindex, answer->frame, answer->len))
		hold->counts.sent++;
	else if (class !=
		 CV_CLASS_HOLD) /* one that waited is too long as well: it will come again, to be cut */
		hold->counts.lost++;
}

/* --- what comes by the ring --- */

static void on_expire(uv_timer_t *timer)
{
	struct daemon *d = timer->data;

	held_expire(d->hold->held, uv_now(&d->loop));
	if (!held_counts(d->hold->held)->waiting)
		uv_timer_stop(timer);
}

static void take_early(struct daemon *d, const struct cv_held *record, const void *frame)
{
	struct hold *hold = d->hold;

	if (!held_add(hold->held, &record->key, record->ifindex, frame, record->bytes, uv_now(&d->loop)))
		hold->counts.lost++;
	else if (!uv_is_active((uv_handle_t *)&hold->expire_timer))
		uv_timer_start(&hold->expire_timer, on_expire, EXPIRE_MS, EXPIRE_MS);
}

static void let_go(struct daemon *d, const struct cv_held *record)
{
	struct held_frame *frame;

	while ((frame = held_take(d->hold->held, &record->key))) {
		send_again(d, frame->ifindex, frame->bytes, frame->size);
		free(frame);
	}
}

struct piece {
	struct daemon *d;
	uint32_t ifindex;
};

static void send_piece(const uint8_t *frame, size_t size, void *arg)
{
	const struct piece *piece = arg;

	send_again(piece->d, piece->ifindex, frame, size);
}

static void cut(struct daemon *d, const struct cv_held *record, const void *frame)
{
	struct piece piece = { .d = d, .ifindex = record->ifindex };

	if (cut_ip4(frame, record->bytes, record->link, record->room, send_piece, &piece))
		d->hold->counts.lost++;
	else
		d->hold->counts.cut++;
}

static void take_record(const struct cv_held *record, const void *frame, void *arg)
{
	switch (record->kind) {
	case CV_HELD_NONE:
		break;
	case CV_HELD_EARLY:
		take_early(arg, record, frame);
		break;
	case CV_HELD_FIRST:
		let_go(arg, record);
		break;
	case CV_HELD_LARGE:
		cut(arg, record, frame);
		break;
	}
}

static void on_ring(uv_poll_t *poll, int status, int events)
{
	struct daemon *d = poll->data;

	(void)events;
	/* what is left makes it readable still: others have their turn first */
	if (status == 0)
		dp_held_read(d->hold->ring, RECORDS_AT_ONCE);
}

/* --- beginning and end --- */

static void free_poll(uv_handle_t *handle)
{
	free(handle);
}

static void close_ring(struct hold *hold)
{
	if (hold->on_ring)
		uv_close((uv_handle_t *)hold->on_ring, free_poll);
	hold->on_ring = NULL;
	dp_held_close(hold->ring);
	hold->ring = NULL;
}

static int open_ring(struct daemon *d, struct err *err)
{
	struct hold *hold = d->hold;
	int r = dp_held_open(d->dp, take_record, d, &hold->ring, err);

	if (r)
		return r;
	hold->on_ring = malloc(sizeof(*hold->on_ring));
	if (!hold->on_ring)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	r = uv_poll_init(&d->loop, hold->on_ring, dp_held_fd(hold->ring));
	if (r) {
		free(hold->on_ring);
		hold->on_ring = NULL;
		return err_set(err, r, "watching the ring cv_held: %s", uv_strerror(r));
	}
	hold->on_ring->data = d;
	uv_poll_start(hold->on_ring, UV_READABLE, on_ring);
	return dp_held_lease(d->dp, true, err);
}

void hold_set(struct daemon *d)
{
	struct hold *hold = d->hold;
	struct err err;
	int r;

	close_ring(hold);
	r = open_ring(d, &err);
	if (r && r != hold->error)
		log_err("packets are not held back, trying again error=\"%s\"", err.text);
	if (!r && hold->error)
		log_info("packets are held back again");
	hold->error = r;
	if (r)
		close_ring(hold);
}

void hold_renew(struct daemon *d)
{
	struct hold *hold = d->hold;
	struct err err;

	hold->frames = 0;
	if (!hold->ring)
		hold_set(d);
	else if (dp_held_lease(d->dp, true, &err))
		log_err("packets are not held back error=\"%s\"", err.text);
}

int hold_start(struct daemon *d, struct err *err)
{
	static const struct held_limits limits = { .frames = MAX_FRAMES,
						   .bytes = MAX_BYTES,
						   .wait_ms = CV_HELD_WAIT_MS };
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) < 0)
		return err_set(err, -errno, "drawing a number: %s", strerror(errno));
	d->hold = calloc(1, sizeof(*d->hold));
	if (!d->hold)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	uv_timer_init(&d->loop, &d->hold->expire_timer);
	d->hold->expire_timer.data = d;
	d->hold->held = held_new(&limits, seed);
	if (!d->hold->held)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	hold_set(d);
	return 0;
}

void hold_close(struct daemon *d)
{
	struct hold *hold = d->hold;
	struct err err;

	if (!hold)
		return;
	if (hold->ring)
		dp_held_lease(d->dp, false, &err);
	close_ring(hold);
	uv_close((uv_handle_t *)&hold->expire_timer, NULL);
}

void hold_free(struct daemon *d)
{
	if (!d->hold)
		return;
	held_free(d->hold->held);
	free(d->hold);
}

struct hold_counts hold_counts(const struct daemon *d)
{
	struct hold_counts counts = { 0 };

	if (!d->hold)
		return counts;
	counts = d->hold->counts;
	counts.fragments = *held_counts(d->hold->held);
	return counts;
}
