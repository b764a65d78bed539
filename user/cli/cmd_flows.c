/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert flows: the flow table, read from the pinned maps, with or without a daemon. Flows are printed as
 * they are met, in bounded memory, whatever their number; only --sort keeps some, at most --limit. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/flow.h"
#include "cv_flow.h"
#include "cv_clock.h"

static const char help[] =
	"usage: culvert flows [OPTION…]\n\n"
	"Shows the flows of the table: client, listener, backend, state, and for how long they\n"
	"have been silent. Of a table in use it is no snapshot: a flow that comes or goes meanwhile\n"
	"may or may not be shown.\n"
	"With flow_table.shortcut, packets and bytes are those that visited the table, and silence may\n"
	"be up to 8 s shorter than it is shown.\n\n"
	"  --listener NAME    flows of this listener\n"
	"  --backend ADDRESS  flows at this backend\n"
	"  --client PREFIX    flows of this client, or of a network like 198.51.100.0/24\n"
	"  --state STATE      half-open, open or closing\n"
	"  --limit N          not more than N flows\n"
	"  --sort KEY         by idle, packets or bytes, the highest first (with it, N is 1000 if not given)\n"
	"  --json             one JSON object a line\n" CLI_PIN_DIR_HELP CLI_HELP_HELP
	"\nExample:\n  culvert flows --listener web --client 198.51.100.0/24 --sort idle --limit 20\n";

enum {
	OPTION_LISTENER = CLI_OPTION_OWN,
	OPTION_BACKEND,
	OPTION_CLIENT,
	OPTION_STATE,
	OPTION_LIMIT,
	OPTION_SORT
};

static const struct option options[] = {
	{ "listener", required_argument, NULL, OPTION_LISTENER },
	{ "backend", required_argument, NULL, OPTION_BACKEND },
	{ "client", required_argument, NULL, OPTION_CLIENT },
	{ "state", required_argument, NULL, OPTION_STATE },
	{ "limit", required_argument, NULL, OPTION_LIMIT },
	{ "sort", required_argument, NULL, OPTION_SORT },
	CLI_JSON,
	CLI_WHERE,
	CLI_HELP,
	{ 0 },
};

#define DEFAULT_SORT_LIMIT 1000
#define ROWS_AT_ONCE 512 /* between two prints of the table */

static const struct out_column columns[] = {
	{ "LISTENER", OUT_LEFT }, { "CLIENT", OUT_LEFT }, { "ADDRESS", OUT_LEFT },  { "BACKEND", OUT_LEFT },
	{ "STATE", OUT_LEFT },	  { "IDLE", OUT_RIGHT },  { "PACKETS", OUT_RIGHT }, { "BYTES", OUT_RIGHT },
};

enum sort_key { SORT_NONE, SORT_IDLE, SORT_PACKETS, SORT_BYTES };

struct flows {
	const char *listener;
	struct flow_filter filter;
	enum sort_key sort;
	uint32_t limit; /* 0: none */
	bool json;
	const struct image *image;
	uint32_t now;
	uint32_t shown;
	struct out_table table;
	struct flow_top top;
};

static int parse_sort(const char *value, enum sort_key *ret, struct err *err)
{
	static const char *const names[] = {
		[SORT_IDLE] = "idle", [SORT_PACKETS] = "packets", [SORT_BYTES] = "bytes"
	};

	for (size_t i = SORT_IDLE; i < CV_ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) != 0)
			continue;
		*ret = (enum sort_key)i;
		return 0;
	}
	return err_set(err, -EINVAL, "not one of idle, packets, bytes");
}

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct flows *flows = arg;
	struct flow_filter *filter = &flows->filter;

	switch (option) {
	case OPTION_LISTENER:
		flows->listener = value;
		return 0;
	case OPTION_BACKEND:
		if (addr_parse(value, &filter->backend) < 0)
			return err_set(err, -EINVAL, "not an IPv4 or IPv6 address");
		filter->has_backend = true;
		return 0;
	case OPTION_CLIENT:
		if (addr_parse_prefix(value, &filter->client, &filter->client_length) < 0)
			return err_set(err, -EINVAL,
				       "not an address, nor a prefix without bits behind its length");
		if (addr_is_v4(&filter->client))
			filter->client_length += 96;
		return 0;
	case OPTION_STATE:
		if (flow_state_parse(value, &filter->state) < 0)
			return err_set(err, -EINVAL, "not one of half-open, open, closing");
		return 0;
	case OPTION_LIMIT:
		return cli_parse_number(value, 1, UINT32_MAX, &flows->limit, err);
	case OPTION_SORT:
		return parse_sort(value, &flows->sort, err);
	}
	return err_set(err, -EINVAL, "not known");
}

static const struct cli_spec spec = { .name = "flows", .help = help, .options = options, .take = take };

/* The record of the flow's backend; NULL if the id belongs to nobody or to somebody else by now. */
static const struct cv_backend *find_backend(const struct image *image, const struct cv_flow *flow)
{
	const struct cv_backend *backend;

	if (flow->backend == 0 || flow->backend > CV_MAX_BACKENDS)
		return NULL;
	backend = &image->backend[flow->backend];
	if (backend->state == CV_BACKEND_NONE || backend->generation != flow->generation)
		return NULL;
	return backend;
}

/* NULL if there is no such listener any more. */
static const char *find_listener_name(const struct image *image, const struct cv_flow *flow)
{
	if (flow->listener == 0 || flow->listener > CV_MAX_LISTENERS)
		return NULL;
	if (image->listener[flow->listener].protocol == CV_PROTOCOL_NONE)
		return NULL;
	return image->listener[flow->listener].name;
}

static struct addr to_addr(const uint8_t *bytes)
{
	struct addr addr;

	memcpy(addr.byte, bytes, sizeof(addr.byte));
	return addr;
}

static const char *protocol_name(enum cv_protocol protocol)
{
	return protocol == CV_PROTOCOL_TCP ? "tcp" : protocol == CV_PROTOCOL_UDP ? "udp" : "?";
}

/* Text of JSON, or null. What is shown needs no escapes: addresses, and names, which are letters, digits and _ . - */
static const char *quote(const char *text, char *ret, size_t size)
{
	if (!text)
		return "null";
	snprintf(ret, size, "\"%s\"", text);
	return ret;
}

/* Written by hand: a million flows through jansson take six times as long. */
static int print_line(const struct flows *flows, const struct cv_flow6_key *key, const struct cv_flow *flow)
{
	const struct cv_backend *backend = find_backend(flows->image, flow);
	const struct addr client = to_addr(key->client), address = to_addr(key->address);
	const struct addr server = backend ? to_addr(backend->address) : (struct addr){ 0 };
	char client_text[ADDR_TEXT_LEN], address_text[ADDR_TEXT_LEN], server_text[ADDR_TEXT_LEN];
	char listener[CV_NAME_LEN + 2], quoted_server[ADDR_TEXT_LEN + 2];

	printf("{\"listener\":%s,\"protocol\":\"%s\",\"client\":\"%s\",\"client_port\":%u,\"address\":\"%s\","
	       "\"port\":%u,\"backend\":%s,\"state\":\"%s\",\"idle_s\":%u,\"idle_timeout_s\":%u,\"packets\":%ju,"
	       "\"bytes\":%ju}\n",
	       quote(find_listener_name(flows->image, flow), listener, sizeof(listener)),
	       protocol_name(key->protocol), addr_format(&client, client_text), key->client_port,
	       addr_format(&address, address_text), key->port,
	       quote(backend ? addr_format(&server, server_text) : NULL, quoted_server,
		     sizeof(quoted_server)),
	       flow_state_name(flow->state), cv_clock_idle(flows->now, flow->last_seen_s),
	       flow->idle_timeout_s, (uintmax_t)flow->packets, (uintmax_t)flow->bytes);
	return 0;
}

static int print_row(struct flows *flows, const struct cv_flow6_key *key, const struct cv_flow *flow)
{
	const struct cv_backend *backend = find_backend(flows->image, flow);
	const char *listener = find_listener_name(flows->image, flow);
	const struct addr client = to_addr(key->client), address = to_addr(key->address);
	struct out_table *table = &flows->table;
	char text[ADDR_PORT_TEXT_LEN];
	struct addr server;

	out_cell(table, "%s", listener ? listener : "(removed)");
	out_cell(table, "%s", addr_format_port(&client, key->client_port, text));
	out_cell(table, "%s/%s", addr_format_port(&address, key->port, text), protocol_name(key->protocol));
	if (backend) {
		server = to_addr(backend->address);
		out_cell(table, "%s", addr_format(&server, text));
	} else {
		out_cell(table, "(removed)");
	}
	out_cell(table, "%s", flow_state_name(flow->state));
	out_cell(table, "%s", out_duration(cv_clock_idle(flows->now, flow->last_seen_s), text));
	out_cell_si(table, (double)flow->packets, "");
	out_cell_si(table, (double)flow->bytes, "B");
	return out_table_rows(table) < ROWS_AT_ONCE ? 0 : out_table_print(table, stdout);
}

static int show(struct flows *flows, const struct cv_flow6_key *key, const struct cv_flow *flow)
{
	return flows->json ? print_line(flows, key, flow) : print_row(flows, key, flow);
}

static uint64_t rank(const struct flows *flows, const struct cv_flow *flow)
{
	switch (flows->sort) {
	case SORT_NONE:
		break;
	case SORT_IDLE:
		return cv_clock_idle(flows->now, flow->last_seen_s);
	case SORT_PACKETS:
		return flow->packets;
	case SORT_BYTES:
		return flow->bytes;
	}
	return 0;
}

#define ENOUGH 1 /* ends the walk */

static int each_flow(const struct cv_flow6_key *key, const struct cv_flow *flow, void *arg)
{
	struct flows *flows = arg;
	const struct cv_backend *backend = find_backend(flows->image, flow);
	const struct addr address = backend ? to_addr(backend->address) : (struct addr){ 0 };
	int r;

	if (flow->state == CV_FLOW_REFUSED || cv_flow_is_expired(flow, flows->now) ||
	    !flow_is_wanted(&flows->filter, key, flow, backend ? &address : NULL))
		return 0;
	if (flows->sort)
		return flow_top_offer(&flows->top, rank(flows, flow), key, flow);
	r = show(flows, key, flow);
	if (r < 0)
		return r;
	/* main says that it could not print. */
	return ++flows->shown == flows->limit || ferror(stdout) ? ENOUGH : 0;
}

/* Walks the table and prints what is wanted. */
static int walk(struct flows *flows, struct dp *dp, struct err *err)
{
	int r;

	r = dp_clock(dp, &flows->now, err);
	if (!r)
		r = dp_flows(dp, each_flow, flows, err);
	if (r > 0)
		r = 0;
	flow_top_sort(&flows->top);
	for (size_t i = 0; i < flows->top.nr && !r; i++)
		r = show(flows, &flows->top.item[i].key, &flows->top.item[i].flow);
	return r;
}

int cmd_flows(int argc, char **argv)
{
	struct flows flows = { .now = 0 };
	struct image *image = NULL;
	struct err err = { "" };
	struct dp *dp = NULL;
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, &flows);
	if (status != CLI_GO_ON)
		return status;
	flows.json = cli.json;
	flows.top.max = flows.limit ? flows.limit : DEFAULT_SORT_LIMIT;
	out_table_init(&flows.table, columns, CV_ARRAY_SIZE(columns));
	r = dp_open(cli_pin_dir(&cli), &dp, &err);
	if (!r)
		r = dp_read_image(dp, &image, &err);
	if (!r && flows.listener) {
		flows.filter.listener = image_listener_id(image, flows.listener);
		if (!flows.filter.listener) {
			status =
				cli_complain(spec.name, CLI_WRONG, "there is no listener %s", flows.listener);
			goto out;
		}
	}
	flows.image = image;
	if (!r)
		r = walk(&flows, dp, &err);
	if (r < 0)
		status = cli_complain(spec.name, CLI_FAILED, "%s", *err.text ? err.text : strerror(-r));
	else
		status = cli.json ? CLI_DONE : cli_print_table(spec.name, &flows.table);
out:
	out_table_done(&flows.table);
	flow_top_done(&flows.top);
	image_free(image);
	dp_free(dp);
	return status;
}
