// SPDX-License-Identifier: GPL-2.0-only
/* Building and reading the packet of a question; see frame.h. */
#include <arpa/inet.h>
#include <errno.h>
#include <net/ethernet.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/ip_icmp.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <stddef.h>
#include <string.h>

#include "cli/frame.h"

_Static_assert(FRAME_LINK_BYTES == ETHER_HDR_LEN, "an Ethernet header has another length");

#define TTL 64
#define VERSION_TOP 4 /* bits of the first byte that hold it */

static bool is_v4(const struct frame_spec *spec)
{
	return addr_is_v4(&spec->address);
}

/* As the IP header has it. */
static uint8_t wire_protocol(const struct frame_spec *spec)
{
	return spec->protocol == FRAME_ICMP && !is_v4(spec) ? IPPROTO_ICMPV6 : spec->protocol;
}

static uint32_t ip_header_bytes(const struct frame_spec *spec)
{
	return is_v4(spec) ? sizeof(struct ip) : sizeof(struct ip6_hdr);
}

uint32_t frame_min_bytes(const struct frame_spec *spec)
{
	uint32_t transport = spec->protocol == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	return ip_header_bytes(spec) + transport; /* an echo request has as much as UDP */
}

/* Sum of 16-bit words, not folded (RFC 1071). */
static uint32_t sum(const void *bytes, size_t len, uint32_t from)
{
	const uint8_t *byte = bytes;

	for (size_t i = 0; i < len; i++)
		from += (uint32_t)byte[i] << (i % 2 ? 0 : 8);
	return from;
}

static uint16_t finish(uint32_t sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return htons((uint16_t)~sum);
}

static void fill_ip(const struct frame_spec *spec, uint32_t bytes, uint8_t *to)
{
	uint16_t check;
	size_t size;

	if (is_v4(spec)) {
		struct ip ip = { .ip_v = 4, .ip_hl = sizeof(ip) / 4, .ip_len = htons((uint16_t)bytes) };

		ip.ip_off = htons(IP_DF);
		ip.ip_ttl = TTL;
		ip.ip_p = wire_protocol(spec);
		memcpy(&ip.ip_src, addr_wire(&spec->client, &size), sizeof(ip.ip_src));
		memcpy(&ip.ip_dst, addr_wire(&spec->address, &size), sizeof(ip.ip_dst));
		memcpy(to, &ip, sizeof(ip));
		check = finish(sum(to, sizeof(ip), 0));
		memcpy(to + offsetof(struct ip, ip_sum), &check, sizeof(check));
	} else {
		struct ip6_hdr ip = { .ip6_hlim = TTL, .ip6_nxt = wire_protocol(spec) };

		ip.ip6_vfc = 6 << VERSION_TOP;
		ip.ip6_plen = htons((uint16_t)(bytes - sizeof(ip)));
		memcpy(&ip.ip6_src, addr_wire(&spec->client, &size), sizeof(ip.ip6_src));
		memcpy(&ip.ip6_dst, addr_wire(&spec->address, &size), sizeof(ip.ip6_dst));
		memcpy(to, &ip, sizeof(ip));
	}
}

/* The pseudo header (RFC 9293 3.1, RFC 8200 8.1); ICMP has none. */
static uint32_t pseudo_sum(const struct frame_spec *spec, uint32_t bytes)
{
	size_t size;
	const uint8_t *client = addr_wire(&spec->client, &size), *address = addr_wire(&spec->address, &size);

	if (wire_protocol(spec) == IPPROTO_ICMP)
		return 0;
	return sum(client, size, sum(address, size, wire_protocol(spec) + bytes));
}

/* Writes the header, its checksum zero; returns where that is. */
static size_t fill_header(const struct frame_spec *spec, uint32_t bytes, uint8_t *to)
{
	struct icmphdr icmp = { .type = is_v4(spec) ? ICMP_ECHO : ICMP6_ECHO_REQUEST };

	if (spec->protocol == IPPROTO_TCP) {
		struct tcphdr tcp = { .th_sport = htons(spec->client_port), .th_dport = htons(spec->port) };

		tcp.th_off = sizeof(tcp) / 4;
		tcp.th_flags = spec->tcp_flags;
		tcp.th_win = htons(UINT16_MAX);
		memcpy(to, &tcp, sizeof(tcp));
		return offsetof(struct tcphdr, th_sum);
	}
	if (spec->protocol == IPPROTO_UDP) {
		struct udphdr udp = { .uh_sport = htons(spec->client_port), .uh_dport = htons(spec->port) };

		udp.uh_ulen = htons((uint16_t)bytes);
		memcpy(to, &udp, sizeof(udp));
		return offsetof(struct udphdr, uh_sum);
	}
	icmp.un.echo.id = htons(spec->client_port);
	icmp.un.echo.sequence = htons(spec->port);
	memcpy(to, &icmp, sizeof(icmp));
	return offsetof(struct icmphdr, checksum);
}

static void fill_transport(const struct frame_spec *spec, uint32_t bytes, uint8_t *to)
{
	size_t at = fill_header(spec, bytes, to);
	uint16_t check = finish(sum(to, bytes, pseudo_sum(spec, bytes)));

	/* zero would mean that UDP has none (RFC 768) */
	if (spec->protocol == IPPROTO_UDP && !check)
		check = UINT16_MAX;
	memcpy(to + at, &check, sizeof(check));
}

int frame_build(const struct frame_spec *spec, uint8_t *ret)
{
	uint32_t bytes = spec->bytes ? spec->bytes : frame_min_bytes(spec), ip = ip_header_bytes(spec);
	struct ether_header eth = { .ether_dhost = { 2, 0, 0, 0, 0, 2 },
				    .ether_shost = { 2, 0, 0, 0, 0, 1 } };

	if (bytes < frame_min_bytes(spec) || bytes > FRAME_MAX - FRAME_LINK_BYTES)
		return -EMSGSIZE;
	memset(ret, 0, FRAME_LINK_BYTES + bytes);
	eth.ether_type = htons(is_v4(spec) ? ETHERTYPE_IP : ETHERTYPE_IPV6);
	memcpy(ret, &eth, sizeof(eth));
	fill_ip(spec, bytes, ret + FRAME_LINK_BYTES);
	fill_transport(spec, bytes - ip, ret + FRAME_LINK_BYTES + ip);
	return (int)(FRAME_LINK_BYTES + bytes);
}

/* Fills in what the IP header says; returns its length, or -EINVAL. */
static int read_ip(const uint8_t *at, size_t len, struct frame_view *view)
{
	if (len >= sizeof(struct ip) && at[0] >> VERSION_TOP == 4) {
		struct ip ip;

		memcpy(&ip, at, sizeof(ip));
		view->protocol = ip.ip_p;
		view->ttl = ip.ip_ttl;
		view->dont_fragment = ntohs(ip.ip_off) & IP_DF;
		view->bytes = ntohs(ip.ip_len);
		addr_from_wire(AF_INET, &ip.ip_src, &view->from);
		addr_from_wire(AF_INET, &ip.ip_dst, &view->to);
		return ip.ip_hl * 4;
	}
	if (len >= sizeof(struct ip6_hdr) && at[0] >> VERSION_TOP == 6) {
		struct ip6_hdr ip;

		memcpy(&ip, at, sizeof(ip));
		view->protocol = ip.ip6_nxt;
		view->ttl = ip.ip6_hlim;
		view->dont_fragment = true;
		view->bytes = ntohs(ip.ip6_plen) + (uint32_t)sizeof(ip);
		addr_from_wire(AF_INET6, &ip.ip6_src, &view->from);
		addr_from_wire(AF_INET6, &ip.ip6_dst, &view->to);
		return sizeof(ip);
	}
	return -EINVAL;
}

int frame_read(const uint8_t *frame, size_t len, struct frame_view *ret)
{
	struct frame_view view = { .ttl = 0 };
	uint16_t ports[2];
	size_t at;
	int r;

	if (len < FRAME_LINK_BYTES)
		return -EINVAL;
	memcpy(view.to_mac, frame, ETH_ALEN);
	memcpy(view.from_mac, frame + ETH_ALEN, ETH_ALEN);
	r = read_ip(frame + FRAME_LINK_BYTES, len - FRAME_LINK_BYTES, &view);
	if (r < 0)
		return r;
	at = FRAME_LINK_BYTES + (size_t)r;
	if ((view.protocol == IPPROTO_TCP || view.protocol == IPPROTO_UDP) && len >= at + sizeof(ports)) {
		memcpy(ports, frame + at, sizeof(ports));
		view.from_port = ntohs(ports[0]);
		view.to_port = ntohs(ports[1]);
	}
	*ret = view;
	return 0;
}
