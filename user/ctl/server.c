/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's side of the control socket; see ctl.h. A client is in one of three states: its lines are being
 * read, its request is with the handler, or its answer is being written; only then comes its next line. So a
 * client holds at most one answer and one buffer of lines, and one that is slow keeps only itself waiting. */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/proto.h"
#include "ctl/sock.h"

struct ctl_request {
	struct ctl_client *client; /* NULL: it has gone */
	json_t *json;
};

struct ctl_client {
	uv_pipe_t pipe; /* first: a handle is its client */
	uv_write_t write;
	struct ctl_server *server;
	struct ctl_request *request; /* not answered yet */
	char *answer;		     /* not written yet */
	struct proto_lines lines;
	TAILQ_ENTRY(ctl_client) link;
};

struct ctl_server {
	uv_pipe_t pipe; /* first: a handle is its server */
	ctl_handler handler;
	void *arg;
	unsigned clients_nr;			     /* that are not closing */
	unsigned handles;			     /* that libuv still knows, ours and the clients' */
	TAILQ_HEAD(ctl_clients, ctl_client) clients; /* the one that was idle the longest comes first */
	char *path;
};

static void server_release(struct ctl_server *server)
{
	if (--server->handles)
		return;
	free(server->path);
	free(server);
}

static void on_client_closed(uv_handle_t *handle)
{
	struct ctl_client *client = (struct ctl_client *)handle;

	server_release(client->server);
	free(client);
}

static void client_close(struct ctl_client *client)
{
	if (uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	if (client->request)
		client->request->client = NULL;
	client->request = NULL;
	TAILQ_REMOVE(&client->server->clients, client, link);
	client->server->clients_nr--;
	uv_close((uv_handle_t *)&client->pipe, on_client_closed);
}

static void client_next(struct ctl_client *client);

static void on_written(uv_write_t *write, int status)
{
	struct ctl_client *client = write->data;

	free(client->answer);
	client->answer = NULL;
	if (status < 0)
		client_close(client);
	else
		client_next(client);
}

/* Takes over `line`; NULL, when there is no memory for an answer, ends the client. */
static void client_send(struct ctl_client *client, char *line)
{
	uv_buf_t buf;

	if (!line) {
		client_close(client);
		return;
	}
	client->answer = line;
	client->write.data = client;
	buf = uv_buf_init(line, (unsigned)strlen(line));
	if (uv_write(&client->write, (uv_stream_t *)&client->pipe, &buf, 1, on_written) < 0) {
		free(line);
		client->answer = NULL;
		client_close(client);
	}
}

static void client_ask(struct ctl_client *client, const char *line, size_t size)
{
	struct ctl_server *server = client->server;
	struct ctl_request *request = calloc(1, sizeof(*request));
	struct err err;

	if (!request) {
		client_send(client, proto_format_answer(NULL));
		return;
	}
	if (proto_parse_request(line, size, &request->json, &err) < 0) {
		free(request);
		client_send(client, proto_format_error(2, err.text));
		return;
	}
	request->client = client;
	client->request = request;
	TAILQ_REMOVE(&server->clients, client, link);
	TAILQ_INSERT_TAIL(&server->clients, client, link);
	server->handler(request, request->json, server->arg);
}

static void on_room_wanted(uv_handle_t *handle, size_t suggested, uv_buf_t *ret)
{
	struct ctl_client *client = (struct ctl_client *)handle;

	(void)suggested;
	ret->base = proto_lines_room(&client->lines, &ret->len);
}

static void on_read(uv_stream_t *stream, ssize_t nread, const uv_buf_t *buf)
{
	struct ctl_client *client = (struct ctl_client *)stream;

	(void)buf;
	if (nread == UV_ENOBUFS || nread == UV_EOF)
		uv_read_stop(stream);
	if (nread == UV_EOF)
		proto_lines_ended(&client->lines);
	else if (nread > 0)
		proto_lines_fed(&client->lines, (size_t)nread);
	else if (nread < 0 && nread != UV_ENOBUFS)
		client_close(client);
	client_next(client);
}

static void client_read(struct ctl_client *client)
{
	int r = uv_read_start((uv_stream_t *)&client->pipe, on_room_wanted, on_read);

	if (r < 0 && r != UV_EALREADY)
		client_close(client);
}

static void client_next(struct ctl_client *client)
{
	const char *line;
	size_t size;

	if (client->request || client->answer || uv_is_closing((uv_handle_t *)&client->pipe))
		return;
	switch (proto_lines_take(&client->lines, &line, &size)) {
	case PROTO_LINE:
		client_ask(client, line, size);
		break;
	case PROTO_MORE:
		client_read(client);
		break;
	case PROTO_TOO_LONG:
		client_send(client, proto_format_error(2, "the request is longer than a line may be"));
		break;
	case PROTO_CUT:
		client_send(client, proto_format_error(2, "the request does not end with a newline"));
		break;
	case PROTO_END:
		client_close(client);
		break;
	}
}

/* Makes room after one client too many: the one that was idle the longest goes, be it an old or the new one. */
static void server_thin_out(struct ctl_server *server)
{
	struct ctl_client *idle = TAILQ_FIRST(&server->clients);
	char *line;

	while (idle->request) /* the new one has none yet */
		idle = TAILQ_NEXT(idle, link);
	line = proto_format_error(1, "culvertd has too many clients, and cut off one that was idle");
	if (line) {
		uv_buf_t buf = uv_buf_init(line, (unsigned)strlen(line));

		/* If it does not fit at once, the client was not reading anyway. */
		(void)uv_try_write((uv_stream_t *)&idle->pipe, &buf, 1);
		free(line);
	}
	client_close(idle);
}

static void on_connection(uv_stream_t *stream, int status)
{
	struct ctl_server *server = (struct ctl_server *)stream;
	struct ctl_client *client = status < 0 ? NULL : calloc(1, sizeof(*client));

	if (!client)
		return;
	client->server = server;
	if (uv_pipe_init(stream->loop, &client->pipe, 0) < 0) {
		free(client);
		return;
	}
	server->handles++;
	server->clients_nr++;
	TAILQ_INSERT_TAIL(&server->clients, client, link);
	if (uv_accept(stream, (uv_stream_t *)&client->pipe) < 0)
		client_close(client);
	else
		client_next(client);
	if (server->clients_nr > CTL_MAX_CLIENTS)
		server_thin_out(server);
}

/* Ends a request, and takes over its answer. */
static void request_done(struct ctl_request *request, char *line)
{
	struct ctl_client *client = request->client;

	json_decref(request->json);
	free(request);
	if (!client)
		return;
	client->request = NULL;
	client_send(client, line);
}

void ctl_answer(struct ctl_request *request, json_t *result)
{
	char *line = request->client ? proto_format_answer(result) : NULL;

	json_decref(result);
	request_done(request, line);
}

void ctl_answer_error(struct ctl_request *request, int status, const char *format, ...)
{
	char *text = NULL, *line = NULL;
	va_list args;

	va_start(args, format);
	if (vasprintf(&text, format, args) < 0)
		text = NULL;
	va_end(args);
	if (request->client)
		line = text ? proto_format_error(status, text) : proto_format_answer(NULL);
	free(text);
	request_done(request, line);
}

void ctl_answer_refusal(struct ctl_request *request, int status, json_t *error)
{
	char *line = request->client ? proto_format_refusal(status, error) : NULL;

	json_decref(error);
	request_done(request, line);
}

static void on_server_closed(uv_handle_t *handle)
{
	server_release((struct ctl_server *)handle);
}

int ctl_server_new(uv_loop_t *loop, const char *path, ctl_handler handler, void *arg, struct ctl_server **ret,
		   struct err *err)
{
	struct ctl_server *server = calloc(1, sizeof(*server));
	int fd, r;

	if (!server || !(server->path = strdup(path))) {
		free(server);
		return err_set(err, -ENOMEM, "out of memory");
	}
	r = sock_bind(path, &fd, err);
	if (r < 0) {
		free(server->path);
		free(server);
		return r;
	}
	/* libuv writes with write(2): a client that has gone would end the daemon. */
	signal(SIGPIPE, SIG_IGN);
	TAILQ_INIT(&server->clients);
	server->handler = handler;
	server->arg = arg;
	server->handles = 1;
	uv_pipe_init(loop, &server->pipe, 0);
	r = uv_pipe_open(&server->pipe, fd);
	if (r < 0)
		close(fd);
	else
		r = uv_listen((uv_stream_t *)&server->pipe, CTL_MAX_CLIENTS, on_connection);
	if (r < 0) {
		ctl_server_close(server);
		return err_set(err, r, "cannot listen at %s: %s", path, uv_strerror(r));
	}
	*ret = server;
	return 0;
}

int ctl_server_allow(struct ctl_server *server, gid_t group, struct err *err)
{
	/* the mode once more: a strict umask took the group's part away */
	if (lchown(server->path, (uid_t)-1, group) < 0 || chmod(server->path, 0660) < 0)
		return err_set(err, -errno, "cannot give %s to group %u: %s", server->path, group,
			       strerror(errno));
	return 0;
}

void ctl_server_close(struct ctl_server *server)
{
	struct ctl_client *client;

	if (!server)
		return;
	unlink(server->path);
	while ((client = TAILQ_FIRST(&server->clients)))
		client_close(client);
	uv_close((uv_handle_t *)&server->pipe, on_server_closed);
}
