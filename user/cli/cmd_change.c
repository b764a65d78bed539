/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert drain, undrain, weight, disable, enable: changes of one backend at run time. The daemon judges and
 * keeps them; nothing is decided here. */
#include "cli/cli.h"

#define COMMON_HELP                                                                                              \
	CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP                                                              \
		"\nThe change survives a restart of culvertd. If it could not be saved it is in force all the\n" \
		"same; a warning says so, and the exit status is 1.\n"

static const char drain_help[] =
	"usage: culvert drain [OPTION…] POOL BACKEND\n\n"
	"Gives BACKEND no new flows; the flows it has stay until they end. `culvert backends`\n"
	"shows how many are left.\n\n"
	"  --deadline TIME    90s, 5m, 1h: flows that are still there then are placed anew\n" COMMON_HELP
	"\nExample:\n  culvert drain web 10.0.0.11 --deadline 300s\n";

static const char undrain_help[] = "usage: culvert undrain [OPTION…] POOL BACKEND\n\n"
				   "Ends a drain: BACKEND takes new flows again.\n\n" COMMON_HELP
				   "\nExample:\n  culvert undrain web 10.0.0.11\n";

static const char weight_help[] =
	"usage: culvert weight [OPTION…] POOL BACKEND N\n\n"
	"Gives BACKEND the weight N, 0 to 1000, relative to the others of POOL; with 0 it takes\n"
	"no new flows. Flows it has stay.\n\n" COMMON_HELP "\nExample:\n  culvert weight web 10.0.0.11 50\n";

static const char disable_help[] = "usage: culvert disable [OPTION…] POOL BACKEND\n\n"
				   "Takes BACKEND out at once: its flows are placed anew.\n\n" COMMON_HELP
				   "\nExample:\n  culvert disable web 10.0.0.11\n";

static const char enable_help[] =
	"usage: culvert enable [OPTION…] POOL BACKEND\n\n"
	"Puts a disabled BACKEND back; its health check decides whether it serves.\n\n" COMMON_HELP
	"\nExample:\n  culvert enable web 10.0.0.11\n";

#define MAX_DEADLINE_S 86400

enum { OPTION_DEADLINE = CLI_OPTION_OWN };

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };
static const struct option drain_options[] = {
	CLI_JSON, CLI_WHERE, CLI_HELP, { "deadline", required_argument, NULL, OPTION_DEADLINE }, { 0 }
};

/* Sends the change of the backend that the first two operands name, with one number more if `key` is given. */
static int change(const struct cli_spec *spec, const struct cli *cli, char **operands, const char *key,
		  uint32_t number)
{
	json_t *args = json_pack("{s:s, s:s}", "pool", operands[0], "backend", operands[1]);
	json_t *answer = NULL;
	const char *message;
	int status, done;

	if (!args)
		return cli_complain(spec->name, CLI_WRONG, "pool and backend must be UTF-8");
	if (key && json_object_set_new(args, key, json_integer(number)) < 0) {
		json_decref(args);
		return cli_complain(spec->name, CLI_FAILED, "out of memory");
	}
	status = cli_ask(spec->name, cli, spec->name, args, &answer);
	if (status != CLI_GO_ON)
		return status;
	/* a promise half kept: a script that goes on as if a restart could do no harm would be wrong */
	done = json_is_false(json_object_get(answer, "saved")) ? CLI_FAILED : CLI_DONE;
	cli_warn(spec->name, answer);
	if (cli->json) {
		status = cli_print_json(spec->name, answer);
		return status == CLI_DONE ? done : status;
	}
	message = json_string_value(json_object_get(answer, "message"));
	puts(message ? message : "done");
	json_decref(answer);
	return done;
}

static int take_deadline(int option, const char *value, void *arg, struct err *err)
{
	(void)option;
	return cli_parse_seconds(value, MAX_DEADLINE_S, arg, err);
}

int cmd_drain(int argc, char **argv)
{
	static const struct cli_spec spec = { "drain", drain_help, drain_options, 2, 2, take_deadline };
	uint32_t deadline_s = 0;
	struct cli cli;
	int status = cli_parse(&spec, argc, argv, &cli, &deadline_s);

	if (status != CLI_GO_ON)
		return status;
	return change(&spec, &cli, argv + optind, deadline_s ? "deadline_s" : NULL, deadline_s);
}

static int parse_weight(const char *text, uint32_t *ret)
{
	struct err err;

	if (cli_parse_number(text, 0, CV_MAX_WEIGHT, ret, &err) < 0)
		return cli_complain("weight", CLI_WRONG, "weight %s: %s", text, err.text);
	return CLI_GO_ON;
}

/* The first word that is a number below zero, which getopt would take for an option; or NULL. */
static const char *find_negative(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (argv[i][0] == '-' && argv[i][1] >= '0' && argv[i][1] <= '9')
			return argv[i];
	return NULL;
}

int cmd_weight(int argc, char **argv)
{
	static const struct cli_spec spec = { "weight", weight_help, options, 3, 3, NULL };
	const char *negative = find_negative(argc, argv);
	uint32_t weight = 0;
	struct cli cli;
	int status = negative ? parse_weight(negative, &weight) : CLI_GO_ON;

	if (status == CLI_GO_ON)
		status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status == CLI_GO_ON)
		status = parse_weight(argv[optind + 2], &weight);
	if (status != CLI_GO_ON)
		return status;
	return change(&spec, &cli, argv + optind, "weight", weight);
}

static int plain_change(const struct cli_spec *spec, int argc, char **argv)
{
	struct cli cli;
	int status = cli_parse(spec, argc, argv, &cli, NULL);

	return status == CLI_GO_ON ? change(spec, &cli, argv + optind, NULL, 0) : status;
}

int cmd_undrain(int argc, char **argv)
{
	static const struct cli_spec spec = { "undrain", undrain_help, options, 2, 2, NULL };

	return plain_change(&spec, argc, argv);
}

int cmd_disable(int argc, char **argv)
{
	static const struct cli_spec spec = { "disable", disable_help, options, 2, 2, NULL };

	return plain_change(&spec, argc, argv);
}

int cmd_enable(int argc, char **argv)
{
	static const struct cli_spec spec = { "enable", enable_help, options, 2, 2, NULL };

	return plain_change(&spec, argc, argv);
}
