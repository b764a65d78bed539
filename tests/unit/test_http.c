/* SPDX-License-Identifier: GPL-2.0-only */
/* The HTTP server with real clients over loopback: answers, documents that take their time, clients that do not read,
 * too many clients, and its end at any moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "cv_defs.h"
#include "daemon/http.h"

#define BIG (30u << 20)

struct world {
	uv_loop_t loop;
	struct http *http;
	uint16_t port;
	struct http_making *later; /* what "/later" asked for last */
	unsigned asked;		   /* how often it did */
};

static void make_now(struct http_making *making, void *arg)
{
	(void)arg;
	http_made(making, strdup("now\n"), 4);
}

static void make_later(struct http_making *making, void *arg)
{
	struct world *world = arg;

	world->later = making;
	world->asked++;
}

static void make_nothing(struct http_making *making, void *arg)
{
	(void)arg;
	http_made(making, NULL, 0);
}

static void make_big(struct http_making *making, void *arg)
{
	char *text = malloc(BIG);

	(void)arg;
	assert_non_null(text);
	memset(text, 'x', BIG);
	http_made(making, text, BIG);
}

static const struct http_path paths[] = {
	{ "/now", "text/plain", make_now },
	{ "/later", "application/json", make_later },
	{ "/nothing", "text/plain", make_nothing },
	{ "/big", "text/plain", make_big },
};

static struct addr localhost(void)
{
	struct addr address;

	assert_int_equal(addr_parse("127.0.0.1", &address), 0);
	return address;
}

/* A port that was free a moment ago. */
static uint16_t free_port(void)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(sin);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	assert_int_equal(bind(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&sin, &len), 0);
	close(fd);
	return ntohs(sin.sin_port);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct addr address = localhost();

	assert_non_null(world);
	uv_loop_init(&world->loop);
	world->port = free_port();
	assert_int_equal(http_new(&world->loop, &address, world->port, paths, CV_ARRAY_SIZE(paths), world,
				  &world->http, NULL),
			 0);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	http_close(world->http);
	uv_run(&world->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&world->loop), 0);
	free(world);
	return 0;
}

/* Turns the loop for a while in which nothing more may be expected to happen. */
static void turn(struct world *world)
{
	for (int i = 0; i < 20; i++) {
		uv_run(&world->loop, UV_RUN_NOWAIT);
		usleep(1000);
	}
}

static int client_new(const struct world *world, const char *request, int receive_buffer)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(world->port),
				   .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (receive_buffer)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof(receive_buffer));
	assert_int_equal(connect(fd, (struct sockaddr *)&sin, sizeof(sin)), 0);
	assert_int_equal(send(fd, request, strlen(request), MSG_NOSIGNAL), strlen(request));
	return fd;
}

/* Turns the loop until the server has ended the connection; what it sent, as far as there is room. Bytes in all are
 * returned. */
static size_t client_read(struct world *world, int fd, char *text, size_t room)
{
	static char scrap[65536];
	size_t used = 0;

	for (int i = 0; i < 10000; i++) {
		ssize_t n;

		uv_run(&world->loop, UV_RUN_NOWAIT);
		n = recv(fd, scrap, sizeof(scrap), MSG_DONTWAIT);
		if (n < 0 && errno == EAGAIN) {
			usleep(500);
			continue;
		}
		if (n <= 0)
			break;
		if (used < room - 1)
			memcpy(text + used, scrap, (size_t)n < room - 1 - used ? (size_t)n : room - 1 - used);
		used += (size_t)n;
	}
	text[used < room - 1 ? used : room - 1] = '\0';
	close(fd);
	return used;
}

/* Sends a request and expects an answer that begins so and has this in it. */
static void expect(struct world *world, const char *request, const char *begin, const char *part)
{
	char text[4096];

	client_read(world, client_new(world, request, 0), text, sizeof(text));
	if (strncmp(text, begin, strlen(begin)) != 0 || !strstr(text, part))
		fail_msg("to %s\ncame %s\ninstead of %s … %s", request, text, begin, part);
}

#define GET(path) "GET " path " HTTP/1.1\r\nHost: here\r\n\r\n"

static void documents_are_served(void **state)
{
	struct world *world = *state;

	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "Content-Type: text/plain\r\n");
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "Connection: close\r\n");
	expect(world, GET("/now?a=b"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	expect(world, "GET /now HTTP/1.0\r\n\r\n", "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	expect(world, "GET /now HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc",
	       "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
}

static void a_head_has_no_body(void **state)
{
	struct world *world = *state;
	char text[4096];

	client_read(world, client_new(world, "HEAD /now HTTP/1.1\r\nHost: here\r\n\r\n", 0), text,
		    sizeof(text));
	assert_non_null(strstr(text, "Content-Length: 4\r\n"));
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n");
}

static void what_is_not_there_is_refused(void **state)
{
	struct world *world = *state;

	expect(world, GET("/"), "HTTP/1.1 404 ", "\r\n\r\nThere is no such page");
	expect(world, GET("/now/"), "HTTP/1.1 404 ", "\r\n\r\nThere is no such page");
	expect(world, GET("/../now"), "HTTP/1.1 404 ", "\r\n\r\nThere is no such page");
	expect(world, "POST /now HTTP/1.1\r\nHost: here\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 405 ",
	       "Allow: GET, HEAD\r\n");
	expect(world, "DELETE /now HTTP/1.1\r\nHost: here\r\n\r\n", "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n");
	expect(world, "get /now HTTP/1.1\r\nHost: here\r\n\r\n", "HTTP/1.1 405 ", "Allow: GET, HEAD\r\n");
	expect(world, "nonsense\r\n\r\n", "", "");
	expect(world, GET("/nothing"), "HTTP/1.1 503 ", "Retry-After: ");
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
}

static void one_document_is_made_for_all_who_wait(void **state)
{
	struct world *world = *state;
	char text[4096];
	int client[3];

	for (int i = 0; i < 3; i++)
		client[i] = client_new(world, GET("/later"), 0);
	turn(world);
	assert_int_equal(world->asked, 1);
	assert_int_equal(recv(client[0], text, sizeof(text), MSG_DONTWAIT), -1);
	close(client[1]); /* one that does not wait for the end of it */
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	http_made(world->later, strdup("{}"), 2);
	client_read(world, client[0], text, sizeof(text));
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n{}");
	client_read(world, client[2], text, sizeof(text));
	assert_string_equal(strstr(text, "\r\n\r\n"), "\r\n\r\n{}");

	/* who comes later gets a new one */
	client[0] = client_new(world, GET("/later"), 0);
	turn(world);
	assert_int_equal(world->asked, 2);
	http_made(world->later, NULL, 0);
	client_read(world, client[0], text, sizeof(text));
	assert_int_equal(strncmp(text, "HTTP/1.1 503 ", 13), 0);
}

static void a_server_can_end_while_a_document_is_made(void **state)
{
	struct world *world = *state;
	char text[4096];
	int client = client_new(world, GET("/later"), 0);

	turn(world);
	assert_int_equal(world->asked, 1);
	http_close(world->http);
	world->http = NULL;
	assert_int_equal(client_read(world, client, text, sizeof(text)), 0);
	http_made(world->later, strdup("{}"), 2);
}

static void readers_that_stand_still_hold_up_nobody(void **state)
{
	struct world *world = *state;
	char text[4096];
	int client[3];

	for (int i = 0; i < 3; i++) {
		client[i] = client_new(world, GET("/big"), 4096);
		turn(world);
	}
	/* three of these are more than may wait, and nothing new is made */
	expect(world, GET("/big"), "HTTP/1.1 503 ", "slow readers");
	expect(world, GET("/now"), "HTTP/1.1 503 ", "slow readers");
	assert_true(client_read(world, client[0], text, sizeof(text)) > BIG);
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	close(client[1]);
	close(client[2]);
	turn(world);
	assert_true(client_read(world, client_new(world, GET("/big"), 0), text, sizeof(text)) > BIG);
}

static void clients_beyond_the_limit_wait_for_their_turn(void **state)
{
	struct world *world = *state;
	int idle[HTTP_MAX_CLIENTS], late;
	char text[4096];

	for (size_t i = 0; i < CV_ARRAY_SIZE(idle); i++)
		idle[i] = client_new(world, "GET /n", 0);
	turn(world);
	late = client_new(world, GET("/now"), 0);
	turn(world);
	assert_int_equal(recv(late, text, sizeof(text), MSG_DONTWAIT), -1);
	for (size_t i = 0; i < CV_ARRAY_SIZE(idle); i++)
		close(idle[i]);
	client_read(world, late, text, sizeof(text));
	assert_int_equal(strncmp(text, "HTTP/1.1 200 OK\r\n", 17), 0);
}

static void a_port_in_use_is_an_error(void **state)
{
	struct world *world = *state;
	struct addr address = localhost(), elsewhere;
	struct http *http = NULL;
	struct err err;

	assert_int_equal(http_new(&world->loop, &address, world->port, paths, 1, NULL, &http, &err),
			 -EADDRINUSE);
	assert_non_null(strstr(err.text, "cannot listen at 127.0.0.1:"));
	assert_int_equal(addr_parse("192.0.2.1", &elsewhere), 0);
	assert_int_equal(http_new(&world->loop, &elsewhere, world->port, paths, 1, NULL, &http, &err),
			 -EADDRNOTAVAIL);
	assert_null(http);
}

static void two_servers_share_a_loop(void **state)
{
	struct world *world = *state;
	struct world second = { 0 };
	struct addr address;

	assert_int_equal(addr_parse("127.0.0.2", &address), 0);
	assert_int_equal(http_new(&world->loop, &address, world->port, paths, 1, &second, &second.http, NULL),
			 0);
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
	http_close(second.http);
	turn(world);
	expect(world, GET("/now"), "HTTP/1.1 200 OK\r\n", "\r\n\r\nnow\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(documents_are_served, setup, teardown),
		cmocka_unit_test_setup_teardown(a_head_has_no_body, setup, teardown),
		cmocka_unit_test_setup_teardown(what_is_not_there_is_refused, setup, teardown),
		cmocka_unit_test_setup_teardown(one_document_is_made_for_all_who_wait, setup, teardown),
		cmocka_unit_test_setup_teardown(a_server_can_end_while_a_document_is_made, setup, teardown),
		cmocka_unit_test_setup_teardown(readers_that_stand_still_hold_up_nobody, setup, teardown),
		cmocka_unit_test_setup_teardown(clients_beyond_the_limit_wait_for_their_turn, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_port_in_use_is_an_error, setup, teardown),
		cmocka_unit_test_setup_teardown(two_servers_share_a_loop, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
