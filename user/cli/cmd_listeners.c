/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert listeners: every listener the daemon serves. */
#include "cli/cli.h"
#include "cli/view.h"

static const char help[] =
	"usage: culvert listeners [OPTION…]\n\n"
	"Shows every listener with its active flows, and what was counted since the program\n"
	"was attached.\n\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP
	"\nExample:\n  culvert listeners --json | jq '.listeners[] | {name, active_flows}'\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct out_column columns[] = {
	{ "LISTENER", OUT_LEFT }, { "ADDRESS", OUT_LEFT }, { "POOL", OUT_LEFT },   { "FWD", OUT_LEFT },
	{ "IDLE", OUT_RIGHT },	  { "FLOWS", OUT_RIGHT },  { "NEW", OUT_RIGHT },   { "REJECT", OUT_RIGHT },
	{ "EXPIRE", OUT_RIGHT },  { "PKTS", OUT_RIGHT },   { "BYTES", OUT_RIGHT },
};

static void add_listener(struct out_table *table, const json_t *listener)
{
	char text[VIEW_ENDPOINT_LEN], time[OUT_TEXT_LEN];

	out_cell(table, "%s", view_text(listener, "name"));
	out_cell(table, "%s/%s", view_endpoint(listener, text), view_text(listener, "protocol"));
	out_cell(table, "%s", view_text(listener, "pool"));
	out_cell(table, "%s", view_text(listener, "forward"));
	out_cell(table, "%s", out_duration(view_count(listener, "idle_timeout_s"), time));
	out_cell_si(table, view_number(listener, "active_flows"), "");
	out_cell_si(table, view_number(listener, "new_flows"), "");
	out_cell_si(table, view_number(listener, "rejected_flows"), "");
	out_cell_si(table, view_number(listener, "expired_flows"), "");
	out_cell_si(table, view_number(listener, "packets"), "");
	out_cell_si(table, view_number(listener, "bytes"), "B");
}

int cmd_listeners(int argc, char **argv)
{
	static const struct view_list list = {
		.spec = { .name = "listeners", .help = help, .options = options },
		.columns = columns,
		.columns_nr = CV_ARRAY_SIZE(columns),
		.add = add_listener,
	};

	return view_run_list(&list, argc, argv);
}
