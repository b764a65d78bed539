/* SPDX-License-Identifier: GPL-2.0-only */
/* cli/frame: the packet of a question, byte for byte, and what is read out of one. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "cli/frame.h"

static struct frame_spec spec(const char *client, const char *address, uint8_t protocol)
{
	struct frame_spec ret = { .client_port = 40000, .port = 443, .protocol = protocol };

	assert_int_equal(addr_parse(client, &ret.client), 0);
	assert_int_equal(addr_parse(address, &ret.address), 0);
	return ret;
}

static void test_tcp4(void **state)
{
	static const uint8_t want[] = {
		2,    0,    0,	  0,	0,    2,    2,	  0,	0,    0,    0,	  1,	0x08, 0x00, /* link */
		0x45, 0x00, 0x00, 0x28, 0x00, 0x00, 0x40, 0x00, 0x40, 0x06, 0x50, 0xa3,		    /* IPv4 */
		198,  51,   100,  7,	192,  0,    2,	  10,				/* addresses */
		0x9c, 0x40, 0x01, 0xbb, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, /* TCP */
		0x50, 0x02, 0xff, 0xff, 0x00, 0x00, 0x00, 0x00,
	};
	struct frame_spec packet = spec("198.51.100.7", "192.0.2.10", IPPROTO_TCP);
	uint8_t frame[FRAME_MAX];

	(void)state;
	packet.tcp_flags = FRAME_SYN;
	assert_int_equal(frame_build(&packet, frame), sizeof(want));
	frame[24] = want[24]; /* checksums: see below */
	frame[25] = want[25];
	frame[50] = frame[51] = 0;
	assert_memory_equal(frame, want, sizeof(want));
}

/* Sum of 16-bit words, folded: 0xffff over what carries a right checksum (RFC 1071 1). */
static uint32_t folded(const uint8_t *bytes, size_t len, uint32_t from)
{
	for (size_t i = 0; i < len; i++)
		from += i % 2 ? bytes[i] : (uint32_t)bytes[i] << 8;
	while (from >> 16)
		from = (from & 0xffff) + (from >> 16);
	return from;
}

static void test_checksums(void **state)
{
	static const uint8_t protocols[] = { IPPROTO_TCP, IPPROTO_UDP, FRAME_ICMP };
	uint8_t frame[FRAME_MAX];

	(void)state;
	for (uint32_t more = 0; more < 3; more++) {
		for (size_t i = 0; i < CV_ARRAY_SIZE(protocols); i++) {
			struct frame_spec v4 = spec("198.51.100.7", "192.0.2.10", protocols[i]);
			struct frame_spec v6 = spec("2001:db8:c::7", "2001:db8:a::10", protocols[i]);
			bool has_pseudo = protocols[i] != FRAME_ICMP;
			uint32_t last;
			int len;

			v4.bytes = frame_min_bytes(&v4) + more;
			v6.bytes = frame_min_bytes(&v6) + more;
			len = frame_build(&v4, frame);
			assert_int_equal(len, FRAME_LINK_BYTES + v4.bytes);
			assert_int_equal(folded(frame + 14, 20, 0), 0xffff);
			last = has_pseudo ? folded(frame + 26, 8, protocols[i] + v4.bytes - 20) : 0;
			assert_int_equal(folded(frame + 34, (size_t)len - 34, last), 0xffff);

			len = frame_build(&v6, frame);
			assert_int_equal(len, FRAME_LINK_BYTES + v6.bytes);
			assert_int_equal(frame[20], has_pseudo ? protocols[i] : IPPROTO_ICMPV6);
			last = folded(frame + 22, 32, frame[20] + v6.bytes - 40);
			assert_int_equal(folded(frame + 54, (size_t)len - 54, last), 0xffff);
		}
	}
}

static void test_reads_what_it_built(void **state)
{
	struct frame_spec packet = spec("2001:db8:c::7", "2001:db8:a::10", IPPROTO_UDP);
	uint8_t frame[FRAME_MAX];
	struct frame_view view;

	(void)state;
	packet.bytes = 1280;
	assert_int_equal(frame_read(frame, (size_t)frame_build(&packet, frame), &view), 0);
	assert_int_equal(view.bytes, 1280);
	assert_int_equal(view.ttl, 64);
	assert_int_equal(view.protocol, IPPROTO_UDP);
	assert_int_equal(view.from_port, 40000);
	assert_int_equal(view.to_port, 443);
	assert_true(view.dont_fragment);
	assert_int_equal(addr_compare(&view.from, &packet.client), 0);
	assert_int_equal(addr_compare(&view.to, &packet.address), 0);
}

static void test_refuses(void **state)
{
	struct frame_spec packet = spec("198.51.100.7", "192.0.2.10", IPPROTO_TCP);
	uint8_t frame[FRAME_MAX] = { 0 };
	struct frame_view view;

	(void)state;
	packet.bytes = 39;
	assert_int_equal(frame_build(&packet, frame), -EMSGSIZE);
	packet.bytes = FRAME_MAX - FRAME_LINK_BYTES + 1;
	assert_int_equal(frame_build(&packet, frame), -EMSGSIZE);
	assert_int_equal(frame_read(frame, 13, &view), -EINVAL);
	assert_int_equal(frame_read(frame, 64, &view), -EINVAL); /* of no version */
	frame[14] = 0x45;
	assert_int_equal(frame_read(frame, 33, &view), -EINVAL); /* cut */
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tcp4),
		cmocka_unit_test(test_checksums),
		cmocka_unit_test(test_reads_what_it_built),
		cmocka_unit_test(test_refuses),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
