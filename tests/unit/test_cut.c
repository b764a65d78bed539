/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets cut into fragments: put together again they are what they were, none is longer than allowed, and every header is
 * right (RFC 791 3.2). */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "cv_limits.h"
#include "model/cut.h"

#define LINK 18 /* an Ethernet header with a tag */

struct packet {
	uint8_t frame[CV_HELD_BYTES];
	size_t size;
	size_t header;
};

/* What came out, put together. */
struct whole {
	size_t mtu;
	const struct packet *packet;
	uint8_t bytes[65536];
	size_t first_at; /* place of the first fragment */
	size_t next_at;
	size_t fragments;
	size_t later_header;
	uint8_t later_options[40];
	int has_more; /* the last one said so */
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static void put16(uint8_t *at, size_t value)
{
	at[0] = (uint8_t)(value >> 8);
	at[1] = (uint8_t)value;
}

static uint16_t sum_of(const uint8_t *ip, size_t header)
{
	uint32_t sum = 0;

	for (size_t i = 0; i < header; i += 2)
		sum += get16(ip + i);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)(sum + (sum >> 16));
}

static struct packet make(size_t bytes, const uint8_t *options, size_t options_len, uint16_t place)
{
	struct packet p = { .header = 20 + options_len };
	uint8_t *ip = p.frame + LINK;

	for (size_t i = 0; i < sizeof(p.frame); i++)
		p.frame[i] = (uint8_t)(i * 7 + i / 256);
	ip[0] = (uint8_t)(0x40 | p.header / 4);
	put16(ip + 2, p.header + bytes);
	put16(ip + 6, place);
	if (options_len)
		memcpy(ip + 20, options, options_len);
	put16(ip + 10, 0);
	put16(ip + 10, ~sum_of(ip, p.header));
	p.size = LINK + p.header + bytes;
	return p;
}

static void collect(const uint8_t *frame, size_t size, void *arg)
{
	struct whole *whole = arg;
	const uint8_t *ip = frame + LINK, *old = whole->packet->frame + LINK;
	size_t header = (ip[0] & 15) * 4u, at = (get16(ip + 6) & 0x1fff) * 8u, bytes = size - LINK - header;

	assert_memory_equal(frame, whole->packet->frame, LINK);
	assert_int_equal(get16(ip + 2), size - LINK);
	assert_true(size - LINK <= whole->mtu);
	assert_int_equal(sum_of(ip, header), 0xffff);
	/* TOS, identification, TTL, protocol, addresses */
	assert_int_equal(ip[1], old[1]);
	assert_memory_equal(ip + 4, old + 4, 2);
	assert_memory_equal(ip + 8, old + 8, 2);
	assert_memory_equal(ip + 12, old + 12, 8);
	if (whole->fragments++) {
		assert_int_equal(at, whole->next_at);
		assert_true(whole->has_more);
		whole->later_header = header;
		memcpy(whole->later_options, ip + 20, header - 20);
	} else {
		whole->first_at = at;
		assert_int_equal(header, whole->packet->header);
		assert_memory_equal(ip + 20, old + 20, header - 20);
	}
	whole->has_more = get16(ip + 6) & 0x2000;
	assert_true(!whole->has_more || bytes % 8 == 0);
	memcpy(whole->bytes + at - whole->first_at, ip + header, bytes);
	whole->next_at = at + bytes;
}

static void cut_and_check(const struct packet *packet, size_t mtu, struct whole *ret)
{
	size_t bytes = packet->size - LINK - packet->header;

	memset(ret, 0, sizeof(*ret));
	ret->mtu = mtu;
	ret->packet = packet;
	assert_int_equal(cut_ip4(packet->frame, packet->size, LINK, mtu, collect, ret), 0);
	assert_int_equal(ret->next_at - ret->first_at, bytes);
	assert_memory_equal(ret->bytes, packet->frame + LINK + packet->header, bytes);
}

static void cuts_at_every_length(void **state)
{
	static struct whole whole;

	(void)state;
	for (size_t bytes = 1461; bytes < 1500; bytes++) {
		struct packet p = make(bytes, NULL, 0, 0);

		cut_and_check(&p, 1480, &whole);
		assert_int_equal(whole.fragments, 2);
		assert_false(whole.has_more);
	}
	for (size_t mtu = 28; mtu < 1520; mtu++) {
		struct packet p = make(1500, NULL, 0, 0);
		size_t step;

		cut_and_check(&p, mtu, &whole);
		/* the last one takes all that is left, if that fits */
		step = (mtu - 20) / 8 * 8;
		assert_int_equal(whole.fragments, 1 + (1500 - (mtu - 20) + step - 1) / step);
	}
}

static void cuts_fragments_further(void **state)
{
	static struct whole whole;
	struct packet middle = make(1480, NULL, 0, 0x2000 | 185), last = make(1479, NULL, 0, 370);

	(void)state;
	cut_and_check(&middle, 1480, &whole);
	assert_int_equal(whole.first_at, 1480);
	assert_true(whole.has_more);
	cut_and_check(&last, 1300, &whole);
	assert_int_equal(whole.first_at, 2960);
	assert_false(whole.has_more);
}

/* Loose source route (copied), record route (not), router alert (copied), a no-operation between them. */
static void copies_the_options_that_say_so(void **state)
{
	static const uint8_t options[] = { 131, 7, 4, 10, 0, 0, 1, 1, 7, 7, 4, 0, 0, 0, 0, 148, 4, 0, 0, 0 };
	static const uint8_t later[] = { 131, 7, 4, 10, 0, 0, 1, 148, 4, 0, 0, 0 };
	static struct whole whole;
	struct packet p = make(3000, options, sizeof(options), 0);

	(void)state;
	cut_and_check(&p, 1400, &whole);
	assert_int_equal(whole.fragments, 3);
	assert_int_equal(whole.later_header, 20 + sizeof(later));
	assert_memory_equal(whole.later_options, later, sizeof(later));
}

static void refuses_what_it_cannot_cut(void **state)
{
	static const uint8_t broken[][4] = { { 131, 1, 0, 0 }, { 131, 5, 0, 0 }, { 1, 1, 1, 131 } };
	static struct whole whole;
	struct packet p = make(1480, NULL, 0, 0);

	(void)state;
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1500, collect, &whole), -EINVAL);
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 27, collect, &whole), -EMSGSIZE);
	assert_int_equal(cut_ip4(p.frame, p.size - 1, LINK, 1480, collect, &whole), -EINVAL);
	assert_int_equal(cut_ip4(p.frame, LINK + 19, LINK, 1480, collect, &whole), -EINVAL);
	p.frame[LINK + 4] ^= 0x40; /* a bit that flipped on the way: fragments would not tell */
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1480, collect, &whole), -EINVAL);
	p = make(1480, NULL, 0, 0);
	p.frame[LINK] = 0x65;
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1480, collect, &whole), -EINVAL);
	p = make(1480, NULL, 0, 0x4000);
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1480, collect, &whole), -EINVAL);
	p = make(1480, NULL, 0, 0x1fff);
	assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1480, collect, &whole), -EINVAL);
	for (size_t i = 0; i < CV_ARRAY_SIZE(broken); i++) {
		p = make(1480, broken[i], 4, 0);
		assert_int_equal(cut_ip4(p.frame, p.size, LINK, 1480, collect, &whole), -EINVAL);
	}
	assert_int_equal(whole.fragments, 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(cuts_at_every_length),
		cmocka_unit_test(cuts_fragments_further),
		cmocka_unit_test(copies_the_options_that_say_so),
		cmocka_unit_test(refuses_what_it_cannot_cut),
	};

	return cmocka_run_group_tests_name("cut", tests, NULL, NULL);
}
