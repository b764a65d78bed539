/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands share; see cli.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/faults.h"
#include "dataplane/bpffs.h"
#include "util/number.h"

int cli_complain(const char *name, int status, const char *format, ...)
{
	va_list args;

	fflush(stdout); /* on a terminal both go the same way, and this came later */
	fprintf(stderr, "culvert %s: ", name);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
	return status;
}

/* Takes one option. CLI_GO_ON or the status to end with. */
static int take_option(const struct cli_spec *spec, int option, const char *word, struct cli *cli, void *arg)
{
	struct err err = { "" };

	switch (option) {
	case CLI_OPTION_JSON:
		cli->json = true;
		return CLI_GO_ON;
	case CLI_OPTION_SOCKET:
		cli->socket = optarg;
		cli->is_socket_given = true;
		return CLI_GO_ON;
	case CLI_OPTION_PIN_DIR:
		if (bpffs_check_name(optarg, &err) < 0)
			return cli_complain(spec->name, CLI_WRONG, "%s %s: %s", word, optarg, err.text);
		cli->pin_dir = optarg;
		return CLI_GO_ON;
	case CLI_OPTION_HELP:
		fputs(spec->help, stdout);
		return CLI_DONE;
	case ':':
		return cli_complain(spec->name, CLI_WRONG, "%s needs a value; see culvert %s --help", word,
				    spec->name);
	case '?':
		return cli_complain(spec->name, CLI_WRONG, "it has no option %s; see culvert %s --help", word,
				    spec->name);
	}
	if (spec->take(option, optarg, arg, &err) < 0)
		return cli_complain(spec->name, CLI_WRONG, "%s %s: %s", word, optarg ? optarg : "", err.text);
	return CLI_GO_ON;
}

/* The options that have a letter, as getopt_long wants them. */
static void list_letters(const struct option *options, char *ret, size_t size)
{
	size_t nr = (size_t)snprintf(ret, size, ":");

	for (; options->name && nr + 2 < size; options++) {
		if (options->val >= CLI_OPTION_FIRST)
			continue;
		ret[nr++] = (char)options->val;
		if (options->has_arg == required_argument)
			ret[nr++] = ':';
	}
	ret[nr] = '\0';
}

/* The option that getopt_long has just met, as it was written. */
static void name_option(const struct cli_spec *spec, int option, int index, char **argv, char *word,
			size_t size)
{
	if (index >= 0)
		snprintf(word, size, "--%s", spec->options[index].name);
	else if (option != ':' && option != '?' && option < CLI_OPTION_FIRST)
		snprintf(word, size, "-%c", option);
	else if (optopt > 0 && optopt < CLI_OPTION_FIRST)
		snprintf(word, size, "-%c", optopt);
	else
		snprintf(word, size, "%s", argv[optind - 1]);
}

static int check_operands(const struct cli_spec *spec, int argc, char **argv)
{
	int nr = argc - optind;

	if (nr > spec->max)
		return cli_complain(spec->name, CLI_WRONG,
				    "\"%s\" is one word too many; see culvert %s --help",
				    argv[optind + spec->max], spec->name);
	if (nr < spec->min)
		return cli_complain(spec->name, CLI_WRONG, "words are missing\n%.*s",
				    (int)strcspn(spec->help, "\n"), spec->help);
	return CLI_GO_ON;
}

int cli_parse(const struct cli_spec *spec, int argc, char **argv, struct cli *ret, void *arg)
{
	struct cli cli = { .socket = CTL_DEFAULT_SOCKET };
	int status = CLI_GO_ON;
	char letters[32];

	opterr = 0;
	optind = 0;
	list_letters(spec->options, letters, sizeof(letters));
	while (status == CLI_GO_ON) {
		int index = -1;
		int option = getopt_long(argc, argv, letters, spec->options, &index);
		char word[64];

		if (option == -1) {
			status = check_operands(spec, argc, argv);
			break;
		}
		name_option(spec, option, index, argv, word, sizeof(word));
		status = take_option(spec, option, word, &cli, arg);
	}
	if (status == CLI_GO_ON)
		*ret = cli;
	return status;
}

const char *cli_pin_dir(struct cli *cli)
{
	const char *pin_dir = NULL;
	json_t *result = NULL;

	if (!cli->pin_dir) {
		if (cli->is_socket_given && !ctl_call(cli->socket, "where", NULL, &result, NULL))
			pin_dir = json_string_value(json_object_get(result, "pin_dir"));
		snprintf(cli->found, sizeof(cli->found), "%s", pin_dir ? pin_dir : DP_DEFAULT_PIN_DIR);
		json_decref(result);
		cli->pin_dir = cli->found;
	}
	bpffs_reach(cli->pin_dir);
	return cli->pin_dir;
}

int cli_ask(const char *name, const struct cli *cli, const char *command, json_t *args, json_t **ret)
{
	json_t *result = NULL;
	const char *text;
	struct err err;
	int r;

	r = ctl_call(cli->socket, command, args, &result, &err);
	if (r < 0)
		return cli_complain(name, CLI_FAILED, "%s", err.text);
	if (r > 0 && json_is_object(result))
		return faults_print_refusal(name, cli, r, result);
	if (r > 0) {
		text = json_string_value(result);
		cli_complain(name, r, "%s%s", strchr(text, '\n') ? "refused:\n" : "", text);
		json_decref(result);
		return r;
	}
	*ret = result;
	return CLI_GO_ON;
}

void cli_warn(const char *name, const json_t *answer)
{
	const json_t *warning;
	size_t i;

	json_array_foreach(json_object_get(answer, "warnings"), i, warning)
		cli_complain(name, CLI_DONE, "warning: %s", json_string_value(warning));
}

int cli_print_json(const char *name, json_t *json)
{
	int r = out_json(json, stdout);

	json_decref(json);
	if (r < 0)
		return cli_complain(name, CLI_FAILED, "cannot print: %s", strerror(-r));
	return CLI_DONE;
}

int cli_print_table(const char *name, struct out_table *table)
{
	int r = out_table_print(table, stdout);

	out_table_done(table);
	if (r < 0)
		return cli_complain(name, CLI_FAILED, "cannot print: %s", strerror(-r));
	return CLI_DONE;
}

int cli_parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret, struct err *err)
{
	uint64_t value;

	if (number_parse(text, &value) < 0 || value < min || value > max)
		return err_set(err, -EINVAL, "not a whole number from %u to %u", min, max);
	*ret = (uint32_t)value;
	return 0;
}

int cli_parse_seconds(const char *text, uint32_t max_s, uint32_t *ret_s, struct err *err)
{
	char max[DURATION_TEXT_LEN];
	uint64_t ms;

	if (duration_parse(text, &ms) < 0 || ms < 1000 || ms > max_s * 1000ULL)
		return err_set(err, -EINVAL, "not a time from 1s to %s with its unit, like 90s, 5m or 1h",
			       duration_format(max_s * 1000ULL, max));
	*ret_s = (uint32_t)((ms + 999) / 1000);
	return 0;
}

int cli_parse_mode(const char *text, enum attach_mode *ret, struct err *err)
{
	static const enum attach_mode modes[] = { ATTACH_AUTO, ATTACH_NATIVE, ATTACH_GENERIC };

	for (size_t i = 0; i < CV_ARRAY_SIZE(modes); i++) {
		if (strcmp(text, attach_mode_name(modes[i])) != 0)
			continue;
		*ret = modes[i];
		return 0;
	}
	return err_set(err, -EINVAL, "not one of auto, native, generic");
}
