/* SPDX-License-Identifier: GPL-2.0-only */
/* The log: what its lines look like on a file and on the journal's stream, that a line stays a line, and the
 * rate limit. Each test catches standard error in a temporary file. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>

#include "util/log.h"

static int real_stderr;
static FILE *caught;

static int catch_stderr(void **state)
{
	(void)state;
	caught = tmpfile();
	real_stderr = dup(STDERR_FILENO);
	unsetenv("JOURNAL_STREAM");
	log_set_level(LOG_LEVEL_INFO);
	return !caught || real_stderr < 0 || dup2(fileno(caught), STDERR_FILENO) < 0;
}

static int release_stderr(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	return fclose(caught);
}

/* All that was written so far. */
static const char *text(void)
{
	static char buffer[4096];
	ssize_t size = pread(fileno(caught), buffer, sizeof(buffer) - 1, 0);

	assert_true(size >= 0);
	buffer[size] = 0;
	return buffer;
}

static void test_plain_line(void **state)
{
	int year, month, day, hour, minute, second, ms, end = 0;

	(void)state;
	log_warn("backend down pool=%s fall=%d", "web", 3);
	sscanf(text(), "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ %n", &year, &month, &day, &hour, &minute, &second, &ms,
	       &end);
	assert_int_equal(end, 25);
	assert_string_equal(text() + end, "warn backend down pool=web fall=3\n");
}

static void test_journal_priorities(void **state)
{
	char stream[64];
	struct stat st;

	(void)state;
	assert_int_equal(fstat(STDERR_FILENO, &st), 0);
	snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", stream, 1);
	log_set_level(LOG_LEVEL_DEBUG);
	log_err("one");
	log_warn("two");
	log_info("three");
	log_debug("four");
	assert_string_equal(text(), "<3>one\n<4>two\n<6>three\n<7>four\n");
}

static void test_foreign_journal_is_no_journal(void **state)
{
	(void)state;
	setenv("JOURNAL_STREAM", "1:1", 1);
	log_info("here");
	assert_non_null(strstr(text(), "Z info here\n"));
}

static void test_level(void **state)
{
	(void)state;
	log_debug("not at first");
	log_set_level(LOG_LEVEL_ERR);
	log_warn("not any more");
	assert_string_equal(text(), "");
	log_err("but this");
	assert_non_null(strstr(text(), "but this"));
}

static void test_one_line_whatever_comes(void **state)
{
	char huge[3000];
	const char *end;

	(void)state;
	memset(huge, 'x', sizeof(huge));
	huge[sizeof(huge) - 1] = 0;
	errno = ENOENT;
	log_info("%s", huge);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(strlen(text()), 1023);
	end = strchr(text(), '\n');
	assert_non_null(end);
	assert_int_equal(end[1], 0);
}

static void test_control_characters(void **state)
{
	(void)state;
	log_info("reason=\"%s\"", "a\nb\x1b[2Jc\x7f\xc3\xa4");
	assert_non_null(strstr(text(), "reason=\"a?b?[2Jc?\xc3\xa4\"\n"));
}

static void test_limit(void **state)
{
	struct log_limit limit = { .lines = 2, .interval_ms = 1000 };
	uint64_t suppressed = 99;

	(void)state;
	assert_true(log_limit_pass(&limit, 50000, &suppressed));
	assert_true(log_limit_pass(&limit, 50001, &suppressed));
	assert_int_equal(suppressed, 0);
	suppressed = 99;
	assert_false(log_limit_pass(&limit, 50002, &suppressed));
	assert_false(log_limit_pass(&limit, 50999, &suppressed));
	assert_int_equal(suppressed, 99);
	assert_true(log_limit_pass(&limit, 51000, &suppressed));
	assert_int_equal(suppressed, 2);
	assert_true(log_limit_pass(&limit, 51001, &suppressed));
	assert_int_equal(suppressed, 0);
	assert_false(log_limit_pass(&limit, 51999, &suppressed));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_plain_line, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_journal_priorities, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_foreign_journal_is_no_journal, catch_stderr,
						release_stderr),
		cmocka_unit_test_setup_teardown(test_level, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_one_line_whatever_comes, catch_stderr, release_stderr),
		cmocka_unit_test_setup_teardown(test_control_characters, catch_stderr, release_stderr),
		cmocka_unit_test(test_limit),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
