/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert status: one screen. Of long lists it shows what matters most, and says where the rest is. */
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/view.h"

static const char help[] =
	"usage: culvert status [OPTION…]\n\n"
	"Shows the daemon, the interfaces, the flow table, the busiest listeners, the pools,\n"
	"the backends (of many only those in trouble), and what was dropped and why.\n"
	"Rates are those of the last seconds; counts go back to when the program was attached.\n"
	"\n" CLI_JSON_HELP CLI_SOCKET_HELP CLI_HELP_HELP
	"\nExample:\n  culvert status --json | jq .flow_table\n";

static const struct option options[] = { CLI_JSON, CLI_WHERE, CLI_HELP, { 0 } };

static const struct cli_spec spec = { .name = "status", .help = help, .options = options };

#define MAX_ROWS 16 /* of one table */

static void print_rest(size_t nr, const char *command)
{
	if (nr > MAX_ROWS)
		printf("… and %zu more: culvert %s\n", nr - MAX_ROWS, command);
}

/* Prints a table with an empty line in front; a table without rows is left out. */
static int print_section(struct out_table *table)
{
	if (!out_table_rows(table)) {
		out_table_done(table);
		return CLI_DONE;
	}
	putchar('\n');
	return cli_print_table(spec.name, table);
}

static void print_daemon(const json_t *status)
{
	const json_t *reload = json_object_get(status, "last_reload");
	bool is_failed = json_is_false(json_object_get(reload, "ok"));
	char up[OUT_TEXT_LEN], ago[OUT_TEXT_LEN];

	printf("culvert %s, up %s; %s read %s ago%s\n", view_text(status, "version"),
	       out_duration(view_count(status, "uptime_s"), up), view_text(status, "config"),
	       out_duration(view_count(reload, "at_s_ago"), ago),
	       is_failed ? ", AND REFUSED; what was in force before still is" : "");
	if (is_failed)
		printf("%s\n", view_text(reload, "error"));
}

static void print_interfaces(const json_t *status)
{
	const json_t *interfaces = json_object_get(status, "interfaces"), *interface;
	const json_t *missing = json_object_get(status, "missing_interfaces");
	size_t i;

	printf("interfaces  ");
	if (!json_array_size(interfaces))
		printf("none is attached: nothing is balanced");
	json_array_foreach(interfaces, i, interface)
		printf("%s%s (%s)", i ? ", " : "", view_text(interface, "name"),
		       view_text(interface, "mode"));
	putchar('\n');
	json_array_foreach(missing, i, interface)
		printf("            MISSING: %s\n", view_text(interface, "reason"));
}

static void print_flow_table(const json_t *status)
{
	const json_t *table = json_object_get(status, "flow_table");
	char used[OUT_TEXT_LEN], max[OUT_TEXT_LEN], share[OUT_TEXT_LEN], half_open[OUT_TEXT_LEN];
	char closing[OUT_TEXT_LEN];
	double of = view_number(table, "max_flows");

	printf("flow table  %s of %s flows (%s), %s closing, %s half-open; when full: %s\n",
	       out_exact(view_count(table, "used"), used), out_exact(view_count(table, "max_flows"), max),
	       out_percent(of > 0 ? view_number(table, "used") / of : 0, share),
	       out_exact(view_count(table, "closing"), closing),
	       out_exact(view_count(table, "half_open"), half_open), view_text(table, "when_full"));
}

static void print_shortcut(const json_t *status)
{
	const json_t *table = json_object_get(status, "flow_table");
	char share[OUT_TEXT_LEN], unsettled[OUT_TEXT_LEN], slots[OUT_TEXT_LEN];
	double of = view_number(table, "packets");

	if (strcmp(view_text(table, "shortcut"), "on") != 0) {
		puts("shortcut    off: every packet visits the flow table");
		return;
	}
	printf("shortcut    taken by %s of the packets; %s of %s Maglev slots are not settled\n",
	       out_percent(of > 0 ? view_number(table, "shortcut_packets") / of : 0, share),
	       out_exact(view_count(table, "unsettled_slots"), unsettled),
	       out_exact(view_count(table, "slots"), slots));
}

static double sum_members(const json_t *object)
{
	const json_t *member;
	const char *key;
	double sum = 0;

	json_object_foreach((json_t *)object, key, member)
		sum += json_number_value(member);
	return sum;
}

static void print_packets(const json_t *status)
{
	char forwarded[OUT_TEXT_LEN], answered[OUT_TEXT_LEN], dropped[OUT_TEXT_LEN], passed[OUT_TEXT_LEN];

	printf("packets     %s forwarded, %s answered, %s dropped, %s passed on to the kernel\n",
	       out_si(sum_members(json_object_get(status, "forwarded")), "", forwarded),
	       out_si(sum_members(json_object_get(status, "answered")), "", answered),
	       out_si(sum_members(json_object_get(status, "drops")), "", dropped),
	       out_si(sum_members(json_object_get(status, "passed")), "", passed));
}

/* Nothing where no packet ever was one that the program cannot finish. */
static void print_held(const json_t *status)
{
	const json_t *held = json_object_get(status, "held");
	char fragments[OUT_TEXT_LEN], cut[OUT_TEXT_LEN], sent[OUT_TEXT_LEN], late[OUT_TEXT_LEN],
		lost[OUT_TEXT_LEN];

	if (sum_members(held) == 0)
		return;
	printf("held back   %s fragments, %s packets to be cut; %s sent on, %s timed out, %s lost\n",
	       out_exact(view_count(held, "fragment_held"), fragments),
	       out_exact(view_count(held, "cut"), cut), out_exact(view_count(held, "sent_on"), sent),
	       out_exact(view_count(held, "timed_out"), late),
	       out_exact(view_count(held, "lost") + view_count(held, "pushed_out"), lost));
}

struct busy {
	const json_t *listener;
	double rate;
	size_t place; /* in the file */
};

/* The busiest first; those that are equal as in the file. */
static int compare_busy(const void *a, const void *b)
{
	const struct busy *one = a, *two = b;

	if (one->rate != two->rate)
		return one->rate > two->rate ? -1 : 1;
	return one->place < two->place ? -1 : 1;
}

static void add_listener(struct out_table *table, const json_t *listener)
{
	const json_t *rates = json_object_get(listener, "rates");
	char text[VIEW_ENDPOINT_LEN];

	out_cell(table, "%s", view_text(listener, "name"));
	out_cell(table, "%s/%s", view_endpoint(listener, text), view_text(listener, "protocol"));
	out_cell(table, "%s", view_text(listener, "pool"));
	out_cell_si(table, view_number(listener, "active_flows"), "");
	out_cell_si(table, view_number(rates, "new_flows_per_s"), "");
	out_cell_si(table, view_number(rates, "packets_per_s"), "");
	out_cell_si(table, view_number(rates, "bits_per_s"), "bit/s");
}

static int print_listeners(const json_t *status)
{
	static const struct out_column columns[] = {
		{ "LISTENER", OUT_LEFT }, { "ADDRESS", OUT_LEFT }, { "POOL", OUT_LEFT },
		{ "FLOWS", OUT_RIGHT },	  { "NEW/S", OUT_RIGHT },  { "PACKETS/S", OUT_RIGHT },
		{ "TRAFFIC", OUT_RIGHT },
	};
	const json_t *listeners = json_object_get(status, "listeners");
	size_t nr = json_array_size(listeners);
	struct busy *order = calloc(nr + 1, sizeof(*order));
	struct out_table table;
	int r;

	if (!order)
		return cli_complain(spec.name, CLI_FAILED, "out of memory");
	for (size_t i = 0; i < nr; i++) {
		order[i].listener = json_array_get(listeners, i);
		order[i].rate = view_number(json_object_get(order[i].listener, "rates"), "packets_per_s");
		order[i].place = i;
	}
	if (nr > MAX_ROWS)
		qsort(order, nr, sizeof(*order), compare_busy);
	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	for (size_t i = 0; i < nr && i < MAX_ROWS; i++)
		add_listener(&table, order[i].listener);
	r = print_section(&table);
	print_rest(nr, "listeners");
	free(order);
	return r;
}

static int print_backends(const json_t *status)
{
	const json_t *pools = json_object_get(status, "pools"), *pool, *backend;
	size_t i, j, all = 0, up = 0, shown = 0;
	struct out_table table;
	int r;

	json_array_foreach(pools, i, pool) {
		all += json_array_size(json_object_get(pool, "backends"));
		up += view_count_state(pool, "up");
	}
	out_table_init(&table, view_backend_columns, CV_ARRAY_SIZE(view_backend_columns));
	json_array_foreach(pools, i, pool) {
		json_array_foreach(json_object_get(pool, "backends"), j, backend) {
			if ((all > MAX_ROWS && !view_is_troubled(backend)) || ++shown > MAX_ROWS)
				continue;
			view_backend(&table, backend, view_text(pool, "name"),
				     view_count(pool, "table_size"));
		}
	}
	r = print_section(&table);
	print_rest(shown, "backends");
	printf("\n%zu of %zu backend%s %s up\n", up, all, all == 1 ? "" : "s", up == 1 ? "is" : "are");
	return r;
}

/* The verdict with this name; CV_CONTINUE if this binary does not know it. */
static enum cv_verdict find_verdict(const char *name)
{
	for (int i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++) {
		if (!strcmp(dp_verdict_name((enum cv_verdict)i), name))
			return (enum cv_verdict)i;
	}
	return CV_CONTINUE;
}

static int print_drops(const json_t *status)
{
	static const struct out_column columns[] = { { "DROPPED", OUT_LEFT },
						     { "PACKETS", OUT_RIGHT },
						     { "WHY, AND WHAT TO DO", OUT_LEFT } };
	struct out_table table;
	const json_t *count;
	const char *name;

	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	json_object_foreach(json_object_get(status, "drops"), name, count) {
		enum cv_verdict verdict = find_verdict(name);

		if (json_number_value(count) <= 0)
			continue;
		out_cell(&table, "%s", name);
		out_cell_si(&table, json_number_value(count), "");
		out_cell(&table, "%s", verdict ? dp_verdict_meaning(verdict) : "");
		if (!verdict)
			continue;
		out_cell(&table, " ");
		out_cell(&table, " ");
		out_cell(&table, "→ %s", dp_verdict_remedy(verdict));
	}
	return print_section(&table);
}

int cmd_status(int argc, char **argv)
{
	json_t *answer = NULL;
	struct cli cli;
	int status;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status == CLI_GO_ON)
		status = cli_ask(spec.name, &cli, "status", NULL, &answer);
	if (status != CLI_GO_ON)
		return status;
	if (cli.json)
		return cli_print_json(spec.name, answer);
	print_daemon(answer);
	print_interfaces(answer);
	print_flow_table(answer);
	print_shortcut(answer);
	print_packets(answer);
	print_held(answer);
	status = print_listeners(answer);
	if (!status)
		status = print_backends(answer);
	if (!status)
		status = print_drops(answer);
	json_decref(answer);
	return status;
}
