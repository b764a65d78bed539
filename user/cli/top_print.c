// SPDX-License-Identifier: GPL-2.0-only
/* `culvert top` as a screen and as JSON; see top.h. */
#include <errno.h>
#include <string.h>

#include "cli/out.h"
#include "cli/top.h"
#include "dataplane/dp.h"
#include "util/addr.h"

/* --- a screen --- */

/* Lines of a screen that are no rows: the sums, and three tables with an empty line and a head each, two of them with one
 * that says how many more there are. */
#define FRAME_LINES 9
#define MIN_ROWS 2 /* of each table */

static const char *backend_address(const struct image *image, uint16_t id, char *text)
{
	const struct cv_backend *backend = &image->backend[id];
	struct addr address;

	memcpy(address.byte, backend->address, sizeof(address.byte));
	return backend->port ? addr_format_port(&address, backend->port, text) : addr_format(&address, text);
}

static void add_rates(struct out_table *table, const struct top_row *row)
{
	out_cell_si(table, row->packets_per_s, "");
	out_cell_si(table, row->bits_per_s, "bit/s");
	out_cell_si(table, row->new_flows_per_s, "");
	out_cell_si(table, (double)row->active_flows, "");
}

static int finish(struct out_table *table, size_t left_out, FILE *to)
{
	int r = 0;

	if (out_table_rows(table)) {
		fputc('\n', to);
		r = out_table_print(table, to);
	}
	if (left_out)
		fprintf(to, "… and %zu more\n", left_out);
	out_table_done(table);
	return r;
}

/* "192.0.2.10:443/tcp", "[2001:db8::1]:8000-8099/udp" */
static void add_endpoint(struct out_table *table, const struct cv_listener *listener)
{
	const char *protocol = listener->protocol == CV_PROTOCOL_TCP ? "tcp" : "udp";
	char text[ADDR_PORT_TEXT_LEN];
	struct addr address;

	memcpy(address.byte, listener->address, sizeof(address.byte));
	addr_format_port(&address, listener->port_first, text);
	if (listener->port_first == listener->port_last)
		out_cell(table, "%s/%s", text, protocol);
	else
		out_cell(table, "%s-%u/%s", text, listener->port_last, protocol);
}

static int print_listeners(const struct top *top, const struct image *image, size_t rows, FILE *to)
{
	static const struct out_column columns[] = {
		{ "LISTENER", OUT_LEFT }, { "ADDRESS", OUT_LEFT }, { "PACKETS/S", OUT_RIGHT },
		{ "TRAFFIC", OUT_RIGHT }, { "NEW/S", OUT_RIGHT },  { "FLOWS", OUT_RIGHT },
	};
	size_t nr = top->listeners < rows ? top->listeners : rows;
	struct out_table table;

	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	for (size_t i = 0; i < nr; i++) {
		const struct cv_listener *listener = &image->listener[top->listener[i].id];

		out_cell(&table, "%s", listener->name);
		add_endpoint(&table, listener);
		add_rates(&table, &top->listener[i]);
	}
	return finish(&table, top->listeners - nr, to);
}

static int print_backends(const struct top *top, const struct image *image, size_t rows, FILE *to)
{
	static const struct out_column columns[] = {
		{ "POOL", OUT_LEFT },	  { "BACKEND", OUT_LEFT }, { "PACKETS/S", OUT_RIGHT },
		{ "TRAFFIC", OUT_RIGHT }, { "NEW/S", OUT_RIGHT },  { "FLOWS", OUT_RIGHT },
	};
	size_t nr = top->backends < rows ? top->backends : rows;
	char text[ADDR_PORT_TEXT_LEN];
	struct out_table table;

	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	for (size_t i = 0; i < nr; i++) {
		uint16_t id = top->backend[i].id;

		out_cell(&table, "%s", image->pool[image->backend[id].pool].name);
		out_cell(&table, "%s", backend_address(image, id, text));
		add_rates(&table, &top->backend[i]);
	}
	return finish(&table, top->backends - nr, to);
}

/* Those that went on since the last reading first, and of the others what there was. */
static int print_drops(const struct top *top, size_t rows, FILE *to)
{
	static const struct out_column columns[] = { { "DROPPED", OUT_LEFT },
						     { "PACKETS/S", OUT_RIGHT },
						     { "PACKETS", OUT_RIGHT },
						     { "WHY", OUT_LEFT } };
	struct out_table table;
	size_t nr = 0;

	out_table_init(&table, columns, CV_ARRAY_SIZE(columns));
	for (int pass = 0; pass < 2; pass++) {
		for (enum cv_verdict i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++) {
			if (dp_verdict_class(i) != CV_CLASS_DROP || !top->verdict[i] ||
			    (top->verdict_per_s[i] > 0) == pass || nr == rows)
				continue;
			out_cell(&table, "%s", dp_verdict_name(i));
			out_cell_si(&table, top->verdict_per_s[i], "");
			out_cell_si(&table, (double)top->verdict[i], "");
			out_cell(&table, "%s", dp_verdict_meaning(i));
			nr++;
		}
	}
	return finish(&table, 0, to);
}

static void print_sums(const struct top *top, FILE *to)
{
	char packets[OUT_TEXT_LEN], bits[OUT_TEXT_LEN], flows[OUT_TEXT_LEN], new_flows[OUT_TEXT_LEN];
	char dropped[OUT_TEXT_LEN], passed[OUT_TEXT_LEN];

	fprintf(to, "forwarded %s packets/s, %s; %s new flows/s, %s flows; dropped %s/s, passed on %s/s\n",
		out_si(top->all.packets_per_s, "", packets), out_si(top->all.bits_per_s, "bit/s", bits),
		out_si(top->all.new_flows_per_s, "", new_flows),
		out_si((double)top->all.active_flows, "", flows),
		out_si(top_class_per_s(top, CV_CLASS_DROP), "", dropped),
		out_si(top_class_per_s(top, CV_CLASS_PASS), "", passed));
}

static size_t count_drops(const struct top *top)
{
	size_t nr = 0;

	for (int i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++)
		nr += dp_verdict_class((enum cv_verdict)i) == CV_CLASS_DROP && top->verdict[i];
	return nr;
}

/* How many of `want` rows to show where there is room for so many. */
static size_t fit(size_t want, size_t room)
{
	size_t most = room > MIN_ROWS ? room : MIN_ROWS;

	return want < most ? want : most;
}

int top_print(const struct top *top, const struct image *image, unsigned lines, FILE *to)
{
	size_t listeners = SIZE_MAX, backends = SIZE_MAX, drops = SIZE_MAX;
	size_t room = lines > FRAME_LINES ? lines - FRAME_LINES : 0;
	int r;

	if (lines) {
		/* the drops, at most a third; of the rest the listeners half, the backends what is left */
		drops = fit(count_drops(top), room / 3);
		room -= drops < room ? drops : room;
		listeners = fit(top->listeners, room / 2);
		room -= listeners < room ? listeners : room;
		backends = fit(top->backends, room);
	}
	print_sums(top, to);
	r = print_listeners(top, image, listeners, to);
	if (!r)
		r = print_backends(top, image, backends, to);
	return r ? r : print_drops(top, drops, to);
}

/* --- JSON --- */

static json_t *rates(const struct top_row *row)
{
	return json_pack("{s:f, s:f, s:f, s:I}", "packets_per_s", row->packets_per_s, "bits_per_s",
			 row->bits_per_s, "new_flows_per_s", row->new_flows_per_s, "active_flows",
			 (json_int_t)row->active_flows);
}

/* Both objects as one; takes both over. NULL when out of memory. */
static json_t *merge(json_t *one, json_t *two)
{
	if (one && two && !json_object_update(one, two)) {
		json_decref(two);
		return one;
	}
	json_decref(one);
	json_decref(two);
	return NULL;
}

static json_t *listeners_json(const struct top *top, const struct image *image)
{
	json_t *list = json_array();

	for (size_t i = 0; i < top->listeners; i++) {
		const struct top_row *row = &top->listener[i];

		json_array_append_new(
			list, merge(json_pack("{s:s}", "name", image->listener[row->id].name), rates(row)));
	}
	return list;
}

static json_t *backends_json(const struct top *top, const struct image *image)
{
	json_t *list = json_array();
	char text[ADDR_TEXT_LEN];
	struct addr address;

	for (size_t i = 0; i < top->backends; i++) {
		const struct top_row *row = &top->backend[i];
		const struct cv_backend *backend = &image->backend[row->id];

		memcpy(address.byte, backend->address, sizeof(address.byte));
		json_array_append_new(
			list, merge(json_pack("{s:s, s:s, s:i}", "pool", image->pool[backend->pool].name,
					      "address", addr_format(&address, text), "port", backend->port),
				    rates(row)));
	}
	return list;
}

static json_t *drops_json(const struct top *top)
{
	json_t *drops = json_object();

	for (enum cv_verdict i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++)
		if (dp_verdict_class(i) == CV_CLASS_DROP)
			json_object_set_new(drops, dp_verdict_name(i),
					    json_pack("{s:f, s:I}", "packets_per_s", top->verdict_per_s[i],
						      "packets", (json_int_t)top->verdict[i]));
	return drops;
}

json_t *top_json(const struct top *top, const struct image *image)
{
	json_t *rest = json_pack("{s:f, s:f, s:f, s:o, s:o, s:o}", "interval_s", top->seconds,
				 "dropped_per_s", top_class_per_s(top, CV_CLASS_DROP), "passed_per_s",
				 top_class_per_s(top, CV_CLASS_PASS), "listeners", listeners_json(top, image),
				 "backends", backends_json(top, image), "drops", drops_json(top));

	return merge(rates(&top->all), rest);
}
