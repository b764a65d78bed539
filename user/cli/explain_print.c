// SPDX-License-Identifier: GPL-2.0-only
/* `culvert explain` for people: a line for each thing that decides, in the order in which it does. */
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/flow.h"
#include "cli/out.h"
#include "cv_clock.h"
#include "cv_flow.h"

#define MAC_TEXT_LEN 18

static const char *mac(const uint8_t *bytes, char *text)
{
	snprintf(text, MAC_TEXT_LEN, "%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3],
		 bytes[4], bytes[5]);
	return text;
}

/* "a TCP SYN", "a UDP packet", "an echo request". */
static const char *what(const struct frame_spec *spec)
{
	if (spec->protocol == FRAME_ICMP)
		return "an echo request";
	if (spec->protocol == IPPROTO_UDP)
		return "a UDP packet";
	if (spec->tcp_flags & FRAME_SYN)
		return "a TCP SYN";
	if (spec->tcp_flags & FRAME_RST)
		return "a TCP RST";
	return spec->tcp_flags & FRAME_FIN ? "a TCP FIN" : "a TCP ACK";
}

static void print_question(const struct explain *explain)
{
	const struct frame_spec *spec = &explain->packet.spec;
	bool has_ports = spec->protocol != FRAME_ICMP;
	char client[ADDR_PORT_TEXT_LEN], address[ADDR_PORT_TEXT_LEN];

	printf("%s of %u bytes from %s to %s, by %s\n\n", what(spec), explain->packet.bytes,
	       has_ports ? addr_format_port(&spec->client, spec->client_port, client)
			 : addr_format(&spec->client, client),
	       has_ports ? addr_format_port(&spec->address, spec->port, address)
			 : addr_format(&spec->address, address),
	       explain->interface);
	if (explain->is_outdated)
		printf("note      an older program of culvert is attached there still; this is what the newer "
		       "one says\n");
}

static void print_verdict(const struct explanation *of)
{
	const enum cv_verdict verdict = of->ask.verdict;
	const char *class = dp_class_name(dp_verdict_class(verdict)), *name = dp_verdict_name(verdict);
	const char *remedy = dp_verdict_remedy(verdict);

	printf("verdict   %s%s%s: %s\n", class, strcmp(class, name) != 0 ? " " : "",
	       strcmp(class, name) != 0 ? name : "", dp_verdict_meaning(verdict));
	if (strcmp(remedy, "none needed") != 0)
		printf("          → %s\n", remedy);
}

static const char *forward_name(enum cv_forward forward)
{
	switch (forward) {
	case CV_FORWARD_IPIP:
		return "ipip";
	case CV_FORWARD_GUE:
		return "gue";
	case CV_FORWARD_L2:
		return "l2";
	case CV_FORWARD_NONE:
		break;
	}
	return "none";
}

static void print_listener(const struct explain *explain, const struct explanation *of)
{
	const struct cv_listener *listener = explain_listener(explain, of);

	if (!listener)
		return;
	printf("listener  %s: pool %s, forward %s, hash %s\n", listener->name,
	       explain->image->pool[listener->pool].name, forward_name(listener->forward),
	       listener->hash == CV_HASH_SOURCE ? "source" : "5-tuple");
}

static void print_flow(const struct explain *explain)
{
	const struct explain_tuple *tuple = &explain->tuple;
	const struct cv_flow *flow = &tuple->flow;
	uint32_t idle = cv_clock_idle(explain->now_s, flow->last_seen_s);
	char age[OUT_TEXT_LEN], silent[OUT_TEXT_LEN], left[OUT_TEXT_LEN], packets[OUT_TEXT_LEN];

	if (!explain->packet.ask.listener)
		return;
	if (flow->state && flow->state != CV_FLOW_REFUSED && !tuple->is_over)
		printf("flow      %s, %s old, %s packets; silent for %s, over after %s more of it\n",
		       flow_state_name(flow->state),
		       out_duration(cv_clock_idle(explain->now_s, flow->born_s), age),
		       out_si((double)flow->packets, "", packets), out_duration(idle, silent),
		       out_duration(cv_flow_timeout(flow) - idle, left));
	else if (flow->state == CV_FLOW_REFUSED && !tuple->is_over)
		printf("flow      refused %s ago: no room\n", out_duration(idle, silent));
	else if (tuple->is_over)
		printf("flow      none any more: over %s ago\n",
		       out_duration(idle - cv_flow_timeout(flow), silent));
	else if (tuple->was_expired)
		printf("flow      none any more: found to have idled out %s ago\n",
		       out_duration(cv_clock_idle(explain->now_s, tuple->expired.expired_s), silent));
	else
		printf("flow      none\n");
}

/* Whom the slot belongs to, where that is not said by the next line. */
static void print_slot(const struct explain *explain, const struct explanation *of)
{
	const struct cv_listener *listener = explain_listener(explain, of);
	const struct cv_backend *owner = explain_backend(explain, explain->tuple.owner);
	struct addr address = { 0 };
	char text[ADDR_TEXT_LEN];

	if (!listener || of->ask.source == CV_SOURCE_FRAGMENT)
		return;
	if (owner)
		memcpy(address.byte, owner->address, sizeof(address.byte));
	printf("maglev    slot %u of %u, of %s\n", of->ask.slot, listener->table_size,
	       owner ? addr_format(&address, text) : "nobody");
}

static void print_backend(const struct explain *explain, const struct explanation *of)
{
	const struct cv_backend *backend = explain_backend(explain, of->ask.backend);
	char text[ADDR_TEXT_LEN], why[EXPLAIN_WHY_LEN];
	struct addr address;

	if (!backend && of->ask.verdict == CV_DROP_NO_BACKEND)
		printf("backend   none: %s\n", explain_why(explain, of, why));
	if (!backend)
		return;
	memcpy(address.byte, backend->address, sizeof(address.byte));
	printf("backend   %s: %s\n", addr_format(&address, text), explain_why(explain, of, why));
}

/* The header in front, the room there is for it, and the way out. */
static void print_way(const struct explain *explain, const struct explanation *of)
{
	const struct cv_backend *backend = explain_backend(explain, of->ask.backend);
	const struct frame_view *out = &of->out;
	uint32_t outer = explain_outer_bytes(of);
	char from[ADDR_PORT_TEXT_LEN], to[ADDR_PORT_TEXT_LEN], from_mac[MAC_TEXT_LEN], to_mac[MAC_TEXT_LEN];
	char interface[IF_NAMESIZE];

	if (!explain_is_forwarded(of) || !backend)
		return;
	if (outer && out->protocol == IPPROTO_UDP)
		printf("header    %s → %s, GUE in UDP, TTL %u: %u bytes\n",
		       addr_format_port(&out->from, out->from_port, from),
		       addr_format_port(&out->to, out->to_port, to), out->ttl, outer);
	else if (outer)
		printf("header    %s → %s, protocol %u, TTL %u%s: %u bytes\n", addr_format(&out->from, from),
		       addr_format(&out->to, to), out->protocol, out->ttl,
		       addr_is_v4(&out->from) && out->dont_fragment ? ", DF" : "", outer);
	printf("size      %u + %u = %u bytes; %u reach the backend, so the client's packets may have %u\n",
	       of->bytes, outer, out->bytes, backend->mtu, backend->mtu - outer);
	printf("way       by %s, from %s to %s\n",
	       if_indextoname(of->ask.ifindex, interface) ? interface : "an interface that is gone",
	       mac(out->from_mac, from_mac), mac(out->to_mac, to_mac));
}

static void print_instead(const struct explain *explain)
{
	const struct explanation *instead = &explain->instead;

	if (!instead->spec.protocol)
		return;
	printf("\nbut %s instead\n", what(&instead->spec));
	print_backend(explain, instead);
	print_verdict(instead);
}

void explain_print(const struct explain *explain)
{
	const struct explanation *packet = &explain->packet;

	print_question(explain);
	print_listener(explain, packet);
	print_flow(explain);
	print_slot(explain, packet);
	print_backend(explain, packet);
	print_way(explain, packet);
	print_verdict(packet);
	print_instead(explain);
}
