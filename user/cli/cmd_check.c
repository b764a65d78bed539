/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert check: every error of a configuration at once, or what it will cost. Touches no kernel. */
#include <sys/sysinfo.h>

#include "cli/cli.h"
#include "cli/faults.h"

static const char help[] =
	"usage: culvert check [OPTION…] FILE\n\n"
	"Reads a configuration as culvertd does, and changes nothing. Prints every error as\n"
	"FILE:LINE:COLUMN: path: what is wrong, what is allowed; or else what is in the file,\n"
	"and how much memory of the kernel its maps will take on this machine.\n\n" CLI_JSON_HELP
		CLI_HELP_HELP "\nExample:\n  culvert check /etc/culvert/culvert.yaml && culvert reload\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct cli_spec spec = { "check", help, options, 1, 1, NULL };

static size_t count_backends(const struct model *model)
{
	size_t nr = 0;

	for (size_t i = 0; i < model->pools_nr; i++)
		nr += model->pools[i].backends_nr;
	return nr;
}

static void add_memory_row(const char *map, uint64_t bytes, void *table)
{
	char text[OUT_TEXT_LEN];

	out_cell(table, "%s", map);
	out_cell(table, "%s", out_bytes(bytes, text));
}

static int print_model(const char *file, const struct model *model)
{
	static const struct out_column columns[] = { { "MAP", OUT_LEFT }, { "MEMORY", OUT_RIGHT } };
	struct out_table table;

	printf("%s is right; interfaces: %zu, listeners: %zu, pools: %zu, backends: %zu\n\n", file,
	       model->interfaces_nr, model->listeners_nr, model->pools_nr, count_backends(model));
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	add_memory_row("all", model_memory(model, (unsigned)get_nprocs_conf(), add_memory_row, &table),
		       &table);
	return cli_print_table(spec.name, &table);
}

static void add_memory_member(const char *map, uint64_t bytes, void *object)
{
	json_object_set_new(object, map, json_integer((json_int_t)bytes));
}

static json_t *model_to_json(const char *file, const struct model *model)
{
	json_t *maps = json_object();
	uint64_t sum = model_memory(model, (unsigned)get_nprocs_conf(), add_memory_member, maps);

	return json_pack("{s:s, s:b, s:[], s:i, s:i, s:i, s:i, s:I, s:o}", "file", file, "ok", 1, "errors",
			 "interfaces", (int)model->interfaces_nr, "listeners", (int)model->listeners_nr,
			 "pools", (int)model->pools_nr, "backends", (int)count_backends(model),
			 "memory_bytes", (json_int_t)sum, "maps", maps);
}

int cmd_check(int argc, char **argv)
{
	struct config_errors errors = { 0 };
	struct model *model = NULL;
	const char *file;
	struct err err = { "out of memory" };
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status != CLI_GO_ON)
		return status;
	file = argv[optind];
	r = config_load(file, &model, &errors, &err);
	if (r < 0)
		status = faults_print(spec.name, &cli, file, r, &errors, &err);
	else if (cli.json)
		status = cli_print_json(spec.name, model_to_json(file, model));
	else
		status = print_model(file, model);
	config_errors_done(&errors);
	model_free(model);
	return status;
}
