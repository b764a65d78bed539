/* SPDX-License-Identifier: GPL-2.0-only */
/* The control server in a real loop with real sockets, and clients of every bad kind. The loop is turned by
 * hand between the steps of the clients. The calls of a good client, in test_ctl_client.c. */
#include "ctl_lab.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* Until nothing happens any more. */
static void turn(struct lab *lab)
{
	for (int quiet = 0; quiet < 3; quiet++)
		uv_run(&lab->loop, UV_RUN_NOWAIT);
}

static int dial(const struct lab *lab)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0);

	assert_true(fd >= 0);
	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s", lab->path);
	if (connect(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		close(fd);
		return -1;
	}
	return fd;
}

/* As much as the socket takes. */
static size_t say(int fd, const char *text, size_t size)
{
	ssize_t n = send(fd, text, size, MSG_NOSIGNAL);

	return n > 0 ? (size_t)n : 0;
}

/* What has come; "EOF" at the end of it says that the server hung up. */
static const char *hear(struct lab *lab, int fd)
{
	static char text[8192];
	size_t used = 0;
	ssize_t n;

	turn(lab);
	do {
		n = recv(fd, text + used, sizeof(text) - 4 - used, 0);
		used += n > 0 ? (size_t)n : 0;
	} while (n > 0);
	snprintf(text + used, sizeof(text) - used, "%s", n == 0 ? "EOF" : "");
	return text;
}

static void assert_served(struct lab *lab, int fd)
{
	static const char request[] = "{\"command\":\"echo\",\"n\":42}\n";

	say(fd, request, strlen(request));
	assert_string_equal(hear(lab, fd), "{\"ok\":true,\"result\":{\"n\":42}}\n");
}

static void answers_come_in_order_now_or_later(void **state)
{
	static const char requests[] = "{\"command\":\"echo\",\"n\":1}\n{\"command\":\"keep\"}\n"
				       "{\"command\":\"echo\",\"n\":3}\n{\"command\":\"none\"}\n";
	struct lab *lab = *state;
	int fd = dial(lab);

	say(fd, requests, strlen(requests));
	assert_string_equal(hear(lab, fd), "{\"ok\":true,\"result\":{\"n\":1}}\n");
	assert_int_equal(lab->kept_nr, 1);
	ctl_answer(lab->kept[0], json_integer(2));
	assert_string_equal(hear(lab, fd),
			    "{\"ok\":true,\"result\":2}\n{\"ok\":true,\"result\":{\"n\":3}}\n"
			    "{\"ok\":false,\"status\":1,\"error\":\"the daemon is out of memory\"}\n");
	close(fd);
}

static void garbage_gets_an_error_and_the_next_line_is_served(void **state)
{
	static const char garbage[] = "\xff\xfe\x00{]\n", unknown[] = "{\"command\":\"fly\"}\n";
	struct lab *lab = *state;
	int fd = dial(lab);

	say(fd, garbage, sizeof(garbage) - 1);
	assert_non_null(strstr(hear(lab, fd), "\"status\":2,\"error\":\"the request is no JSON"));
	say(fd, unknown, strlen(unknown));
	assert_non_null(strstr(hear(lab, fd), "no such command: fly"));
	assert_served(lab, fd);
	close(fd);
}

static void a_line_too_long_gets_one_error_and_the_next_is_served(void **state)
{
	struct lab *lab = *state;
	int fd = dial(lab);
	size_t left = 3 * CTL_MAX_REQUEST;
	char *line = malloc(left);

	assert_non_null(line);
	memset(line, 'x', left);
	while (left) {
		left -= say(fd, line, left);
		turn(lab);
	}
	free(line);
	assert_int_equal(say(fd, "\n", 1), 1);
	assert_string_equal(hear(lab, fd), "{\"ok\":false,\"status\":2,\"error\":"
					   "\"the request is longer than a line may be\"}\n");
	assert_served(lab, fd);
	close(fd);
}

static void half_closing_loses_no_answer(void **state)
{
	static const char requests[] = "{\"command\":\"keep\"}\n{\"command\":\"echo\",\"n\":2}\n{\"comm";
	struct lab *lab = *state;
	int fd = dial(lab);

	say(fd, requests, strlen(requests));
	shutdown(fd, SHUT_WR);
	assert_string_equal(hear(lab, fd), "");
	ctl_answer(lab->kept[0], json_integer(1));
	assert_string_equal(hear(lab, fd), "{\"ok\":true,\"result\":1}\n{\"ok\":true,\"result\":{\"n\":2}}\n"
					   "{\"ok\":false,\"status\":2,\"error\":\"the request does not end "
					   "with a newline\"}\nEOF");
	close(fd);
}

static void who_does_not_read_keeps_only_itself_waiting(void **state)
{
	static const char request[] = "{\"command\":\"big\"}\n";
	struct lab *lab = *state;
	int silent = dial(lab), other = dial(lab);

	for (int i = 0; i < 100000; i++) {
		if (say(silent, request, strlen(request)) < strlen(request))
			break;
		if (i % 100 == 0)
			turn(lab);
	}
	assert_served(lab, other);
	/* One answer is being written; the rest of its requests were not even looked at. */
	assert_int_equal(lab->asked, 2);
	close(silent);
	assert_served(lab, other);
	close(other);
}

static void who_goes_with_a_request_unanswered_is_forgotten(void **state)
{
	static const char keep[] = "{\"command\":\"keep\"}\n", big[] = "{\"command\":\"big\"}\n";
	struct lab *lab = *state;
	int other = dial(lab);

	for (int i = 0; i < 50; i++) {
		int fd = dial(lab);

		say(fd, i % 2 ? keep : big, strlen(i % 2 ? keep : big));
		turn(lab);
		close(fd);
		turn(lab);
	}
	assert_int_equal(lab->kept_nr, 25);
	for (unsigned i = 0; i < lab->kept_nr; i++)
		ctl_answer(lab->kept[i], json_true());
	assert_served(lab, other);
	close(other);
}

static void a_thousand_connections_disturb_nobody(void **state)
{
	static const char keep[] = "{\"command\":\"keep\"}\n";
	struct lab *lab = *state;
	int busy = dial(lab), crowd[1000], newcomer, cut_off = 0;

	say(busy, keep, strlen(keep));
	turn(lab);
	for (int i = 0; i < 1000; i++) {
		crowd[i] = dial(lab);
		assert_true(crowd[i] >= 0);
		turn(lab);
	}
	newcomer = dial(lab);
	assert_served(lab, newcomer);
	ctl_answer(lab->kept[0], json_integer(1));
	assert_string_equal(hear(lab, busy), "{\"ok\":true,\"result\":1}\n");
	for (int i = 0; i < 1000; i++) {
		cut_off += strstr(hear(lab, crowd[i]), "too many clients") != NULL;
		close(crowd[i]);
	}
	assert_int_equal(cut_off, 1002 - CTL_MAX_CLIENTS);
	assert_served(lab, newcomer);
	close(newcomer);
	close(busy);
}

static void when_all_are_busy_the_newcomer_is_told(void **state)
{
	static const char keep[] = "{\"command\":\"keep\"}\n";
	struct lab *lab = *state;
	int busy[CTL_MAX_CLIENTS], newcomer;

	for (int i = 0; i < CTL_MAX_CLIENTS; i++) {
		busy[i] = dial(lab);
		say(busy[i], keep, strlen(keep));
		turn(lab);
	}
	newcomer = dial(lab);
	turn(lab);
	assert_non_null(strstr(hear(lab, newcomer), "too many clients"));
	close(newcomer);
	for (int i = 0; i < CTL_MAX_CLIENTS; i++) {
		ctl_answer(lab->kept[i], json_integer(i));
		assert_non_null(strstr(hear(lab, busy[i]), "\"ok\":true"));
		close(busy[i]);
	}
}

static void a_request_may_outlive_the_server(void **state)
{
	static const char keep[] = "{\"command\":\"keep\"}\n";
	struct lab *lab = *state;
	int fd = dial(lab);

	say(fd, keep, strlen(keep));
	turn(lab);
	ctl_server_close(lab->server);
	lab->server = NULL;
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	assert_string_equal(hear(lab, fd), "EOF");
	ctl_answer_error(lab->kept[0], 1, "too late");
	close(fd);
}

static void the_socket_file_is_ours_alone(void **state)
{
	struct lab *lab = *state;
	struct ctl_server *second = NULL;
	struct stat st;
	char file[96];
	struct err err;
	int fd;

	assert_int_equal(stat(lab->path, &st), 0);
	assert_int_equal(st.st_mode & 0777 & ~0660, 0);
	assert_int_equal(ctl_server_new(&lab->loop, lab->path, handle, lab, &second, &err), -EADDRINUSE);
	turn(lab);
	fd = dial(lab);
	assert_served(lab, fd);
	close(fd);

	snprintf(file, sizeof(file), "%s/file", lab->dir);
	close(open(file, O_CREAT | O_WRONLY, 0600));
	assert_int_equal(ctl_server_new(&lab->loop, file, handle, lab, &second, &err), -EEXIST);
	assert_int_equal(access(file, F_OK), 0);
	unlink(file);
	assert_null(second);
}

static void the_file_of_a_dead_daemon_is_replaced(void **state)
{
	struct lab *lab = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct ctl_server *second = NULL;
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/stale", lab->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	close(fd);
	assert_int_equal(ctl_server_new(&lab->loop, sun.sun_path, handle, lab, &second, NULL), 0);
	ctl_server_close(second);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CTL_TEST(answers_come_in_order_now_or_later),
		CTL_TEST(garbage_gets_an_error_and_the_next_line_is_served),
		CTL_TEST(a_line_too_long_gets_one_error_and_the_next_is_served),
		CTL_TEST(half_closing_loses_no_answer),
		CTL_TEST(who_does_not_read_keeps_only_itself_waiting),
		CTL_TEST(who_goes_with_a_request_unanswered_is_forgotten),
		CTL_TEST(a_thousand_connections_disturb_nobody),
		CTL_TEST(when_all_are_busy_the_newcomer_is_told),
		CTL_TEST(a_request_may_outlive_the_server),
		CTL_TEST(the_socket_file_is_ours_alone),
		CTL_TEST(the_file_of_a_dead_daemon_is_replaced),
	};

	alarm(60); /* a loop that does not end is a failure too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
