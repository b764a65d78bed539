/* SPDX-License-Identifier: GPL-2.0-only */
/* The command `culvert`: a table of commands, and the way to the one that is meant. What they do is in
 * cmd_*.c; none of them is needed by another. */
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"
#include "util/suggest.h"

struct command {
	const char *name;
	const char *operands;
	const char *help;
	int (*run)(int argc, char **argv);
};

static const struct command commands[] = {
	{ "attach", "IFACE…", "put the program on network interfaces", cmd_attach },
	{ "detach", "IFACE…|--all", "take it off", cmd_detach },
	{ "check", "FILE", "find every error of a configuration file", cmd_check },
	{ "plan", "FILE", "what a reload with this file would do", cmd_plan },
	{ "reload", "", "make culvertd read its configuration again", cmd_reload },
	{ "status", "", "everything on one screen", cmd_status },
	{ "listeners", "", "the listeners, with their flows and traffic", cmd_listeners },
	{ "pools", "", "the pools, with the states of their backends", cmd_pools },
	{ "backends", "", "the backends, with their flows and traffic", cmd_backends },
	{ "flows", "", "the flow table, filtered", cmd_flows },
	{ "capture", "[FILTER]", "packets before and after, and what became of them", cmd_capture },
	{ "drain", "POOL BACKEND", "no new flows for a backend; it keeps those it has", cmd_drain },
	{ "undrain", "POOL BACKEND", "end a drain", cmd_undrain },
	{ "weight", "POOL BACKEND N", "set a backend's share of new flows", cmd_weight },
	{ "disable", "POOL BACKEND", "take a backend and its flows out at once", cmd_disable },
	{ "enable", "POOL BACKEND", "put it back", cmd_enable },
	{ "doctor", "[backend]", "look this host over, and say what mends it", cmd_doctor },
	{ "decap", "COMMAND", "the backend's side: take the tunnel header off", cmd_decap },
	{ "upgrade", "", "put this version in the place of what is attached", cmd_upgrade },
	{ "version", "", "versions of this binary and of what is pinned", cmd_version },
};

static void print_help(FILE *to)
{
	fputs("usage: culvert [--json] [--socket PATH] [--pin-dir DIR] COMMAND …\n\n"
	      "Runs and watches Culvert, a layer-4 load balancer on XDP.\n\n",
	      to);
	for (size_t i = 0; i < CV_ARRAY_SIZE(commands); i++) {
		const struct command *c = &commands[i];
		/* "…" is three bytes but one column. */
		int wide = strstr(c->operands, "…") ? 2 : 0;

		fprintf(to, "  %-9s %-*s  %s\n", c->name, 14 + wide, c->operands, c->help);
	}
	fputs("\nculvert COMMAND --help has the options of a command, and an example.\n"
	      "Exit status: 0 done; 1 it failed; 2 the command line or the configuration is wrong.\n",
	      to);
}

static const struct command *find_command(const char *name)
{
	for (size_t i = 0; i < CV_ARRAY_SIZE(commands); i++) {
		if (!strcmp(commands[i].name, name))
			return &commands[i];
	}
	return NULL;
}

static int complain_unknown(const char *name)
{
	struct suggest suggest;

	suggest_init(&suggest, name);
	for (size_t i = 0; i < CV_ARRAY_SIZE(commands); i++)
		suggest_consider(&suggest, commands[i].name);
	fprintf(stderr, "culvert: there is no command \"%s\"", name);
	if (suggest.best)
		fprintf(stderr, "; did you mean \"%s\"?\n", suggest.best);
	else
		fputs("; culvert --help lists them\n", stderr);
	return CLI_WRONG;
}

/* Options in front of the command are those of the command: `culvert --json status` is `culvert status --json`.
 * Puts the command's name in front of them. */
static int dispatch(int argc, char **argv, int at)
{
	const struct command *command = find_command(argv[at]);
	char *name = argv[at];

	if (!command)
		return complain_unknown(name);
	memmove(argv + 2, argv + 1, (size_t)(at - 1) * sizeof(*argv));
	argv[1] = name;
	optind = 0;
	return command->run(argc - 1, argv + 1);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		CLI_JSON, CLI_WHERE, CLI_HELP, { "version", no_argument, NULL, 'V' }, { 0 }
	};
	int option, status = CLI_GO_ON;

	opterr = 0;
	while (status == CLI_GO_ON && (option = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		if (option == CLI_OPTION_HELP) {
			print_help(stdout);
			status = CLI_DONE;
		} else if (option == 'V') {
			puts("culvert " CV_VERSION);
			status = CLI_DONE;
		} else if (option == ':' || option == '?') {
			fprintf(stderr, "culvert: %s %s; see culvert --help\n", argv[optind - 1],
				option == ':' ? "needs a value" : "is no option");
			status = CLI_WRONG;
		}
	}
	if (status == CLI_GO_ON && optind == argc) {
		print_help(stderr);
		status = CLI_WRONG;
	} else if (status == CLI_GO_ON) {
		status = dispatch(argc, argv, optind);
	}
	if (fflush(stdout) == EOF || ferror(stdout)) {
		fputs("culvert: cannot write to standard output\n", stderr);
		status = status ? status : CLI_FAILED;
	}
	return status;
}
