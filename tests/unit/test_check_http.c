/* SPDX-License-Identifier: GPL-2.0-only */
/* Checks of type http: what is asked, how each answer is judged, and that nothing is trusted. Over TLS, in
 * test_check_https.c. */
#include "check_world.h"

#include <signal.h>

#define OK_ANSWER "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static char huge[1 << 20]; /* an answer far beyond what a check reads */

static void test_answers(void **state)
{
	static const struct {
		const char *answer, *reason;
		uint16_t expect_first, expect_last;
		bool success;
		enum manner manner;
	} rows[] = {
		{ OK_ANSWER, "HTTP 200", 200, 299, true, MANNER_ANSWER_AND_WAIT },
		{ "HTTP/1.0 200 OK\r\n\r\nto the end", "HTTP 200", 200, 200, true, MANNER_ANSWER },
		{ "HTTP/1.1 204 None\r\n\r\n", "HTTP 204", 200, 299, true, MANNER_ANSWER_AND_WAIT },
		{ "HTTP/1.1 204 None\r\n\r\n", "HTTP 204", 200, 203, false, MANNER_ANSWER },
		{ "HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n", "HTTP 503", 200, 299, false,
		  MANNER_ANSWER },
		{ "HTTP/1.1 503 Out\r\nContent-Length: 0\r\n\r\n", "HTTP 503", 500, 503, true,
		  MANNER_ANSWER },
		{ "HTTP/1.1 100 Continue\r\n\r\n" OK_ANSWER, "HTTP 200", 200, 299, true, MANNER_ANSWER },
		{ "HTTP/1.1 302 Found\r\nLocation: /a\r\nContent-Length: 0\r\n\r\n", "HTTP 302", 200, 299,
		  false, MANNER_ANSWER },
		{ "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", "answer breaks off", 200, 299, false,
		  MANNER_ANSWER },
		{ "SSH-2.0-OpenSSH_9.2\r\n", "not an HTTP answer", 200, 299, false, MANNER_ANSWER },
		{ "\x16\x03\x01\x00\xff\xff\r\n\r\n", "not an HTTP answer", 200, 299, false, MANNER_ANSWER },
		{ "HTTP/1.1 OK\r\n\r\n", "not an HTTP answer", 200, 299, false, MANNER_ANSWER },
		{ "", "closed without an answer", 200, 299, false, MANNER_CLOSE },
	};
	struct check_target target;
	struct server server;
	struct world world;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		server = (struct server){ .manner = rows[i].manner, .answer = rows[i].answer };
		world_new(&world);
		server_start(&world, &server, "127.0.0.1");
		target = make_target(0, HEALTH_HTTP, "127.0.0.1", server.port);
		target.conf.expect_first = rows[i].expect_first;
		target.conf.expect_last = rows[i].expect_last;
		set_one(&world, &target);
		run_until(&world, 3);
		assert_last(&world, rows[i].success, rows[i].reason);
		assert_in_range(server.accepted, 3, 4); /* each on a connection of its own, none redirected */
		server_stop(&server);
		world_end(&world);
	}
}

static void test_match(void **state)
{
	static const struct {
		const char *answer, *match, *reason;
		bool success;
	} rows[] = {
		{ OK_ANSWER, "ok", "HTTP 200", true },
		{ OK_ANSWER, "OK", "HTTP 200 without the text to match", false }, /* headers do not count */
		{ "HTTP/1.1 204 None\r\n\r\n", "ok", "HTTP 204 without the text to match", false },
		{ "HTTP/1.1 503 Out\r\n\r\nok", "ok", "HTTP 503", false },
		{ "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nbra\r\n2\r\nve\r\n0\r\n\r\n",
		  "brave", "HTTP 200", true },
	};
	struct check_target target;
	struct server server;
	struct world world;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		server = (struct server){ .manner = MANNER_ANSWER, .answer = rows[i].answer };
		world_new(&world);
		server_start(&world, &server, "127.0.0.1");
		target = make_target(0, HEALTH_HTTP, "127.0.0.1", server.port);
		strcpy(target.conf.match, rows[i].match);
		set_one(&world, &target);
		run_until(&world, 2);
		assert_last(&world, rows[i].success, rows[i].reason);
		server_stop(&server);
		world_end(&world);
	}
}

static void test_refused(void **state)
{
	struct check_target target;
	struct world world;

	(void)state;
	world_new(&world);
	target = make_target(0, HEALTH_HTTP, "::1", unused_port(&world, "::1"));
	set_one(&world, &target);
	run_until(&world, 1);
	assert_last(&world, false, "connection refused");
	target = make_target(0, HEALTH_HTTP, "255.255.255.255", 80);
	set_one(&world, &target);
	run_until(&world, 1);
	assert_last(&world, false, "network is unreachable");
	world_end(&world);
}

static void ask_for_query(struct check_target *target)
{
	strcpy(target->conf.path, "/a/../b?c=%20d");
}

static void name_host(struct check_target *target)
{
	strcpy(target->conf.host, "web.example");
}

static void assert_request(const struct server *server, const char *line, const char *host)
{
	char expected[200];

	assert_int_equal(strncmp(server->request, line, strlen(line)), 0);
	snprintf(expected, sizeof(expected), "\r\nHost: %s:%u\r\n", host, server->port);
	assert_non_null(strstr(server->request, expected));
	assert_non_null(strstr(server->request, "\r\nUser-Agent: culvert/" CV_VERSION "\r\n"));
	assert_non_null(strstr(server->request, "\r\nConnection: close\r\n"));
}

static void test_request(void **state)
{
	struct server server = { .manner = MANNER_ANSWER, .answer = OK_ANSWER };
	struct world world;

	(void)state;
	setenv("http_proxy", "http://127.0.0.1:1", 1);
	check_once(&world, &server, "127.0.0.1", ask_for_query);
	assert_last(&world, true, "HTTP 200");
	assert_request(&server, "GET /a/../b?c=%20d HTTP/1.1\r\n", "127.0.0.1");
	check_once(&world, &server, "::1", NULL);
	assert_last(&world, true, "HTTP 200");
	assert_request(&server, "GET /healthz HTTP/1.1\r\n", "[::1]");
	check_once(&world, &server, "::1", name_host);
	assert_last(&world, true, "HTTP 200");
	assert_request(&server, "GET /healthz HTTP/1.1\r\n", "web.example");
	unsetenv("http_proxy");
}

static void shorten_timeout(struct check_target *target)
{
	target->conf.timeout_ms = 100;
}

static void test_slow(void **state)
{
	struct server late = { .manner = MANNER_ANSWER, .answer = OK_ANSWER, .delay_ms = 150 };
	struct server stuck = { .manner = MANNER_ANSWER_AND_WAIT,
				.answer = "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nstarts well" };
	struct world world;

	(void)state;
	check_once(&world, &late, "127.0.0.1", NULL);
	assert_last(&world, true, "HTTP 200");
	assert_in_range(world.last.duration_ms, 149, 1500);
	check_once(&world, &late, "127.0.0.1", shorten_timeout);
	assert_last(&world, false, "timeout after 100 ms");
	check_once(&world, &stuck, "127.0.0.1", shorten_timeout);
	assert_last(&world, false, "timeout after 100 ms");
}

/* Fills `huge` with a status line and then `line` again and again. */
static void fill_huge(const char *head, const char *line)
{
	size_t used = strlen(head), size = strlen(line);

	memcpy(huge, head, used);
	for (; used + size <= sizeof(huge); used += size)
		memcpy(huge + used, line, size);
	memset(huge + used, '\n', sizeof(huge) - used);
}

/* A body or a header without an end is read up to a bound, and the status decides. */
static void test_huge(void **state)
{
	struct server server = { .manner = MANNER_ANSWER_AND_WAIT,
				 .answer = huge,
				 .answer_size = sizeof(huge) };
	struct world world;

	(void)state;
	fill_huge("HTTP/1.1 200 OK\r\n\r\n", "body");
	check_once(&world, &server, "127.0.0.1", NULL);
	assert_last(&world, true, "HTTP 200");
	fill_huge("HTTP/1.1 503 Out\r\n", "Name: value\r\n");
	check_once(&world, &server, "127.0.0.1", NULL);
	assert_last(&world, false, "HTTP 503");
}

/* What came before a reset was said, even if libcurl takes it in several pieces. */
static void test_answer_then_reset(void **state)
{
	struct server server = { .manner = MANNER_ANSWER_AND_RESET, .answer = huge };
	struct world world;

	(void)state;
	memset(huge, 'x', sizeof(huge));
	snprintf(huge, sizeof(huge), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", 30000);
	server.answer_size = strlen(huge) + 30000;
	check_once(&world, &server, "127.0.0.1", NULL);
	assert_last(&world, true, "HTTP 200");
	server.answer_size--;
	check_once(&world, &server, "127.0.0.1", NULL);
	assert_last(&world, false, "connection reset by peer");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_match),
		cmocka_unit_test(test_answers),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_slow),
		cmocka_unit_test(test_huge),
		cmocka_unit_test(test_answer_then_reset),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests_name("check_http", tests, NULL, NULL);
}
