/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading the daemon's documents; see view.h. */
#include <string.h>

#include "cli/view.h"
#include "cv_defs.h"

const char *view_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	return text && *text ? text : "-";
}

double view_number(const json_t *object, const char *key)
{
	return json_number_value(json_object_get(object, key));
}

uint64_t view_count(const json_t *object, const char *key)
{
	double value = view_number(object, key);

	return value > 0 ? (uint64_t)value : 0;
}

const char *view_endpoint(const json_t *object, char *text)
{
	const char *address = view_text(object, "address");
	const json_t *port = json_object_get(object, "port");
	bool is_v6 = strchr(address, ':') != NULL;
	char number[32] = "";

	if (json_is_string(port))
		snprintf(number, sizeof(number), "%s", json_string_value(port));
	else if (json_integer_value(port) > 0)
		snprintf(number, sizeof(number), "%d", (int)json_integer_value(port));
	if (*number)
		snprintf(text, VIEW_ENDPOINT_LEN, is_v6 ? "[%.45s]:%s" : "%.45s:%s", address, number);
	else
		snprintf(text, VIEW_ENDPOINT_LEN, "%.45s", address);
	return text;
}

bool view_is_troubled(const json_t *backend)
{
	return strcmp(view_text(backend, "state"), "up") != 0 ||
	       json_is_false(json_object_get(backend, "forwardable"));
}

unsigned view_count_state(const json_t *pool, const char *state)
{
	const json_t *backend;
	unsigned nr = 0;
	size_t i;

	json_array_foreach(json_object_get(pool, "backends"), i, backend)
		nr += !strcmp(view_text(backend, "state"), state);
	return nr;
}

const struct out_column view_backend_columns[VIEW_BACKEND_COLUMNS] = {
	{ "POOL", OUT_LEFT },	{ "BACKEND", OUT_LEFT }, { "STATE", OUT_LEFT }, { "WEIGHT", OUT_RIGHT },
	{ "SLOTS", OUT_RIGHT }, { "FLOWS", OUT_RIGHT },	 { "NEW", OUT_RIGHT },	{ "PACKETS", OUT_RIGHT },
	{ "BYTES", OUT_RIGHT }, { "NOTE", OUT_LEFT },
};

/* What there is to say of a backend besides its numbers: of a drain how far it is, else why it is as it is. */
static void add_note(struct out_table *table, const json_t *backend)
{
	const json_t *left = json_object_get(backend, "drain_left_s");
	uint64_t nr = view_count(backend, "flows_left");
	char flows[OUT_TEXT_LEN], time[OUT_TEXT_LEN];

	if (strcmp(view_text(backend, "state"), "draining") != 0)
		out_cell(table, "%s", view_text(backend, "reason"));
	else if (json_is_number(left))
		out_cell(table, "%s flow%s left, %s to go", out_exact(nr, flows), nr == 1 ? "" : "s",
			 out_duration(view_count(backend, "drain_left_s"), time));
	else
		out_cell(table, "%s flow%s left", out_exact(nr, flows), nr == 1 ? "" : "s");
}

/* Bytes that the path carries, and who says so, if it is not the link. */
static void add_mtu(struct out_table *table, const json_t *backend)
{
	const char *from = view_text(backend, "mtu_from");
	uint64_t mtu = view_count(backend, "mtu");
	char left[OUT_TEXT_LEN];

	if (!mtu)
		out_cell(table, "-");
	else if (!strcmp(from, "learned"))
		out_cell(table, "%ju learned, %s", (uintmax_t)mtu,
			 out_duration(view_count(backend, "mtu_left_s"), left));
	else if (!strcmp(from, "route"))
		out_cell(table, "%ju route", (uintmax_t)mtu);
	else
		out_cell(table, "%ju", (uintmax_t)mtu);
}

void view_backend(struct out_table *table, const json_t *backend, const char *pool, uint64_t table_size)
{
	char text[VIEW_ENDPOINT_LEN], share[OUT_TEXT_LEN];

	out_cell(table, "%s", pool);
	out_cell(table, "%s", view_endpoint(backend, text));
	out_cell(table, "%s", view_text(backend, "state"));
	out_cell(table, "%ju", (uintmax_t)view_count(backend, "weight"));
	if (table_size)
		out_cell(table, "%s", out_percent(view_number(backend, "slots") / (double)table_size, share));
	else
		out_cell(table, "%ju", (uintmax_t)view_count(backend, "slots"));
	out_cell_si(table, view_number(backend, "active_flows"), "");
	out_cell_si(table, view_number(backend, "new_flows"), "");
	out_cell_si(table, view_number(backend, "packets"), "");
	out_cell_si(table, view_number(backend, "bytes"), "B");
	if (!table_size)
		add_mtu(table, backend);
	add_note(table, backend);
}

int view_run_list(const struct view_list *list, int argc, char **argv)
{
	const char *name = list->spec.name;
	json_t *answer = NULL, *item;
	struct out_table table;
	struct cli cli;
	int status;
	size_t i;

	status = cli_parse(&list->spec, argc, argv, &cli, NULL);
	if (status == CLI_GO_ON)
		status = cli_ask(name, &cli, name, NULL, &answer);
	if (status != CLI_GO_ON)
		return status;
	if (cli.json)
		return cli_print_json(name, answer);
	out_table_init(&table, list->columns, list->columns_nr);
	json_array_foreach(json_object_get(answer, name), i, item)
		list->add(&table, item);
	json_decref(answer);
	return cli_print_table(name, &table);
}
