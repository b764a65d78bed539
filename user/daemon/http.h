/* SPDX-License-Identifier: GPL-2.0-only */
/* A small HTTP server in a libuv loop, for documents that are made when somebody asks. GET and HEAD only, and one
 * request a connection. Knows nothing of what the documents say.
 *
 * Nobody can keep the loop waiting or fill the memory: HTTP_MAX_CLIENTS are served at a time and further ones wait in
 * the kernel; each has HTTP_DEADLINE_MS for everything; whoever asks for a document that is just being made gets the
 * same one; and once HTTP_MAX_BYTES wait for slow readers, nothing is made until they are gone (503). */
#ifndef DAEMON_HTTP_H
#define DAEMON_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "util/addr.h"
#include "util/err.h"

#define HTTP_MAX_CLIENTS 32
#define HTTP_DEADLINE_MS 30000
#define HTTP_MAX_BYTES (64u << 20)

struct http;
struct http_making;

/* Makes a document: sees to it that http_made is called once, now or later. */
typedef void (*http_make)(struct http_making *making, void *arg);

struct http_path {
	const char *path; /* "/metrics" */
	const char *type; /* of the content */
	http_make make;
};

/* Hands a document over: `text` is freed when nobody needs it any more. NULL if it could not be made (503). */
void http_made(struct http_making *making, char *text, size_t size);

/* Listens. `paths` live as long as the server; `arg` is for their functions. 0; -EADDRINUSE, -EADDRNOTAVAIL or another
 * -errno. */
int http_new(uv_loop_t *loop, const struct addr *address, uint16_t port, const struct http_path *paths,
	     size_t paths_nr, void *arg, struct http **ret, struct err *err);

/* Cuts all connections off. What is being made must still be handed over. The memory goes away in the loop's next
 * turns. Takes NULL. */
void http_close(struct http *http);

#endif
