/* SPDX-License-Identifier: GPL-2.0-only */
/* Finding the listener: who a packet is for, and what passes because it is for nobody here. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bpf/oracle.h"

/* Two services at one address, one of them with all kinds of ports; one at an address of its own. */
static const char various[] =
	"flow_table: { max_flows: 4096 }\n"
	"listeners:\n"
	"  - { name: any, address: 192.0.2.10, protocol: tcp, port: any, pool: web }\n"
	"  - { name: low, address: 192.0.2.10, protocol: tcp, port: 8000-8009, pool: web }\n"
	"  - { name: high, address: 192.0.2.10, protocol: tcp, port: 8020-8099, pool: web }\n"
	"  - { name: inside, address: 192.0.2.10, protocol: tcp, port: 8050, pool: web }\n"
	"  - { name: exact, address: 192.0.2.10, protocol: tcp, port: 443, pool: web }\n"
	"  - { name: range, address: 192.0.2.10, protocol: udp, port: 1000-1001, pool: web }\n"
	"  - { name: dns, address: 192.0.2.53, protocol: udp, port: 53, pool: web }\n"
	"  - { name: any6, address: '2001:db8:a::10', protocol: udp, port: any, pool: web }\n"
	"  - { name: exact6, address: '2001:db8:a::10', protocol: udp, port: 53, pool: web }\n"
	"pools:\n"
	"  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 } ] }\n";

struct row {
	const char *listener; /* NULL: the verdict instead */
	enum cv_verdict verdict;
	struct probe probe;
};

#define TO(listener_, ...)                                                         \
	{                                                                          \
		.listener = #listener_, .verdict = CV_TX, .probe = { __VA_ARGS__ } \
	}
#define NOT(verdict_, ...)                                         \
	{                                                          \
		.verdict = CV_##verdict_, .probe = { __VA_ARGS__ } \
	}

static void check_row(struct world *world, const struct row *row)
{
	char name[64];
	struct probe probe = row->probe;
	uint64_t before;

	snprintf(name, sizeof(name), "port %u", row->probe.port);
	probe.name = name;
	if (!row->listener) {
		world_expect(world, &probe, row->verdict);
		return;
	}
	before = world_listener_stats(world, row->listener).packets;
	world_expect(world, &probe, row->verdict);
	assert_int_equal(world_listener_stats(world, row->listener).packets, before + 1);
}

static void the_narrowest_wins(void **state)
{
	static const struct row rows[] = {
		TO(exact, .port = 443),
		TO(any, .port = 442),
		TO(any, .port = 444),
		TO(any, .port = 1),
		TO(any, .port = 65535),
		TO(any, .port = 7999),
		TO(low, .port = 8000),
		TO(low, .port = 8005),
		TO(low, .port = 8009),
		TO(any, .port = 8010),
		TO(any, .port = 8019),
		TO(high, .port = 8020),
		TO(high, .port = 8049),
		TO(inside, .port = 8050),
		TO(high, .port = 8051),
		TO(high, .port = 8099),
		TO(any, .port = 8100),
		TO(range, UDP, .port = 1000),
		TO(range, UDP, .port = 1001),
		TO(dns, UDP, .to = "192.0.2.53", .port = 53),
		TO(exact6, V6, UDP, .port = 53),
		TO(any6, V6, UDP, .port = 54),
	};
	struct world *world = *state;

	world_configure(world, various);
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++)
		check_row(world, &rows[i]);
}

static void passes_what_is_for_nobody(void **state)
{
	static const struct row rows[] = {
		NOT(PASS_NO_LISTENER, UDP, .port = 999),
		/* port 0, of an address with a listener of any */
		NOT(PASS_NO_LISTENER, TCP, POKE(2, 2, 0, 0)),
		NOT(PASS_NO_LISTENER, V6, UDP, POKE(2, 2, 0, 0)),
		NOT(PASS_NO_LISTENER, UDP, .port = 1002),
		NOT(PASS_NO_LISTENER, UDP, .port = 443),
		NOT(PASS_NO_LISTENER, TCP, .to = "192.0.2.53", .port = 53),
		NOT(PASS_NO_LISTENER, UDP, .to = "192.0.2.53", .port = 54),
		NOT(PASS_NO_LISTENER, V6, TCP, .port = 53),
		NOT(PASS_NO_LISTENER, TCP, .to = "192.0.2.53", .fragment = PROBE_FIRST_FRAGMENT),
		NOT(PASS_NO_LISTENER, UDP, .to = "192.0.2.53", .fragment = PROBE_FIRST_FRAGMENT),
		NOT(PASS_NO_LISTENER, TCP, .to = "192.0.2.53", .fragment = PROBE_LATER_FRAGMENT),
		NOT(PASS_NOT_VIP, TCP, .to = "192.0.2.11"),
		NOT(PASS_NOT_VIP, UDP, .to = "192.0.3.10", .vlans = 2),
		NOT(PASS_NOT_VIP, V6, TCP, .to = "2001:db8:a::11"),
		NOT(PASS_NOT_VIP, V6, UDP, .to = "fe80::1"),
		NOT(PASS_NOT_VIP, V6, UDP, .to = "::192.0.2.10"),
	};
	struct world *world = *state;

	world_configure(world, various);
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows); i++)
		check_row(world, &rows[i]);
}

static void passes_other_protocols(void **state)
{
	static const int protocols[] = { IPPROTO_ICMP, IPPROTO_IPIP, IPPROTO_GRE,    IPPROTO_ICMPV6,
					 IPPROTO_SCTP, IPPROTO_NONE, IPPROTO_UDPLITE };
	struct harness_result result;

	for (size_t i = 0; i < CV_ARRAY_SIZE(protocols); i++) {
		struct pkt in4 = PKT_NEW, in6 = PKT_NEW;

		pkt_eth(&in4);
		pkt_ipv4(&in4, "198.18.0.7", VIP4, .protocol = protocols[i]);
		pkt_text(&in4, "some twenty bytes or more");
		assert_int_equal(world_run(*state, &in4, &result), CV_PASS_PROTOCOL);
		pkt_eth(&in6);
		pkt_ipv6(&in6, "2001:db8:c::7", VIP6, .protocol = protocols[i]);
		pkt_text(&in6, "some twenty bytes or more");
		assert_int_equal(world_run(*state, &in6, &result), CV_PASS_PROTOCOL);
	}
}

/* An address that shares its bit in the filter with one of ours is still not ours. */
static void a_shared_filter_bit_is_not_enough(void **state)
{
	struct world *world = *state;
	const struct cv_directory *directory = &world->image->directory;
	struct addr address;
	char text[ADDR_TEXT_LEN];
	uint32_t words[4], bit;

	assert_int_equal(addr_parse(VIP4, &address), 0);
	memcpy(words, address.byte, sizeof(words));
	bit = cv_directory_bit(cv_directory_hash(directory, words));
	assert_int_equal(addr_parse("10.0.0.0", &address), 0);
	do {
		address.byte[15]++;
		address.byte[14] += !address.byte[15];
		address.byte[13] += !address.byte[15] && !address.byte[14];
		memcpy(words, address.byte, sizeof(words));
	} while (cv_directory_bit(cv_directory_hash(directory, words)) != bit);
	addr_format(&address, text);
	world_expect(world, &(struct probe){ .to = text }, CV_PASS_NO_LISTENER);
	world_expect(world, &(struct probe){ UDP, .to = text }, CV_PASS_NO_LISTENER);
	world_expect(world, &(struct probe){ .to = text, .fragment = PROBE_FIRST_FRAGMENT },
		     CV_PASS_NO_LISTENER);
}

static void listeners_come_and_go_with_a_reload(void **state)
{
	struct world *world = *state;
	const struct probe https = { .name = "https" }, other = { .name = "other", .port = 444 };

	world_expect(world, &https, CV_TX);
	world_expect(world, &other, CV_PASS_NO_LISTENER);
	world_configure(world, various);
	world_expect(world, &https, CV_TX);
	world_expect(world, &other, CV_TX);
	world_configure(world, "flow_table: { max_flows: 4096 }\n");
	world_expect(world, &https, CV_PASS_NOT_VIP);
	world_expect(world, &other, CV_PASS_NOT_VIP);
}

/* Listeners of a configuration by chance: as many as there may be, over 16 addresses. */
static char *write_many(void)
{
	char *yaml = NULL;
	size_t size;
	FILE *file = open_memstream(&yaml, &size);

	assert_non_null(file);
	fprintf(file, "flow_table: { max_flows: 4096 }\nlisteners:\n");
	for (unsigned i = 0; i < CV_MAX_LISTENERS; i++) {
		/* 64 of each address, of which every fourth is a range of 10 and the last one any */
		unsigned first = 100 + i / 16 * 1000;
		char ports[32];

		snprintf(ports, sizeof(ports), i / 16 % 4 ? "%u" : "%u-%u", first, first + 9);
		fprintf(file, "  - { name: l%u, address: 192.0.2.%u, protocol: %s, port: %s, pool: web }\n",
			i, i % 16, i / 8 % 2 ? "udp" : "tcp", i / 16 == 63 ? "any" : ports);
	}
	fprintf(file, "pools:\n"
		      "  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 } ] }\n");
	assert_int_equal(fclose(file), 0);
	return yaml;
}

/* A destination by chance, of which about half are somebody's. */
static struct probe random_probe(char *to)
{
	snprintf(to, ADDR_TEXT_LEN, "192.0.2.%ld", random() % 17);
	return (struct probe){
		.name = to,
		.to = to,
		.protocol = random() % 2 ? CV_PROTOCOL_TCP : CV_PROTOCOL_UDP,
		.port = (uint16_t)(99 + random() % 64 * 1000 + random() % 12),
	};
}

static void finds_each_of_the_most_listeners(void **state)
{
	static struct cv_listener_stats before[CV_MAX_LISTENERS + 1], after[CV_MAX_LISTENERS + 1];
	uint64_t due[CV_MAX_LISTENERS + 1] = { 0 };
	struct world *world = *state;
	char *yaml = write_many(), to[ADDR_TEXT_LEN];
	struct err err;

	world_configure(world, yaml);
	free(yaml);
	srandom(1);
	assert_ok(dp_listener_stats(world->dp, before, CV_ARRAY_SIZE(before), &err), err);
	for (size_t i = 0; i < 8000; i++) {
		struct probe probe = random_probe(to);
		uint16_t listener = oracle_listener(world->image, &probe);

		due[listener]++;
		if (listener)
			world_expect(world, &probe, CV_TX);
		else
			assert_int_equal(dp_verdict_class(world_probe(world, &probe)), CV_CLASS_PASS);
	}
	assert_in_range(due[0], 1000, 7000);
	assert_ok(dp_listener_stats(world->dp, after, CV_ARRAY_SIZE(after), &err), err);
	for (size_t id = 1; id <= CV_MAX_LISTENERS; id++)
		assert_int_equal(after[id].packets, before[id].packets + due[id]);
}

static void passes_everything_before_it_is_configured(void **state)
{
	for (size_t kind = 0; kind < PROBE_KINDS; kind++) {
		struct probe probe = probe_kind((struct probe){ .flags = PKT_SYN }, kind);

		world_expect(*state, &probe, CV_PASS_NOT_CONFIGURED);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_narrowest_wins, world_forget),
		cmocka_unit_test_setup(passes_what_is_for_nobody, world_forget),
		cmocka_unit_test_setup(passes_other_protocols, world_forget),
		cmocka_unit_test_setup(a_shared_filter_bit_is_not_enough, world_forget),
		cmocka_unit_test_setup(listeners_come_and_go_with_a_reload, world_forget),
		cmocka_unit_test_setup(finds_each_of_the_most_listeners, world_forget),
	};
	static const struct CMUnitTest unconfigured[] = {
		cmocka_unit_test(passes_everything_before_it_is_configured),
	};

	harness_need_root();
	return world_run_tests("listener", tests, WORLD_EVEN_BLIND) +
	       cmocka_run_group_tests_name("unconfigured", unconfigured, world_up_unconfigured, world_down);
}
