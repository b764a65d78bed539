/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert pools, culvert backends: who serves, and how much. */
#include "cli/cli.h"
#include "cli/view.h"

static const char pools_help[] =
	"usage: culvert pools [OPTION…]\n\n"
	"Shows every pool: its Maglev slots, its health check, and how many of its backends are\n"
	"in which state.\n\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP "\nExample:\n  culvert pools\n";

static const char backends_help[] =
	"usage: culvert backends [OPTION…]\n\n"
	"Shows every backend: state, weight, Maglev slots, flows and traffic. MTU is what the path\n"
	"there carries, outer header included: of the link, or less by a route, or as a router\n"
	"behind it told (learned; for ten minutes). The note is the\n"
	"last result of its health check, what is missing on the way there, or how far its\n"
	"drain is.\n\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP "\nExample:\n  culvert backends\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct out_column pool_columns[] = {
	{ "POOL", OUT_LEFT },  { "SLOTS", OUT_RIGHT },	  { "CHECK", OUT_LEFT },     { "UP", OUT_RIGHT },
	{ "DOWN", OUT_RIGHT }, { "DRAINING", OUT_RIGHT }, { "DISABLED", OUT_RIGHT }, { "FLOWS", OUT_RIGHT },
	{ "NEW", OUT_RIGHT },  { "PACKETS", OUT_RIGHT },  { "BYTES", OUT_RIGHT },
};

/* Those of view_backend_columns, and one more. */
static const struct out_column backend_columns[VIEW_BACKEND_COLUMNS + 1] = {
	{ "POOL", OUT_LEFT },	{ "BACKEND", OUT_LEFT }, { "STATE", OUT_LEFT }, { "WEIGHT", OUT_RIGHT },
	{ "SLOTS", OUT_RIGHT }, { "FLOWS", OUT_RIGHT },	 { "NEW", OUT_RIGHT },	{ "PACKETS", OUT_RIGHT },
	{ "BYTES", OUT_RIGHT }, { "MTU", OUT_LEFT },	 { "NOTE", OUT_LEFT },
};

static double sum_backends(const json_t *pool, const char *key)
{
	const json_t *backend;
	double sum = 0;
	size_t i;

	json_array_foreach(json_object_get(pool, "backends"), i, backend)
		sum += view_number(backend, key);
	return sum;
}

static void add_pool(struct out_table *table, const json_t *pool)
{
	static const char *const states[] = { "up", "down", "draining", "disabled" };

	out_cell(table, "%s", view_text(pool, "name"));
	out_cell(table, "%ju", (uintmax_t)view_count(pool, "table_size"));
	out_cell(table, "%s", view_text(json_object_get(pool, "health"), "type"));
	for (size_t i = 0; i < CV_ARRAY_SIZE(states); i++)
		out_cell(table, "%u", view_count_state(pool, states[i]));
	out_cell_si(table, sum_backends(pool, "active_flows"), "");
	out_cell_si(table, sum_backends(pool, "new_flows"), "");
	out_cell_si(table, sum_backends(pool, "packets"), "");
	out_cell_si(table, sum_backends(pool, "bytes"), "B");
}

static void add_backend(struct out_table *table, const json_t *backend)
{
	view_backend(table, backend, view_text(backend, "pool"), 0);
}

int cmd_pools(int argc, char **argv)
{
	static const struct view_list list = {
		.spec = { .name = "pools", .help = pools_help, .options = options },
		.columns = pool_columns,
		.columns_nr = CV_ARRAY_SIZE(pool_columns),
		.add = add_pool,
	};

	return view_run_list(&list, argc, argv);
}

int cmd_backends(int argc, char **argv)
{
	static const struct view_list list = {
		.spec = { .name = "backends", .help = backends_help, .options = options },
		.columns = backend_columns,
		.columns_nr = CV_ARRAY_SIZE(backend_columns),
		.add = add_backend,
	};

	return view_run_list(&list, argc, argv);
}
