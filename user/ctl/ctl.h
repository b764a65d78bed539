/* SPDX-License-Identifier: GPL-2.0-only */
/* The control protocol: one JSON object a line each way over a unix stream socket.
 *
 *   → {"command": "drain", "pool": "web", "backend": "10.0.0.11"}
 *   ← {"ok": true, "result": {…}}          or
 *   ← {"ok": false, "status": 2, "error": "pool web has no backend 10.0.0.99"}
 *
 * `status` is the exit status of the command line: 1 it failed, 2 the request was wrong. Where one sentence is not
 * enough `error` is an object: a wrong configuration has many errors. A client may send
 * several requests; answers come in their order. A request line is at most CTL_MAX_REQUEST bytes.
 *
 * The server takes a client's next request when the answer to its last one is off, and reads no more of it
 * than one line: a client that asks faster than it reads slows down itself and nobody else. Of more than
 * CTL_MAX_CLIENTS the one that has been idle the longest is cut off. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <uv.h>

#include "util/err.h"

#define CTL_DEFAULT_SOCKET "/run/culvert/culvertd.sock"
#define CTL_MAX_REQUEST (2 << 20) /* `plan` sends a whole file: 16,384 backends take half of it */
#define CTL_MAX_CLIENTS 64
/* The command waits this long for a daemon that says nothing. */
#define CTL_TIMEOUT_S 30

/* --- server (server.c): lives in the daemon's loop, never blocks --- */

struct ctl_server;
struct ctl_request; /* one request; the handler answers it, now or later, with exactly one ctl_answer… */

/* `json` is an object with a string `command`; it lives until the request is answered. */
typedef void (*ctl_handler)(struct ctl_request *request, const json_t *json, void *arg);

/* Listens at `path`, mode 0660; makes the directory (0755) if it is missing; a socket file nobody listens
 * on any more is replaced, a living one gives -EADDRINUSE. The process ignores SIGPIPE from then on. */
int ctl_server_new(uv_loop_t *loop, const char *path, ctl_handler handler, void *arg, struct ctl_server **ret,
		   struct err *err);
/* Lets the members of a group use the socket, besides its owner. -EPERM if we are neither privileged nor in it. */
int ctl_server_allow(struct ctl_server *server, gid_t group, struct err *err);
/* Closes all clients and removes the socket file; unanswered requests may still be answered, to nobody. The
 * memory goes away in the loop's next turns. Takes NULL. */
void ctl_server_close(struct ctl_server *server);

void ctl_answer(struct ctl_request *request, json_t *result); /* takes over result; NULL: out of memory */
void ctl_answer_error(struct ctl_request *request, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
/* The same with an object, taken over, in place of a sentence; NULL: out of memory. */
void ctl_answer_refusal(struct ctl_request *request, int status, json_t *error);

/* --- client (client.c): blocking, for the command --- */

/* Sends {"command": command, …args} (args: an object, taken over, or NULL) and waits for the answer.
 * 0 and the result. The daemon's status, 1 or 2, if it refuses; then *ret is its sentence, a JSON string, which
 * may have several lines, or the object in place of it. The caller decrefs *ret. A negative errno and err if it could not be asked: -ENOENT
 * or -ECONNREFUSED if no daemon is there, -ETIMEDOUT, -EPROTO. */
int ctl_call(const char *path, const char *command, json_t *args, json_t **ret, struct err *err);

#endif
