/* SPDX-License-Identifier: GPL-2.0-only */
/* pcapng, byte by byte, as draft-ietf-opsawg-pcapng lays it out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "util/pcapng.h"

/* What a writer wrote, until the next use. */
static struct {
	char *bytes;
	size_t size;
	FILE *to;
} out;

static FILE *begin(void)
{
	out.to = open_memstream(&out.bytes, &out.size);
	assert_non_null(out.to);
	return out.to;
}

static void expect(const uint8_t *want, size_t size)
{
	fclose(out.to);
	assert_int_equal(out.size, size);
	assert_memory_equal(out.bytes, want, size);
	free(out.bytes);
}

static void a_section(void **state)
{
	static const uint8_t want[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0x38, 0,    0,	  0,	/* block of 56 bytes */
		0x4d, 0x3c, 0x2b, 0x1a, 1,    0,    0,	  0,	/* byte order, version 1.0 */
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* section of unknown length */
		3,    0,    5,	  0,	'L',  'i',  'n',  'u',	'x', 0,	  0,   0, /* system, padded */
		4,    0,    7,	  0,	'c',  'u',  'l',  'v',	'e', 'r', 't', 0, /* application */
		0,    0,    0,	  0,	0x38, 0,    0,	  0, /* end of options; 56 again */
	};

	(void)state;
	pcapng_write_section(begin(), &(struct pcapng_section){ .os = "Linux", .application = "culvert" });
	expect(want, sizeof(want));
}

static void a_section_that_says_nothing(void **state)
{
	static const uint8_t want[] = {
		0x0a, 0x0d, 0x0d, 0x0a, 0x1c, 0,    0,	  0,	0x4d, 0x3c, 0x2b, 0x1a, 1, 0,
		0,    0,    0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x1c, 0,	0, 0,
	};

	(void)state;
	pcapng_write_section(begin(), &(struct pcapng_section){ .os = "" });
	expect(want, sizeof(want));
}

static void an_interface(void **state)
{
	static const uint8_t want[] = {
		1,   0, 0, 0, 0x34, 0,	 0,   0, /* 52 bytes */
		1,   0, 0, 0, 0,    1,	 0,   0, /* Ethernet, snaplen 256 */
		2,   0, 7, 0, 'e',  't', 'h', '0', ' ', 'i', 'n', 0, 3, 0, 2, 0, 'h', /* name, description */
		'i', 0, 0, 9, 0,    1,	 0,   9,   0,	0,   0,			      /* nanoseconds */
		0,   0, 0, 0, 0x34, 0,	 0,   0,
	};

	(void)state;
	pcapng_write_interface(begin(), &(struct pcapng_interface){
						.name = "eth0 in", .description = "hi", .snaplen = 256 });
	expect(want, sizeof(want));
}

static void a_packet(void **state)
{
	static const uint8_t data[] = { 1, 2, 3, 4, 5 };
	static const uint8_t want[] = {
		6,    0,    0,	  0,	0x60, 0,    0,	  0,		    /* 96 bytes */
		2,    0,    0,	  0,					    /* interface */
		0x55, 0x44, 0x33, 0x22, 0xdd, 0xcc, 0xbb, 0xaa,		    /* time, upper half first */
		5,    0,    0,	  0,	0xdc, 5,    0,	  0,		    /* 5 bytes of 1,500 */
		1,    2,    3,	  4,	5,    0,    0,	  0,		    /* padded */
		1,    0,    2,	  0,	'n',  'o',  0,	  0,		    /* comment */
		2,    0,    4,	  0,	1,    0,    0,	  0,		    /* flags: inbound */
		5,    0,    8,	  0,	8,    7,    6,	  5,	4, 3, 2, 1, /* id */
		6,    0,    4,	  0,	3,    0,    0,	  0,		    /* queue */
		7,    0,    9,	  0,	2,    1,    0,	  0,	0, 0, 0, 0,
		0,    0,    0,	  0, /* XDP verdict: drop */
		0,    0,    0,	  0,	0x60, 0,    0,	  0,
	};

	(void)state;
	pcapng_write_packet(begin(), &(struct pcapng_packet){
					     .interface = 2,
					     .time_ns = 0x22334455aabbccdd,
					     .data = data,
					     .saved = sizeof(data),
					     .bytes = 1500,
					     .comment = "no",
					     .direction = PCAPNG_INBOUND,
					     .id = 0x0102030405060708,
					     .queue = 3,
					     .xdp = PCAPNG_XDP_DROP,
				     });
	expect(want, sizeof(want));
}

/* Nothing was saved of it, nothing is said about it, and no queue received what is sent. */
static void an_empty_packet_that_leaves(void **state)
{
	static const uint8_t want[] = {
		6, 0, 0, 0, 0x48, 0, 0, 0, /* 72 bytes */
		0, 0, 0, 0, 0,	  0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 60,	 0, 0, 0, 2, 0,
		4, 0, 2, 0, 0,	  0, 5, 0, 8, 0, 9, 0, 0, 0, 0, 0, 0,	 0, 7, 0, 9, 0,
		2, 3, 0, 0, 0,	  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x48, 0, 0, 0,
	};

	(void)state;
	pcapng_write_packet(begin(), &(struct pcapng_packet){ .time_ns = 1,
							      .bytes = 60,
							      .direction = PCAPNG_OUTBOUND,
							      .id = 9,
							      .queue = 7,
							      .xdp = PCAPNG_XDP_TX });
	expect(want, sizeof(want));
}

static void statistics(void **state)
{
	static const uint8_t want[] = {
		5, 0, 0, 0, 0x4c, 0, 0, 0,	       /* 76 bytes */
		1, 0, 0, 0, 2,	  0, 0, 0, 3, 0, 0, 0, /* interface, time */
		2, 0, 8, 0, 1,	  0, 0, 0, 4, 0, 0, 0, /* began */
		3, 0, 8, 0, 2,	  0, 0, 0, 3, 0, 0, 0, /* ended */
		7, 0, 8, 0, 5,	  0, 0, 0, 0, 0, 0, 0, /* dropped */
		8, 0, 8, 0, 6,	  0, 0, 0, 0, 0, 0, 0, /* delivered */
		0, 0, 0, 0, 0x4c, 0, 0, 0,
	};

	(void)state;
	pcapng_write_statistics(begin(), &(struct pcapng_statistics){ .interface = 1,
								      .start_ns = 1ULL << 32 | 4,
								      .end_ns = 2ULL << 32 | 3,
								      .dropped = 5,
								      .delivered = 6 });
	expect(want, sizeof(want));
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_section),
		cmocka_unit_test(a_section_that_says_nothing),
		cmocka_unit_test(an_interface),
		cmocka_unit_test(a_packet),
		cmocka_unit_test(an_empty_packet_that_leaves),
		cmocka_unit_test(statistics),
	};

	return cmocka_run_group_tests_name("pcapng", tests, NULL, NULL);
}
