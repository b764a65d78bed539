// SPDX-License-Identifier: GPL-2.0-only
/* `culvert explain --json`. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "cli/explain.h"
#include "cli/flow.h"
#include "cv_clock.h"
#include "cv_flow.h"

static json_t *address(const uint8_t *bytes)
{
	char text[ADDR_TEXT_LEN];
	struct addr addr;

	memcpy(addr.byte, bytes, sizeof(addr.byte));
	return json_string(addr_format(&addr, text));
}

static json_t *mac(const uint8_t *bytes)
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", bytes[0], bytes[1], bytes[2], bytes[3], bytes[4],
			    bytes[5]);
}

static json_t *backend(const struct explain *explain, uint16_t id)
{
	const struct cv_backend *record = explain_backend(explain, id);

	return record ? address(record->address) : json_null();
}

static json_t *flow(const struct explain *explain)
{
	const struct explain_tuple *tuple = &explain->tuple;
	const struct cv_flow *entry = &tuple->flow;

	if (!entry->state || entry->state == CV_FLOW_REFUSED || tuple->is_over)
		return json_null();
	return json_pack("{s:s, s:I, s:I, s:I, s:I, s:I, s:o}", "state", flow_state_name(entry->state),
			 "age_s", (json_int_t)cv_clock_idle(explain->now_s, entry->born_s), "idle_s",
			 (json_int_t)cv_clock_idle(explain->now_s, entry->last_seen_s), "idle_timeout_s",
			 (json_int_t)entry->idle_timeout_s, "packets", (json_int_t)entry->packets, "bytes",
			 (json_int_t)entry->bytes, "backend", backend(explain, entry->backend));
}

static json_t *outer(const struct explanation *of)
{
	const struct frame_view *out = &of->out;

	if (!explain_outer_bytes(of))
		return json_null();
	return json_pack("{s:o, s:o, s:i, s:i, s:i, s:i, s:b, s:i}", "from", address(out->from.byte), "to",
			 address(out->to.byte), "from_port", out->from_port, "to_port", out->to_port,
			 "protocol", out->protocol, "ttl", out->ttl, "dont_fragment", out->dont_fragment,
			 "bytes", (int)explain_outer_bytes(of));
}

static json_t *way(const struct explain *explain, const struct explanation *of)
{
	const struct cv_backend *record = explain_backend(explain, of->ask.backend);
	char name[IF_NAMESIZE];

	if (!explain_is_forwarded(of) || !record)
		return json_null();
	return json_pack("{s:s?, s:o, s:o, s:i, s:i}", "interface", if_indextoname(of->ask.ifindex, name),
			 "from_mac", mac(of->out.from_mac), "to_mac", mac(of->out.to_mac), "bytes",
			 (int)of->out.bytes, "mtu", record->mtu);
}

/* What depends on the packet, and not on its tuple alone. */
static json_t *packet(const struct explain *explain, const struct explanation *of)
{
	const enum cv_verdict verdict = of->ask.verdict;
	const struct cv_listener *listener = explain_listener(explain, of);
	bool has_flow = of->ask.state && of->ask.state != CV_FLOW_REFUSED;
	char why[EXPLAIN_WHY_LEN];

	return json_pack(
		"{s:s, s:i, s:s, s:s, s:s, s:s, s:s?, s:s?, s:o, s:s?, s:s, s:o, s:o, s:o, s:o, s:o}",
		"packet", explain_flags_name(&of->spec), "bytes", (int)of->bytes, "verdict",
		dp_class_name(dp_verdict_class(verdict)), "reason", dp_verdict_name(verdict), "meaning",
		dp_verdict_meaning(verdict), "remedy", dp_verdict_remedy(verdict), "listener",
		listener ? listener->name : NULL, "pool",
		listener ? explain->image->pool[listener->pool].name : NULL, "backend",
		backend(explain, of->ask.backend), "source", explain_source_name(of->ask.source), "why",
		explain_why(explain, of, why), "slot", listener ? json_integer(of->ask.slot) : json_null(),
		"slots", listener ? json_integer(listener->table_size) : json_null(), "idle_left_s",
		has_flow ? json_integer(of->ask.idle_left_s) : json_null(), "header", outer(of), "way",
		way(explain, of));
}

json_t *explain_json(const struct explain *explain)
{
	const struct frame_spec *spec = &explain->packet.spec;
	json_t *json = packet(explain, &explain->packet);
	json_t *tuple = json_pack(
		"{s:s, s:o, s:i, s:o, s:i, s:s, s:o, s:o, s:o}", "protocol",
		spec->protocol == IPPROTO_TCP	? "tcp"
		: spec->protocol == IPPROTO_UDP ? "udp"
						: "icmp",
		"client", address(spec->client.byte), "client_port", spec->client_port, "address",
		address(spec->address.byte), "port", spec->port, "interface", explain->interface, "flow",
		flow(explain), "slot_backend", backend(explain, explain->tuple.owner), "instead",
		explain->instead.spec.protocol ? packet(explain, &explain->instead) : json_null());

	if (!json || !tuple || json_object_update(json, tuple)) {
		json_decref(json);
		json = NULL;
	}
	json_decref(tuple);
	return json;
}
