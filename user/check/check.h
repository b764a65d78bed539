/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs the health checks of all backends in a libuv loop: TCP connects of its own, HTTP and HTTPS through
 * libcurl's multi-socket interface. Reports results; what they mean is model/health.h's affair.
 *
 * Each check is a connection of its own and holds one descriptor. It ends at its timeout at the latest,
 * not counting time in which the loop itself stood still; the checks of a target never overlap. A check
 * that this host lacks the means for (descriptors, memory, ports) is no result: it is logged, once a
 * minute at most, and the target's turn comes again. A check costs about 0.05 ms of a core (tcp), 0.1 ms
 * (http) or 0.9 ms (https; 1.4 ms with `verify`). */
#ifndef CHECK_CHECK_H
#define CHECK_CHECK_H

#include <uv.h>

#include "model/model.h"
#include "util/err.h"

struct check_target {
	uint64_t key;	     /* the caller's name for it; unique in a set */
	struct addr address; /* to connect to: the backend's, or the VIP */
	uint16_t port;	     /* never 0 */
	uint32_t
		mark; /* of the sockets (SO_MARK, cv_probe.h): which backend a check of the VIP is for; 0: none */
	struct health_conf conf; /* type is not none */
};

struct check_result {
	uint64_t key;
	bool success;
	unsigned duration_ms;
	char reason[96]; /* "connected", "HTTP 200", "connection refused", "HTTP 503", "timeout after 2 s" */
};

/* May call checker_set and checker_close. */
typedef void (*check_report)(const struct check_result *result, void *arg);

struct checker;

/* The process ignores SIGPIPE: OpenSSL may write to a connection that the server has closed. 0 or -errno. */
int checker_new(uv_loop_t *loop, check_report report, void *arg, struct checker **ret, struct err *err);

/* Makes the running checks be exactly those of `targets`. A target with the same key and the same settings
 * goes on undisturbed; one that changed or is new is checked first after a random part of its interval, at
 * most one second, and then every interval and up to 10 % more, so that checks do not march in step, or at
 * once if the last one took longer. A result of a target that is gone is never reported. 0 or -ENOMEM
 * (then nothing changed). */
int checker_set(struct checker *checker, const struct check_target *targets, size_t nr);

/* Stops everything; the memory goes away in the loop's next turns. Takes NULL. */
void checker_close(struct checker *checker);

#endif
