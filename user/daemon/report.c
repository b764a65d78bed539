/* SPDX-License-Identifier: GPL-2.0-only */
/* What goes on, as JSON: the documents that the command shows and other programs read. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/daemon.h"
#include "daemon/numbers.h"

const char *report_state_name(enum cv_backend_state state)
{
	switch (state) {
	case CV_BACKEND_NONE:
		break;
	case CV_BACKEND_UP:
		return "up";
	case CV_BACKEND_DOWN:
		return "down";
	case CV_BACKEND_DRAINING:
		return "draining";
	case CV_BACKEND_DISABLED:
		return "disabled";
	}
	return "none";
}

static const char *health_type_name(enum health_type type)
{
	static const char *const names[] = {
		[HEALTH_NONE] = "none", [HEALTH_TCP] = "tcp", [HEALTH_HTTP] = "http", [HEALTH_HTTPS] = "https"
	};

	return names[type];
}

static json_t *port_json(const struct listener_conf *conf)
{
	char text[16];

	if (conf->port_first == conf->port_last)
		return json_integer(conf->port_first);
	if (conf->port_first == 1 && conf->port_last == 65535)
		return json_string("any");
	snprintf(text, sizeof(text), "%u-%u", conf->port_first, conf->port_last);
	return json_string(text);
}

static void set_count(json_t *json, const char *key, uint64_t count)
{
	json_object_set_new(json, key, json_integer((json_int_t)count));
}

static const char *forward_name(enum cv_forward forward)
{
	switch (forward) {
	case CV_FORWARD_GUE:
		return "gue";
	case CV_FORWARD_L2:
		return "l2";
	case CV_FORWARD_IPIP:
	case CV_FORWARD_NONE:
		break;
	}
	return "ipip";
}

static json_t *listener_json(struct daemon *d, const struct numbers *n, const struct listener_conf *conf)
{
	uint16_t id = image_listener_id(d->image, conf->name);
	const struct cv_listener_stats *stats = &n->listener[id];
	const struct cv_flow_counts *use = &n->listener_use[id];
	struct rate rate = rates_of(d, id);
	char address[ADDR_TEXT_LEN];
	json_t *json;

	json = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s, s:i, s:{s:f, s:f, s:f}}", "name", conf->name,
			 "address", addr_format(&conf->address, address), "protocol",
			 conf->protocol == CV_PROTOCOL_UDP ? "udp" : "tcp", "port", port_json(conf), "pool",
			 d->model->pools[conf->pool].name, "forward", forward_name(conf->forward),
			 "idle_timeout_s", (int)conf->idle_timeout_s, "rates", "packets_per_s",
			 rate.packets_per_s, "bits_per_s", rate.bits_per_s, "new_flows_per_s",
			 rate.new_flows_per_s);
	if (conf->mss == CV_MSS_PATH)
		json_object_set_new(json, "mss", json_string("path"));
	else if (conf->mss)
		set_count(json, "mss", conf->mss);
	set_count(json, "active_flows", use->open);
	set_count(json, "half_open_flows", use->half_open);
	set_count(json, "closing_flows", use->closing);
	set_count(json, "new_flows", stats->new_flows);
	set_count(json, "rejected_flows",
		  stats->rejected_table_full + stats->rejected_quota + stats->rejected_no_backend);
	set_count(json, "expired_flows", stats->expired_flows);
	set_count(json, "closed_flows", stats->closed_flows);
	set_count(json, "evicted_flows", n->evicted[id]);
	set_count(json, "moved_flows", stats->moved_flows);
	set_count(json, "resets_sent", stats->resets_sent);
	set_count(json, "client_resets", stats->client_resets);
	set_count(json, "icmp_errors", stats->icmp_errors);
	set_count(json, "icmp_unknown_flow", stats->icmp_unknown_flow);
	set_count(json, "packets", stats->packets);
	set_count(json, "bytes", stats->bytes);
	set_count(json, "shortcut_packets", stats->shortcut_packets);
	return json;
}

static const char *health_name(const struct pool_conf *pool, const struct backend_run *run)
{
	if (pool->health.type == HEALTH_NONE)
		return "unchecked";
	if (!run->health.known)
		return "unknown";
	return run->health.up ? "healthy" : "unhealthy";
}

static json_t *backend_json(struct daemon *d, const struct numbers *n, size_t pool_index, size_t index)
{
	const struct pool_conf *pool = &d->model->pools[pool_index];
	const struct backend_conf *conf = &pool->backends[index];
	const struct backend_run *run = runs_at(&d->runs, pool_index, index);
	uint16_t pool_id = image_pool_id(d->image, pool->name);
	uint16_t id = image_backend_id(d->image, pool_id, &conf->address, conf->port);
	const struct cv_flow_counts *use = &n->backend_use[id];
	char address[ADDR_TEXT_LEN];
	uint64_t now = uv_now(&d->loop);
	json_t *json;

	json = json_pack(
		"{s:s, s:i, s:i, s:i, s:s, s:s, s:s, s:b}", "address", addr_format(&conf->address, address),
		"port", conf->port, "id", id, "weight", run->weight >= 0 ? run->weight : conf->weight,
		"state", report_state_name(run_state(run)), "health", health_name(pool, run), "reason",
		run->is_forwardable ? run->health_text : run->way_text, "forwardable", run->is_forwardable);
	set_count(json, "active_flows", use->open);
	set_count(json, "new_flows", n->backend[id].new_flows);
	set_count(json, "packets", n->backend[id].packets);
	set_count(json, "bytes", n->backend[id].bytes);
	set_count(json, "slots", n->slots[id]);
	set_count(json, "checks", histogram_total(&run->successes) + histogram_total(&run->failures));
	set_count(json, "failed_checks", histogram_total(&run->failures));
	set_count(json, "probe_packets", n->probe[id].packets);
	set_count(json, "probe_bytes", n->probe[id].bytes);
	set_count(json, "dropped_probes", n->probe[id].dropped);
	if (run->is_forwardable) {
		const char *from;

		set_count(json, "mtu", run_mtu(run, &from));
		json_object_set_new(json, "mtu_from", json_string(from));
		if (run_mtu_left_s(d, run))
			set_count(json, "mtu_left_s", run_mtu_left_s(d, run));
	}
	if (run->is_draining)
		json_object_set_new(json, "flows_left",
				    json_integer((json_int_t)(use->open + use->half_open)));
	if (run->is_draining && run->drain_deadline_ms)
		json_object_set_new(
			json, "drain_left_s",
			json_integer((json_int_t)(run->drain_deadline_ms > now
							  ? (run->drain_deadline_ms - now + 999) / 1000
							  : 0)));
	return json;
}

static json_t *pool_json(struct daemon *d, const struct numbers *n, size_t index)
{
	const struct pool_conf *conf = &d->model->pools[index];
	uint16_t id = image_pool_id(d->image, conf->name);
	json_t *backends = json_array();

	for (size_t i = 0; i < conf->backends_nr; i++)
		json_array_append_new(backends, backend_json(d, n, index, i));
	return json_pack("{s:s, s:i, s:I, s:s, s:{s:s, s:s, s:i, s:i, s:i, s:i}, s:o}", "name", conf->name,
			 "table_size", (int)conf->table_size, "unsettled_slots", (json_int_t)n->unsettled[id],
			 "all_down", conf->all_down == ALL_DOWN_OPEN ? "open" : "reject", "health", "type",
			 health_type_name(conf->health.type), "via",
			 probes_listener(d->model, index) ? "tunnel" : "direct", "interval_ms",
			 (int)conf->health.interval_ms, "timeout_ms", (int)conf->health.timeout_ms, "rise",
			 (int)conf->health.rise, "fall", (int)conf->health.fall, "backends", backends);
}

static json_t *listeners_json(struct daemon *d, const struct numbers *n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->model->listeners_nr; i++)
		json_array_append_new(array, listener_json(d, n, &d->model->listeners[i]));
	return array;
}

static json_t *pools_json(struct daemon *d, const struct numbers *n)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->model->pools_nr; i++)
		json_array_append_new(array, pool_json(d, n, i));
	return array;
}

json_t *report_listeners(struct daemon *d)
{
	struct numbers *n = numbers_read(d);
	json_t *json = n ? json_pack("{s:o}", "listeners", listeners_json(d, n)) : NULL;

	free(n);
	return json;
}

json_t *report_pools(struct daemon *d)
{
	struct numbers *n = numbers_read(d);
	json_t *json = n ? json_pack("{s:o}", "pools", pools_json(d, n)) : NULL;

	free(n);
	return json;
}

json_t *report_backends(struct daemon *d)
{
	struct numbers *n = numbers_read(d);
	json_t *array = json_array();

	for (size_t i = 0; n && i < d->model->pools_nr; i++) {
		for (size_t j = 0; j < d->model->pools[i].backends_nr; j++) {
			json_t *json = backend_json(d, n, i, j);

			json_object_set_new(json, "pool", json_string(d->model->pools[i].name));
			json_array_append_new(array, json);
		}
	}
	if (!n) {
		json_decref(array);
		return NULL;
	}
	free(n);
	return json_pack("{s:o}", "backends", array);
}

/* Packets by name of the verdicts of one class, but for those that went to a backend. All are listed, even when there were
 * none. */
static json_t *verdicts_json(const struct numbers *n, enum cv_verdict_class class)
{
	json_t *json = json_object();

	for (int i = CV_CONTINUE + 1; i < CV_VERDICT_COUNT; i++)
		if (dp_verdict_class(i) == class && i != CV_TX)
			json_object_set_new(json, dp_verdict_name(i),
					    json_integer((json_int_t)n->verdict[i].packets));
	return json;
}

/* What became of the packets that the program handed over. */
static json_t *held_json(const struct daemon *d, const struct numbers *n)
{
	const struct hold_counts counts = hold_counts(d);
	json_t *json = verdicts_json(n, CV_CLASS_HOLD);

	set_count(json, "waiting", counts.fragments.waiting);
	set_count(json, "sent_on", counts.sent);
	set_count(json, "timed_out", counts.fragments.timed_out);
	set_count(json, "pushed_out", counts.fragments.pushed_out);
	set_count(json, "lost", counts.lost);
	return json;
}

static json_t *interfaces_json(const struct daemon *d)
{
	json_t *array = json_array();

	for (size_t i = 0; i < d->interfaces_nr; i++) {
		const struct dp_interface *interface = &d->interface[i];

		json_array_append_new(array, json_pack("{s:s, s:i, s:s, s:i}", "name", interface->name,
						       "ifindex", (int)interface->ifindex, "mode",
						       attach_mode_name(interface->mode), "program_id",
						       (int)interface->program_id));
	}
	return array;
}

/* Those of the file that are not attached, and why. */
static json_t *missing_json(const struct daemon *d)
{
	json_t *array = json_array();
	char text[320];

	for (size_t i = 0; i < d->model->interfaces_nr; i++)
		if (!daemon_is_attached(d, i, text, sizeof(text)))
			json_array_append_new(array, json_pack("{s:s, s:s}", "name",
							       d->model->interfaces[i].name, "reason", text));
	return array;
}

static json_t *flow_table_json(const struct daemon *d, const struct numbers *n)
{
	const struct flow_table_conf *table = &d->model->flow_table;
	uint64_t packets = 0, shortcut = 0, slots = 0, unsettled = 0;
	json_t *json =
		json_pack("{s:s, s:s}", "when_full", table->when_full == CV_FULL_REJECT ? "reject" : "evict",
			  "shortcut", table->shortcut == CV_SHORTCUT_OFF ? "off" : "on");

	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++) {
		packets += n->listener[id].packets;
		shortcut += n->listener[id].shortcut_packets;
	}
	for (size_t id = 1; id <= CV_MAX_POOLS; id++)
		unsettled += n->unsettled[id];
	for (size_t id = 1; id <= CV_MAX_BACKENDS; id++)
		slots += n->slots[id];
	set_count(json, "max_flows", table->max_flows);
	set_count(json, "used", n->sweep.open + n->sweep.closing);
	set_count(json, "half_open", n->sweep.half_open);
	set_count(json, "closing", n->sweep.closing);
	set_count(json, "packets", packets);
	set_count(json, "shortcut_packets", shortcut);
	set_count(json, "slots", slots);
	set_count(json, "unsettled_slots", unsettled);
	return json;
}

json_t *report_status(struct daemon *d)
{
	uint64_t now = uv_now(&d->loop);
	struct numbers *n = numbers_read(d);
	json_t *json;

	if (!n)
		return NULL;
	json = json_pack("{s:s, s:I, s:s, s:o, s:o, s:o, s:o, s:o, s:o, s:o,"
			 " s:{s:I, s:I}, s:{s:b, s:I, s:s}}",
			 "version", CV_VERSION, "uptime_s", (json_int_t)((now - d->started_ms) / 1000),
			 "config", d->options.config, "interfaces", interfaces_json(d), "flow_table",
			 flow_table_json(d, n), "listeners", listeners_json(d, n), "pools", pools_json(d, n),
			 "drops", verdicts_json(n, CV_CLASS_DROP), "passed", verdicts_json(n, CV_CLASS_PASS),
			 "answered", verdicts_json(n, CV_CLASS_TX), "forwarded", "tx",
			 (json_int_t)n->verdict[CV_TX].packets, "redirect",
			 (json_int_t)n->verdict[CV_REDIRECT].packets, "last_reload", "ok",
			 !d->reload_error.text[0], "at_s_ago", (json_int_t)((now - d->reloaded_ms) / 1000),
			 "error", d->reload_error.text);
	json_object_set_new(json, "held", held_json(d, n));
	json_object_set_new(json, "missing_interfaces", missing_json(d));
	free(n);
	return json;
}
