/* SPDX-License-Identifier: GPL-2.0-only */
/* One target and its timetable: when its checks start, how long they may take, how their ends are reported.
 * Inside user/check only; checker.c decides which jobs there are. */
#ifndef CHECK_CHECK_JOB_H
#define CHECK_CHECK_JOB_H

#include "check/check_kind.h"

struct check_job {
	const struct check_env *env;
	check_report report;
	void *arg;
	struct check_target target;
	unsigned round; /* checker.c's: the last checker_set that wanted it */
	bool is_started;
	uv_timer_t timer;    /* waits for the start of a check, then for its timeout: they never overlap */
	uint64_t due_ms;     /* of the timer */
	uint64_t started_ms; /* of the last check */
	bool had_grace;
	struct check_op *op; /* the running check, or NULL */
	void *memory;	     /* of its kind */
};

/* A job that does nothing yet; it keeps copies. NULL when out of memory. */
struct check_job *check_job_new(const struct check_env *env, const struct check_target *target,
				check_report report, void *arg);

void check_job_start(struct check_job *job);

/* Ends the job: nothing is reported from now on. The memory goes away in the loop's next turn. */
void check_job_close(struct check_job *job);

#endif
