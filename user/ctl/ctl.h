/* SPDX-License-Identifier: GPL-2.0-only */
/* The control protocol: one JSON object a line each way over a unix stream socket.
 *
 *   → {"command": "drain", "pool": "web", "backend": "10.0.0.11"}
 *   ← {"ok": true, "result": {…}}          or
 *   ← {"ok": false, "status": 2, "error": "pool web has no backend 10.0.0.99"}
 *
 * `status` is the exit status of the command line: 1 it failed, 2 the request was wrong. A client may send
 * several requests; answers come in their order. A request line is at most CTL_MAX_REQUEST bytes. */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include <jansson.h>
#include <uv.h>

#include "util/err.h"

#define CTL_DEFAULT_SOCKET "/run/culvert/culvertd.sock"
#define CTL_MAX_REQUEST 65536
#define CTL_MAX_CLIENTS 64
/* Answers that a client does not read are kept up to this many bytes; then it is cut off. */
#define CTL_MAX_BACKLOG (8 << 20)

/* --- server (server.c): lives in the daemon's loop, never blocks --- */

struct ctl_server;
struct ctl_request; /* one request; the handler answers it, now or later, with exactly one ctl_answer… */

/* `request` belongs to the server and is an object with a string `command`. */
typedef void (*ctl_handler)(struct ctl_request *request, const json_t *json, void *arg);

/* Listens at `path`, mode 0660; makes the directory (0755) if it is missing; a socket file nobody listens
 * on any more is replaced, a living one gives -EADDRINUSE. */
int ctl_server_new(uv_loop_t *loop, const char *path, ctl_handler handler, void *arg, struct ctl_server **ret,
		   struct err *err);
/* Closes all clients and removes the socket file; unanswered requests may still be answered, to nobody. The
 * memory goes away in the loop's next turns. Takes NULL. */
void ctl_server_close(struct ctl_server *server);

void ctl_answer(struct ctl_request *request, json_t *result); /* takes over result */
void ctl_answer_error(struct ctl_request *request, int status, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* --- client (client.c): blocking, for the command --- */

/* Sends {"command": command, …args} (args: an object, taken over, or NULL) and waits for the answer.
 * 0 and the result, which the caller decrefs; -ENOENT or -ECONNREFUSED if no daemon is there; -EINVAL if the
 * daemon says status 2; -EREMOTEIO if it says status 1; -EPROTO; err has the sentence. */
int ctl_call(const char *path, const char *command, json_t *args, json_t **ret, struct err *err);

#endif
