/* SPDX-License-Identifier: GPL-2.0-only */
/* The timetable of one target; see check_job.h. How a check is made is the affair of its kind. */
#include <stdlib.h>
#include <string.h>

#include "check/check_job.h"
#include "util/log.h"

static const struct check_kind *const kinds[] = {
	[HEALTH_TCP] = &check_tcp,
	[HEALTH_HTTP] = &check_http,
	[HEALTH_HTTPS] = &check_http,
};

static void start_check(uv_timer_t *timer);

/* The loop's own clock stands still while it works; a timeout must not be shorter for that. */
static uint64_t clock_ms(void)
{
	return uv_hrtime() / 1000000;
}

static void arm_timer(struct check_job *job, uint64_t due_ms, uv_timer_cb callback)
{
	uint64_t now_ms = uv_now(job->env->loop);

	job->due_ms = due_ms;
	uv_timer_start(&job->timer, callback, due_ms > now_ms ? due_ms - now_ms : 0, 0);
}

static uint64_t next_start_ms(const struct check_job *job)
{
	uint32_t interval_ms = job->target.conf.interval_ms;
	uint64_t next_ms = job->started_ms + interval_ms + arc4random_uniform(interval_ms / 10 + 1);
	uint64_t soonest_ms = clock_ms() + 1; /* the loop gets a turn whatever the interval is */

	return next_ms > soonest_ms ? next_ms : soonest_ms;
}

static void log_undone(const struct check_end *end)
{
	static struct log_limit limit = { .lines = 1, .interval_ms = 60000 };
	uint64_t more;

	if (log_limit_pass(&limit, clock_ms(), &more))
		log_warn("health check could not be made reason=\"%s\" more_since_last=%llu", end->reason,
			 (unsigned long long)more);
}

/* Reports last: whoever is told may change the set, or close the checker. */
static void end_check(struct check_job *job, const struct check_end *end)
{
	struct check_result result = {
		.key = job->target.key,
		.success = end->verdict == CHECK_PASSED,
		.duration_ms = (unsigned)(clock_ms() - job->started_ms),
	};

	job->op = NULL;
	arm_timer(job, next_start_ms(job), start_check);
	if (end->verdict == CHECK_UNDONE) {
		log_undone(end);
		return;
	}
	memcpy(result.reason, end->reason, sizeof(result.reason));
	job->report(&result, job->arg);
}

static void on_end(const struct check_end *end, void *arg)
{
	end_check(arg, end);
}

/* If the timer comes late, the loop stood still, say for a reload, and so did the check, while the answer may
 * lie in the socket. The check gets that time back, once. */
static void on_timeout(uv_timer_t *timer)
{
	struct check_job *job = timer->data;
	uint32_t timeout_ms = job->target.conf.timeout_ms;
	uint64_t now_ms = clock_ms();
	struct check_end end;

	if (!job->had_grace) {
		job->had_grace = true;
		arm_timer(job, now_ms + 1 + (now_ms - job->due_ms), on_timeout);
		return;
	}
	kinds[job->target.conf.type]->cancel(job->op);
	if (timeout_ms % 1000)
		check_end_set(&end, CHECK_FAILED, "timeout after %u ms", timeout_ms);
	else
		check_end_set(&end, CHECK_FAILED, "timeout after %u s", timeout_ms / 1000);
	end_check(job, &end);
}

static void start_check(uv_timer_t *timer)
{
	struct check_job *job = timer->data;
	struct check_end end;
	int r;

	job->started_ms = clock_ms();
	job->had_grace = false;
	r = kinds[job->target.conf.type]->start(job->env, &job->target, &job->memory, on_end, job, &job->op);
	if (r < 0) {
		check_end_errno(&end, -r);
		end_check(job, &end);
		return;
	}
	arm_timer(job, job->started_ms + job->target.conf.timeout_ms, on_timeout);
}

struct check_job *check_job_new(const struct check_env *env, const struct check_target *target,
				check_report report, void *arg)
{
	struct check_job *job;

	job = calloc(1, sizeof(*job));
	if (!job)
		return NULL;
	job->env = env;
	job->report = report;
	job->arg = arg;
	job->target = *target;
	return job;
}

void check_job_start(struct check_job *job)
{
	uint32_t interval_ms = job->target.conf.interval_ms;

	job->is_started = true;
	job->timer.data = job;
	uv_timer_init(job->env->loop, &job->timer);
	arm_timer(job, clock_ms() + arc4random_uniform(interval_ms < 1000 ? interval_ms : 1000), start_check);
}

static void on_job_closed(uv_handle_t *handle)
{
	free(handle->data);
}

void check_job_close(struct check_job *job)
{
	if (!job->is_started) {
		free(job);
		return;
	}
	if (job->op)
		kinds[job->target.conf.type]->cancel(job->op);
	if (job->memory)
		kinds[job->target.conf.type]->forget(job->memory);
	uv_close((uv_handle_t *)&job->timer, on_job_closed);
}
