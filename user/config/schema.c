/* SPDX-License-Identifier: GPL-2.0-only */
/* The tables of keys; see schema.h for what they are for and keys.h for how to read them. A default that is
 * not in a table is in model_new(). */
#include "config/keys.h"
#include "config/references.h"
#include "config/scalar.h"
#include "config/schema.h"
#include "util/number.h"

#define NOT_YET "not supported yet: use ipip, gue or l2"
/* The value of a macro as a text. */
#define QUOTE(x) #x
#define TEXT_OF(macro) QUOTE(macro)

/* Rows of tables: a value of a type, stored in a member of a struct (and in a second one). */
#define KEY(key, type, where, member) .name = (key), .parse = (type), AT(where, member)
#define AT(where, member) .field = FIELD(struct where, member)
#define AND_AT(where, member) .second = FIELD(struct where, member)
#define MAPPING(key, keys_of, where, member) .name = (key), .mapping = &(keys_of), AT(where, member)
#define LIST(key, keys_of, where, member, length, most) \
	.name = (key), .items = &(keys_of), AT(where, member), AND_AT(where, length), .max = (most)
#define LIMITS(from, to) .min = (from), .max = (to)
#define REQUIRED .is_required = true

/* --- interfaces, flow_table, encapsulation, gue, icmp, metrics ------------------------------------------ */

static const struct choice attach_modes[] = {
	{ .name = "auto", .value = ATTACH_AUTO },
	{ .name = "native", .value = ATTACH_NATIVE },
	{ .name = "generic", .value = ATTACH_GENERIC },
	{},
};

static const struct key interface_keys[] = {
	{ KEY("name", scalar_interface, interface_conf, name), REQUIRED },
	{ KEY("mode", scalar_choice, interface_conf, mode), .choices = attach_modes, .fallback = "auto" },
	{},
};

static const struct mapping interface_mapping = {
	.keys = interface_keys,
	.size = sizeof(struct interface_conf),
	.mark_offset = offsetof(struct interface_conf, mark),
};

static const struct choice full_policies[] = {
	{ .name = "evict", .value = CV_FULL_EVICT },
	{ .name = "reject", .value = CV_FULL_REJECT },
	{},
};

static const struct choice shortcuts[] = {
	{ .name = "on", .value = CV_SHORTCUT_ON },
	{ .name = "off", .value = CV_SHORTCUT_OFF },
	{},
};

static const struct key flow_table_keys[] = {
	{ KEY("max_flows", scalar_number, flow_table_conf, max_flows),
	  LIMITS(CV_MIN_MAX_FLOWS, CV_MAX_MAX_FLOWS) },
	{ KEY("when_full", scalar_choice, flow_table_conf, when_full), .choices = full_policies },
	{ KEY("shortcut", scalar_choice, flow_table_conf, shortcut), .choices = shortcuts },
	{},
};

static const struct mapping flow_table_mapping = { .keys = flow_table_keys };

static const struct key encapsulation_keys[] = {
	{ KEY("source4", scalar_prefix, encapsulation_conf, source4),
	  AND_AT(encapsulation_conf, source4_length), LIMITS(8, 32) },
	{ KEY("source6", scalar_prefix, encapsulation_conf, source6),
	  AND_AT(encapsulation_conf, source6_length), LIMITS(32, 128) },
	{},
};

static const struct mapping encapsulation_mapping = { .keys = encapsulation_keys };

static const struct key gue_keys[] = {
	{ KEY("port", scalar_number, gue_conf, port), LIMITS(1, 65535) },
	{ KEY("variant", scalar_number, gue_conf, variant), LIMITS(CV_GUE_HEADER, CV_GUE_DIRECT) },
	{},
};

static const struct mapping gue_mapping = { .keys = gue_keys };

static const struct choice truths[] = {
	{ .name = "true", .value = true },
	{ .name = "false", .value = false },
	{},
};

static const struct key icmp_keys[] = {
	{ KEY("echo", scalar_choice, icmp_conf, echo), .choices = truths },
	{},
};

static const struct mapping icmp_mapping = { .keys = icmp_keys };

static const struct key metrics_keys[] = {
	{ KEY("listen", scalar_endpoint, metrics_conf, address), AND_AT(metrics_conf, port),
	  LIMITS(1, 65535) },
	{},
};

static const struct mapping metrics_mapping = { .keys = metrics_keys };

/* --- listeners ------------------------------------------------------------------------------------ */

static const struct choice protocols[] = {
	{ .name = "tcp", .value = CV_PROTOCOL_TCP },
	{ .name = "udp", .value = CV_PROTOCOL_UDP },
	{},
};

static const struct choice forwards[] = {
	{ .name = "ipip", .value = CV_FORWARD_IPIP },
	{ .name = "gue", .value = CV_FORWARD_GUE },
	{ .name = "l2", .value = CV_FORWARD_L2 },
	/* known, but not to be had */
	{ .name = "nat", .refusal = NOT_YET },
	{ .name = "fullnat", .refusal = NOT_YET },
	{},
};

static const struct choice hashes[] = {
	{ .name = "5-tuple", .value = CV_HASH_5TUPLE },
	{ .name = "source", .value = CV_HASH_SOURCE },
	{},
};

static const struct choice stray_policies[] = {
	{ .name = "reset", .value = CV_STRAY_RESET },
	{ .name = "forward", .value = CV_STRAY_FORWARD },
	{},
};

static const struct key listener_keys[] = {
	{ KEY("name", scalar_name, listener_conf, name), REQUIRED },
	{ KEY("address", scalar_host, listener_conf, address), REQUIRED },
	{ KEY("protocol", scalar_choice, listener_conf, protocol), .choices = protocols, REQUIRED },
	{ KEY("port", scalar_ports, listener_conf, port_first), AND_AT(listener_conf, port_last),
	  LIMITS(1, 65535), REQUIRED },
	{ .name = "pool", .parse = scalar_reference, REQUIRED }, /* see references.h */
	{ KEY("forward", scalar_choice, listener_conf, forward), .choices = forwards, .fallback = "ipip" },
	{ KEY("hash", scalar_choice, listener_conf, hash), .choices = hashes, .fallback = "5-tuple" },
	{ KEY("idle_timeout", scalar_seconds, listener_conf, idle_timeout_s),
	  LIMITS(CV_IDLE_TIMEOUT_MIN_S, CV_IDLE_TIMEOUT_MAX_S) }, /* default: see finish_listener */
	{ KEY("late_packet", scalar_choice, listener_conf, late_packet), .choices = stray_policies,
	  .fallback = "reset" },
	{ KEY("unknown_packet", scalar_choice, listener_conf, unknown_packet), .choices = stray_policies,
	  .fallback = "forward" },
	{ KEY("max_flows", scalar_number, listener_conf, max_flows), LIMITS(1, CV_MAX_MAX_FLOWS) },
	{ KEY("mss", scalar_mss, listener_conf, mss), LIMITS(CV_MIN_MSS4, CV_MAX_MSS) },
	{},
};

static void check_mss(struct report *report, const struct node *node, const struct listener_conf *listener)
{
	const struct node *mss = yaml_get(node, "mss");
	size_t outside;

	if (!mss)
		return;
	outside = report_enter_key(report, "mss");
	if (listener->protocol == CV_PROTOCOL_UDP)
		report_error(report, mss->key_mark, "only with protocol: tcp");
	else if (listener->mss && listener->mss < CV_MIN_MSS6 && !addr_is_v4(&listener->address) &&
		 !addr_is_zero(&listener->address))
		report_error(report, mss->mark, "must be %d at least with an IPv6 address", CV_MIN_MSS6);
	report_leave(report, outside);
}

static void finish_listener(struct report *report, const struct node *node, void *target)
{
	struct listener_conf *listener = target;

	check_mss(report, node, listener);
	if (!listener->idle_timeout_s)
		listener->idle_timeout_s =
			listener->protocol == CV_PROTOCOL_UDP ? CV_IDLE_TIMEOUT_UDP_S : CV_IDLE_TIMEOUT_TCP_S;
}

static const struct mapping listener_mapping = {
	.keys = listener_keys,
	.size = sizeof(struct listener_conf),
	.mark_offset = offsetof(struct listener_conf, mark),
	.finish = finish_listener,
};

/* --- pools ---------------------------------------------------------------------------------------- */

static const struct choice health_types[] = {
	{ .name = "tcp", .value = HEALTH_TCP },
	{ .name = "http", .value = HEALTH_HTTP },
	{ .name = "https", .value = HEALTH_HTTPS },
	{ .name = "none", .value = HEALTH_NONE },
	{},
};

static const struct choice health_vias[] = {
	{ .name = "tunnel", .value = HEALTH_VIA_TUNNEL },
	{ .name = "direct", .value = HEALTH_VIA_DIRECT },
	{},
};

#define HEALTH_TIMEOUT_MS 2000

static const struct key health_keys[] = {
	{ KEY("type", scalar_choice, health_conf, type), .choices = health_types, REQUIRED },
	{ KEY("via", scalar_choice, health_conf, via), .choices = health_vias, .fallback = "tunnel" },
	{ KEY("port", scalar_number, health_conf, port), LIMITS(1, 65535) },
	{ KEY("path", scalar_path, health_conf, path), .fallback = "/" },
	{ KEY("expect", scalar_range, health_conf, expect_first), AND_AT(health_conf, expect_last),
	  LIMITS(100, 599), .fallback = "200-299" },
	{ KEY("host", scalar_hostname, health_conf, host) },
	{ KEY("match", scalar_text, health_conf, match) },
	{ KEY("verify", scalar_choice, health_conf, verify), .choices = truths, .fallback = "false" },
	{ KEY("ca", scalar_file, health_conf, ca) },
	{ KEY("interval", scalar_milliseconds, health_conf, interval_ms), LIMITS(100, 3600000),
	  .fallback = "5s" },
	{ KEY("timeout", scalar_milliseconds, health_conf, timeout_ms),
	  LIMITS(10, 3600000) }, /* default: see finish_health */
	{ KEY("rise", scalar_number, health_conf, rise), LIMITS(1, 100), .fallback = "2" },
	{ KEY("fall", scalar_number, health_conf, fall), LIMITS(1, 100), .fallback = "3" },
	{},
};

static void refuse_key(struct report *report, const struct node *health, const char *key, const char *types)
{
	const struct node *node = yaml_get(health, key);
	size_t outside;

	if (!node)
		return;
	outside = report_enter_key(report, key);
	report_error(report, node->key_mark, "only with type: %s", types);
	report_leave(report, outside);
}

static void finish_health(struct report *report, const struct node *node, void *target)
{
	struct health_conf *health = target;
	const struct node *timeout = yaml_get(node, "timeout");

	if (health->type == HEALTH_TCP) {
		refuse_key(report, node, "path", "http or https");
		refuse_key(report, node, "expect", "http or https");
		refuse_key(report, node, "host", "http or https");
		refuse_key(report, node, "match", "http or https");
	}
	if (health->type == HEALTH_TCP || health->type == HEALTH_HTTP)
		refuse_key(report, node, "verify", "https");
	if (!health->verify)
		refuse_key(report, node, "ca", "https and verify: true");
	if (!timeout)
		health->timeout_ms =
			health->interval_ms < HEALTH_TIMEOUT_MS ? health->interval_ms : HEALTH_TIMEOUT_MS;
}

static const struct mapping health_mapping = { .keys = health_keys, .finish = finish_health };

static const struct key backend_keys[] = {
	{ KEY("address", scalar_backend, backend_conf, address), REQUIRED },
	{ KEY("weight", scalar_number, backend_conf, weight), .max = CV_MAX_WEIGHT,
	  .fallback = TEXT_OF(CV_DEFAULT_WEIGHT) },
	{ .name = "port", .refusal = "only with forward: nat or fullnat, which are not supported yet" },
	{},
};

static const struct mapping backend_mapping = {
	.keys = backend_keys,
	.size = sizeof(struct backend_conf),
	.mark_offset = offsetof(struct backend_conf, mark),
};

static const struct choice all_down_policies[] = {
	{ .name = "open", .value = ALL_DOWN_OPEN },
	{ .name = "reject", .value = ALL_DOWN_REJECT },
	{},
};

static const struct key pool_keys[] = {
	{ KEY("name", scalar_name, pool_conf, name), REQUIRED },
	{ KEY("table_size", scalar_prime, pool_conf, table_size),
	  LIMITS(CV_MIN_TABLE_SIZE, CV_MAX_TABLE_SIZE), .fallback = TEXT_OF(CV_DEFAULT_TABLE_SIZE) },
	{ KEY("all_down", scalar_choice, pool_conf, all_down), .choices = all_down_policies,
	  .fallback = "open" },
	{ MAPPING("health", health_mapping, pool_conf, health) },
	{ LIST("backends", backend_mapping, pool_conf, backends, backends_nr, CV_MAX_BACKENDS) },
	{},
};

static const struct mapping pool_mapping = {
	.keys = pool_keys,
	.size = sizeof(struct pool_conf),
	.mark_offset = offsetof(struct pool_conf, mark),
};

/* --- the whole ------------------------------------------------------------------------------------ */

static const struct key model_keys[] = {
	{ LIST("interfaces", interface_mapping, model, interfaces, interfaces_nr, CV_MAX_INTERFACES),
	  .is_in_place = true },
	{ MAPPING("flow_table", flow_table_mapping, model, flow_table) },
	{ LIST("listeners", listener_mapping, model, listeners, listeners_nr, CV_MAX_LISTENERS) },
	{ LIST("pools", pool_mapping, model, pools, pools_nr, CV_MAX_POOLS) },
	{ MAPPING("metrics", metrics_mapping, model, metrics) },
	{ KEY("seed", scalar_text, model, seed) },
	{ MAPPING("encapsulation", encapsulation_mapping, model, encapsulation) },
	{ MAPPING("gue", gue_mapping, model, gue) },
	{ MAPPING("icmp", icmp_mapping, model, icmp) },
	{},
};

static const struct mapping model_mapping = { .keys = model_keys };

void schema_read(struct report *report, const struct node *tree, struct model *model)
{
	if (tree->kind != NODE_MAPPING) {
		report_enter_key(report, "yaml");
		report_error(
			report, tree->mark,
			tree->is_empty
				? "nothing is configured: a file that balances nothing says listeners: []"
				: "must be a mapping, starting with a key such as listeners:");
		report_leave(report, 0);
		return;
	}
	keys_read(report, &model_mapping, tree, model);
	references_resolve(report, tree, model);
}
