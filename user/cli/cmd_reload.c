/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert reload: the daemon reads its file again, and says what that changed. */
#include "cli/changes.h"
#include "cli/cli.h"
#include "cli/view.h"

static const char help[] =
	"usage: culvert reload [OPTION…]\n\n"
	"Makes culvertd read its configuration file again. All or nothing: if the file has an\n"
	"error, every error is shown as FILE:LINE:COLUMN: path: text, and nothing changes; with\n"
	"--json as a document, too, as by `culvert check`. Of an interface that is not there yet it\n"
	"warns: it is attached as soon as it appears.\n\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP
	"\nExample:\n  culvert check /etc/culvert/culvert.yaml && culvert reload\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct cli_spec spec = { .name = "reload", .help = help, .options = options };

int cmd_reload(int argc, char **argv)
{
	json_t *answer = NULL;
	struct cli cli;
	int status;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status == CLI_GO_ON)
		status = cli_ask(spec.name, &cli, "reload", NULL, &answer);
	if (status != CLI_GO_ON)
		return status;
	cli_warn(spec.name, answer);
	if (cli.json)
		return cli_print_json(spec.name, answer);
	puts(view_text(answer, "message"));
	changes_print(answer);
	json_decref(answer);
	return CLI_DONE;
}
