/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert plan: what a reload would do if the daemon's file were this one. The daemon works it out, by what is in
 * force; the file's errors are found here, so that all of them can be said. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/changes.h"
#include "cli/faults.h"
#include "cli/view.h"

static const char help[] =
	"usage: culvert plan [OPTION…] FILE\n\n"
	"Says what a reload would do if FILE were culvertd's configuration, and changes nothing:\n"
	"what is added, changed and removed, how many Maglev slots move, how many of the flows\n"
	"that live now are placed anew, and what memory the maps will take. A wrong file is\n"
	"refused as by `culvert check`.\n\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP
	"\nExample:\n  culvert plan new.yaml && cp new.yaml /etc/culvert/culvert.yaml && culvert reload\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct cli_spec spec = { "plan", help, options, 1, 1, NULL };

/* Maps whose size changes, or only the sum. */
static int print_memory(const json_t *memory)
{
	static const struct out_column columns[] = { { "MEMORY", OUT_LEFT },
						     { "NOW", OUT_RIGHT },
						     { "THEN", OUT_RIGHT } };
	const json_t *now = json_object_get(memory, "now"), *then = json_object_get(memory, "then");
	char now_text[OUT_TEXT_LEN], then_text[OUT_TEXT_LEN];
	struct out_table table;
	const char *map;
	json_t *bytes;

	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	json_object_foreach(json_object_get(then, "maps"), map, bytes) {
		uint64_t was = view_count(json_object_get(now, "maps"), map);
		uint64_t is = (uint64_t)json_integer_value(bytes);

		if (was == is)
			continue;
		out_cell(&table, "%s", map);
		out_cell(&table, "%s", out_bytes(was, now_text));
		out_cell(&table, "%s", out_bytes(is, then_text));
	}
	out_cell(&table, "all maps");
	out_cell(&table, "%s", out_bytes(view_count(now, "bytes"), now_text));
	out_cell(&table, "%s", out_bytes(view_count(then, "bytes"), then_text));
	return cli_print_table(spec.name, &table);
}

/* CLI_GO_ON and a text that the caller frees, of a file that is right. */
static int read_right_file(const struct cli *cli, const char *file, char **ret_text, size_t *ret_size)
{
	struct config_errors errors = { 0 };
	struct model *model = NULL;
	struct err err = { "out of memory" };
	int r, status = CLI_GO_ON;

	r = config_read(file, ret_text, ret_size, &err);
	if (!r)
		r = config_parse(*ret_text, *ret_size, &model, &errors);
	if (r)
		status = faults_print(spec.name, cli, file, r, &errors, &err);
	config_errors_done(&errors);
	model_free(model);
	return status;
}

int cmd_plan(int argc, char **argv)
{
	json_t *args, *answer = NULL;
	const char *file;
	char *text = NULL;
	size_t size = 0;
	struct cli cli;
	int status;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status != CLI_GO_ON)
		return status;
	file = argv[optind];
	status = read_right_file(&cli, file, &text, &size);
	if (status == CLI_GO_ON) {
		args = json_pack("{s:s, s:s%}", "file", file, "text", text, size);
		status = args ? cli_ask(spec.name, &cli, "plan", args, &answer)
			      : cli_complain(spec.name, CLI_WRONG, "%s and its name must be UTF-8", file);
	}
	free(text);
	if (status != CLI_GO_ON)
		return status;
	if (cli.json)
		return cli_print_json(spec.name, answer);
	printf("what a reload with %s would do:\n\n", file);
	changes_print(answer);
	putchar('\n');
	status = print_memory(json_object_get(answer, "memory"));
	json_decref(answer);
	return status;
}
