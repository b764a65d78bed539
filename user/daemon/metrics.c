/* SPDX-License-Identifier: GPL-2.0-only */
/* The metrics: which there are, and where each number comes from. Names, labels and units are a promise to whoever has
 * dashboards and alerts; counters that the maps hold go on when the daemon starts anew. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/metrics.h"
#include "daemon/prom.h"

/* A metric of every listener or backend: a 64-bit number in struct numbers. */
struct metric {
	const char *name; /* rows of one name follow each other, and are told apart by their reasons */
	const char *help;
	enum prom_type type;
	bool by_protocol;
	const char *reason;
	size_t at;     /* the number of id 0, in bytes */
	size_t stride; /* from there to that of id 1 */
};

#define OF(array, ...)                                        \
	.at = offsetof(struct numbers, array[0] __VA_ARGS__), \
	.stride = sizeof(((struct numbers *)NULL)->array[0])

static const struct metric listener_metrics[] = {
	{ "culvert_active_flows", "Flows that are open now.", PROM_GAUGE, OF(listener_use, .open),
	  .by_protocol = true },
	{ "culvert_half_open_flows", "Flows of which one packet was seen so far.", PROM_GAUGE,
	  OF(listener_use, .half_open) },
	{ "culvert_closing_flows", "Flows whose client sent FIN or RST, still in the table.", PROM_GAUGE,
	  OF(listener_use, .closing) },
	{ "culvert_new_flows_total", "Flows that became open.", PROM_COUNTER, OF(listener, .new_flows),
	  .by_protocol = true },
	{ "culvert_rejected_flows_total", "New flows that were refused, each counted once.", PROM_COUNTER,
	  OF(listener, .rejected_table_full), .by_protocol = true, .reason = "table_full" },
	{ "culvert_rejected_flows_total", "New flows that were refused, each counted once.", PROM_COUNTER,
	  OF(listener, .rejected_quota), .by_protocol = true, .reason = "quota" },
	{ "culvert_rejected_flows_total", "New flows that were refused, each counted once.", PROM_COUNTER,
	  OF(listener, .rejected_no_backend), .by_protocol = true, .reason = "no_backend" },
	{ "culvert_closed_flows_total", "Flows that ended after the client's FIN or RST.", PROM_COUNTER,
	  OF(listener, .closed_flows) },
	{ "culvert_expired_flows_total", "Open flows that ended by their idle timeout.", PROM_COUNTER,
	  OF(listener, .expired_flows) },
	{ "culvert_evicted_flows_total", "Flows that a full flow table pushed out.", PROM_COUNTER,
	  OF(evicted) },
	{ "culvert_moved_flows_total", "Flows placed anew because their backend was gone.", PROM_COUNTER,
	  OF(listener, .moved_flows) },
	{ "culvert_processed_packets_total", "Packets forwarded to backends.", PROM_COUNTER,
	  OF(listener, .packets) },
	{ "culvert_shortcut_packets_total", "Packets forwarded to backends without a look at the flow table.",
	  PROM_COUNTER, OF(listener, .shortcut_packets) },
	{ "culvert_processed_bytes_total",
	  "Bytes of IP packets forwarded to backends, as the client sent them.", PROM_COUNTER,
	  OF(listener, .bytes) },
	{ "culvert_resets_sent_total", "TCP resets that the balancer sent to clients.", PROM_COUNTER,
	  OF(listener, .resets_sent) },
	{ "culvert_client_resets_total", "TCP resets that clients sent.", PROM_COUNTER,
	  OF(listener, .client_resets) },
	{ "culvert_icmp_errors_total", "ICMP errors sent on to the backends whose flows they are about.",
	  PROM_COUNTER, OF(listener, .icmp_errors) },
	{ "culvert_icmp_unknown_flow_total", "ICMP errors sent on by Maglev: of a flow not known here.",
	  PROM_COUNTER, OF(listener, .icmp_unknown_flow) },
};

static const struct metric backend_metrics[] = {
	{ "culvert_backend_active_flows", "Flows that are open now.", PROM_GAUGE, OF(backend_use, .open) },
	{ "culvert_backend_new_flows_total", "Flows that became open.", PROM_COUNTER,
	  OF(backend, .new_flows) },
	{ "culvert_backend_packets_total", "Packets forwarded.", PROM_COUNTER, OF(backend, .packets) },
	{ "culvert_backend_bytes_total", "Bytes of IP packets forwarded, as the client sent them.",
	  PROM_COUNTER, OF(backend, .bytes) },
};

static const struct metric pool_metrics[] = {
	{ "culvert_unsettled_slots",
	  "Maglev slots with flows on another backend than their owner, or not looked through yet.",
	  PROM_GAUGE, OF(unsettled) },
};

/* What samples are about: a listener, a pool or a backend. */
struct subject {
	uint16_t id;
	struct prom_labels labels;
	const char *protocol; /* of a listener */
	/* of a backend */
	enum cv_backend_state state;
	bool is_checked;
	struct histogram successes, failures;
	uint16_t mtu; /* of its path; 0: no way is known */
};

struct metrics {
	struct numbers *numbers;
	struct hold_counts held;
	struct dp_interface interface[CV_MAX_INTERFACES];
	size_t interfaces_nr;
	uint32_t max_flows;
	bool is_reload_refused;
	struct subject *listeners;
	size_t listeners_nr;
	struct subject *pools;
	size_t pools_nr;
	struct subject *backends;
	size_t backends_nr;
};

static struct prom_labels and_label(const struct prom_labels *labels, const char *name, const char *value)
{
	struct prom_labels more = *labels;

	prom_label(&more, name, value);
	return more;
}

static struct prom_labels one_label(const char *name, const char *value)
{
	return and_label(&(struct prom_labels){ "" }, name, value);
}

/* --- taking down --- */

static void take_pool(struct subject *subject, const struct daemon *d, const struct pool_conf *conf)
{
	subject->id = image_pool_id(d->image, conf->name);
	subject->labels = one_label("pool", conf->name);
}

static void take_listener(struct subject *subject, const struct daemon *d, const struct listener_conf *conf)
{
	subject->id = image_listener_id(d->image, conf->name);
	subject->labels = one_label("listener", conf->name);
	subject->protocol = conf->protocol == CV_PROTOCOL_UDP ? "udp" : "tcp";
}

static void take_backend(struct subject *subject, const struct daemon *d, size_t pool, size_t backend)
{
	const struct pool_conf *conf = &d->model->pools[pool];
	const struct backend_run *run = runs_at(&d->runs, pool, backend);
	char text[ADDR_PORT_TEXT_LEN];

	subject->id =
		image_backend_id(d->image, image_pool_id(d->image, conf->name), &run->address, run->port);
	subject->labels = one_label("pool", conf->name);
	prom_label(&subject->labels, "backend",
		   run->port ? addr_format_port(&run->address, run->port, text)
			     : addr_format(&run->address, text));
	subject->state = run_state(run);
	subject->is_checked = conf->health.type != HEALTH_NONE;
	subject->successes = run->successes;
	subject->failures = run->failures;
	subject->mtu = run->is_forwardable ? run_mtu(run, NULL) : 0;
}

struct metrics *metrics_take(const struct daemon *d, struct numbers *numbers)
{
	const struct model *model = d->model;
	struct metrics *m = calloc(1, sizeof(*m));

	if (!m) {
		free(numbers);
		return NULL;
	}
	m->numbers = numbers;
	m->listeners = calloc(model->listeners_nr + 1, sizeof(*m->listeners));
	m->pools = calloc(model->pools_nr + 1, sizeof(*m->pools));
	m->backends = calloc(d->runs.nr + 1, sizeof(*m->backends));
	if (!m->listeners || !m->pools || !m->backends) {
		metrics_free(m);
		return NULL;
	}
	memcpy(m->interface, d->interface, sizeof(m->interface));
	m->interfaces_nr = d->interfaces_nr;
	m->held = hold_counts(d);
	m->max_flows = model->flow_table.max_flows;
	m->is_reload_refused = d->reload_error.text[0] != '\0';
	for (; m->listeners_nr < model->listeners_nr; m->listeners_nr++)
		take_listener(&m->listeners[m->listeners_nr], d, &model->listeners[m->listeners_nr]);
	for (; m->pools_nr < model->pools_nr; m->pools_nr++)
		take_pool(&m->pools[m->pools_nr], d, &model->pools[m->pools_nr]);
	for (size_t i = 0; i < model->pools_nr; i++)
		for (size_t j = 0; j < model->pools[i].backends_nr; j++)
			take_backend(&m->backends[m->backends_nr++], d, i, j);
	return m;
}

void metrics_free(struct metrics *metrics)
{
	if (!metrics)
		return;
	free(metrics->numbers);
	free(metrics->listeners);
	free(metrics->pools);
	free(metrics->backends);
	free(metrics);
}

/* --- writing out --- */

static uint64_t number_of(const struct numbers *n, const struct metric *metric, uint16_t id)
{
	return *(const uint64_t *)((const char *)n + metric->at + id * metric->stride);
}

static void write_metric(FILE *out, const struct numbers *n, const struct metric *metric,
			 const struct subject *subjects, size_t nr)
{
	for (const struct subject *s = subjects; s < subjects + nr; s++) {
		struct prom_labels labels = s->labels;

		if (metric->by_protocol)
			prom_label(&labels, "protocol", s->protocol);
		if (metric->reason)
			prom_label(&labels, "reason", metric->reason);
		prom_sample(out, metric->name, &labels, number_of(n, metric, s->id));
	}
}

static void write_metrics(FILE *out, const struct numbers *n, const struct metric *metrics, size_t metrics_nr,
			  const struct subject *subjects, size_t nr)
{
	for (size_t i = 0; i < metrics_nr; i++) {
		const struct metric *metric = &metrics[i];

		if (i == 0 || strcmp(metric->name, metrics[i - 1].name) != 0)
			prom_family(out, metric->name, metric->type, metric->help);
		write_metric(out, n, metric, subjects, nr);
	}
}

static void write_states(FILE *out, const struct subject *backends, size_t nr)
{
	static const enum cv_backend_state states[] = { CV_BACKEND_UP, CV_BACKEND_DOWN, CV_BACKEND_DRAINING,
							CV_BACKEND_DISABLED };

	prom_family(out, "culvert_backend_up", PROM_GAUGE,
		    "1 if the backend serves as a healthy one (state up or draining), else 0.");
	for (const struct subject *s = backends; s < backends + nr; s++) {
		prom_sample(out, "culvert_backend_up", &s->labels,
			    s->state == CV_BACKEND_UP || s->state == CV_BACKEND_DRAINING);
	}
	prom_family(out, "culvert_backend_state", PROM_GAUGE,
		    "1 for the state that the backend is in, else 0.");
	for (const struct subject *s = backends; s < backends + nr; s++) {
		for (size_t i = 0; i < CV_ARRAY_SIZE(states); i++) {
			struct prom_labels labels =
				and_label(&s->labels, "state", report_state_name(states[i]));

			prom_sample(out, "culvert_backend_state", &labels, s->state == states[i]);
		}
	}
}

static void write_mtus(FILE *out, const struct subject *backends, size_t nr)
{
	static const char name[] = "culvert_backend_path_mtu_bytes";

	prom_family(out, name, PROM_GAUGE,
		    "Bytes of IP packet that the path to the backend carries, outer header included.");
	for (const struct subject *s = backends; s < backends + nr; s++)
		if (s->mtu)
			prom_sample(out, name, &s->labels, s->mtu);
}

/* Of backends that are checked. Failures have a histogram from the first one on: most backends need none. */
static void write_checks(FILE *out, const struct subject *backends, size_t nr)
{
	static const char total[] = "culvert_health_checks_total", time[] = "culvert_health_check_seconds";

	prom_family(out, total, PROM_COUNTER, "Health checks done, by result: success or failure.");
	for (const struct subject *s = backends; s < backends + nr; s++) {
		struct prom_labels success = and_label(&s->labels, "result", "success");
		struct prom_labels failure = and_label(&s->labels, "result", "failure");

		if (!s->is_checked)
			continue;
		prom_sample(out, total, &success, histogram_total(&s->successes));
		prom_sample(out, total, &failure, histogram_total(&s->failures));
	}
	prom_family(out, time, PROM_HISTOGRAM, "How long health checks took, in seconds.");
	for (const struct subject *s = backends; s < backends + nr; s++) {
		struct prom_labels success = and_label(&s->labels, "result", "success");
		struct prom_labels failure = and_label(&s->labels, "result", "failure");

		if (!s->is_checked)
			continue;
		prom_histogram(out, time, &success, &s->successes);
		if (histogram_total(&s->failures))
			prom_histogram(out, time, &failure, &s->failures);
	}
}

static void write_reasons(FILE *out, const struct numbers *n, const char *name, const char *help,
			  enum cv_verdict_class class)
{
	prom_family(out, name, PROM_COUNTER, help);
	for (enum cv_verdict verdict = CV_CONTINUE + 1; verdict < CV_VERDICT_COUNT; verdict++) {
		struct prom_labels labels = one_label("reason", dp_verdict_name(verdict));

		if (dp_verdict_class(verdict) == class && verdict != CV_TX)
			prom_sample(out, name, &labels, n->verdict[verdict].packets);
	}
}

static void write_verdicts(FILE *out, const struct numbers *n)
{
	static const char forwarded[] = "culvert_forwarded_packets_total";
	struct prom_labels tx = one_label("verdict", dp_verdict_name(CV_TX));
	struct prom_labels redirect = one_label("verdict", dp_verdict_name(CV_REDIRECT));

	write_reasons(out, n, "culvert_dropped_packets_total",
		      "Packets for a listener that were not forwarded.", CV_CLASS_DROP);
	write_reasons(out, n, "culvert_passed_packets_total", "Packets that went on to the kernel untouched.",
		      CV_CLASS_PASS);
	write_reasons(out, n, "culvert_answered_packets_total",
		      "Packets that the balancer answered itself, with a TCP reset or by ICMP.", CV_CLASS_TX);
	prom_family(out, forwarded, PROM_COUNTER,
		    "Packets forwarded to backends, by the port they left by: the one they came in by (tx), "
		    "or another (redirect).");
	prom_sample(out, forwarded, &tx, n->verdict[CV_TX].packets);
	prom_sample(out, forwarded, &redirect, n->verdict[CV_REDIRECT].packets);
}

/* Packets that the program cannot finish: what was handed over, by the program's count, and what came of it, since the
 * daemon runs. */
static void write_held(FILE *out, const struct metrics *m)
{
	static const char name[] = "culvert_held_frames_total";
	const struct {
		const char *result;
		uint64_t count;
	} results[] = {
		{ "sent", m->held.sent },
		{ "timed_out", m->held.fragments.timed_out },
		{ "pushed_out", m->held.fragments.pushed_out },
		{ "lost", m->held.lost },
	};

	write_reasons(out, m->numbers, "culvert_held_packets_total",
		      "Packets handed to culvertd: fragments too early, packets to be cut.", CV_CLASS_HOLD);
	prom_family(out, name, PROM_COUNTER, "What culvertd did with them, in frames, since it runs.");
	for (size_t i = 0; i < CV_ARRAY_SIZE(results); i++) {
		struct prom_labels labels = one_label("result", results[i].result);

		prom_sample(out, name, &labels, results[i].count);
	}
}

static void write_single(FILE *out, const char *name, const char *help, uint64_t value)
{
	prom_family(out, name, PROM_GAUGE, help);
	prom_sample(out, name, NULL, value);
}

static void write_daemon(FILE *out, const struct metrics *m)
{
	struct prom_labels version = one_label("version", CV_VERSION);

	prom_family(out, "culvert_build_info", PROM_GAUGE, "1, with the version of culvertd.");
	prom_sample(out, "culvert_build_info", &version, 1);
	prom_family(out, "culvert_interface_info", PROM_GAUGE,
		    "1 for each interface that is attached, with the mode: native or generic.");
	for (size_t i = 0; i < m->interfaces_nr; i++) {
		struct prom_labels labels = one_label("interface", m->interface[i].name);

		prom_label(&labels, "mode", attach_mode_name(m->interface[i].mode));
		prom_sample(out, "culvert_interface_info", &labels, 1);
	}
	write_single(out, "culvert_last_reload_success",
		     "1 if the file as it was read last is in force, 0 if it was refused.",
		     !m->is_reload_refused);
	write_single(out, "culvert_flow_table_max_flows", "Flows that the flow table has room for.",
		     m->max_flows);
	write_single(out, "culvert_flow_table_used_flows", "Flows in the flow table, open and closing.",
		     m->numbers->sweep.open + m->numbers->sweep.closing);
	prom_family(out, "culvert_sweep_seconds", PROM_GAUGE,
		    "How long the last sweep of the flow table took, in seconds.");
	prom_sample_seconds(out, "culvert_sweep_seconds", NULL, m->numbers->sweep_ns);
}

int metrics_write(const struct metrics *metrics, FILE *out)
{
	const struct numbers *n = metrics->numbers;
	const struct subject *backends = metrics->backends;
	size_t nr = metrics->backends_nr;

	write_daemon(out, metrics);
	write_verdicts(out, n);
	write_held(out, metrics);
	write_metrics(out, n, listener_metrics, CV_ARRAY_SIZE(listener_metrics), metrics->listeners,
		      metrics->listeners_nr);
	write_metrics(out, n, pool_metrics, CV_ARRAY_SIZE(pool_metrics), metrics->pools, metrics->pools_nr);
	write_states(out, backends, nr);
	write_mtus(out, backends, nr);
	write_metrics(out, n, backend_metrics, CV_ARRAY_SIZE(backend_metrics), backends, nr);
	write_checks(out, backends, nr);
	return ferror(out) ? -ENOMEM : 0;
}
