/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert reload: the daemon reads its file again, and says what that changed. */
#include "cli/cli.h"
#include "cli/view.h"

static const char help[] =
	"usage: culvert reload [OPTION…]\n\n"
	"Makes culvertd read its configuration file again. All or nothing: if the file has an\n"
	"error, every error is shown as FILE:LINE:COLUMN: path: text, and nothing changes.\n\n" CLI_JSON_HELP
		CLI_SOCKET_HELP CLI_HELP_HELP
	"\nExample:\n  culvert check /etc/culvert/culvert.yaml && culvert reload\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct cli_spec spec = { .name = "reload", .help = help, .options = options };

#define MAX_NAMES 10 /* of a kind of change; --json has them all */

static void print_names(const json_t *names)
{
	size_t nr = json_array_size(names);

	for (size_t i = 0; i < nr && i < MAX_NAMES; i++) {
		const char *name = json_string_value(json_array_get(names, i));

		printf(" %s", name ? name : "?");
	}
	if (nr > MAX_NAMES)
		printf(" and %zu more", nr - MAX_NAMES);
	putchar('\n');
}

static void print_changes(const json_t *answer, const char *kind)
{
	static const char *const what[] = { "added", "changed", "removed" };

	for (size_t i = 0; i < CV_ARRAY_SIZE(what); i++) {
		const json_t *names = json_object_get(json_object_get(answer, kind), what[i]);

		if (!json_array_size(names))
			continue;
		printf("%s %s:", kind, what[i]);
		print_names(names);
	}
}

int cmd_reload(int argc, char **argv)
{
	char moved[OUT_TEXT_LEN], slots[OUT_TEXT_LEN], share[OUT_TEXT_LEN];
	json_t *answer = NULL;
	double all;
	struct cli cli;
	int status;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status == CLI_GO_ON)
		status = cli_ask(spec.name, &cli, "reload", NULL, &answer);
	if (status != CLI_GO_ON)
		return status;
	if (cli.json)
		return cli_print_json(spec.name, answer);
	puts(view_text(answer, "message"));
	print_changes(answer, "listeners");
	print_changes(answer, "pools");
	print_changes(answer, "backends");
	all = view_number(answer, "slots");
	if (all > 0)
		printf("Maglev slots that moved: %s of %s (%s)\n",
		       out_exact(view_count(answer, "slots_moved"), moved),
		       out_exact(view_count(answer, "slots"), slots),
		       out_percent(view_number(answer, "slots_moved") / all, share));
	json_decref(answer);
	return CLI_DONE;
}
