/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep of the flow table: every few seconds, and before an answer that counts flows, so that the counts are
 * true when they are given. It runs in a worker thread: a million flows take a tenth of a second. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

#define SWEEP_INTERVAL_MS 5000

struct waiter {
	sweep_done done;
	void *arg;
	uint64_t sweep; /* the first that begins after it was asked for */
};

struct sweep {
	uv_timer_t timer;
	uv_work_t work;
	bool is_running;
	uint64_t begun; /* how many, the running one included */
	uint64_t done_ms;
	struct cv_sweep last;
	uint64_t took_ns; /* the last one */
	/* of the worker, while it runs */
	struct cv_sweep result;
	uint64_t result_ns;
	struct err err;
	int r;
	/* by listener: new flows before it began; evicted flows so far */
	struct cv_listener_stats before[CV_MAX_LISTENERS + 1];
	uint64_t evicted[CV_MAX_LISTENERS + 1];
	/* who waits for the next one to end */
	struct waiter *waiters;
	size_t waiters_nr;
};

static void work(uv_work_t *job)
{
	struct daemon *d = job->data;
	uint64_t began_ns;

	uv_mutex_lock(&d->dp_in_use);
	began_ns = uv_hrtime();
	d->sweep->r = dp_sweep(d->dp, &d->sweep->result, &d->sweep->err);
	d->sweep->result_ns = uv_hrtime() - began_ns;
	uv_mutex_unlock(&d->dp_in_use);
}

static bool wait_for(struct sweep *sweep, const struct waiter *waiter)
{
	struct waiter *waiters = realloc(sweep->waiters, (sweep->waiters_nr + 1) * sizeof(*waiters));

	if (!waiters)
		return false;
	sweep->waiters = waiters;
	waiters[sweep->waiters_nr++] = *waiter;
	return true;
}

/* Calls those who waited for the sweep that has ended; one that was asked for while it ran waits for the next. */
static void call_waiters(struct daemon *d)
{
	struct sweep *sweep = d->sweep;
	struct waiter *waiters = sweep->waiters;
	size_t nr = sweep->waiters_nr;

	sweep->waiters = NULL;
	sweep->waiters_nr = 0;
	for (size_t i = 0; i < nr; i++) {
		if (waiters[i].sweep <= sweep->begun)
			waiters[i].done(d, waiters[i].arg);
		else if (!wait_for(sweep, &waiters[i]))
			waiters[i].done(
				d, waiters[i].arg); /* out of memory: older counts are better than none */
	}
	free(waiters);
}

/* Flows of a listener that began, did not end and were not met: pushed out. Beginnings are those before the sweep, ends
 * and lives those known after it, so that what came and went meanwhile is never taken for it: the number is late, never
 * too high. */
static uint64_t missing_flows(const struct cv_listener_stats *before, const struct cv_listener_stats *now,
			      const struct cv_flow_counts *use)
{
	uint64_t ended = now->expired_flows + now->closed_flows;
	uint64_t booked = ended - before->expired_flows - before->closed_flows;
	/* met when their time was over, but passed over when they should have been removed */
	uint64_t left = use->ended > booked ? use->ended - booked : 0;
	uint64_t known = ended + left + use->open + use->closing;

	return before->new_flows > known ? before->new_flows - known : 0;
}

static void count_evicted(struct daemon *d)
{
	struct sweep *sweep = d->sweep;
	struct cv_listener_stats *now = calloc(CV_MAX_LISTENERS + 1, sizeof(*now));
	struct cv_flow_counts *use = calloc(CV_MAX_LISTENERS + 1, sizeof(*use));
	struct err err = { "out of memory" };

	if (!now || !use || dp_listener_stats(d->dp, now, CV_MAX_LISTENERS + 1, &err) ||
	    dp_listener_use(d->dp, use, CV_MAX_LISTENERS + 1, &err)) {
		log_err("evicted flows not counted error=\"%s\"", err.text);
		goto out;
	}
	for (size_t i = 1; i <= CV_MAX_LISTENERS; i++) {
		uint64_t missing = missing_flows(&sweep->before[i], &now[i], &use[i]);

		if (now[i].new_flows < sweep->evicted[i])
			sweep->evicted[i] = 0; /* the id has another listener now */
		if (missing > sweep->evicted[i])
			sweep->evicted[i] = missing;
	}
out:
	free(now);
	free(use);
}

static void begin(struct daemon *d);

static void after(uv_work_t *job, int status)
{
	struct daemon *d = job->data;
	struct sweep *sweep = d->sweep;

	sweep->is_running = false;
	if (status == UV_ECANCELED)
		return;
	if (sweep->r) {
		log_err("sweep failed error=\"%s\"", sweep->err.text);
	} else {
		sweep->last = sweep->result;
		sweep->took_ns = sweep->result_ns;
		sweep->done_ms = uv_now(&d->loop);
		dp_settle(d->dp);
		count_evicted(d);
	}
	call_waiters(d);
	if (sweep->waiters_nr)
		begin(d);
}

static void begin(struct daemon *d)
{
	struct sweep *sweep = d->sweep;

	if (sweep->is_running)
		return;
	if (dp_listener_stats(d->dp, sweep->before, CV_ARRAY_SIZE(sweep->before), NULL))
		memset(sweep->before, 0, sizeof(sweep->before));
	sweep->work.data = d;
	sweep->is_running = !uv_queue_work(&d->loop, &sweep->work, work, after);
	sweep->begun++;
}

static void on_timer(uv_timer_t *timer)
{
	begin(timer->data);
}

bool sweep_then(struct daemon *d, sweep_done done, void *arg)
{
	const struct waiter waiter = { .done = done, .arg = arg, .sweep = d->sweep->begun + 1 };

	if (!wait_for(d->sweep, &waiter))
		return false;
	begin(d);
	return true;
}

uint64_t sweep_evicted(const struct daemon *d, uint16_t listener)
{
	return d->sweep->evicted[listener];
}

const struct cv_sweep *sweep_last(const struct daemon *d)
{
	return &d->sweep->last;
}

uint64_t sweep_took_ns(const struct daemon *d)
{
	return d->sweep->took_ns;
}

int sweep_start(struct daemon *d, struct err *err)
{
	d->sweep = calloc(1, sizeof(*d->sweep));
	if (!d->sweep)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	uv_timer_init(&d->loop, &d->sweep->timer);
	d->sweep->timer.data = d;
	uv_timer_start(&d->sweep->timer, on_timer, SWEEP_INTERVAL_MS, SWEEP_INTERVAL_MS);
	return 0;
}

void sweep_close(struct daemon *d)
{
	if (d->sweep)
		uv_close((uv_handle_t *)&d->sweep->timer, NULL);
}
