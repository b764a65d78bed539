/* SPDX-License-Identifier: GPL-2.0-only */
/* A control server in a loop of its own for the tests of user/ctl, with a socket in a fresh directory, and what it
 * answers to which command. */
#ifndef TESTS_CTL_LAB_H
#define TESTS_CTL_LAB_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "ctl/ctl.h"

#define BIG_TEXT (2 << 20)

struct lab {
	char dir[64];
	char path[96];
	uv_loop_t loop;
	struct ctl_server *server;
	struct ctl_request *kept[CTL_MAX_CLIENTS + 1]; /* asked with "keep", to be answered by the test */
	unsigned kept_nr;
	unsigned asked;
};

static inline void handle(struct ctl_request *request, const json_t *json, void *arg)
{
	const char *command = json_string_value(json_object_get(json, "command"));
	struct lab *lab = arg;
	char *big;

	lab->asked++;
	if (!strcmp(command, "echo")) {
		ctl_answer(request, json_pack("{s:O}", "n", json_object_get(json, "n")));
	} else if (!strcmp(command, "keep")) {
		assert_true(lab->kept_nr < CTL_MAX_CLIENTS + 1);
		lab->kept[lab->kept_nr++] = request;
	} else if (!strcmp(command, "big")) {
		big = malloc(BIG_TEXT + 1);
		assert_non_null(big);
		memset(big, 'x', BIG_TEXT);
		big[BIG_TEXT] = '\0';
		ctl_answer(request, json_string(big));
		free(big);
	} else if (!strcmp(command, "none")) {
		ctl_answer(request, NULL);
	} else if (!strcmp(command, "fail")) {
		ctl_answer_error(request, 1, "it failed for %d reasons:\n%0700d", 2, 7);
	} else {
		ctl_answer_error(request, 2, "no such command: %s", command);
	}
}

static inline int lab_setup(void **state)
{
	struct lab *lab = calloc(1, sizeof(*lab));

	assert_non_null(lab);
	snprintf(lab->dir, sizeof(lab->dir), "/tmp/culvert-ctl-XXXXXX");
	assert_non_null(mkdtemp(lab->dir));
	snprintf(lab->path, sizeof(lab->path), "%s/run/sock", lab->dir);
	assert_int_equal(uv_loop_init(&lab->loop), 0);
	assert_int_equal(ctl_server_new(&lab->loop, lab->path, handle, lab, &lab->server, NULL), 0);
	*state = lab;
	return 0;
}

/* The loop must come to an end by itself: no handle is left. */
static inline int lab_teardown(void **state)
{
	struct lab *lab = *state;
	char run[80];

	ctl_server_close(lab->server);
	uv_run(&lab->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&lab->loop), 0);
	assert_int_equal(access(lab->path, F_OK), -1);
	snprintf(run, sizeof(run), "%s/run", lab->dir);
	assert_int_equal(rmdir(run), 0);
	assert_int_equal(rmdir(lab->dir), 0);
	free(lab);
	return 0;
}

#define CTL_TEST(name) cmocka_unit_test_setup_teardown(name, lab_setup, lab_teardown)

#endif
