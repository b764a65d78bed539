/* SPDX-License-Identifier: GPL-2.0-only */
/* Reading ICMP errors about tunnels, byte by byte, as they come from anybody; see too_big.h. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "cv_gue.h"
#include "cv_limits.h"
#include "net/too_big.h"

enum { ICMP_BYTES = 8, IP4_BYTES = 20, IP6_BYTES = 40, UDP_BYTES = 8 };

/* "Do not fragment", alone in its word of an IPv4 header. */
#define DF 0x4000

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)get16(at) << 16 | get16(at + 2);
}

/* RFC 1071; of a message whose checksum is right it is 0xffff. */
static uint16_t sum_of(const uint8_t *bytes, size_t size)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < size; i += 2)
		sum += get16(bytes + i);
	if (size % 2)
		sum += (uint32_t)bytes[size - 1] << 8;
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)((sum & 0xffff) + (sum >> 16));
}

/* The quoted outer header. */
struct outer {
	uint8_t protocol;
	uint32_t payload; /* bytes behind it, as long as the packet was */
	bool is_v4;
	uint16_t id;
};

/* What is behind it, of which 8 bytes are there at least: the headers must be of one packet, and made by us. */
static int read_payload(const struct outer *outer, const uint8_t *at, struct too_big *ret)
{
	switch (outer->protocol) {
	case IPPROTO_IPIP:
		/* the outer header took ID and DF over from the inner one */
		if (at[0] >> 4 != 4 || get16(at + 2) != outer->payload ||
		    (outer->is_v4 && (get16(at + 4) != outer->id || !(get16(at + 6) & DF))))
			return -EBADMSG;
		ret->port = 0;
		return 0;
	case IPPROTO_IPV6:
		if (at[0] >> 4 != 6 || IP6_BYTES + get16(at + 4) != (int)outer->payload)
			return -EBADMSG;
		ret->port = 0;
		return 0;
	case IPPROTO_UDP:
		if (get16(at) < CV_GUE_SOURCE_PORTS || !get16(at + 2) || get16(at + 4) != outer->payload ||
		    get16(at + 6))
			return -EBADMSG;
		ret->port = get16(at + 2);
		return 0;
	default:
		return -EBADMSG;
	}
}

int too_big_read4(const uint8_t *bytes, size_t size, struct too_big *ret)
{
	size_t header = size ? (bytes[0] & 15) * 4U : 0;
	struct too_big told = { 0 };
	struct outer outer = { .is_v4 = true };
	const uint8_t *icmp, *ip;
	uint16_t total;
	int r;

	if (size < IP4_BYTES || bytes[0] >> 4 != 4 || header < IP4_BYTES ||
	    size < header + ICMP_BYTES + IP4_BYTES + 8)
		return -EBADMSG;
	icmp = bytes + header;
	ip = icmp + ICMP_BYTES;
	total = get16(ip + 2);
	told.mtu = get16(icmp + 6);
	if (icmp[0] != 3 || icmp[1] != 4 || sum_of(icmp, size - header) != 0xffff)
		return -EBADMSG;
	/* what fits is not too long, and what may be fragmented is */
	if (ip[0] != 0x45 || total <= told.mtu || total < IP4_BYTES || get16(ip + 6) != DF ||
	    ip[8] > CV_OUTER_TTL)
		return -EBADMSG;
	outer.protocol = ip[9];
	outer.payload = total - IP4_BYTES;
	outer.id = get16(ip + 4);
	r = read_payload(&outer, ip + IP4_BYTES, &told);
	if (r)
		return r;
	addr_from_wire(AF_INET, ip + 12, &told.source);
	addr_from_wire(AF_INET, ip + 16, &told.destination);
	*ret = told;
	return 0;
}

int too_big_read6(const uint8_t *bytes, size_t size, struct too_big *ret)
{
	const uint8_t *ip = bytes + ICMP_BYTES;
	struct too_big told = { 0 };
	struct outer outer = { 0 };
	int r;

	/* the kernel checked the checksum */
	if (size < ICMP_BYTES + IP6_BYTES + 8 || bytes[0] != 2 || bytes[1] != 0)
		return -EBADMSG;
	told.mtu = get32(bytes + 4);
	outer.protocol = ip[6];
	outer.payload = get16(ip + 4);
	if (ip[0] >> 4 != 6 || outer.payload + IP6_BYTES <= told.mtu || ip[7] > CV_OUTER_TTL)
		return -EBADMSG;
	r = read_payload(&outer, ip + IP6_BYTES, &told);
	if (r)
		return r;
	addr_from_wire(AF_INET6, ip + 8, &told.source);
	addr_from_wire(AF_INET6, ip + 24, &told.destination);
	/* a v4-mapped address has no business on the wire (RFC 4291 2.5.5.2) */
	if (addr_is_v4(&told.source) || addr_is_v4(&told.destination))
		return -EBADMSG;
	*ret = told;
	return 0;
}
