/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets of clients; see probe.h. */
#include "bpf/probe.h"

#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "util/addr.h"

#define ANY_ORDINARY(value, ordinary) ((value) ? (value) : (ordinary))

enum cv_family probe_family(const struct probe *probe)
{
	return ANY_ORDINARY(probe->family, CV_FAMILY_IPV4);
}

enum cv_protocol probe_protocol(const struct probe *probe)
{
	return ANY_ORDINARY(probe->protocol, CV_PROTOCOL_TCP);
}

int probe_ttl(const struct probe *probe)
{
	return ANY_ORDINARY(probe->ttl, 64);
}

static const char *probe_to(const struct probe *probe)
{
	return ANY_ORDINARY(probe->to, probe_family(probe) == CV_FAMILY_IPV4 ? VIP4 : VIP6);
}

static const char *probe_from(const struct probe *probe, char *text)
{
	unsigned number = ANY_ORDINARY(probe->client, 7);

	if (probe_family(probe) == CV_FAMILY_IPV4)
		snprintf(text, ADDR_TEXT_LEN, "198.18.%u.%u", number >> 8, number & 0xff);
	else
		snprintf(text, ADDR_TEXT_LEN, "2001:db8:c::%x", number);
	return text;
}

void probe_push_link(const struct probe *probe, const char *from_mac, const char *to_mac, struct pkt *p)
{
	pkt_eth(p, .src = from_mac, .dst = to_mac);
	for (unsigned i = 0; i < probe->vlans; i++)
		pkt_vlan(p, .tpid = i ? 0x8100 : 0x88a8, .tci = (uint16_t)(0x2064 + i));
}

static void push_ip4(const struct probe *probe, struct pkt *p)
{
	static const uint8_t no_operation[40] = { [0 ... 39] = 1 };
	char client[ADDR_TEXT_LEN];
	const char *from = probe_from(probe, client), *to = probe_to(probe);

	pkt_ipv4(p, probe->is_answer ? to : from, probe->is_answer ? from : to, .ttl = probe_ttl(probe),
		 .tos = probe->tos, .id = ANY_ORDINARY(probe->id, 0x1234), .df = probe->df,
		 .more = probe->fragment == PROBE_FIRST_FRAGMENT,
		 .offset = probe->fragment == PROBE_LATER_FRAGMENT ? 1480 : 0, .options = no_operation,
		 .options_len = probe->options);
}

static void push_ip6(const struct probe *probe, struct pkt *p)
{
	char client[ADDR_TEXT_LEN];
	const char *from = probe_from(probe, client), *to = probe_to(probe);

	pkt_ipv6(p, probe->is_answer ? to : from, probe->is_answer ? from : to, .hop_limit = probe_ttl(probe),
		 .tclass = probe->tos, .flow_label = probe->flow_label);
	for (size_t i = 0; i < PROBE_MAX_EXTENSIONS && probe->extension[i].bytes; i++)
		pkt_ext(p, probe->extension[i].protocol, probe->extension[i].bytes);
	if (probe->fragment)
		pkt_fragment(p, .more = probe->fragment == PROBE_FIRST_FRAGMENT,
			     .offset = probe->fragment == PROBE_LATER_FRAGMENT ? 1448 : 0,
			     .id = ANY_ORDINARY(probe->id, 0x5678));
}

static void push_payload(const struct probe *probe, struct pkt *p)
{
	uint8_t bytes[PKT_MAX_LEN];

	assert_true(probe->payload <= sizeof(bytes));
	for (size_t i = 0; i < probe->payload; i++)
		bytes[i] = (uint8_t)('a' + i % 26);
	if (probe->payload)
		pkt_bytes(p, bytes, probe->payload);
	pkt_pad(p, probe->padding);
}

void probe_push_ip(const struct probe *probe, struct pkt *p)
{
	static const uint8_t no_operation[40] = { [0 ... 39] = 1 };
	uint16_t client = ANY_ORDINARY(probe->client_port, 40000), server = ANY_ORDINARY(probe->port, 443);
	uint16_t from = probe->is_answer ? server : client, to = probe->is_answer ? client : server;

	if (probe_family(probe) == CV_FAMILY_IPV4)
		push_ip4(probe, p);
	else
		push_ip6(probe, p);
	if (probe_protocol(probe) == CV_PROTOCOL_TCP)
		pkt_tcp(p, from, to, .flags = probe->flags, .seq = probe->seq, .ack = probe->ack,
			.options = no_operation, .options_len = probe->tcp_options);
	else
		pkt_udp(p, from, to);
	push_payload(probe, p);
}

void probe_build(const struct probe *probe, struct pkt *ret)
{
	*ret = (struct pkt)PKT_NEW;
	probe_push_link(probe, ROUTER_MAC, PORT_MAC, ret);
	probe_push_ip(probe, ret);
	if (probe->poke.nr)
		memcpy(pkt_layer(ret, probe->poke.layer) + probe->poke.offset, probe->poke.byte,
		       probe->poke.nr);
}

void probe_key(const struct probe *probe, struct cv_flow6_key *ret)
{
	struct addr from, to;
	char text[ADDR_TEXT_LEN];

	assert_int_equal(addr_parse(probe_from(probe, text), &from), 0);
	assert_int_equal(addr_parse(probe_to(probe), &to), 0);
	*ret = (struct cv_flow6_key){
		.client_port = ANY_ORDINARY(probe->client_port, 40000),
		.port = ANY_ORDINARY(probe->port, 443),
		.protocol = probe_protocol(probe),
	};
	memcpy(ret->client, from.byte, sizeof(ret->client));
	memcpy(ret->address, to.byte, sizeof(ret->address));
}

void probe_key4(const struct probe *probe, struct cv_flow4_key *ret)
{
	struct cv_flow6_key key;

	probe_key(probe, &key);
	*ret = (struct cv_flow4_key){
		.client_port = key.client_port,
		.port = key.port,
		.protocol = key.protocol,
	};
	memcpy(ret->client, key.client + 12, sizeof(ret->client));
	memcpy(ret->address, key.address + 12, sizeof(ret->address));
}

struct probe probe_as(struct probe probe, enum cv_family family, enum cv_protocol protocol)
{
	probe.family = family;
	probe.protocol = protocol;
	return probe;
}

struct probe probe_kind(struct probe probe, size_t kind)
{
	return probe_as(probe, kind < 2 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6,
			kind % 2 ? CV_PROTOCOL_UDP : CV_PROTOCOL_TCP);
}
