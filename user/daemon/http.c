/* SPDX-License-Identifier: GPL-2.0-only */
/* libmicrohttpd in the loop; see http.h. It has no threads of its own: its epoll descriptor is one of our loop's, and
 * http_run does all that is due. A client whose document is being made is suspended meanwhile. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <unistd.h>

#include <microhttpd.h>

#include "cv_defs.h"
#include "daemon/document.h"
#include "daemon/http.h"

#define IDLE_S 10u
#define REQUEST_BYTES 16384 /* of a client: its request, and the head of our answer */
#define NEVER UINT64_MAX

struct http_making {
	struct http *http; /* NULL: closed meanwhile */
	size_t path;
};

struct client {
	struct MHD_Connection *connection;
	uint64_t deadline_ms; /* NEVER: it has been cut off */
	bool has_asked;
	bool is_suspended;
	struct http_making *awaits;
	struct document *document; /* NULL once it has asked and awaits nothing: there is none */
	TAILQ_ENTRY(client) link;
};

struct http {
	uv_poll_t poll;
	uv_timer_t timer;
	unsigned handles; /* that libuv still knows */
	struct MHD_Daemon *mhd;
	const struct http_path *paths;
	size_t paths_nr;
	void *arg;
	size_t bytes;	   /* of all documents there are */
	bool has_lost_one; /* a client, in this turn */
	TAILQ_HEAD(client_list, client) clients;
	struct http_making *making[]; /* by path */
};

static void on_timer(uv_timer_t *timer);

/* --- answers --- */

static enum MHD_Result answer(struct client *client)
{
	if (!client->document)
		return document_refuse(client->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
				       "This could not be made; culvertd's log says why.\n");
	return MHD_queue_response(client->connection, MHD_HTTP_OK, client->document->response);
}

void http_made(struct http_making *making, char *text, size_t size)
{
	struct http *http = making->http;
	struct document *document;
	struct client *client;

	if (!http) {
		free(making);
		free(text);
		return;
	}
	document = text ? document_new(http->paths[making->path].type, text, size, &http->bytes) : NULL;
	for (client = TAILQ_FIRST(&http->clients); client; client = TAILQ_NEXT(client, link)) {
		if (client->awaits != making)
			continue;
		client->awaits = NULL;
		client->document = document_ref(document);
		if (client->is_suspended)
			MHD_resume_connection(client->connection);
		client->is_suspended = false;
	}
	/* nothing else tells the loop of it */
	uv_timer_start(&http->timer, on_timer, 0, 0);
	document_release(document);
	http->making[making->path] = NULL;
	free(making);
}

/* Has the document made, unless it is being made already. */
static enum MHD_Result ask(struct http *http, struct client *client, size_t path)
{
	struct http_making *making = http->making[path];

	client->has_asked = true;
	if (!making) {
		if (http->bytes > HTTP_MAX_BYTES)
			return document_refuse(client->connection, MHD_HTTP_SERVICE_UNAVAILABLE,
					       "Too much waits for slow readers.\n");
		making = calloc(1, sizeof(*making));
		if (!making)
			return MHD_NO;
		*making = (struct http_making){ .http = http, .path = path };
		http->making[path] = client->awaits = making;
		http->paths[path].make(making, http->arg);
	} else {
		client->awaits = making;
	}
	if (!client->awaits)
		return answer(client);
	client->is_suspended = true;
	MHD_suspend_connection(client->connection);
	return MHD_YES;
}

/* --- what libmicrohttpd calls --- */

static struct client *client_of(struct MHD_Connection *connection)
{
	return MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

/* Comes once the head is there, then for all that is sent with the request, which nobody wants, then to be answered,
 * and once more after a suspension. */
static enum MHD_Result on_request(void *arg, struct MHD_Connection *connection, const char *url,
				  const char *method, const char *version, const char *upload,
				  size_t *upload_size, void **seen)
{
	struct http *http = arg;
	struct client *client = client_of(connection);

	(void)version;
	(void)upload;
	if (!client)
		return MHD_NO;
	if (client->has_asked)
		return answer(client);
	if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
		return document_refuse(client->connection, MHD_HTTP_METHOD_NOT_ALLOWED,
				       "Only GET and HEAD.\n");
	if (!*seen || *upload_size) {
		*seen = client;
		*upload_size = 0;
		return MHD_YES;
	}
	for (size_t i = 0; i < http->paths_nr; i++)
		if (!strcmp(url, http->paths[i].path))
			return ask(http, client, i);
	return document_refuse(client->connection, MHD_HTTP_NOT_FOUND,
			       "There is no such page; see / and /metrics.\n");
}

static void on_connection(void *arg, struct MHD_Connection *connection, void **context,
			  enum MHD_ConnectionNotificationCode what)
{
	struct http *http = arg;
	struct client *client = *context;

	if (what == MHD_CONNECTION_NOTIFY_STARTED) {
		client = calloc(1, sizeof(*client));
		*context = client;
		if (!client)
			return;
		client->connection = connection;
		client->deadline_ms = uv_now(http->poll.loop) + HTTP_DEADLINE_MS;
		TAILQ_INSERT_TAIL(&http->clients, client, link);
	} else if (client) {
		http->has_lost_one = true;
		TAILQ_REMOVE(&http->clients, client, link);
		document_release(client->document);
		free(client);
	}
}

/* --- the loop --- */

/* Cuts off who has had its time, and says when the next one will. libmicrohttpd finds the connection closed. */
static uint64_t cut_overdue(struct http *http, uint64_t now_ms)
{
	uint64_t next_ms = NEVER;
	struct client *client;

	for (client = TAILQ_FIRST(&http->clients); client; client = TAILQ_NEXT(client, link)) {
		if (client->deadline_ms <= now_ms) {
			int fd =
				MHD_get_connection_info(client->connection, MHD_CONNECTION_INFO_CONNECTION_FD)
					->connect_fd;

			shutdown(fd, SHUT_RDWR);
			client->deadline_ms = NEVER;
		}
		if (client->deadline_ms < next_ms)
			next_ms = client->deadline_ms;
	}
	return next_ms;
}

static void run(struct http *http)
{
	uint64_t now_ms = uv_now(http->timer.loop), next_ms;
	unsigned long long wait_ms;

	http->has_lost_one = false;
	MHD_run(http->mhd);
	next_ms = cut_overdue(http, now_ms);
	/* At the limit libmicrohttpd stops listening, and only its next turn after a client has gone begins again: that
	 * turn must come, even if nothing else happens. */
	if (http->has_lost_one)
		next_ms = now_ms;
	if (MHD_get_timeout(http->mhd, &wait_ms) == MHD_YES && now_ms + wait_ms < next_ms)
		next_ms = now_ms + wait_ms;
	if (next_ms == NEVER)
		uv_timer_stop(&http->timer);
	else
		uv_timer_start(&http->timer, on_timer, next_ms - now_ms, 0);
}

static void on_timer(uv_timer_t *timer)
{
	run(timer->data);
}

static void on_ready(uv_poll_t *poll, int status, int events)
{
	(void)status;
	(void)events;
	run(poll->data);
}

/* --- beginning and end --- */

static int listen_at(const struct addr *address, uint16_t port, int *ret_fd, struct err *err)
{
	struct sockaddr_storage sockaddr;
	char text[ADDR_PORT_TEXT_LEN];
	socklen_t len;
	int one = 1, fd, r;

	addr_to_sockaddr(address, port, &sockaddr, &len);
	fd = socket(sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "making a socket: %s", strerror(errno));
	if ((sockaddr.ss_family == AF_INET6 &&
	     setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one))) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) ||
	    bind(fd, (const struct sockaddr *)&sockaddr, len) || listen(fd, HTTP_MAX_CLIENTS)) {
		r = err_set(err, -errno, "cannot listen at %s: %s", addr_format_port(address, port, text),
			    strerror(errno));
		close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

static void on_closed(uv_handle_t *handle)
{
	struct http *http = handle->data;

	if (!--http->handles)
		free(http);
}

int http_new(uv_loop_t *loop, const struct addr *address, uint16_t port, const struct http_path *paths,
	     size_t paths_nr, void *arg, struct http **ret, struct err *err)
{
	struct http *http = calloc(1, sizeof(*http) + paths_nr * sizeof(struct http_making *));
	int fd = -1, r;

	if (!http)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	r = listen_at(address, port, &fd, err);
	if (r) {
		free(http);
		return r;
	}
	TAILQ_INIT(&http->clients);
	http->paths = paths;
	http->paths_nr = paths_nr;
	http->arg = arg;
	/* The socket is libmicrohttpd's now, also if this fails. */
	http->mhd = MHD_start_daemon(
		MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME, 0, NULL, NULL, on_request, http,
		MHD_OPTION_LISTEN_SOCKET, fd, MHD_OPTION_NOTIFY_CONNECTION, on_connection, http,
		MHD_OPTION_CONNECTION_LIMIT, HTTP_MAX_CLIENTS, MHD_OPTION_CONNECTION_TIMEOUT, IDLE_S,
		MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)REQUEST_BYTES, MHD_OPTION_END);
	if (!http->mhd) {
		free(http);
		return err_set(err, -ENOMEM, "libmicrohttpd cannot start");
	}
	r = uv_poll_init(loop, &http->poll,
			 MHD_get_daemon_info(http->mhd, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd);
	if (r) {
		MHD_stop_daemon(http->mhd);
		free(http);
		return err_set(err, r, "watching libmicrohttpd: %s", uv_strerror(r));
	}
	uv_timer_init(loop, &http->timer);
	http->handles = 2;
	http->poll.data = http->timer.data = http;
	uv_poll_start(&http->poll, UV_READABLE, on_ready);
	*ret = http;
	return 0;
}

void http_close(struct http *http)
{
	struct client *client;

	if (!http)
		return;
	for (size_t i = 0; i < http->paths_nr; i++)
		if (http->making[i])
			http->making[i]->http = NULL;
	for (client = TAILQ_FIRST(&http->clients); client; client = TAILQ_NEXT(client, link))
		if (client->is_suspended)
			MHD_resume_connection(client->connection);
	uv_close((uv_handle_t *)&http->timer, on_closed);
	uv_close((uv_handle_t *)&http->poll, on_closed);
	MHD_stop_daemon(http->mhd);
}
