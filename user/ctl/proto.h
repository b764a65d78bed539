/* SPDX-License-Identifier: GPL-2.0-only */
/* The bytes of the control protocol (ctl.h): lines out of a stream, requests and answers out of lines, and
 * back. Pure: no socket, no loop. Server, client, tests and fuzzer share it. */
#ifndef CTL_PROTO_H
#define CTL_PROTO_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "ctl/ctl.h"

/* Cuts a stream into lines in a fixed space. Zeroed memory is an empty one. */
struct proto_lines {
	size_t start; /* byte[start..end-1] is not taken yet */
	size_t end;
	size_t seen; /* there is no newline in byte[start..seen-1] */
	bool is_ended;
	bool is_skipping;		/* what comes up to the next newline belongs to a line given up */
	char byte[CTL_MAX_REQUEST + 1]; /* with the newline */
};

enum proto_line {
	PROTO_LINE,
	PROTO_MORE,	/* no whole line is here yet */
	PROTO_TOO_LONG, /* said once for a line above CTL_MAX_REQUEST bytes, which is dropped to its end */
	PROTO_CUT,	/* said once: the stream ended within a line, which is dropped */
	PROTO_END,
};

/* Room for more bytes of the stream, 0 if lines must be taken first; then how many were put there. What
 * proto_lines_take gave is no longer valid. */
char *proto_lines_room(struct proto_lines *lines, size_t *ret_size);
void proto_lines_fed(struct proto_lines *lines, size_t size);
void proto_lines_ended(struct proto_lines *lines);

/* The next line, without its newline and without a closing NUL; it lies in *lines. */
enum proto_line proto_lines_take(struct proto_lines *lines, const char **ret_line, size_t *ret_size);

/* A request: an object with a `command` that is not empty. 0, -EINVAL or -ENOMEM; the caller decrefs. */
int proto_parse_request(const char *line, size_t size, json_t **ret, struct err *err);

/* An answer, as ctl_call returns it: 0 and the result; 1 or 2 and the daemon's sentence, a JSON string,
 * or the object in place of it; -EPROTO. The caller decrefs. */
int proto_parse_answer(const char *line, size_t size, json_t **ret, struct err *err);

/* Lines, with newline and closing NUL, that the caller frees; NULL when out of memory. `args` may be NULL, and
 * is taken over. A result of NULL gives the error answer that memory ran out; of an `error` that is no UTF-8
 * only the ASCII comes out. */
char *proto_format_request(const char *command, json_t *args);
char *proto_format_answer(json_t *result);
char *proto_format_error(int status, const char *error);
char *proto_format_refusal(int status, json_t *error); /* an object; NULL as of a result */

#endif
