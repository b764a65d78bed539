/* SPDX-License-Identifier: GPL-2.0-only */
/* config/config: whole files, right and wrong. Those that cannot be read, and large ones, in test_config_file.c. */
#include "config_expect.h"

#define LISTENER(keys)                                                                       \
	"listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80, pool: p,\n" keys \
	"}]\npools: [{name: p}]"

/* --- what is right -------------------------------------------------------------------------------- */

static void test_every_key(void **state)
{
	struct model *model = parse("interfaces:\n"
				    "  - name: eth0\n"
				    "    mode: generic\n"
				    "  - { name: bond0.100, mode: native }\n"
				    "flow_table: { max_flows: 2000000, when_full: reject, shortcut: off }\n"
				    "seed: \"a secret: \\u00e4\"\n"
				    "encapsulation: { source4: 172.16.0.0/16, source6: \"0100::/64\" }\n"
				    "listeners:\n"
				    "  - name: web\n"
				    "    address: 2001:db8::10\n"
				    "    protocol: udp\n"
				    "    port: 8000-8099\n"
				    "    pool: other\n"
				    "    forward: l2\n"
				    "    hash: source\n"
				    "    idle_timeout: 2m\n"
				    "    late_packet: forward\n"
				    "    unknown_packet: reset\n"
				    "    max_flows: 200000\n"
				    "pools:\n"
				    "  - name: web\n"
				    "    table_size: 655373\n"
				    "    all_down: reject\n"
				    "    health:\n"
				    "      type: https\n"
				    "      port: 8443\n"
				    "      path: /healthz?a=b\n"
				    "      expect: 204\n"
				    "      via: direct\n"
				    "      host: www.example.org\n"
				    "      match: 'all well'\n"
				    "      verify: true\n"
				    "      ca: /etc/culvert/ca.pem\n"
				    "      interval: 1500ms\n"
				    "      timeout: 1s\n"
				    "      rise: 1\n"
				    "      fall: 5\n"
				    "    backends:\n"
				    "      - address: 10.0.0.11\n"
				    "        weight: 0\n"
				    "      - { address: 2001:db8:1::12, weight: 1000 }\n"
				    "  - { name: other, backends: [{ address: fd00::1 }] }\n"
				    "metrics: { listen: \"[::]:80\" }\n"
				    "gue: { port: 7000, variant: 1 }\n"

				    "icmp: { echo: false }\n");
	const struct listener_conf *listener = model->listeners;
	const struct pool_conf *pool = model->pools;

	(void)state;
	assert_int_equal(model->interfaces_nr, 2);
	assert_string_equal(model->interfaces[0].name, "eth0");
	assert_int_equal(model->interfaces[0].mode, ATTACH_GENERIC);
	assert_string_equal(model->interfaces[1].name, "bond0.100");
	assert_int_equal(model->interfaces[1].mode, ATTACH_NATIVE);
	assert_int_equal(model->interfaces[1].mark.line, 4);
	assert_int_equal(model->interfaces[1].mark.column, 5);
	assert_int_equal(model->flow_table.max_flows, 2000000);
	assert_int_equal(model->flow_table.when_full, CV_FULL_REJECT);
	assert_int_equal(model->flow_table.shortcut, CV_SHORTCUT_OFF);
	assert_string_equal(model->seed, "a secret: \xc3\xa4");
	assert_address(&model->encapsulation.source4, "172.16.0.0");
	assert_int_equal(model->encapsulation.source4_length, 16);
	assert_address(&model->encapsulation.source6, "100::");
	assert_int_equal(model->encapsulation.source6_length, 64);
	assert_int_equal(model->gue.port, 7000);
	assert_int_equal(model->gue.variant, 1);
	assert_false(model->icmp.echo);
	assert_address(&model->metrics.address, "::");
	assert_int_equal(model->metrics.port, 80);

	assert_int_equal(model->listeners_nr, 1);
	assert_string_equal(listener->name, "web");
	assert_address(&listener->address, "2001:db8::10");
	assert_int_equal(listener->protocol, CV_PROTOCOL_UDP);
	assert_int_equal(listener->port_first, 8000);
	assert_int_equal(listener->port_last, 8099);
	assert_int_equal(listener->pool, 1);
	assert_int_equal(listener->forward, CV_FORWARD_L2);
	assert_int_equal(listener->hash, CV_HASH_SOURCE);
	assert_int_equal(listener->idle_timeout_s, 120);
	assert_int_equal(listener->late_packet, CV_STRAY_FORWARD);
	assert_int_equal(listener->unknown_packet, CV_STRAY_RESET);
	assert_int_equal(listener->max_flows, 200000);
	assert_int_equal(listener->mark.line, 9);
	assert_int_equal(listener->mark.column, 5);

	assert_int_equal(model->pools_nr, 2);
	assert_string_equal(pool->name, "web");
	assert_int_equal(pool->table_size, 655373);
	assert_int_equal(pool->all_down, ALL_DOWN_REJECT);
	assert_int_equal(pool->health.type, HEALTH_HTTPS);
	assert_int_equal(pool->health.port, 8443);
	assert_string_equal(pool->health.path, "/healthz?a=b");
	assert_int_equal(pool->health.expect_first, 204);
	assert_int_equal(pool->health.expect_last, 204);
	assert_int_equal(pool->health.via, HEALTH_VIA_DIRECT);
	assert_string_equal(pool->health.host, "www.example.org");
	assert_string_equal(pool->health.match, "all well");
	assert_true(pool->health.verify);
	assert_string_equal(pool->health.ca, "/etc/culvert/ca.pem");
	assert_int_equal(pool->health.interval_ms, 1500);
	assert_int_equal(pool->health.timeout_ms, 1000);
	assert_int_equal(pool->health.rise, 1);
	assert_int_equal(pool->health.fall, 5);
	assert_int_equal(pool->backends_nr, 2);
	assert_address(&pool->backends[0].address, "10.0.0.11");
	assert_int_equal(pool->backends[0].weight, 0);
	assert_address(&pool->backends[1].address, "2001:db8:1::12");
	assert_int_equal(pool->backends[1].weight, 1000);
	assert_int_equal(pool->backends[1].mark.line, 41);
	model_free(model);
}

static void test_defaults(void **state)
{
	struct model *model = parse("listeners:\n"
				    "  - { name: t, address: 192.0.2.1, protocol: tcp, port: any, pool: p }\n"
				    "  - { name: u, address: 192.0.2.1, protocol: udp, port: 53, pool: p }\n"
				    "pools:\n"
				    "  - name: p\n"
				    "    backends: [{ address: 10.0.0.1 }]\n"
				    "  - { name: q, health: { type: tcp } }\n"
				    "  - { name: r, health: { type: tcp, interval: 500ms } }\n");
	const struct health_conf *health;

	(void)state;
	assert_int_equal(model->interfaces_nr, 0);
	assert_int_equal(model->flow_table.max_flows, CV_DEFAULT_MAX_FLOWS);
	assert_int_equal(model->flow_table.when_full, CV_FULL_EVICT);
	assert_int_equal(model->flow_table.shortcut, CV_SHORTCUT_ON);
	assert_address(&model->metrics.address, "127.0.0.1");
	assert_int_equal(model->metrics.port, 9469);
	assert_string_equal(model->seed, "");
	assert_int_equal(model->encapsulation.source4_length, 0);
	assert_int_equal(model->gue.port, 6080);
	assert_int_equal(model->gue.variant, 0);
	assert_true(model->icmp.echo);
	assert_int_equal(model->listeners[0].port_first, 1);
	assert_int_equal(model->listeners[0].port_last, 65535);
	assert_int_equal(model->listeners[0].forward, CV_FORWARD_IPIP);
	assert_int_equal(model->listeners[0].hash, CV_HASH_5TUPLE);
	assert_int_equal(model->listeners[0].idle_timeout_s, 350);
	assert_int_equal(model->listeners[0].late_packet, CV_STRAY_RESET);
	assert_int_equal(model->listeners[0].unknown_packet, CV_STRAY_FORWARD);
	assert_int_equal(model->listeners[0].max_flows, 0);
	assert_int_equal(model->listeners[1].idle_timeout_s, 120);
	assert_int_equal(model->listeners[1].port_first, 53);
	assert_int_equal(model->listeners[1].port_last, 53);
	assert_int_equal(model->pools[0].table_size, 65537);
	assert_int_equal(model->pools[0].all_down, ALL_DOWN_OPEN);
	assert_int_equal(model->pools[0].health.type, HEALTH_NONE);
	assert_int_equal(model->pools[0].backends[0].weight, 100);
	assert_int_equal(model->pools[0].backends[0].port, 0);
	assert_int_equal(model->pools[1].backends_nr, 0);
	health = &model->pools[1].health;
	assert_int_equal(health->type, HEALTH_TCP);
	assert_int_equal(health->port, 0);
	assert_string_equal(health->path, "/");
	assert_int_equal(health->via, HEALTH_VIA_TUNNEL);
	assert_false(health->verify);
	assert_int_equal(health->expect_first, 200);
	assert_int_equal(health->expect_last, 299);
	assert_int_equal(health->interval_ms, 5000);
	assert_int_equal(health->timeout_ms, 2000);
	assert_int_equal(health->rise, 2);
	assert_int_equal(health->fall, 3);
	assert_int_equal(model->pools[2].health.timeout_ms, 500);
	model_free(model);
}

/* Nothing at all is left to balance, said in several ways; and the limits themselves are within. */
static void test_allowed(void **state)
{
	static const char *const cases[] = {
		"listeners: []",
		"listeners:\npools:\ninterfaces:\nmetrics:\nflow_table:\nencapsulation:\ngue:\nicmp:\n",
		"seed: ''",
		"{}",
		"pools: [{name: p, health: {type: none, path: /x, interval: 1h, timeout: 1h}, backends: }]",
		"pools: [{name: p, health: {type: tcp, interval: 100ms, timeout: 10ms, rise: 100, fall: 100}}]",
		"pools: [{name: p, health: {type: http, expect: 100-599, port: 65535}}]",
		"pools: [{name: abcdefghijklmnopqrstuvwxyz_.-01, table_size: 251}]",
		"seed: 0123456789012345678901234567890123456789012345678901234567890ab",
		"flow_table: {max_flows: 1024}",
		"flow_table: {max_flows: 16777216}",
		"encapsulation: {source4: 10.0.0.0/8, source6: \"fd00::/32\"}",
		"encapsulation: {source4: 10.0.0.1, source6: \"fd00::1/128\"}",
		"interfaces: [{name: abcdefghijklmno}]",
		"metrics: {listen: 0.0.0.0:1}",
		"gue: {port: 1, variant: 0}",
		"gue: {port: 65535}",
		LISTENER("forward: gue"),
		LISTENER("idle_timeout: 1s"),
		LISTENER("idle_timeout: 86400s"),
		LISTENER("idle_timeout: 60000ms"),
		LISTENER("max_flows: 1"),
		LISTENER("mss: 536"),
		LISTENER("mss: 65495"),
		LISTENER("mss: path"),
		LISTENER("\"hash\": \"source\""),
		"---\nlisteners: []\n...\n",
		"\xef\xbb\xbflisteners: []\r\n",
		"listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80, pool: p}]\n"
		"pools: [{name: p, backends: [{address: 2001:db8::1}]}]",
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++)
		model_free(parse(cases[i]));
}

static void test_example(void **state)
{
	struct config_errors errors;
	struct model *model = NULL;
	struct err err = {};

	(void)state;
	assert_int_equal(config_load("scripts/culvert.yaml", &model, &errors, &err), 0);
	assert_int_equal(model->listeners_nr, 3);
	assert_int_equal(model->pools_nr, 2);
	assert_string_equal(err.text, "");
	model_free(model);
}

/* Relations are reported at the key they are about, not where the listener or pool begins. */
static void test_relations(void **state)
{
	(void)state;
	expect("interfaces: [{name: eth0},\n{name: eth0}]\n"
	       "listeners:\n"
	       "  - { name: a, address: 192.0.2.1, protocol: tcp, port: 80, pool: p }\n"
	       "  - { name: a,\n"
	       "      address: 192.0.2.1, protocol: tcp,\n"
	       "      port: 80, pool: p,\n"
	       "      forward: l2 }\n"
	       "pools:\n"
	       "  - name: p\n"
	       "    backends: [{address: 192.0.2.1}, {address: 2001:db8::1},\n"
	       "      {weight: 1, address: 2001:0db8::1}]\n",
	       "2:8: interfaces[1].name: \"eth0\": the name of interfaces[0] in line 1 already, must be unique\n"
	       "5:13: listeners[1].name: \"a\": the name of listeners[0] in line 4 already, must be unique\n"
	       "7:13: listeners[1].port: listeners[0] in line 4 has this address, protocol and port: one must differ\n"
	       "8:16: listeners[1].forward: l2 cannot reach backend 2001:db8::1 in line 11 from an IPv4 address: "
	       "must be ipip or gue\n"
	       "11:26: pools[0].backends[0].address: a listener's address: packets would come back, must be another\n"
	       "12:28: pools[0].backends[2].address: the same backend as backends[1] in line 11, must be unique in its "
	       "pool\n");
}

static void test_ten_mistakes(void **state)
{
	(void)state;
	expect("interfaces:\n"
	       "  - { name: eth0, mode: fast }\n"
	       "flow_table: { max_flows: many }\n"
	       "listeners:\n"
	       "  - name: web\n"
	       "    address: 192.0.2.300\n"
	       "    protocol: tcp\n"
	       "    port: 80\n"
	       "    pool: wbe\n"
	       "  - name: web\n"
	       "    address: 192.0.2.10\n"
	       "    protocol: tcp\n"
	       "    port: 99999\n"
	       "    pool: web\n"
	       "    idle_timout: 5s\n"
	       "pools:\n"
	       "  - name: web\n"
	       "    table_size: 65535\n"
	       "    backends:\n"
	       "      - address: 10.0.0.1\n"
	       "      - address: 10.0.0.1\n"
	       "metrics: {}\n"
	       "metrics: {}\n",
	       "2:25: interfaces[0].mode: \"fast\": must be one of: auto, native, generic\n"
	       "3:26: flow_table.max_flows: \"many\": must be a whole number from 1024 to 16777216\n"
	       "6:14: listeners[0].address: \"192.0.2.300\": " HOST "\n"
	       "9:11: listeners[0].pool: \"wbe\": no pool has this name, did you mean web? must be one of: web\n"
	       "10:11: listeners[1].name: \"web\": the name of listeners[0] in line 5 already, must be unique\n"
	       "13:11: listeners[1].port: \"99999\": " PORTS "\n"
	       "15:5: listeners[1].idle_timout: unknown key, did you mean idle_timeout? allowed: " LISTENER_KEYS
	       "\n"
	       "18:17: pools[0].table_size: \"65535\": must be a prime from 251 to 655373; near it are 65521 and "
	       "65537\n"
	       "21:18: pools[0].backends[1].address: the same backend as backends[0] in line 20, must be unique in its "
	       "pool\n"
	       "23:1: metrics: given twice, must be given once: first in line 22\n");
}

static void test_too_many(void **state)
{
	char text[512], *end;

	(void)state;
	end = stpcpy(text, "interfaces:\n");
	for (int i = 0; i < 17; i++)
		end += sprintf(end, "- name: eth%d\n", i);
	expect(text, "2:1: interfaces: 17 are too many: at most 16 are allowed\n");
	sprintf(end, "- oops\n");
	expect(text, "2:1: interfaces: 18 are too many: at most 16 are allowed\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_key), cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_allowed),	  cmocka_unit_test(test_example),
		cmocka_unit_test(test_relations), cmocka_unit_test(test_ten_mistakes),
		cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests_name("config", tests, NULL, NULL);
}
