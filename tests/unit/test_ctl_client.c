/* SPDX-License-Identifier: GPL-2.0-only */
/* The client's calls: to the server, to nobody and to strangers. They block, so who asks and who answers have a thread
 * each. The server and its bad clients, in test_ctl.c. */
#include "ctl_lab.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

struct call {
	const struct lab *lab;
	const char *command;
	int r;
	json_t *result;
	struct err err;
	bool done;
};

static void *call_thread(void *arg)
{
	struct call *call = arg;

	call->r = ctl_call(call->lab->path, call->command, json_pack("{s:i}", "n", 5), &call->result,
			   &call->err);
	__atomic_store_n(&call->done, true, __ATOMIC_RELEASE);
	return NULL;
}

static void call(struct lab *lab, const char *command, struct call *ret)
{
	pthread_t thread;

	*ret = (struct call){ .lab = lab, .command = command };
	assert_int_equal(pthread_create(&thread, NULL, call_thread, ret), 0);
	while (!__atomic_load_n(&ret->done, __ATOMIC_ACQUIRE)) {
		uv_run(&lab->loop, UV_RUN_NOWAIT);
		usleep(200);
	}
	pthread_join(thread, NULL);
}

static void calls_bring_results_and_refusals(void **state)
{
	struct lab *lab = *state;
	struct call c;

	call(lab, "echo", &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(json_integer_value(json_object_get(c.result, "n")), 5);
	json_decref(c.result);
	call(lab, "big", &c);
	assert_int_equal(c.r, 0);
	assert_int_equal(json_string_length(c.result), BIG_TEXT);
	json_decref(c.result);
	call(lab, "fail", &c);
	assert_int_equal(c.r, 1);
	assert_int_equal(json_string_length(c.result), strlen("it failed for 2 reasons:\n") + 700);
	json_decref(c.result);
	call(lab, "fly", &c);
	assert_int_equal(c.r, 2);
	assert_string_equal(json_string_value(c.result), "no such command: fly");
	json_decref(c.result);
}

static void calls_to_nobody_say_so(void **state)
{
	struct lab *lab = *state;
	struct err err = { "" };
	json_t *result = NULL;
	char path[200];

	snprintf(path, sizeof(path), "%s/nobody", lab->dir);
	assert_int_equal(ctl_call(path, "status", NULL, &result, &err), -ENOENT);
	assert_non_null(strstr(err.text, "no culvertd listens at /tmp/"));
	memset(path, 'x', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	assert_int_equal(ctl_call(path, "status", NULL, &result, &err), -ENAMETOOLONG);
	assert_null(result);
}

/* Somebody who takes a connection, says `answer` and hangs up. */
static void *impostor(void *arg)
{
	const char *const *fd_and_answer = arg;
	int fd = accept(*(const int *)fd_and_answer[0], NULL, NULL);

	send(fd, fd_and_answer[1], strlen(fd_and_answer[1]), MSG_NOSIGNAL);
	close(fd);
	return NULL;
}

static void strange_daemons_are_not_believed(void **state)
{
	static const char *const answers[] = { "", "hello\n", "{\"ok\":true,\"result\":{}}" };
	struct lab *lab = *state;
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);

	snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/strange", lab->dir);
	assert_int_equal(bind(fd, (struct sockaddr *)&sun, sizeof(sun)), 0);
	assert_int_equal(listen(fd, 1), 0);
	for (size_t i = 0; i < sizeof(answers) / sizeof(answers[0]); i++) {
		const char *arg[] = { (const char *)&fd, answers[i] };
		json_t *result = NULL;
		pthread_t thread;
		int r;

		assert_int_equal(pthread_create(&thread, NULL, impostor, arg), 0);
		r = ctl_call(sun.sun_path, "status", NULL, &result, NULL);
		pthread_join(thread, NULL);
		/* It hung up without having read the request: either may be noticed first. */
		assert_true(r == -EPROTO || r == -ECONNRESET);
		assert_null(result);
	}
	close(fd);
	unlink(sun.sun_path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CTL_TEST(calls_bring_results_and_refusals),
		CTL_TEST(calls_to_nobody_say_so),
		CTL_TEST(strange_daemons_are_not_believed),
	};

	alarm(60); /* a loop that does not end is a failure too */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
