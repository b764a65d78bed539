// SPDX-License-Identifier: GPL-2.0-only
/* culvert explain: what the program that is attached would do with a packet, asked of itself. Needs no daemon, changes
 * no counter and no flow. */
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/explain.h"
#include "cv_flow.h"
#include "dataplane/dp_ask.h"

static const char help[] =
	"usage: culvert explain PROTO SRC:PORT DST:PORT [OPTION…]\n"
	"       culvert explain icmp SRC DST [OPTION…]\n\n"
	"Asks the attached program what it would do with a packet: listener, flow or Maglev slot,\n"
	"backend and why, the header put in front, the way out, the verdict. No counter and no flow\n"
	"changes. PROTO is tcp or udp; an IPv6 address with a port stands in brackets.\n"
	"Of TCP it takes the next packet of a flow that is there (ACK), and a SYN if there is none,\n"
	"and tells also how the other one would fare, if otherwise.\n\n"
	"  --flags FLAGS      only this TCP packet: syn, ack, fin or rst\n"
	"  --interface IFACE  by which it comes; if not given, the first one that is attached\n"
	"  --size BYTES       of the whole IP packet; if not given, its headers alone\n" CLI_JSON_HELP
		CLI_PIN_DIR_HELP CLI_HELP_HELP
	"\nExample:\n  culvert explain tcp 198.51.100.7:40000 192.0.2.10:443 --size 1500\n";

enum { OPTION_FLAGS = CLI_OPTION_OWN, OPTION_INTERFACE, OPTION_SIZE };

static const struct option options[] = {
	{ "flags", required_argument, NULL, OPTION_FLAGS },
	{ "interface", required_argument, NULL, OPTION_INTERFACE },
	{ "size", required_argument, NULL, OPTION_SIZE },
	CLI_JSON,
	CLI_WHERE,
	CLI_HELP,
	{ 0 },
};

/* What was asked. */
struct question {
	struct frame_spec spec;
	const char *interface; /* NULL: any */
	const char *flags;     /* NULL: not given */
};

static int parse_flags(const char *text, uint8_t *ret, struct err *err)
{
	static const struct {
		const char *name;
		uint8_t flags;
	} known[] = {
		{ "syn", FRAME_SYN },
		{ "ack", FRAME_ACK },
		{ "fin", FRAME_FIN | FRAME_ACK },
		{ "rst", FRAME_RST },
	};

	for (size_t i = 0; i < CV_ARRAY_SIZE(known); i++) {
		if (strcmp(text, known[i].name) != 0)
			continue;
		*ret = known[i].flags;
		return 0;
	}
	return err_set(err, -EINVAL, "not one of syn, ack, fin, rst");
}

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct question *question = arg;

	switch (option) {
	case OPTION_FLAGS:
		question->flags = value;
		return parse_flags(value, &question->spec.tcp_flags, err);
	case OPTION_INTERFACE:
		question->interface = value;
		return 0;
	case OPTION_SIZE:
		return cli_parse_number(value, 20, UINT16_MAX, &question->spec.bytes, err);
	}
	return err_set(err, -EINVAL, "not known");
}

static const struct cli_spec spec = {
	.name = "explain", .help = help, .options = options, .min = 3, .max = 3, .take = take
};

/* --- the command line ------------------------------------------------------------------------------ */

static int parse_protocol(const char *text, uint8_t *ret, struct err *err)
{
	if (!strcmp(text, "tcp"))
		*ret = IPPROTO_TCP;
	else if (!strcmp(text, "udp"))
		*ret = IPPROTO_UDP;
	else if (!strcmp(text, "icmp"))
		*ret = FRAME_ICMP;
	else
		return err_set(err, -EINVAL, "%s: not one of tcp, udp, icmp", text);
	return 0;
}

static int parse_end(const char *text, uint8_t protocol, struct addr *ret, uint16_t *ret_port,
		     struct err *err)
{
	if (protocol == FRAME_ICMP) {
		*ret_port = 1; /* identifier and sequence number of an echo request: any will do */
		return addr_parse(text, ret) < 0
			       ? err_set(err, -EINVAL, "%s: not an IPv4 or IPv6 address", text)
			       : 0;
	}
	return addr_parse_port(text, ret, ret_port) < 0
		       ? err_set(err, -EINVAL,
				 "%s: not ADDRESS:PORT, like 192.0.2.1:443 or [2001:db8::1]:443", text)
		       : 0;
}

static int parse_operands(char **operand, struct question *question, struct err *err)
{
	struct frame_spec *packet = &question->spec;
	int r = parse_protocol(operand[0], &packet->protocol, err);

	if (!r)
		r = parse_end(operand[1], packet->protocol, &packet->client, &packet->client_port, err);
	if (!r)
		r = parse_end(operand[2], packet->protocol, &packet->address, &packet->port, err);
	if (r)
		return r;
	if (addr_is_v4(&packet->client) != addr_is_v4(&packet->address))
		return err_set(err, -EINVAL, "%s and %s are of two address families", operand[1], operand[2]);
	if (question->flags && packet->protocol != IPPROTO_TCP)
		return err_set(err, -EINVAL, "--flags: only TCP has any");
	if (packet->bytes && packet->bytes < frame_min_bytes(packet))
		return err_set(err, -EINVAL, "--size %u: the headers alone have %u bytes", packet->bytes,
			       frame_min_bytes(packet));
	return 0;
}

/* --- finding out ----------------------------------------------------------------------------------- */

/* The interface that the packet comes by. */
static int find_interface(const char *pin_dir, const char *wanted, struct dp_interface *ret, struct err *err)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	int nr = dp_interfaces(pin_dir, list, CV_ARRAY_SIZE(list), err);

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++) {
		if (wanted && strcmp(list[i].name, wanted) != 0)
			continue;
		*ret = list[i];
		return 0;
	}
	if (wanted)
		return err_set(err, -ENOENT, "culvert is not attached to %s; see culvert status", wanted);
	return err_set(err, -ENOENT, "culvert is attached to no interface; attach it: culvert attach IFACE");
}

/* Asks about one packet. */
static int ask(struct dp *dp, uint32_t ifindex, const struct frame_spec *packet, struct explanation *ret,
	       struct err *err)
{
	uint8_t frame[FRAME_MAX];
	struct dp_question question = { .mode = CV_MODE_DRY, .ifindex = ifindex, .frame = frame };
	struct dp_answer *answer = malloc(sizeof(*answer));
	int r = answer ? frame_build(packet, frame) : -ENOMEM;

	if (r < 0) {
		free(answer);
		return err_set(err, r, "a packet of %u bytes: %s", packet->bytes, strerror(-r));
	}
	question.len = (size_t)r;
	r = dp_ask(dp, &question, answer, err);
	if (!r) {
		*ret = (struct explanation){ .spec = *packet,
					     .bytes = (uint32_t)question.len - FRAME_LINK_BYTES,
					     .ask = answer->ask };
		frame_read(answer->frame, answer->len, &ret->out);
	}
	free(answer);
	return r;
}

static bool has_entry(const struct explanation *of)
{
	return of->ask.state && of->ask.state != CV_FLOW_REFUSED;
}

/* Asks about the packet that was named, or the two that come into question. */
static int ask_all(struct dp *dp, uint32_t ifindex, const struct question *question, struct explain *explain,
		   struct err *err)
{
	struct explanation *packet = &explain->packet, *instead = &explain->instead, swap;
	struct frame_spec next = question->spec, first = question->spec;
	int r;

	if (question->flags || question->spec.protocol != IPPROTO_TCP)
		return ask(dp, ifindex, &question->spec, packet, err);
	next.tcp_flags = FRAME_ACK;
	first.tcp_flags = FRAME_SYN;
	r = ask(dp, ifindex, &next, packet, err);
	if (!r)
		r = ask(dp, ifindex, &first, instead, err);
	if (r)
		return r;
	if (!has_entry(packet)) {
		swap = *packet;
		*packet = *instead;
		*instead = swap;
	}
	if (packet->ask.verdict == instead->ask.verdict && packet->ask.backend == instead->ask.backend)
		instead->spec.protocol = 0;
	return 0;
}

/* What the tables have on the tuple. */
static int look_up(struct dp *dp, struct explain *explain, struct err *err)
{
	const struct explanation *packet = &explain->packet;
	const struct frame_spec *from = &packet->spec;
	const struct cv_listener *listener = explain_listener(explain, packet);
	struct explain_tuple *tuple = &explain->tuple;
	struct cv_flow6_key key = { .client_port = from->client_port,
				    .port = from->port,
				    .protocol = (enum cv_protocol)from->protocol };
	int r = dp_clock(dp, &explain->now_s, err);

	if (r || !listener)
		return r;
	memcpy(key.client, from->client.byte, sizeof(key.client));
	memcpy(key.address, from->address.byte, sizeof(key.address));
	r = dp_find_flow(dp, &key, &tuple->flow, err);
	tuple->is_over = !r && cv_flow_is_expired(&tuple->flow, explain->now_s);
	if (!r || r == -ENOENT)
		r = dp_find_expired(dp, &key, &tuple->expired, err);
	tuple->was_expired = !r;
	if (!r || r == -ENOENT)
		r = dp_slot_owner(dp, listener->pool, packet->ask.slot, &tuple->owner, err);
	return r == -ENOENT ? 0 : r;
}

static int find_out(struct dp *dp, const char *pin_dir, const struct question *question,
		    struct explain *explain, struct err *err)
{
	struct dp_interface interface = { .ifindex = 0 };
	int r = find_interface(pin_dir, question->interface, &interface, err);

	if (r)
		return r;
	memcpy(explain->interface, interface.name, sizeof(explain->interface));
	explain->is_outdated = interface.outdated;
	r = ask_all(dp, interface.ifindex, question, explain, err);
	return r ? r : look_up(dp, explain, err);
}

static int print(const struct explain *explain, bool json)
{
	json_t *document;

	if (!json) {
		explain_print(explain);
		return CLI_DONE;
	}
	document = explain_json(explain);
	if (!document)
		return cli_complain(spec.name, CLI_FAILED, "out of memory");
	return cli_print_json(spec.name, document);
}

int cmd_explain(int argc, char **argv)
{
	struct question question = { .flags = NULL };
	struct explain explain = { .now_s = 0 };
	struct image *image = NULL;
	struct err err = { "" };
	struct dp *dp = NULL;
	const char *pin_dir;
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, &question);
	if (status != CLI_GO_ON)
		return status;
	if (parse_operands(argv + optind, &question, &err))
		return cli_complain(spec.name, CLI_WRONG, "%s", err.text);
	pin_dir = cli_pin_dir(&cli);
	r = dp_open(pin_dir, &dp, &err);
	if (!r)
		r = dp_read_image(dp, &image, &err);
	explain.image = image;
	if (!r)
		r = find_out(dp, pin_dir, &question, &explain, &err);
	status = r ? cli_complain(spec.name, CLI_FAILED, "%s", err.text) : print(&explain, cli.json);
	image_free(image);
	dp_free(dp);
	return status;
}
