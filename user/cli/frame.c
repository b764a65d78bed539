/* SPDX-License-Identifier: GPL-2.0-only */
/* Reads frames; see frame.h. Each layer looks at no byte before it has made sure that it is there. */
#include <stdio.h>
#include <string.h>

#include "cli/frame.h"

enum { TYPE_IPV4 = 0x0800, TYPE_IPV6 = 0x86dd, TYPE_VLAN = 0x8100, TYPE_QINQ = 0x88a8 };

enum {
	PROTOCOL_HOPOPTS = 0,
	PROTOCOL_ICMP = 1,
	PROTOCOL_IPIP = 4,
	PROTOCOL_TCP = 6,
	PROTOCOL_UDP = 17,
	PROTOCOL_IPV6 = 41,
	PROTOCOL_ROUTING = 43,
	PROTOCOL_FRAGMENT = 44,
	PROTOCOL_ICMPV6 = 58,
	PROTOCOL_DSTOPTS = 60,
};

struct reader {
	const uint8_t *at;
	size_t left;
};

/* The next bytes; NULL if there are not so many. */
static const uint8_t *read_bytes(struct reader *reader, size_t nr)
{
	const uint8_t *here = reader->at;

	if (nr > reader->left)
		return NULL;
	reader->at += nr;
	reader->left -= nr;
	return here;
}

static uint16_t word(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void say_tcp(struct reader *reader, struct frame *ret)
{
	static const char names[][4] = { "FIN", "SYN", "RST", "PSH", "ACK", "URG" };
	const uint8_t *rest = read_bytes(reader, 10); /* behind the ports, up to the flags */
	size_t length;

	snprintf(ret->what, sizeof(ret->what), "tcp");
	for (size_t i = 0; rest && i < sizeof(names) / sizeof(names[0]); i++) {
		length = strlen(ret->what);
		if (rest[9] & 1 << i)
			snprintf(ret->what + length, sizeof(ret->what) - length, "%c%s",
				 length > 3 ? ',' : ' ', names[i]);
	}
}

static void say_transport(struct reader *reader, struct frame *ret)
{
	const uint8_t *head = read_bytes(reader, 4);

	if (!head) {
		snprintf(ret->what, sizeof(ret->what), "cut short");
		return;
	}
	switch (ret->protocol) {
	case PROTOCOL_TCP:
	case PROTOCOL_UDP:
		ret->has_ports = true;
		ret->client_port = word(head);
		ret->port = word(head + 2);
		if (ret->protocol == PROTOCOL_TCP)
			say_tcp(reader, ret);
		else
			snprintf(ret->what, sizeof(ret->what), "udp");
		return;
	case PROTOCOL_ICMP:
	case PROTOCOL_ICMPV6:
		snprintf(ret->what, sizeof(ret->what), "%s %u/%u",
			 ret->protocol == PROTOCOL_ICMP ? "icmp" : "icmp6", head[0], head[1]);
		return;
	case PROTOCOL_IPIP:
	case PROTOCOL_IPV6:
		snprintf(ret->what, sizeof(ret->what), "tunnel");
		return;
	default:
		snprintf(ret->what, sizeof(ret->what), "protocol %u", ret->protocol);
	}
}

static void say_fragment(struct frame *ret, unsigned offset)
{
	snprintf(ret->what, sizeof(ret->what), "fragment at %u", offset);
}

static void read_ip4(struct reader *reader, struct frame *ret)
{
	const uint8_t *ip = read_bytes(reader, 20);
	size_t options = ip ? (ip[0] & 15) * 4u : 0;
	unsigned offset;

	if (!ip || options < 20)
		return;
	ret->has_addresses = true;
	addr_from_wire(AF_INET, ip + 12, &ret->client);
	addr_from_wire(AF_INET, ip + 16, &ret->address);
	ret->protocol = ip[9];
	offset = (word(ip + 6) & 0x1fffu) * 8;
	if (offset)
		say_fragment(ret, offset);
	else if (read_bytes(reader, options - 20))
		say_transport(reader, ret);
}

static bool is_extension(uint8_t protocol)
{
	return protocol == PROTOCOL_HOPOPTS || protocol == PROTOCOL_ROUTING ||
	       protocol == PROTOCOL_FRAGMENT || protocol == PROTOCOL_DSTOPTS;
}

static void read_ip6(struct reader *reader, struct frame *ret)
{
	const uint8_t *ip = read_bytes(reader, 40), *extension;

	if (!ip)
		return;
	ret->has_addresses = true;
	addr_from_wire(AF_INET6, ip + 8, &ret->client);
	addr_from_wire(AF_INET6, ip + 24, &ret->address);
	ret->protocol = ip[6];
	while (is_extension(ret->protocol)) {
		bool is_fragment = ret->protocol == PROTOCOL_FRAGMENT;

		extension = read_bytes(reader, 8);
		if (!extension)
			return;
		ret->protocol = extension[0];
		if (is_fragment && word(extension + 2) & 0xfff8) {
			say_fragment(ret, word(extension + 2) & 0xfff8);
			return;
		}
		if (!is_fragment && !read_bytes(reader, extension[1] * 8u))
			return;
	}
	say_transport(reader, ret);
}

void frame_read(const uint8_t *bytes, size_t nr, struct frame *ret)
{
	struct reader reader = { .at = bytes, .left = nr };
	const uint8_t *type;

	*ret = (struct frame){ .what = "cut short" };
	if (!read_bytes(&reader, 12))
		return;
	do {
		type = read_bytes(&reader, 2);
	} while (type && (word(type) == TYPE_VLAN || word(type) == TYPE_QINQ) && read_bytes(&reader, 2));
	if (!type)
		return;
	switch (word(type)) {
	case TYPE_IPV4:
		read_ip4(&reader, ret);
		return;
	case TYPE_IPV6:
		read_ip6(&reader, ret);
		return;
	case TYPE_VLAN:
	case TYPE_QINQ:
		return;
	default:
		snprintf(ret->what, sizeof(ret->what), "ethertype %04x", word(type));
	}
}
