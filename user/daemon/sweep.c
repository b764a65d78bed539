/* SPDX-License-Identifier: GPL-2.0-only */
/* The sweep of the flow table: every few seconds, and before an answer that counts flows, so that the counts are
 * true when they are given. It runs in a worker thread: a million flows take a tenth of a second. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "util/log.h"

#define SWEEP_INTERVAL_MS 5000
#define SWEEP_FRESH_MS 200

struct waiter {
	struct ctl_request *request;
	sweep_report report;
};

struct sweep {
	uv_timer_t timer;
	uv_work_t work;
	bool is_running;
	uint64_t done_ms;
	struct cv_sweep last;
	/* of the worker, while it runs */
	struct cv_sweep result;
	struct err err;
	int r;
	/* who waits for the next one to end */
	struct waiter *waiters;
	size_t waiters_nr;
};

static void work(uv_work_t *job)
{
	struct daemon *d = job->data;

	uv_mutex_lock(&d->dp_in_use);
	d->sweep->r = dp_sweep(d->dp, &d->sweep->result, &d->sweep->err);
	uv_mutex_unlock(&d->dp_in_use);
}

static void answer_waiters(struct daemon *d)
{
	struct sweep *sweep = d->sweep;
	struct waiter *waiters = sweep->waiters;
	size_t nr = sweep->waiters_nr;

	sweep->waiters = NULL;
	sweep->waiters_nr = 0;
	for (size_t i = 0; i < nr; i++) {
		json_t *report = waiters[i].report(d);

		if (report)
			ctl_answer(waiters[i].request, report);
		else
			ctl_answer_error(waiters[i].request, 1,
					 "the counters could not be read, see the log");
	}
	free(waiters);
}

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
		sweep->done_ms = uv_now(&d->loop);
	}
	answer_waiters(d);
}

static void begin(struct daemon *d)
{
	struct sweep *sweep = d->sweep;

	if (sweep->is_running)
		return;
	sweep->work.data = d;
	sweep->is_running = !uv_queue_work(&d->loop, &sweep->work, work, after);
}

static void on_timer(uv_timer_t *timer)
{
	begin(timer->data);
}

void sweep_then_answer(struct daemon *d, struct ctl_request *request, sweep_report report)
{
	struct sweep *sweep = d->sweep;
	struct waiter *waiters = realloc(sweep->waiters, (sweep->waiters_nr + 1) * sizeof(*waiters));

	if (!waiters) {
		ctl_answer_error(request, 1, "out of memory");
		return;
	}
	sweep->waiters = waiters;
	waiters[sweep->waiters_nr++] = (struct waiter){ .request = request, .report = report };
	uv_update_time(&d->loop);
	if (sweep->done_ms && uv_now(&d->loop) - sweep->done_ms < SWEEP_FRESH_MS && !sweep->is_running)
		answer_waiters(d);
	else
		begin(d);
}

const struct cv_sweep *sweep_last(const struct daemon *d)
{
	return &d->sweep->last;
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
