/* SPDX-License-Identifier: GPL-2.0-only */
/* What the commands of `culvert` share: their options, their words to the person at the terminal, the call to
 * the daemon. A command is one function in a file of its own; main.c has the table of them. */
#ifndef CLI_CLI_H
#define CLI_CLI_H

#include <getopt.h>
#include <jansson.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "cli/out.h"
#include "ctl/ctl.h"
#include "dataplane/dp.h"
#include "util/err.h"

/* Exit status of the command, which is what commands return. */
enum cli_status {
	CLI_GO_ON = -1, /* none yet */
	CLI_DONE = 0,
	CLI_FAILED = 1,
	CLI_WRONG = 2, /* the command line or the configuration is wrong; nothing was changed */
};

/* Options that many commands have. */
struct cli {
	bool json;
	const char *socket;  /* never NULL */
	const char *pin_dir; /* NULL: not given; cli_pin_dir then finds it */
	bool is_socket_given;
	char found[PATH_MAX];
};

enum {
	CLI_OPTION_HELP = 'h',
	CLI_OPTION_FIRST = 256, /* long ones have no letter */
	CLI_OPTION_JSON = CLI_OPTION_FIRST,
	CLI_OPTION_SOCKET,
	CLI_OPTION_PIN_DIR,
	CLI_OPTION_OWN, /* a command counts its own from here */
};

/* Entries of a command's options, and their lines of its help text. */
#define CLI_JSON                                           \
	{                                                  \
		"json", no_argument, NULL, CLI_OPTION_JSON \
	}
/* Where the daemon and the data plane are: every command takes both, so that a script may always give them. */
#define CLI_WHERE                                                      \
	{ "socket", required_argument, NULL, CLI_OPTION_SOCKET },      \
	{                                                              \
		"pin-dir", required_argument, NULL, CLI_OPTION_PIN_DIR \
	}
#define CLI_HELP                                           \
	{                                                  \
		"help", no_argument, NULL, CLI_OPTION_HELP \
	}
#define CLI_JSON_HELP "  --json             one JSON document on standard output\n"
#define CLI_SOCKET_HELP "  --socket PATH      control socket of culvertd (" CTL_DEFAULT_SOCKET ")\n"
#define CLI_PIN_DIR_HELP "  --pin-dir DIR      where maps and links are pinned (" DP_DEFAULT_PIN_DIR ")\n"
#define CLI_HELP_HELP "  -h, --help         this text\n"

struct cli_spec {
	const char *name;
	const char *help;	      /* usage, what it does, options, an example */
	const struct option *options; /* ends with zeroes */
	int min, max;		      /* operands */
	/* Takes an option of the command's own. 0, or a negative errno and in err what is wrong. */
	int (*take)(int option, const char *value, void *arg, struct err *err);
};

/* Reads the command line of a command; its operands are argv[optind] to argv[argc - 1] then. CLI_GO_ON, or the
 * status to end with: help was asked for, or something is wrong and was said. */
int cli_parse(const struct cli_spec *spec, int argc, char **argv, struct cli *ret, void *arg);

/* The pin directory: as given, else that of the daemon at --socket, if that was given, else the default. */
const char *cli_pin_dir(struct cli *cli);

/* "culvert NAME: …" on standard error; returns `status`. */
int cli_complain(const char *name, int status, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* ctl_call for a command: CLI_GO_ON and a result that the caller decrefs, or the status to end with. */
int cli_ask(const char *name, const struct cli *cli, const char *command, json_t *args, json_t **ret);

/* "culvert NAME: warning: …" on standard error for each of an answer's warnings. */
void cli_warn(const char *name, const json_t *answer);

/* Prints a document with --json; takes it over. The status to end with. */
int cli_print_json(const char *name, json_t *json);
/* Prints a table and ends it. The status to end with. */
int cli_print_table(const char *name, struct out_table *table);

/* A whole number from min to max; a time with its unit from a second to max_s, rounded up to whole seconds.
 * -EINVAL, and in err what is allowed. */
int cli_parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret, struct err *err);
int cli_parse_seconds(const char *text, uint32_t max_s, uint32_t *ret_s, struct err *err);

/* One of the names that attach_mode_name gives. */
int cli_parse_mode(const char *text, enum attach_mode *ret, struct err *err);

int cmd_attach(int argc, char **argv);
int cmd_detach(int argc, char **argv);
int cmd_check(int argc, char **argv);
int cmd_plan(int argc, char **argv);
int cmd_reload(int argc, char **argv);
int cmd_status(int argc, char **argv);
int cmd_listeners(int argc, char **argv);
int cmd_pools(int argc, char **argv);
int cmd_backends(int argc, char **argv);
int cmd_flows(int argc, char **argv);
int cmd_explain(int argc, char **argv);
int cmd_top(int argc, char **argv);
int cmd_capture(int argc, char **argv);
int cmd_drain(int argc, char **argv);
int cmd_undrain(int argc, char **argv);
int cmd_weight(int argc, char **argv);
int cmd_disable(int argc, char **argv);
int cmd_enable(int argc, char **argv);
int cmd_doctor(int argc, char **argv);
int cmd_decap(int argc, char **argv);
int cmd_upgrade(int argc, char **argv);
int cmd_version(int argc, char **argv);

#endif
