/* SPDX-License-Identifier: GPL-2.0-only */
/* Command lines and what they hold: options, operands, numbers, times, typing errors; and the daemon's documents
 * as they are read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/view.h"

static void numbers_have_bounds(void **state)
{
	uint32_t n = 7;
	struct err err;

	(void)state;
	assert_int_equal(cli_parse_number("0", 0, 1000, &n, &err), 0);
	assert_int_equal(n, 0);
	assert_int_equal(cli_parse_number("1000", 0, 1000, &n, &err), 0);
	assert_int_equal(n, 1000);
	assert_int_equal(cli_parse_number("1001", 0, 1000, &n, &err), -EINVAL);
	assert_string_equal(err.text, "not a whole number from 0 to 1000");
	assert_int_equal(cli_parse_number("4294967295", 1, UINT32_MAX, &n, &err), 0);
	assert_int_equal(cli_parse_number("4294967296", 1, UINT32_MAX, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number("99999999999999999999999", 0, UINT32_MAX, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number("", 0, 9, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number("-1", 0, 9, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number("+1", 0, 9, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number(" 1", 0, 9, &n, &err), -EINVAL);
	assert_int_equal(cli_parse_number("1x", 0, 9, &n, &err), -EINVAL);
	assert_int_equal(n, UINT32_MAX);
}

static void times_have_units_and_bounds(void **state)
{
	static const char *const wrong[] = { "", "s", "5", "0s", "999ms", "-5s", "25h", "86401s" };
	struct err err;
	uint32_t s = 0;

	(void)state;
	assert_int_equal(cli_parse_seconds("1s", 86400, &s, NULL), 0);
	assert_int_equal(s, 1);
	assert_int_equal(cli_parse_seconds("1001ms", 86400, &s, NULL), 0);
	assert_int_equal(s, 2);
	assert_int_equal(cli_parse_seconds("24h", 86400, &s, NULL), 0);
	assert_int_equal(s, 86400);
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(cli_parse_seconds(wrong[i], 86400, &s, &err), -EINVAL);
	assert_int_equal(s, 86400);
	assert_string_equal(err.text, "not a time from 1s to 24h with its unit, like 90s, 5m or 1h");
}

static void modes_have_names(void **state)
{
	enum attach_mode mode = ATTACH_AUTO;
	struct err err;

	(void)state;
	assert_int_equal(cli_parse_mode("generic", &mode, NULL), 0);
	assert_int_equal(mode, ATTACH_GENERIC);
	assert_int_equal(cli_parse_mode("driver", &mode, &err), -EINVAL);
	assert_string_equal(err.text, "not one of auto, native, generic");
	assert_int_equal(mode, ATTACH_GENERIC);
}

enum { OPTION_NAME = CLI_OPTION_OWN };

static const struct option options[] = { { "name", required_argument, NULL, OPTION_NAME },
					 { "note", required_argument, NULL, 'n' },
					 CLI_JSON,
					 CLI_WHERE,
					 CLI_HELP,
					 { 0 } };

static int take(int option, const char *value, void *arg, struct err *err)
{
	assert_true(option == OPTION_NAME || option == 'n');
	if (!strcmp(value, "bad"))
		return err_set(err, -EINVAL, "bad is bad");
	*(const char **)arg = value;
	return 0;
}

/* Parses the words of `line`; hands out the status, the options and the first operand. */
static int parse(const char *line, struct cli *cli, const char **name, const char **operand)
{
	static const struct cli_spec spec = { "test", "usage: culvert test X [Y]\n", options, 1, 2, take };
	static char words[256];
	char *argv[16] = { NULL };
	int argc = 0, status;

	snprintf(words, sizeof(words), "%s", line);
	for (char *word = strtok(words, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	status = cli_parse(&spec, argc, argv, cli, name);
	*operand = status == CLI_GO_ON ? argv[optind] : NULL;
	return status;
}

static void options_stand_anywhere(void **state)
{
	const char *name = NULL, *operand;
	struct cli cli;

	(void)state;
	assert_int_equal(parse("test one --json --name n two --socket /s", &cli, &name, &operand), CLI_GO_ON);
	assert_true(cli.json);
	assert_string_equal(cli.socket, "/s");
	assert_null(cli.pin_dir);
	/* no daemon is there to say where */
	assert_string_equal(cli_pin_dir(&cli), DP_DEFAULT_PIN_DIR);
	assert_string_equal(name, "n");
	assert_string_equal(operand, "one");
	assert_int_equal(parse("test --name=m -- --json", &cli, &name, &operand), CLI_GO_ON);
	assert_false(cli.json);
	assert_string_equal(name, "m");
	assert_string_equal(operand, "--json");
	assert_int_equal(parse("test -n short one", &cli, &name, &operand), CLI_GO_ON);
	assert_string_equal(name, "short");
	assert_string_equal(operand, "one");
	assert_int_equal(parse("test one --note long", &cli, &name, &operand), CLI_GO_ON);
	assert_string_equal(name, "long");
	assert_int_equal(parse("test one --pin-dir /p", &cli, &name, &operand), CLI_GO_ON);
	assert_string_equal(cli_pin_dir(&cli), "/p");
}

static void the_pin_dir_is_as_given_or_the_default(void **state)
{
	const char *name, *operand;
	struct cli cli;

	(void)state;
	assert_int_equal(parse("test 1", &cli, &name, &operand), CLI_GO_ON);
	assert_string_equal(cli_pin_dir(&cli), DP_DEFAULT_PIN_DIR);
	assert_int_equal(parse("test 1 --pin-dir /p --socket /nobody/there", &cli, &name, &operand),
			 CLI_GO_ON);
	assert_string_equal(cli_pin_dir(&cli), "/p");
	assert_int_equal(parse("test 1 --socket /nobody/there", &cli, &name, &operand), CLI_GO_ON);
	assert_string_equal(cli_pin_dir(&cli), DP_DEFAULT_PIN_DIR);
}

/* What is said to the person goes nowhere while this parses. */
static int parse_quietly(const char *line)
{
	int out = dup(STDOUT_FILENO), err = dup(STDERR_FILENO), null = open("/dev/null", O_WRONLY), status;
	const char *name, *operand;
	struct cli cli;

	fflush(stdout);
	dup2(null, STDOUT_FILENO);
	dup2(null, STDERR_FILENO);
	status = parse(line, &cli, &name, &operand);
	fflush(stdout);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	close(out);
	close(err);
	close(null);
	return status;
}

static void wrong_command_lines_end_with_2(void **state)
{
	static const char *const wrong[] = {
		"test",		 "test 1 2 3",	      "test --what 1",	   "test -xy 1",
		"test 1 --name", "test --name bad 1", "test --json=yes 1", "test 1 -n",
		"test 1 -n bad", "test 1 --pin-dir p"
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(wrong); i++)
		assert_int_equal(parse_quietly(wrong[i]), CLI_WRONG);
	assert_int_equal(parse_quietly("test --help"), CLI_DONE);
	assert_int_equal(parse_quietly("test -h --what"), CLI_DONE);
}

static void endpoints_are_written_as_in_a_url(void **state)
{
	static const struct {
		const char *json, *text;
	} cases[] = {
		{ "{\"address\":\"192.0.2.1\",\"port\":443}", "192.0.2.1:443" },
		{ "{\"address\":\"2001:db8::1\",\"port\":443}", "[2001:db8::1]:443" },
		{ "{\"address\":\"2001:db8::1\",\"port\":\"8000-8099\"}", "[2001:db8::1]:8000-8099" },
		{ "{\"address\":\"192.0.2.1\",\"port\":\"any\"}", "192.0.2.1:any" },
		{ "{\"address\":\"10.0.0.1\",\"port\":0}", "10.0.0.1" },
		{ "{\"address\":\"10.0.0.1\"}", "10.0.0.1" },
		{ "{}", "-" },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		json_t *json = json_loads(cases[i].json, 0, NULL);
		char text[VIEW_ENDPOINT_LEN];

		assert_string_equal(view_endpoint(json, text), cases[i].text);
		json_decref(json);
	}
}

static void what_a_document_lacks_counts_as_nothing(void **state)
{
	json_t *json = json_pack("{s:i, s:f, s:s, s:n}", "less", -3, "part", 2.5, "empty", "", "null");

	(void)state;
	assert_int_equal(view_count(json, "less"), 0);
	assert_int_equal(view_count(json, "part"), 2);
	assert_int_equal(view_count(json, "none"), 0);
	assert_string_equal(view_text(json, "none"), "-");
	assert_string_equal(view_text(json, "empty"), "-");
	assert_string_equal(view_text(json, "null"), "-");
	assert_string_equal(view_text(NULL, "none"), "-");
	json_decref(json);
}

static void trouble_is_seen(void **state)
{
	static const struct {
		const char *json;
		bool is_troubled;
	} cases[] = {
		{ "{\"state\":\"up\",\"forwardable\":true}", false },
		{ "{\"state\":\"up\"}", false },
		{ "{\"state\":\"up\",\"forwardable\":false}", true },
		{ "{\"state\":\"draining\",\"forwardable\":true}", true },
		{ "{}", true },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		json_t *json = json_loads(cases[i].json, 0, NULL);

		assert_int_equal(view_is_troubled(json), cases[i].is_troubled);
		json_decref(json);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_have_bounds),
		cmocka_unit_test(times_have_units_and_bounds),
		cmocka_unit_test(modes_have_names),
		cmocka_unit_test(options_stand_anywhere),
		cmocka_unit_test(the_pin_dir_is_as_given_or_the_default),
		cmocka_unit_test(wrong_command_lines_end_with_2),
		cmocka_unit_test(endpoints_are_written_as_in_a_url),
		cmocka_unit_test(what_a_document_lacks_counts_as_nothing),
		cmocka_unit_test(trouble_is_seen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
