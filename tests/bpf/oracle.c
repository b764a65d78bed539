/* SPDX-License-Identifier: GPL-2.0-only */
/* What the program has to do; see oracle.h. */
#include "bpf/oracle.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bpf/reference.h"
#include "cv_hash.h"
#include "model/directory.h"
#include "model/table.h"

#define ETH_BYTES 14
#define VLAN_BYTES 4

uint16_t oracle_listener(const struct image *image, const struct probe *probe)
{
	struct cv_flow6_key key;
	struct addr address;

	probe_key(probe, &key);
	memcpy(address.byte, key.address, sizeof(address.byte));
	return directory_find(&image->directory, image->listener, &address, key.protocol, key.port);
}

static const struct cv_listener *listener_of(const struct image *image, const struct probe *probe)
{
	uint16_t id = oracle_listener(image, probe);

	assert_int_not_equal(id, 0);
	return &image->listener[id];
}

/* IPv4: addresses, ports, protocol. IPv6: the same, in ten words. Source: the client's 16 bytes. */
uint64_t oracle_hash(const struct image *image, const struct probe *probe)
{
	const uint32_t *hash_key = image->directory.hash_key;
	struct cv_flow6_key key;
	uint32_t words[10] = { 0 };
	uint16_t ports[2];

	probe_key(probe, &key);
	if (listener_of(image, probe)->hash == CV_HASH_SOURCE) {
		memcpy(words, key.client, 16);
		return cv_hash_mix(cv_hash_nh(hash_key, words, 4));
	}
	ports[0] = htons(key.client_port);
	ports[1] = htons(key.port);
	if (probe_family(probe) == CV_FAMILY_IPV4) {
		memcpy(words, key.client + 12, 4);
		memcpy(words + 1, key.address + 12, 4);
		memcpy(words + 2, ports, 4);
		words[3] = key.protocol;
		return cv_hash_mix(cv_hash_nh(hash_key, words, 4));
	}
	memcpy(words, key.client, 16);
	memcpy(words + 4, key.address, 16);
	memcpy(words + 8, ports, 4);
	words[9] = key.protocol;
	return cv_hash_mix(cv_hash_nh(hash_key, words, 10));
}

uint16_t oracle_owner(const struct image *image, const struct probe *probe)
{
	const struct cv_listener *listener = listener_of(image, probe);
	const struct image_table *table = image->table[listener->pool];

	return table_owner(table, cv_hash_slot(oracle_hash(image, probe), table->size));
}

/* --- forwarding --- */

static const char *mac_text(const uint8_t mac[6], char *text)
{
	sprintf(text, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

static const char *address_text(const uint8_t address[16], char *text)
{
	struct addr addr;

	memcpy(addr.byte, address, sizeof(addr.byte));
	return addr_format(&addr, text);
}

/* A prefix given by encapsulation.source4 or source6 is filled up with bits of the hash, the same in every
 * four bytes. */
static const char *outer_source(const struct image *image, const struct cv_backend *backend, uint32_t hash,
				char *text)
{
	const struct cv_outer_source *spread = &image->directory.outer_source;
	bool is_v4 = backend->family == CV_FAMILY_IPV4;
	const uint8_t *prefix = is_v4 ? spread->prefix4 : spread->prefix6;
	const uint8_t *mask = is_v4 ? spread->mask4 : spread->mask6;
	size_t size = is_v4 ? 4 : 16;
	uint8_t filling[16] = { 0 };

	if (!mask[0])
		return address_text(backend->source, text);
	for (size_t i = 0; i < size; i += sizeof(hash))
		memcpy(filling + i, &hash, sizeof(hash));
	for (size_t i = 0; i < size; i++)
		filling[i] = (uint8_t)(prefix[i] | (filling[i] & ~mask[i]));
	inet_ntop(is_v4 ? AF_INET : AF_INET6, filling, text, ADDR_TEXT_LEN);
	return text;
}

/* GUE: UDP without a checksum, and with variant 0 a header that says what is inside. */
static void push_gue(const struct image *image, const struct probe *probe, struct pkt *p)
{
	const uint8_t header[4] = { 0, probe_family(probe) == CV_FAMILY_IPV4 ? IPPROTO_IPIP : IPPROTO_IPV6 };
	uint32_t hash = (uint32_t)oracle_hash(image, probe);

	pkt_udp(p, (uint16_t)(0xc000 | hash >> 18), image->directory.gue_port, .no_checksum = 1);
	if (image->directory.gue_variant == 0)
		pkt_bytes(p, header, sizeof(header));
}

static void push_outer(const struct image *image, const struct probe *probe, const struct cv_backend *backend,
		       struct pkt *p)
{
	uint32_t hash = (uint32_t)oracle_hash(image, probe);
	char source[ADDR_TEXT_LEN], destination[ADDR_TEXT_LEN];
	bool is_inner4 = probe_family(probe) == CV_FAMILY_IPV4;

	outer_source(image, backend, hash, source);
	address_text(backend->address, destination);
	if (backend->family == CV_FAMILY_IPV4)
		/* an IPv6 packet must not be fragmented; DF and ID of an IPv4 one hold for the whole */
		pkt_ipv4(p, source, destination, .ttl = CV_OUTER_TTL, .tos = probe->tos,
			 .df = is_inner4 ? probe->df : 1,
			 .id = is_inner4 ? (probe->id ? probe->id : 0x1234) : 0);
	else
		pkt_ipv6(p, source, destination, .hop_limit = CV_OUTER_TTL, .tclass = probe->tos,
			 .flow_label = hash & 0xfffff);
}

void oracle_push_way(const struct image *image, const struct probe *probe, uint16_t backend_id, struct pkt *p)
{
	const struct cv_backend *backend = &image->backend[backend_id];
	char next_hop[24], port[24];

	probe_push_link(probe, mac_text(backend->port_mac, port), mac_text(backend->next_hop_mac, next_hop),
			p);
	if (listener_of(image, probe)->forward != CV_FORWARD_L2)
		push_outer(image, probe, backend, p);
	if (listener_of(image, probe)->forward == CV_FORWARD_GUE)
		push_gue(image, probe, p);
}

void oracle_forwarded(const struct image *image, const struct probe *probe, uint16_t backend, struct pkt *ret)
{
	struct probe inner = *probe;

	inner.ttl = probe_ttl(probe) - 1;
	*ret = (struct pkt)PKT_NEW;
	oracle_push_way(image, probe, backend, ret);
	probe_push_ip(&inner, ret);
}

/* What a frame starts with is compared with what each backend's would start with. */
uint16_t oracle_receiver(const struct image *image, const struct probe *probe, const uint8_t *frame,
			 size_t len)
{
	const struct cv_listener *listener = listener_of(image, probe);

	for (size_t i = 0; i < image->backends_nr; i++) {
		uint16_t id = image->backends[i];
		const struct cv_backend *backend = &image->backend[id];
		bool is_v4 = backend->family == CV_FAMILY_IPV4;
		size_t at = ETH_BYTES + probe->vlans * VLAN_BYTES + (is_v4 ? 16 : 24), size = is_v4 ? 4 : 16;

		if (backend->pool != listener->pool ||
		    memcmp(frame, backend->next_hop_mac, sizeof(backend->next_hop_mac)) != 0)
			continue;
		if (listener->forward == CV_FORWARD_L2)
			return id;
		if (len >= at + size && !memcmp(frame + at, backend->address + 16 - size, size))
			return id;
	}
	fail_msg("%s: forwarded to no backend of its pool", probe->name ? probe->name : "probe");
	return 0;
}

/* --- resets (RFC 9293 3.10.7.1) --- */

void oracle_reset(const struct probe *probe, struct pkt *ret)
{
	char from[ADDR_TEXT_LEN], to[ADDR_TEXT_LEN];
	struct pkt_tcp tcp = { .flags = PKT_RST, .window = -1 };
	struct cv_flow6_key key;

	probe_key(probe, &key);
	tcp.sport = key.port;
	tcp.dport = key.client_port;
	if (probe->flags & PKT_ACK) {
		tcp.seq = probe->ack;
	} else {
		tcp.flags |= PKT_ACK;
		tcp.ack = probe->seq + (uint32_t)probe->payload + !!(probe->flags & PKT_SYN) +
			  !!(probe->flags & PKT_FIN);
	}
	*ret = (struct pkt)PKT_NEW;
	probe_push_link(probe, PORT_MAC, ROUTER_MAC, ret);
	address_text(key.address, from);
	address_text(key.client, to);
	if (probe_family(probe) == CV_FAMILY_IPV4)
		pkt_ipv4(ret, from, to, .ttl = CV_OUTER_TTL, .df = 1);
	else
		pkt_ipv6(ret, from, to, .hop_limit = CV_OUTER_TTL);
	pkt_push_tcp(ret, &tcp);
}

/* --- ICMP errors (RFC 792, RFC 1191 4; RFC 4443 3.2) --- */

void oracle_too_big(const struct probe *probe, uint32_t mtu, struct pkt *ret)
{
	bool is_v4 = probe_family(probe) == CV_FAMILY_IPV4;
	size_t quote = is_v4 ? 512 : 1232, link = ETH_BYTES + probe->vlans * VLAN_BYTES;
	uint8_t pseudo[40 + 8 + 1232] = { 0 }, *message = pseudo + 40;
	char from[ADDR_TEXT_LEN], to[ADDR_TEXT_LEN];
	struct cv_flow6_key key;
	uint16_t sum;
	struct pkt in;

	probe_build(probe, &in);
	probe_key(probe, &key);
	message[0] = is_v4 ? 3 : 2;
	message[1] = is_v4 ? 4 : 0;
	message[6] = (uint8_t)(mtu >> 8);
	message[7] = (uint8_t)mtu;
	assert_true(in.len >= link + quote);
	memcpy(message + 8, in.data + link, quote);
	if (!is_v4) {
		memcpy(pseudo, key.address, 16);
		memcpy(pseudo + 16, key.client, 16);
		pseudo[34] = (uint8_t)((8 + quote) >> 8);
		pseudo[35] = (uint8_t)(8 + quote);
		pseudo[39] = IPPROTO_ICMPV6;
	}
	sum = (uint16_t)~reference_sum(pseudo, sizeof(pseudo)); /* what is not there is zero */
	message[2] = (uint8_t)(sum >> 8);
	message[3] = (uint8_t)sum;
	*ret = (struct pkt)PKT_NEW;
	probe_push_link(probe, PORT_MAC, ROUTER_MAC, ret);
	address_text(key.address, from);
	address_text(key.client, to);
	if (is_v4)
		pkt_ipv4(ret, from, to, .ttl = CV_OUTER_TTL, .df = 1, .tos = 0xc0, .protocol = IPPROTO_ICMP);
	else
		pkt_ipv6(ret, from, to, .hop_limit = CV_OUTER_TTL, .protocol = IPPROTO_ICMPV6);
	pkt_bytes(ret, message, 8 + quote);
}
