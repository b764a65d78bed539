/* SPDX-License-Identifier: GPL-2.0-only */
/* Frames in a few words, whole and cut short at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/frame.h"
#include "cv_defs.h"

#define MACS "\2\0\0\0\0\1\2\0\0\0\0\2"
#define IP4(protocol, offset) "\x45\0\0\x28\0\1" offset "\x40" protocol "\0\0\xc6\x33\x64\x07\xc0\0\2\x0a"
#define ADDR6(last) "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0" last
#define IP6(next) "\x60\0\0\0\0\x40" next "\x40" ADDR6("\1") ADDR6("\2")
#define PORTS "\x9c\x40\x01\xbb"
#define TCP(flags) PORTS "\0\0\0\1\0\0\0\2\x50" flags "\xff\xff\0\0\0\0"

struct frame_case {
	const char *bytes;
	size_t nr;
	const char *what, *client, *address;
	bool has_ports;
};

#define FRAME(bytes, ...)                             \
	{                                             \
		bytes, sizeof(bytes) - 1, __VA_ARGS__ \
	}

static const char v4[] = "198.51.100.7", v4_to[] = "192.0.2.10", v6[] = "2001:db8::1",
		  v6_to[] = "2001:db8::2";

static const struct frame_case frames[] = {
	FRAME(MACS "\x08\0" IP4("\6", "\0\0") TCP("\x02"), "tcp SYN", v4, v4_to, true),
	FRAME(MACS "\x08\0" IP4("\6", "\0\0") TCP("\x3f"), "tcp FIN,SYN,RST,PSH,ACK,URG", v4, v4_to, true),
	FRAME(MACS "\x08\0" IP4("\6", "\0\0") TCP("\0"), "tcp", v4, v4_to, true),
	FRAME(MACS "\x08\0" IP4("\x11", "\0\0") PORTS "\0\x08\0\0", "udp", v4, v4_to, true),
	FRAME(MACS "\x08\0" IP4("\x11", "\x20\0") PORTS, "udp", v4, v4_to, true),
	FRAME(MACS "\x08\0" IP4("\x11", "\0\xb9") PORTS, "fragment at 1480", v4, v4_to, false),
	FRAME(MACS "\x08\0" IP4("\1", "\0\0") "\3\4\0\0", "icmp 3/4", v4, v4_to, false),
	FRAME(MACS "\x08\0" IP4("\4", "\0\0") "\x45\0\0\0", "tunnel", v4, v4_to, false),
	FRAME(MACS "\x08\0" IP4("\x84", "\0\0") "\0\0\0\0", "protocol 132", v4, v4_to, false),
	FRAME(MACS "\x08\0"
		   "\x46\0\0\x28\0\1\0\0\x40\6\0\0\xc6\x33\x64\x07\xc0\0\2\x0a\1\1\1\1" TCP("\x10"),
	      "tcp ACK", v4, v4_to, true),
	FRAME(MACS "\x81\0\0\1\x08\0" IP4("\6", "\0\0") TCP("\x10"), "tcp ACK", v4, v4_to, true),
	FRAME(MACS "\x88\xa8\0\1\x81\0\0\2\x86\xdd" IP6("\6") TCP("\x04"), "tcp RST", v6, v6_to, true),
	FRAME(MACS "\x86\xdd" IP6("\x3a") "\2\0\0\0", "icmp6 2/0", v6, v6_to, false),
	FRAME(MACS "\x86\xdd" IP6("\0") "\x3c\0\0\0\0\0\0\0"
					"\x06\1\0\0\0\0\0\0\0\0\0\0\0\0\0\0" TCP("\x11"),
	      "tcp FIN,ACK", v6, v6_to, true),
	FRAME(MACS "\x86\xdd" IP6("\x2c") "\x11\0\0\1\0\0\0\7" PORTS, "udp", v6, v6_to, true),
	FRAME(MACS "\x86\xdd" IP6("\x2c") "\x11\0\x05\xa8\0\0\0\7" PORTS, "fragment at 1448", v6, v6_to,
	      false),
	FRAME(MACS "\x08\x06\0\1", "ethertype 0806", NULL, NULL, false),
};

static void expect_address(const struct addr *addr, const char *want)
{
	char text[ADDR_TEXT_LEN];

	assert_string_equal(addr_format(addr, text), want);
}

static void says_what_it_is(void **state)
{
	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(frames); i++) {
		const struct frame_case *f = &frames[i];
		struct frame frame;

		frame_read((const uint8_t *)f->bytes, f->nr, &frame);
		assert_string_equal(frame.what, f->what);
		assert_int_equal(frame.has_addresses, f->client != NULL);
		assert_int_equal(frame.has_ports, f->has_ports);
		if (f->client) {
			expect_address(&frame.client, f->client);
			expect_address(&frame.address, f->address);
		}
		assert_int_equal(frame.client_port, f->has_ports ? 40000 : 0);
		assert_int_equal(frame.port, f->has_ports ? 443 : 0);
	}
}

/* A copy that ends where the frame was cut, so that a byte read beyond it would be found out. */
static void reads_nothing_that_is_not_there(void **state)
{
	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(frames); i++) {
		for (size_t nr = 0; nr < frames[i].nr; nr++) {
			uint8_t *copy = malloc(nr ? nr : 1);
			struct frame frame;

			assert_non_null(copy);
			memcpy(copy, frames[i].bytes, nr);
			frame_read(copy, nr, &frame);
			assert_true(!frame.has_ports || frame.has_addresses);
			assert_true(nr >= 14 || !strcmp(frame.what, "cut short"));
			free(copy);
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(says_what_it_is),
		cmocka_unit_test(reads_nothing_that_is_not_there),
	};

	return cmocka_run_group_tests_name("frame", tests, NULL, NULL);
}
