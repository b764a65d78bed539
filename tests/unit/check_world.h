/* SPDX-License-Identifier: GPL-2.0-only */
/* A small world for the tests of user/check: a loop, a checker whose results are kept by key, and TCP servers
 * that live in the same loop and answer as they are told. Everything is on 127.0.0.1 or ::1. */
#ifndef TESTS_CHECK_WORLD_H
#define TESTS_CHECK_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <uv.h>
#include <cmocka.h>

#include "check/check.h"

#define MAX_KEYS 1024
#define PATIENCE_MS 20000 /* then a test has failed */

enum manner {
	MANNER_HOLD,		/* accepts and says nothing */
	MANNER_ANSWER,		/* the answer, once something came in, then end of file */
	MANNER_ANSWER_AND_WAIT, /* the answer, and no end of file */
	MANNER_ANSWER_AND_RESET,
	MANNER_CLOSE, /* at once */
};

struct server {
	uv_tcp_t tcp;
	enum manner manner;
	const char *answer;
	size_t answer_size; /* 0: it is a string */
	unsigned delay_ms;  /* before the answer */
	unsigned stall_ms;  /* that the whole loop stands still at each connection */
	uint16_t port;
	struct peer *peers;
	unsigned accepted, open, most_open, resets;
	char request[2048]; /* the last one */
};

struct peer {
	uv_tcp_t tcp;
	uv_timer_t delay;
	uv_write_t write;
	struct server *server;
	struct peer *next;
	unsigned handles;
	char input[2048];
};

struct world {
	uv_loop_t loop;
	uv_timer_t guard;
	struct checker *checker;
	unsigned results[MAX_KEYS];
	unsigned results_nr;
	unsigned wanted_nr; /* results at which run_until stops */
	struct check_result last;
	void (*on_result)(struct world *world, const struct check_result *result);
};

static inline void on_peer_closed(uv_handle_t *handle)
{
	struct peer *peer = handle->data;

	if (!--peer->handles)
		free(peer);
}

static inline void peer_close(struct peer *peer)
{
	struct peer **link = &peer->server->peers;

	if (uv_is_closing((uv_handle_t *)&peer->tcp))
		return;
	while (*link != peer)
		link = &(*link)->next;
	*link = peer->next;
	peer->server->open--;
	uv_close((uv_handle_t *)&peer->tcp, on_peer_closed);
	uv_close((uv_handle_t *)&peer->delay, on_peer_closed);
}

static inline void peer_reset(struct peer *peer)
{
	const struct linger reset = { .l_onoff = 1 };
	int fd;

	uv_fileno((uv_handle_t *)&peer->tcp, &fd);
	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
	peer_close(peer);
}

static inline void on_answered(uv_write_t *write, int status)
{
	struct peer *peer = write->data;

	if (status == UV_ECANCELED)
		return;
	if (peer->server->manner == MANNER_ANSWER_AND_RESET)
		peer_reset(peer);
	else if (peer->server->manner == MANNER_ANSWER || status < 0)
		peer_close(peer);
}

static inline void peer_answer(uv_timer_t *timer)
{
	struct peer *peer = timer->data;
	struct server *server = peer->server;
	size_t size = server->answer_size ? server->answer_size : strlen(server->answer);
	uv_buf_t buffer = uv_buf_init((char *)server->answer, (unsigned)size);

	peer->write.data = peer;
	uv_write(&peer->write, (uv_stream_t *)&peer->tcp, &buffer, 1, on_answered);
}

static inline void lend_buffer(uv_handle_t *handle, size_t suggested, uv_buf_t *buffer)
{
	struct peer *peer = handle->data;

	(void)suggested;
	*buffer = uv_buf_init(peer->input, sizeof(peer->input) - 1);
}

static inline void on_input(uv_stream_t *stream, ssize_t size, const uv_buf_t *buffer)
{
	struct peer *peer = stream->data;
	struct server *server = peer->server;

	if (size == UV_ECONNRESET)
		server->resets++;
	if (size < 0) {
		peer_close(peer);
		return;
	}
	memcpy(server->request, buffer->base, (size_t)size);
	server->request[size] = 0;
	if (server->manner != MANNER_HOLD && size && !peer->write.data)
		uv_timer_start(&peer->delay, peer_answer, server->delay_ms, 0);
}

static inline void on_connection(uv_stream_t *stream, int status)
{
	struct server *server = stream->data;
	struct peer *peer;

	assert_int_equal(status, 0);
	peer = calloc(1, sizeof(*peer));
	assert_non_null(peer);
	peer->server = server;
	peer->next = server->peers;
	peer->handles = 2;
	server->peers = peer;
	server->accepted++;
	if (++server->open > server->most_open)
		server->most_open = server->open;
	uv_tcp_init(stream->loop, &peer->tcp);
	uv_timer_init(stream->loop, &peer->delay);
	peer->tcp.data = peer;
	peer->delay.data = peer;
	assert_int_equal(uv_accept(stream, (uv_stream_t *)&peer->tcp), 0);
	usleep(server->stall_ms * 1000);
	if (server->manner == MANNER_CLOSE)
		peer_close(peer);
	else
		uv_read_start((uv_stream_t *)&peer->tcp, lend_buffer, on_input);
}

/* Listens on a port of the kernel's choice; everything else of `server` is set by the caller. */
static inline void server_start(struct world *world, struct server *server, const char *ip)
{
	struct sockaddr_storage name;
	struct addr address;
	socklen_t name_len;
	int size = sizeof(name);

	assert_int_equal(addr_parse(ip, &address), 0);
	addr_to_sockaddr(&address, 0, &name, &name_len);
	uv_tcp_init(&world->loop, &server->tcp);
	server->tcp.data = server;
	assert_int_equal(uv_tcp_bind(&server->tcp, (struct sockaddr *)&name, 0), 0);
	assert_int_equal(uv_listen((uv_stream_t *)&server->tcp, 4096, on_connection), 0);
	assert_int_equal(uv_tcp_getsockname(&server->tcp, (struct sockaddr *)&name, &size), 0);
	/* The port stands at the same place in sockaddr_in and sockaddr_in6. */
	server->port = ntohs(((struct sockaddr_in *)&name)->sin_port);
}

static inline void server_stop(struct server *server)
{
	while (server->peers)
		peer_close(server->peers);
	uv_close((uv_handle_t *)&server->tcp, NULL);
}

/* A port of `ip` on which nobody listens. */
static inline uint16_t unused_port(struct world *world, const char *ip)
{
	struct server server = { 0 };

	server_start(world, &server, ip);
	server_stop(&server);
	uv_run(&world->loop, UV_RUN_NOWAIT);
	return server.port;
}

static inline void on_result(const struct check_result *result, void *arg)
{
	struct world *world = arg;

	assert_true(result->key < MAX_KEYS);
	world->results[result->key]++;
	world->last = *result;
	if (++world->results_nr == world->wanted_nr)
		uv_stop(&world->loop);
	if (world->on_result)
		world->on_result(world, result);
}

static inline void world_new(struct world *world)
{
	struct err err;

	memset(world, 0, sizeof(*world));
	assert_int_equal(uv_loop_init(&world->loop), 0);
	uv_timer_init(&world->loop, &world->guard);
	assert_int_equal(checker_new(&world->loop, on_result, world, &world->checker, &err), 0);
}

static inline void on_guard(uv_timer_t *timer)
{
	uv_stop(timer->loop);
}

/* Lets the world turn for so long, or shorter if `wanted_nr` results came. */
static inline void run_for(struct world *world, unsigned ms)
{
	uv_update_time(&world->loop);
	uv_timer_start(&world->guard, on_guard, ms, 0);
	uv_run(&world->loop, UV_RUN_DEFAULT);
}

/* Lets the world turn until `nr` more results came. */
static inline void run_until(struct world *world, unsigned nr)
{
	world->wanted_nr = world->results_nr + nr;
	run_for(world, PATIENCE_MS);
	assert_true(world->results_nr >= world->wanted_nr);
	world->wanted_nr = 0;
}

/* Ends the world, whose servers were stopped before; fails if the checker left a handle open. */
static inline void world_end(struct world *world)
{
	checker_close(world->checker);
	uv_close((uv_handle_t *)&world->guard, NULL);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
}

static inline struct check_target make_target(uint64_t key, enum health_type type, const char *ip,
					      uint16_t port)
{
	struct check_target target = {
		.key = key,
		.port = port,
		.conf = { .type = type,
			  .path = "/healthz",
			  .expect_first = 200,
			  .expect_last = 299,
			  .interval_ms = 50,
			  .timeout_ms = 2000,
			  .rise = 2,
			  .fall = 3 },
	};

	assert_int_equal(addr_parse(ip, &target.address), 0);
	return target;
}

static inline void set_one(struct world *world, const struct check_target *target)
{
	assert_int_equal(checker_set(world->checker, target, 1), 0);
}

/* Checks the server once, with `change` made to the target, and leaves the result in world->last. */
static inline void check_once(struct world *world, struct server *server, const char *ip,
			      void (*change)(struct check_target *))
{
	struct check_target target;

	world_new(world);
	server_start(world, server, ip);
	target = make_target(0, HEALTH_HTTP, ip, server->port);
	if (change)
		change(&target);
	set_one(world, &target);
	run_until(world, 1);
	server_stop(server);
	world_end(world);
}

static inline void assert_last(const struct world *world, bool success, const char *reason)
{
	assert_string_equal(world->last.reason, reason);
	assert_int_equal(world->last.success, success);
}

#endif
