/* SPDX-License-Identifier: GPL-2.0-only */
/* The metrics' text: every name, label and number that is promised, in the format's own order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "daemon/metrics.h"
#include "unit/model_maker.h"

struct world {
	struct maker maker;
	struct daemon daemon;
	char *text;
};

/* Every number differs from every other one, so that none can stand in for another. */
static struct numbers *count_something(struct world *world)
{
	struct numbers *n = calloc(1, sizeof(*n));
	uint16_t web = image_listener_id(world->daemon.image, "web");
	uint16_t dns = image_listener_id(world->daemon.image, "dns");
	struct addr address = maker_v4(10, 0, 0, 1);
	uint16_t backend =
		image_backend_id(world->daemon.image, image_pool_id(world->daemon.image, "one"), &address, 0);

	assert_non_null(n);
	n->listener[web] = (struct cv_listener_stats){
		.packets = 101,
		.bytes = 102,
		.new_flows = 103,
		.expired_flows = 104,
		.closed_flows = 105,
		.moved_flows = 106,
		.rejected_table_full = 107,
		.rejected_quota = 108,
		.rejected_no_backend = 117,
		.resets_sent = 109,
		.client_resets = 110,
		.icmp_errors = 115,
		.icmp_unknown_flow = 116,
	};
	n->listener_use[web] = (struct cv_flow_counts){ .half_open = 111, .open = 112, .closing = 113 };
	n->evicted[web] = 114;
	n->listener[dns].new_flows = 201;
	n->listener_use[dns].open = 202;
	n->backend[backend] = (struct cv_backend_stats){ .packets = 301, .bytes = 302, .new_flows = 303 };
	n->backend_use[backend].open = 304;
	n->verdict[CV_TX].packets = 401;
	n->verdict[CV_REDIRECT].packets = 402;
	n->verdict[CV_DROP_QUOTA].packets = 403;
	n->verdict[CV_PASS_NOT_VIP].packets = 404;
	n->verdict[CV_RESET_LATE].packets = 405;
	n->verdict[CV_FRAGMENT_HELD].packets = 406;
	n->verdict[CV_CUT].packets = 407;
	n->sweep.open = 501;
	n->sweep.closing = 502;
	n->sweep_ns = 503000000;
	return n;
}

static void change_backends(struct daemon *d)
{
	struct backend_run *up = runs_at(&d->runs, 0, 0), *draining = runs_at(&d->runs, 0, 1);
	struct backend_run *down = runs_at(&d->runs, 1, 0), *disabled = runs_at(&d->runs, 1, 1);

	up->successes = (struct histogram){ .count = { 600, 1 }, .sum_ms = 602 };
	up->failures = (struct histogram){ .count = { [9] = 2 }, .sum_ms = 30000 };
	draining->is_draining = true;
	down->health.up = false;
	disabled->is_disabled = true;
}

/* The text as somebody gets it who asks now. */
static void write_text(struct world *world)
{
	struct metrics *metrics = metrics_take(&world->daemon, count_something(world));
	size_t size;
	FILE *out;

	free(world->text);
	out = open_memstream(&world->text, &size);
	assert_non_null(metrics);
	assert_non_null(out);
	assert_int_equal(metrics_write(metrics, out), 0);
	metrics_free(metrics);
	fclose(out);
}

static int setup(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct image *nothing = image_new();
	struct maker *maker;
	struct daemon *d;
	size_t one, two;

	assert_non_null(world);
	assert_non_null(nothing);
	maker = &world->maker;
	d = &world->daemon;
	maker_init(maker);
	one = maker_pool(maker, "one", 251);
	two = maker_pool(maker, "two", 251);
	maker->pools[one].health.type = HEALTH_TCP;
	maker_backend(maker, one, maker_v4(10, 0, 0, 1), 100);
	maker_backend(maker, one, maker_v6(2), 100);
	maker_backend(maker, two, maker_v4(10, 0, 0, 3), 100);
	maker_backend(maker, two, maker_v4(10, 0, 0, 4), 100);
	maker_listener(maker, "web", maker_v4(192, 0, 2, 1), 80, 80, one);
	maker_listener(maker, "dns", maker_v4(192, 0, 2, 1), 53, 53, two);
	maker->listeners[1].protocol = CV_PROTOCOL_UDP;
	maker->model.flow_table.max_flows = 4096;
	d->model = &maker->model;
	d->interface[0] = (struct dp_interface){ .name = "eth\"0", .mode = ATTACH_GENERIC };
	d->interfaces_nr = 1;
	assert_int_equal(maker_build(maker, nothing, &d->image), 0);
	assert_int_equal(runs_build(d, d->model, &(struct run_table){ 0 }, &d->runs), 0);
	image_free(nothing);
	change_backends(d);
	write_text(world);
	*state = world;
	return 0;
}

static int teardown(void **state)
{
	struct world *world = *state;

	runs_done(&world->daemon.runs);
	image_free(world->daemon.image);
	free(world->text);
	free(world);
	return 0;
}

/* How often a line is there. */
static unsigned count_line(const char *text, const char *line)
{
	size_t size = strlen(line);
	unsigned nr = 0;

	for (const char *at = text; (at = strstr(at, line)); at += size)
		nr += (at == text || at[-1] == '\n') && at[size] == '\n';
	return nr;
}

static void every_number_has_its_name(void **state)
{
	static const char *const lines[] = {
		"culvert_interface_info{interface=\"eth\\\"0\",mode=\"generic\"} 1",
		"culvert_last_reload_success 1",
		"culvert_flow_table_max_flows 4096",
		"culvert_flow_table_used_flows 1003",
		"culvert_sweep_seconds 0.503",
		"culvert_dropped_packets_total{reason=\"listener_full\"} 403",
		"culvert_dropped_packets_total{reason=\"flow_table_full\"} 0",
		"culvert_passed_packets_total{reason=\"not_vip\"} 404",
		"culvert_answered_packets_total{reason=\"too_big_answered\"} 0",
		"culvert_answered_packets_total{reason=\"reset_late\"} 405",
		"culvert_answered_packets_total{reason=\"echo_answered\"} 0",
		"culvert_held_packets_total{reason=\"fragment_held\"} 406",
		"culvert_held_packets_total{reason=\"cut\"} 407",
		"culvert_held_frames_total{result=\"sent\"} 0",
		"culvert_forwarded_packets_total{verdict=\"tx\"} 401",
		"culvert_forwarded_packets_total{verdict=\"redirect\"} 402",
		"culvert_processed_packets_total{listener=\"web\"} 101",
		"culvert_processed_bytes_total{listener=\"web\"} 102",
		"culvert_new_flows_total{listener=\"web\",protocol=\"tcp\"} 103",
		"culvert_new_flows_total{listener=\"dns\",protocol=\"udp\"} 201",
		"culvert_expired_flows_total{listener=\"web\"} 104",
		"culvert_closed_flows_total{listener=\"web\"} 105",
		"culvert_moved_flows_total{listener=\"web\"} 106",
		"culvert_rejected_flows_total{listener=\"web\",protocol=\"tcp\",reason=\"table_full\"} 107",
		"culvert_rejected_flows_total{listener=\"web\",protocol=\"tcp\",reason=\"quota\"} 108",
		"culvert_rejected_flows_total{listener=\"web\",protocol=\"tcp\",reason=\"no_backend\"} 117",
		"culvert_rejected_flows_total{listener=\"dns\",protocol=\"udp\",reason=\"quota\"} 0",
		"culvert_resets_sent_total{listener=\"web\"} 109",
		"culvert_client_resets_total{listener=\"web\"} 110",
		"culvert_icmp_errors_total{listener=\"web\"} 115",
		"culvert_icmp_unknown_flow_total{listener=\"web\"} 116",
		"culvert_half_open_flows{listener=\"web\"} 111",
		"culvert_active_flows{listener=\"web\",protocol=\"tcp\"} 112",
		"culvert_active_flows{listener=\"dns\",protocol=\"udp\"} 202",
		"culvert_closing_flows{listener=\"web\"} 113",
		"culvert_evicted_flows_total{listener=\"web\"} 114",
		"culvert_backend_packets_total{pool=\"one\",backend=\"10.0.0.1\"} 301",
		"culvert_backend_bytes_total{pool=\"one\",backend=\"10.0.0.1\"} 302",
		"culvert_backend_new_flows_total{pool=\"one\",backend=\"10.0.0.1\"} 303",
		"culvert_backend_active_flows{pool=\"one\",backend=\"10.0.0.1\"} 304",
		"culvert_backend_up{pool=\"one\",backend=\"10.0.0.1\"} 1",
		"culvert_backend_up{pool=\"one\",backend=\"2001:db8::2\"} 1",
		"culvert_backend_up{pool=\"two\",backend=\"10.0.0.3\"} 0",
		"culvert_backend_up{pool=\"two\",backend=\"10.0.0.4\"} 0",
		"culvert_backend_state{pool=\"one\",backend=\"10.0.0.1\",state=\"up\"} 1",
		"culvert_backend_state{pool=\"one\",backend=\"10.0.0.1\",state=\"down\"} 0",
		"culvert_backend_state{pool=\"one\",backend=\"2001:db8::2\",state=\"draining\"} 1",
		"culvert_backend_state{pool=\"two\",backend=\"10.0.0.3\",state=\"down\"} 1",
		"culvert_backend_state{pool=\"two\",backend=\"10.0.0.4\",state=\"disabled\"} 1",
		"culvert_health_checks_total{pool=\"one\",backend=\"10.0.0.1\",result=\"success\"} 601",
		"culvert_health_checks_total{pool=\"one\",backend=\"10.0.0.1\",result=\"failure\"} 2",
		("culvert_health_check_seconds_bucket{pool=\"one\",backend=\"10.0.0.1\",result=\"success\","
		 "le=\"0.001\"} 600"),
		("culvert_health_check_seconds_bucket{pool=\"one\",backend=\"10.0.0.1\",result=\"failure\","
		 "le=\"10\"} 0"),
		("culvert_health_check_seconds_bucket{pool=\"one\",backend=\"10.0.0.1\",result=\"failure\","
		 "le=\"+Inf\"} 2"),
		"culvert_health_check_seconds_sum{pool=\"one\",backend=\"10.0.0.1\",result=\"success\"} 0.602",
		"culvert_health_check_seconds_count{pool=\"one\",backend=\"10.0.0.1\",result=\"success\"} 601",
	};
	const struct world *world = *state;

	for (size_t i = 0; i < CV_ARRAY_SIZE(lines); i++)
		if (count_line(world->text, lines[i]) != 1)
			fail_msg("not there once: %s", lines[i]);
}

static void what_makes_no_sense_is_not_there(void **state)
{
	const struct world *world = *state;

	assert_null(strstr(world->text, "port_allocation")); /* no forwarding needs ports yet */
	assert_null(strstr(world->text, "culvert_health_checks_total{pool=\"two\""));	    /* not checked */
	assert_null(strstr(world->text, "backend=\"2001:db8::2\",result=\"failure\",le=")); /* had none */
	assert_null(
		strstr(world->text, "culvert_dropped_packets_total{reason=\"reset_late\"")); /* is no drop */
	assert_null(
		strstr(world->text, "culvert_answered_packets_total{reason=\"tx\"")); /* went to a backend */
}

/* Walks over the text as one who reads it would. */
struct reader {
	char family[64];
	char type[16];
	char *names; /* of all families so far, each between newlines */
};

static void read_header(struct reader *reader, const char *help, const char *type)
{
	char name[64], again[64], text[160], entry[70], *names;

	assert_int_equal(sscanf(help, "# HELP %63s %159[^\n]", name, text), 2);
	assert_int_equal(sscanf(type, "# TYPE %63s %15s", again, reader->type), 2);
	assert_string_equal(name, again);
	assert_true(strlen(text) > 8 && text[strlen(text) - 1] == '.');
	assert_int_equal(strncmp(name, "culvert_", 8), 0);
	assert_int_equal(!strcmp(name + strlen(name) - 6, "_total"), !strcmp(reader->type, "counter"));
	snprintf(entry, sizeof(entry), "\n%s\n", name);
	assert_null(strstr(reader->names, entry));
	assert_true(asprintf(&names, "%s%s", reader->names, entry) > 0);
	free(reader->names);
	reader->names = names;
	snprintf(reader->family, sizeof(reader->family), "%s", name);
}

/* A sample belongs to the family above it, has one number, and is there once. */
static void read_sample(const struct reader *reader, const char *text, const char *line)
{
	size_t key = strcspn(line, " \n"), name = strcspn(line, "{ "), family = strlen(reader->family);
	unsigned nr = 0;
	char *end;

	assert_int_equal(strncmp(line, reader->family, family), 0);
	if (!strcmp(reader->type, "histogram"))
		assert_true(!strncmp(line + family, "_bucket{", 8) || !strncmp(line + family, "_sum{", 5) ||
			    !strncmp(line + family, "_count{", 7));
	else
		assert_int_equal(name, family);
	assert_int_equal(line[key], ' ');
	strtod(line + key, &end);
	assert_int_equal(*end, '\n');
	for (const char *other = text; *other; other = strchr(other, '\n') + 1)
		nr += !strncmp(other, line, key + 1);
	assert_int_equal(nr, 1);
}

static void every_family_is_introduced_and_none_comes_twice(void **state)
{
	const struct world *world = *state;
	struct reader reader = { .names = strdup("") };

	for (const char *line = world->text, *next; *line; line = next) {
		next = strchr(line, '\n') + 1;
		if (*line != '#') {
			read_sample(&reader, world->text, line);
			continue;
		}
		read_header(&reader, line, next);
		next = strchr(next, '\n') + 1;
	}
	free(reader.names);
}

static void a_refused_file_shows(void **state)
{
	struct world *world = *state;

	err_set(&world->daemon.reload_error, 0, "culvert.yaml:1:1: no");
	write_text(world);
	assert_int_equal(count_line(world->text, "culvert_last_reload_success 0"), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(every_number_has_its_name, setup, teardown),
		cmocka_unit_test_setup_teardown(what_makes_no_sense_is_not_there, setup, teardown),
		cmocka_unit_test_setup_teardown(every_family_is_introduced_and_none_comes_twice, setup,
						teardown),
		cmocka_unit_test_setup_teardown(a_refused_file_shows, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
