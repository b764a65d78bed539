/* SPDX-License-Identifier: GPL-2.0-only */
/* What checker.c needs to know of a way to check, and what the ways share. Inside user/check only.
 *
 * A kind makes one check at a time of one target and says how it ended. When to check, how long it may take
 * and who is told is checker.c's. */
#ifndef CHECK_CHECK_KIND_H
#define CHECK_CHECK_KIND_H

#include <uv.h>

#include "check/check.h"

struct check_env {
	uv_loop_t *loop;
	struct check_curl *curl;
};

enum check_verdict {
	CHECK_PASSED,
	CHECK_FAILED,
	CHECK_UNDONE, /* this host lacked the means, say a descriptor: says nothing about the target */
};

struct check_end {
	enum check_verdict verdict;
	char reason[96];
};

/* A running check; each kind has its own struct. */
struct check_op;

typedef void (*check_done)(const struct check_end *end, void *arg);

struct check_kind {
	/* Begins a check of `target`, which outlives it. 0 and an operation that calls `done` once, later,
	 * and is gone then; or -errno if it ended at once, which is an end like any other
	 * (check_end_errno). *memory is what the kind keeps of this target from one check to the next: NULL
	 * at first. */
	int (*start)(const struct check_env *env, const struct check_target *target, void **memory,
		     check_done done, void *arg, struct check_op **ret);
	/* Ends an operation early: `done` is never called. */
	void (*cancel)(struct check_op *op);
	/* Frees what was kept, when no check runs; never called with NULL. NULL: nothing ever is. */
	void (*forget)(void *memory);
};

extern const struct check_kind check_tcp;
extern const struct check_kind check_http; /* https as well */

/* Fills in an end; the reason is cut off where it does not fit, and has '?' for all that is not printable ASCII. */
void check_end_set(struct check_end *end, enum check_verdict verdict, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* The end that a positive errno of socket() or connect() means: undone if this host ran out of descriptors,
 * memory or ports, else failed, in the C library's words: "connection refused". */
void check_end_errno(struct check_end *end, int error);

/* A TCP socket that the loop watches. It does not block, and closing it resets the connection, so that
 * neither side keeps it in TIME_WAIT (RFC 9293 3.6) and no local port stays taken. `mark` is SO_MARK. */
struct check_socket {
	uv_poll_t poll; /* its `data` is the owner's */
	int fd;
};

int check_socket_new(uv_loop_t *loop, int family, uint32_t mark, struct check_socket **ret);
void check_socket_close(struct check_socket *sock); /* takes NULL; the memory goes in the loop's next turn */

#endif
