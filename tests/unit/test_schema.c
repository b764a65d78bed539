/* SPDX-License-Identifier: GPL-2.0-only */
/* config/schema, config/keys, config/scalar: what is wrong with a single key, and how it is said. */
#include "config_expect.h"

/* The key under test goes to a line of its own, so that its place is easy to tell. */
#define INTERFACE(keys) "interfaces: [{\n" keys "}]"
#define LISTENER(keys)                                                                       \
	"listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80, pool: p,\n" keys \
	"}]\npools: [{name: p}]"
#define POOL(keys) "pools: [{name: p,\n" keys "}]"
#define HEALTH(keys) POOL("health: {\n" keys "}")
#define BACKEND(keys) POOL("backends: [{\n" keys "}]")

#define NAME "must be a name of 1 to 31 of the characters A-Z a-z 0-9 _ . -"
#define ONE_HOST "must be the address of one host, not multicast, broadcast or zero"
#define IDLE "must be whole seconds from 1s to 24h with the unit ms, s, m or h"
#define INTERVAL "must be a duration from 100ms to 1h with the unit ms, s, m or h"
#define EXPECT "must be a number from 100 to 599, or a range of them like 200-299"
#define URL_PATH "must be a path like /healthz, of at most 255 ASCII characters without space"
#define NAME_OF_HOST "must be a name like www.example.org, of at most 127 characters"
#define LISTEN "must be address:port to listen on, like 127.0.0.1:9469 or \"[::1]:9469\" (in quotes)"
#define ONE_LINK \
	"must be an address that is good on every link, not of 169.254.0.0/16 or fe80::/10 (link-local)"
#define LISTEN_LINK                                                                                  \
	"must be address:port to listen on, good on every link, not of 169.254.0.0/16 or fe80::/10 " \
	"(link-local)"
#define SOURCE4 "must be an IPv4 prefix like 172.16.0.0/16, of 8 to 32 bits, with no bit set behind them"
#define SOURCE6 "must be an IPv6 prefix like 0100::/64, of 32 to 128 bits, with no bit set behind them"
#define INTERFACE_NAME "must be the name of a network interface, like eth0"

/* --- what is wrong with a single key -------------------------------------------------------------- */

static void test_single_mistakes(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		/* keys */
		{ "listenrs: []", "1:1: listenrs: unknown key, did you mean listeners? allowed: interfaces, "
				  "flow_table, listeners, pools, metrics, seed, encapsulation, gue, icmp" },
		{ INTERFACE("name: eth0, queue: 1"),
		  "2:13: interfaces[0].queue: unknown key, allowed: name, mode" },
		{ INTERFACE("name: eth0, mod: auto"),
		  "2:13: interfaces[0].mod: unknown key, did you mean mode? allowed: name, mode" },
		{ LISTENER("idletimeout: 5s"), "2:1: listeners[0].idletimeout: unknown key, did you mean "
					       "idle_timeout? allowed: " LISTENER_KEYS },
		{ LISTENER("<<: 5s"), "2:1: listeners[0].<<: unknown key, allowed: " LISTENER_KEYS },
		{ LISTENER("\"e\\e[2J\": 5s"),
		  "2:1: listeners[0].e?[2J: unknown key, allowed: " LISTENER_KEYS },
		{ LISTENER("hash: source, hash: source"),
		  "2:15: listeners[0].hash: given twice, must be given once: first in line 2" },
		{ "pools: []\npools: []", "2:1: pools: given twice, must be given once: first in line 1" },
		{ INTERFACE("mode: auto"), "1:14: interfaces[0].name: missing: " INTERFACE_NAME },
		{ POOL("health: {rise: 1}"),
		  "2:9: pools[0].health.type: missing: must be one of: tcp, http, https, none" },
		{ POOL("health: "),
		  "2:9: pools[0].health.type: missing: must be one of: tcp, http, https, none" },
		/* a key that is nearly there is not missing as well */
		{ INTERFACE("nam: eth0"),
		  "2:1: interfaces[0].nam: unknown key, did you mean name? allowed: name, mode" },
		/* kinds */
		{ "- listeners", "1:1: yaml: must be a mapping, starting with a key such as listeners:" },
		{ "listeners", "1:1: yaml: must be a mapping, starting with a key such as listeners:" },
		{ "listeners: {web: {}}", "1:12: listeners: a mapping: must be a list" },
		{ "listeners: web", "1:12: listeners: a single value: must be a list" },
		{ "interfaces: [eth0]",
		  "1:14: interfaces[0]: a single value: must be a mapping with the keys name, mode" },
		{ "metrics: [a]", "1:10: metrics: a list: must be a mapping with the keys listen" },
		{ LISTENER("hash: [source]"),
		  "2:7: listeners[0].hash: a list: must be one of: 5-tuple, source" },
		{ LISTENER("hash: {a: b}"),
		  "2:7: listeners[0].hash: a mapping: must be one of: 5-tuple, source" },
		{ LISTENER("hash: "), "2:7: listeners[0].hash: no value: must be one of: 5-tuple, source" },
		{ LISTENER("hash: ''"), "2:7: listeners[0].hash: \"\": must be one of: 5-tuple, source" },
		/* choices */
		{ INTERFACE("name: eth0, mode: skb"),
		  "2:19: interfaces[0].mode: \"skb\": must be one of: auto, native, generic" },
		{ "flow_table: {\nwhen_full: eject}",
		  "2:12: flow_table.when_full: \"eject\": did you mean reject? must be one of: evict, reject" },
		{ LISTENER("forward: nat"),
		  "2:10: listeners[0].forward: \"nat\": not supported yet: use ipip, gue or l2" },
		{ LISTENER("forward: fullnat"),
		  "2:10: listeners[0].forward: \"fullnat\": not supported yet: use ipip, gue or l2" },
		{ LISTENER("forward: tunnel"),
		  "2:10: listeners[0].forward: \"tunnel\": must be one of: ipip, gue, l2" },
		{ LISTENER("late_packet: drop"),
		  "2:14: listeners[0].late_packet: \"drop\": must be one of: reset, forward" },
		{ LISTENER("unknown_packet: RESET"),
		  "2:17: listeners[0].unknown_packet: \"RESET\": did you mean reset? "
		  "must be one of: reset, forward" },
		{ POOL("all_down: closed"),
		  "2:11: pools[0].all_down: \"closed\": must be one of: open, reject" },
		{ HEALTH("type: icmp"),
		  "3:7: pools[0].health.type: \"icmp\": must be one of: tcp, http, https, none" },
		/* names */
		{ INTERFACE("name: a/b"), "2:7: interfaces[0].name: \"a/b\": " INTERFACE_NAME },
		{ INTERFACE("name: abcdefghijklmnop"),
		  "2:7: interfaces[0].name: \"abcdefghijklmnop\": " INTERFACE_NAME },
		{ INTERFACE("name: .."), "2:7: interfaces[0].name: \"..\": " INTERFACE_NAME },
		{ "pools: [{\nname: a b}]", "2:7: pools[0].name: \"a b\": " NAME },
		{ "pools: [{\nname: \xc3\xa4}]", "2:7: pools[0].name: \"??\": " NAME },
		{ "pools: [{\nname: abcdefghijklmnopqrstuvwxyz_.-012}]",
		  "2:7: pools[0].name: \"abcdefghijklmnopqrstuvwxyz_.-012\": " NAME },
		{ "seed: 0123456789012345678901234567890123456789012345678901234567890abc",
		  "1:7: seed: \"012345678901234567890123456789012345678901...\": must be a text of at most 63 bytes" },
		/* numbers */
		{ "flow_table: {\nmax_flows: 1023}",
		  "2:12: flow_table.max_flows: \"1023\": must be a whole number from 1024 to 16777216" },
		{ "flow_table: {\nmax_flows: 16777217}",
		  "2:12: flow_table.max_flows: \"16777217\": must be a whole number from 1024 to 16777216" },
		{ LISTENER("max_flows: 0"),
		  "2:12: listeners[0].max_flows: \"0\": must be a whole number from 1 to 16777216" },
		{ LISTENER("mss: 535"),
		  "2:6: listeners[0].mss: \"535\": must be a whole number from 536 to 65495, or path" },
		{ LISTENER("mss: 65535"),
		  "2:6: listeners[0].mss: \"65535\": must be a whole number from 536 to 65495, or path" },
		{ LISTENER("mss: clamp"),
		  "2:6: listeners[0].mss: \"clamp\": must be a whole number from 536 to 65495, or path" },
		{ BACKEND("address: 10.0.0.1, weight: 1001"),
		  "3:28: pools[0].backends[0].weight: \"1001\": must be a whole number from 0 to 1000" },
		{ BACKEND("address: 10.0.0.1, weight: -1"),
		  "3:28: pools[0].backends[0].weight: \"-1\": must be a whole number from 0 to 1000" },
		{ POOL("table_size: 65536"),
		  "2:13: pools[0].table_size: \"65536\": must be a prime from 251 to 655373; "
		  "near it are 65521 and 65537" },
		{ POOL("table_size: 241"),
		  "2:13: pools[0].table_size: \"241\": must be a prime from 251 to 655373, like 65537" },
		{ POOL("table_size: 655379"),
		  "2:13: pools[0].table_size: \"655379\": must be a prime from 251 to 655373, like 65537" },
		{ HEALTH("type: tcp, port: 65536"),
		  "3:18: pools[0].health.port: \"65536\": must be a whole number from 1 to 65535" },
		{ HEALTH("type: tcp, rise: 0"),
		  "3:18: pools[0].health.rise: \"0\": must be a whole number from 1 to 100" },
		{ HEALTH("type: tcp, fall: 101"),
		  "3:18: pools[0].health.fall: \"101\": must be a whole number from 1 to 100" },
		/* durations */
		{ LISTENER("idle_timeout: 350"), "2:15: listeners[0].idle_timeout: \"350\": " IDLE },
		{ LISTENER("idle_timeout: 0s"), "2:15: listeners[0].idle_timeout: \"0s\": " IDLE },
		{ LISTENER("idle_timeout: 1500ms"), "2:15: listeners[0].idle_timeout: \"1500ms\": " IDLE },
		{ LISTENER("idle_timeout: 86401s"), "2:15: listeners[0].idle_timeout: \"86401s\": " IDLE },
		{ HEALTH("type: tcp, interval: 99ms"),
		  "3:22: pools[0].health.interval: \"99ms\": " INTERVAL },
		{ HEALTH("type: tcp, timeout: 9ms"),
		  "3:21: pools[0].health.timeout: \"9ms\": must be a duration from "
		  "10ms to 1h with the unit ms, s, m or h" },
		/* ports and status codes */
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, pool: p,\nport: 0}]\npools: [{name: p}]",
		  "2:7: listeners[0].port: \"0\": " PORTS },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, pool: p,\nport: 1-65536}]\n"
		  "pools: [{name: p}]",
		  "2:7: listeners[0].port: \"1-65536\": " PORTS },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, pool: p,\nport: 90-80}]\n"
		  "pools: [{name: p}]",
		  "2:7: listeners[0].port: \"90-80\": " PORTS },
		{ HEALTH("type: http, expect: 99"), "3:21: pools[0].health.expect: \"99\": " EXPECT },
		{ HEALTH("type: http, expect: 200-600"),
		  "3:21: pools[0].health.expect: \"200-600\": " EXPECT },
		/* health paths */
		{ HEALTH("type: http, path: healthz"), "3:19: pools[0].health.path: \"healthz\": " URL_PATH },
		{ HEALTH("type: http, path: /a b"), "3:19: pools[0].health.path: \"/a b\": " URL_PATH },
		{ HEALTH("type: tcp, path: /"), "3:12: pools[0].health.path: only with type: http or https" },
		{ HEALTH("type: tcp, expect: 200"),
		  "3:12: pools[0].health.expect: only with type: http or https" },
		{ HEALTH("type: tcp, via: vip"),
		  "3:17: pools[0].health.via: \"vip\": must be one of: tunnel, direct" },
		{ HEALTH("type: http, host: a b"), "3:19: pools[0].health.host: \"a b\": " NAME_OF_HOST },
		{ HEALTH("type: http, host: 'a/b'"), "3:19: pools[0].health.host: \"a/b\": " NAME_OF_HOST },
		{ HEALTH("type: https, verify: maybe"),
		  "3:22: pools[0].health.verify: \"maybe\": must be one of: true, false" },
		{ HEALTH("type: http, verify: true"), "3:13: pools[0].health.verify: only with type: https" },
		{ HEALTH("type: https, ca: /a"),
		  "3:14: pools[0].health.ca: only with type: https and verify: true" },
		{ HEALTH("type: https, verify: true, ca: a.pem"),
		  "3:32: pools[0].health.ca: \"a.pem\": must be the path of a file that begins with /, of at most 255 bytes" },
		{ HEALTH("type: tcp, match: a"),
		  "3:12: pools[0].health.match: only with type: http or https" },
		{ HEALTH("type: tcp, host: a"), "3:12: pools[0].health.host: only with type: http or https" },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: udp, port: 80, pool: p,\nmss: 1360}]\n"
		  "pools: [{name: p}]",
		  "2:1: listeners[0].mss: only with protocol: tcp" },
		{ "listeners: [{name: l, address: \"2001:db8::1\", protocol: tcp, port: 80, pool: p,\nmss: 1219}]\n"
		  "pools: [{name: p}]",
		  "2:6: listeners[0].mss: must be 1220 at least with an IPv6 address" },
		/* addresses */
		{ BACKEND("address: 10.0.0.1:80"),
		  "3:10: pools[0].backends[0].address: \"10.0.0.1:80\": " HOST },
		{ BACKEND("address: 10.0.0.0/8"),
		  "3:10: pools[0].backends[0].address: \"10.0.0.0/8\": " HOST },
		{ BACKEND("address: '::ffff:10.0.0.1'"),
		  "3:10: pools[0].backends[0].address: \"::ffff:10.0.0.1\": " HOST },
		{ BACKEND("address: example.org"),
		  "3:10: pools[0].backends[0].address: \"example.org\": " HOST },
		{ BACKEND("address: 0.0.0.0"), "3:10: pools[0].backends[0].address: \"0.0.0.0\": " ONE_HOST },
		{ BACKEND("address: '::'"), "3:10: pools[0].backends[0].address: \"::\": " ONE_HOST },
		{ BACKEND("address: 224.0.0.1"),
		  "3:10: pools[0].backends[0].address: \"224.0.0.1\": " ONE_HOST },
		{ BACKEND("address: fe80::1"), "3:10: pools[0].backends[0].address: \"fe80::1\": " ONE_LINK },
		{ BACKEND("address: 169.254.1.1"),
		  "3:10: pools[0].backends[0].address: \"169.254.1.1\": " ONE_LINK },
		{ BACKEND("address: ff02::1"), "3:10: pools[0].backends[0].address: \"ff02::1\": " ONE_HOST },
		{ BACKEND("address: 255.255.255.255"),
		  "3:10: pools[0].backends[0].address: \"255.255.255.255\": " ONE_HOST },
		{ BACKEND("address: 10.0.0.1, port: 80"),
		  "3:20: pools[0].backends[0].port: only with forward: nat or "
		  "fullnat, which are not supported yet" },
		{ "encapsulation: {\nsource4: 172.16.0.1/16}",
		  "2:10: encapsulation.source4: \"172.16.0.1/16\": " SOURCE4 },
		{ "encapsulation: {\nsource4: 172.0.0.0/7}",
		  "2:10: encapsulation.source4: \"172.0.0.0/7\": " SOURCE4 },
		{ "encapsulation: {\nsource4: 0100::/64}",
		  "2:10: encapsulation.source4: \"0100::/64\": " SOURCE4 },
		{ "encapsulation: {\nsource6: 0100::/31}",
		  "2:10: encapsulation.source6: \"0100::/31\": " SOURCE6 },
		{ "encapsulation: {\nsource6: 10.0.0.0/32}",
		  "2:10: encapsulation.source6: \"10.0.0.0/32\": " SOURCE6 },
		{ "gue: {\nport: 0}", "2:7: gue.port: \"0\": must be a whole number from 1 to 65535" },
		{ "gue: {\nport: 65536}",
		  "2:7: gue.port: \"65536\": must be a whole number from 1 to 65535" },
		{ "gue: {\nvariant: 2}", "2:10: gue.variant: \"2\": must be a whole number from 0 to 1" },
		{ "gue: {\nflags: 2}", "2:1: gue.flags: unknown key, allowed: port, variant" },
		{ "gue: 6080", "1:6: gue: a single value: must be a mapping with the keys port, variant" },
		{ "icmp: {\necho: maybe}", "2:7: icmp.echo: \"maybe\": must be one of: true, false" },
		{ "icmp: {\nping: true}", "2:1: icmp.ping: unknown key, allowed: echo" },
		{ "metrics: {\nlisten: 9469}", "2:9: metrics.listen: \"9469\": " LISTEN },
		{ "metrics: {\nlisten: localhost:9469}", "2:9: metrics.listen: \"localhost:9469\": " LISTEN },
		{ "metrics: {\nlisten: 127.0.0.1:0}", "2:9: metrics.listen: \"127.0.0.1:0\": " LISTEN },
		{ "metrics: {\nlisten: 127.0.0.1:65536}",
		  "2:9: metrics.listen: \"127.0.0.1:65536\": " LISTEN },
		{ "metrics: {\nlisten: '::1:9469'}", "2:9: metrics.listen: \"::1:9469\": " LISTEN },
		{ "metrics: {\nlisten: '[127.0.0.1]:1'}", "2:9: metrics.listen: \"[127.0.0.1]:1\": " LISTEN },
		{ "metrics: {\nlisten: '[::1:1'}", "2:9: metrics.listen: \"[::1:1\": " LISTEN },
		{ "metrics: {\nlisten: ':1'}", "2:9: metrics.listen: \":1\": " LISTEN },
		{ "metrics: {\nlisten: '[:1'}", "2:9: metrics.listen: \"[:1\": " LISTEN },
		{ "metrics: {\nlisten: '[fe80::1]:80'}",
		  "2:9: metrics.listen: \"[fe80::1]:80\": " LISTEN_LINK },
		{ "metrics: {\nlisten: 169.254.1.1:80}",
		  "2:9: metrics.listen: \"169.254.1.1:80\": " LISTEN_LINK },
		{ "metrics: {\nlisten: 224.0.0.1:80}", "2:9: metrics.listen: \"224.0.0.1:80\": " LISTEN },
		/* references */
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\npool: wep}]\n"
		  "pools: [{name: web}]",
		  "2:7: listeners[0].pool: \"wep\": no pool has this name, did you mean web? must be one of: web" },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\npool: web}]",
		  "2:7: listeners[0].pool: \"web\": no pool has this name: must be one of those in pools, which has "
		  "none" },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\npool: web}]\n"
		  "pools: [{name: api}, {name: mail}, {name: dns}, {name: ntp}, {name: ftp}]",
		  "2:7: listeners[0].pool: \"web\": no pool has this name: must be one of: api, mail, dns and 2 more" },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\n"
		  "pool: abcdefghijklmnopqrstuvwxyz_0123}]\n"
		  "pools: [{name: abcdefghijklmnopqrstuvwxyz_0124}, {name: Abcdefghijklmnopqrstuvwxyz_0125},\n"
		  "{name: aBcdefghijklmnopqrstuvwxyz_0126}, {name: abCdefghijklmnopqrstuvwxyz_0127}]",
		  "2:7: listeners[0].pool: \"abcdefghijklmnopqrstuvwxyz_0123\": no pool has this name, did you mean "
		  "abcdefghijklmnopqrstuvwxyz_0124? must be one of: abcdefghijklmnopqrstuvwxyz_0124, "
		  "Abcdefghijklmnopqrstuvwxyz_0125, aBcdefghijklmnopqrstuvwxyz_0126 and 1 more" },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\npool: a/b}]",
		  "2:7: listeners[0].pool: \"a/b\": " NAME },
		{ "listeners: [{name: l, address: 192.0.2.1, protocol: tcp, port: 80,\npool: []}]",
		  "2:7: listeners[0].pool: a list: " NAME },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++)
		expect_one(cases[i].text, cases[i].error);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_single_mistakes),
	};

	return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
