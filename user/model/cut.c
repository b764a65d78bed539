/* SPDX-License-Identifier: GPL-2.0-only */
/* Fragments; see cut.h. */
#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "cv_limits.h"
#include "model/cut.h"

#define HEADER_BYTES 20
#define MAX_HEADER_BYTES 60

#define DONT_FRAGMENT 0x4000
#define MORE_FRAGMENTS 0x2000
#define OFFSET_MASK 0x1fff

/* IPv4 options (RFC 791 3.1). */
#define OPTION_END 0
#define OPTION_NOTHING 1
#define OPTION_COPIED 0x80 /* goes into every fragment, not the first one alone */

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

/* The header of all fragments but the first, in `ret`: of the options those that are to be copied. Returns its length, 0
 * if the options contradict themselves. */
static size_t later_header(const uint8_t *packet, size_t header, uint8_t ret[MAX_HEADER_BYTES])
{
	size_t at = HEADER_BYTES, to = HEADER_BYTES, bytes;

	memset(ret, 0, MAX_HEADER_BYTES);
	memcpy(ret, packet, HEADER_BYTES);
	for (; at < header && packet[at] != OPTION_END; at += bytes) {
		bytes = 1;
		if (packet[at] == OPTION_NOTHING)
			continue;
		if (at + 1 >= header || packet[at + 1] < 2 || at + packet[at + 1] > header)
			return 0;
		bytes = packet[at + 1];
		if (!(packet[at] & OPTION_COPIED))
			continue;
		memcpy(ret + to, packet + at, bytes);
		to += bytes;
	}
	return (to + 3) / 4 * 4; /* filled up with OPTION_END */
}

/* The Internet checksum (RFC 1071); 0 of a header that is as its sender made it. */
static uint16_t checksum(const uint8_t *ip, size_t header)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < header; i += 2)
		sum += get16(ip + i);
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

/* Length, place and checksum of a header with `bytes` behind it. */
static void finish_header(uint8_t *ip, size_t header, size_t bytes, uint16_t place)
{
	ip[0] = (uint8_t)(0x40 | header / 4);
	put16(ip + 2, header + bytes);
	put16(ip + 6, place);
	put16(ip + 10, 0);
	put16(ip + 10, checksum(ip, header));
}

int cut_ip4(const uint8_t *frame, size_t size, size_t link, size_t mtu, cut_fn each, void *arg)
{
	uint8_t out[CV_HELD_BYTES], later[MAX_HEADER_BYTES];
	const uint8_t *packet = frame + link;
	size_t header, total, later_bytes, bytes;
	uint16_t place;

	if (size > sizeof(out) || size < link + HEADER_BYTES || packet[0] >> 4 != 4)
		return -EINVAL;
	header = (packet[0] & 15) * 4u;
	total = get16(packet + 2);
	place = get16(packet + 6);
	if (header < HEADER_BYTES || total < header || total > size - link || total <= mtu ||
	    place & DONT_FRAGMENT || (place & OFFSET_MASK) * 8u + total - header > 0xffff)
		return -EINVAL;
	if (checksum(packet, header)) /* fragments would come with right ones */
		return -EINVAL;
	later_bytes = later_header(packet, header, later);
	if (!later_bytes)
		return -EINVAL;
	if (mtu < header + 8)
		return -EMSGSIZE;
	memcpy(out, frame, link + header);
	for (size_t at = header; at < total; at += bytes) {
		bool is_last = total - at <= mtu - header;

		bytes = is_last ? total - at : (mtu - header) / 8 * 8;
		memcpy(out + link + header, packet + at, bytes);
		finish_header(out + link, header, bytes, (uint16_t)(place | (is_last ? 0 : MORE_FRAGMENTS)));
		each(out, link + header + bytes, arg);
		place = (uint16_t)(place + bytes / 8);
		header = later_bytes;
		memcpy(out + link, later, header);
	}
	return 0;
}
