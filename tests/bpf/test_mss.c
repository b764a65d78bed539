/* SPDX-License-Identifier: GPL-2.0-only */
/* The segment size that a SYN announces: lowered where a listener says so, and nothing else of the packet changed. */
#include "bpf/world.h"

#include <stdio.h>
#include <string.h>

enum { OPTIONS = 40 };

/* TCP options as they are, and as they are to leave; every 0x05b4 (1,460) is told to be 0x0550 (1,360). */
struct options {
	const char *name;
	uint8_t size;
	uint8_t before[OPTIONS];
	uint8_t after[OPTIONS];
};

static const struct options rows[] = {
	{ "alone", 4, { 2, 4, 0x05, 0xb4 }, { 2, 4, 0x05, 0x50 } },
	{ "of Linux",
	  20,
	  { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 },
	  { 2, 4, 0x05, 0x50, 4, 2, 8, 10, 1, 2, 3, 4, 0, 0, 0, 0, 1, 3, 3, 7 } },
	{ "at an odd place", 8, { 1, 2, 4, 0x05, 0xb4 }, { 1, 2, 4, 0x05, 0x50 } },
	{ "behind an odd length", 12, { 3, 3, 7, 2, 4, 0xff, 0xff }, { 3, 3, 7, 2, 4, 0x05, 0x50 } },
	{ "at the end", 40, { [0 ... 35] = 1, 2, 4, 0x05, 0xb4 }, { [0 ... 35] = 1, 2, 4, 0x05, 0x50 } },
	{ "behind a long one",
	  40,
	  { 254, 36, [36] = 2, 4, 0x05, 0xb4 },
	  { 254, 36, [36] = 2, 4, 0x05, 0x50 } },
	{ "the first of two",
	  8,
	  { 2, 4, 0x05, 0xb4, 2, 4, 0x05, 0xb4 },
	  { 2, 4, 0x05, 0x50, 2, 4, 0x05, 0xb4 } },
	/* and these stay */
	{ "just right", 4, { 2, 4, 0x05, 0x50 }, { 2, 4, 0x05, 0x50 } },
	{ "less", 4, { 2, 4, 0x02, 0x18 }, { 2, 4, 0x02, 0x18 } },
	{ "none", 0, { 0 }, { 0 } },
	{ "others", 12, { 1, 1, 8, 10, 2, 4, 0x05, 0xb4 }, { 1, 1, 8, 10, 2, 4, 0x05, 0xb4 } },
	{ "behind the last one", 8, { 0, 2, 4, 0x05, 0xb4 }, { 0, 2, 4, 0x05, 0xb4 } },
	{ "of no length", 8, { 3, 0, 2, 4, 0x05, 0xb4 }, { 3, 0, 2, 4, 0x05, 0xb4 } },
	{ "of one byte", 8, { 3, 1, 2, 4, 0x05, 0xb4 }, { 3, 1, 2, 4, 0x05, 0xb4 } },
	{ "of another length", 8, { 2, 6, 0x05, 0xb4, 0, 0 }, { 2, 6, 0x05, 0xb4, 0, 0 } },
	{ "longer than the header", 4, { 3, 200, 0x05, 0xb4 }, { 3, 200, 0x05, 0xb4 } },
	{ "cut short", 4, { 1, 1, 2, 4 }, { 1, 1, 2, 4 } },
};

static void build(enum cv_family family, uint8_t flags, uint16_t client_port, int ttl, const uint8_t *options,
		  uint8_t size, struct pkt *ret)
{
	*ret = (struct pkt)PKT_NEW;
	pkt_eth(ret, .src = ROUTER_MAC, .dst = PORT_MAC);
	if (family == CV_FAMILY_IPV4)
		pkt_ipv4(ret, "198.51.100.7", VIP4, .ttl = ttl, .id = 0x1234, .df = 1);
	else
		pkt_ipv6(ret, "2001:db8:c::7", VIP6, .hop_limit = ttl);
	pkt_tcp(ret, client_port, 443, .flags = flags, .seq = 0x12345678, .options = options,
		.options_len = size);
	/* what looks like an option, and is data */
	pkt_bytes(ret, "\x02\x04\x05\xb4", 4);
}

/* Sends it; what comes out behind the tunnel's header must be the same packet with those options. */
static void expect(struct world *world, const char *name, enum cv_family family, uint8_t flags,
		   uint16_t client_port, const uint8_t *before, const uint8_t *after, uint8_t size)
{
	struct harness_result result;
	struct pkt in, want;
	size_t outer;

	build(family, flags, client_port, 64, before, size, &in);
	build(family, flags, client_port, 63, after, size, &want);
	print_message("# %s\n", name);
	assert_int_equal(world_run(world, &in, &result), CV_TX);
	outer = result.len - in.len;
	assert_true(outer == 20 || outer == 40);
	assert_memory_equal(result.data + 14 + outer, want.data + 14, want.len - 14);
}

static void lowers_what_a_syn_says(void **state)
{
	struct world *world = *state;

	world_vary(world, .tcp = "mss: 1360");
	for (size_t i = 0; i < CV_ARRAY_SIZE(rows) * 2; i++) {
		const struct options *row = &rows[i / 2];

		expect(world, row->name, i % 2 ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4, PKT_SYN, (uint16_t)(1 + i),
		       row->before, row->after, row->size);
	}
}

static void leaves_what_is_no_syn(void **state)
{
	static const uint8_t flags[] = { PKT_ACK, PKT_ACK | PKT_PSH, PKT_FIN | PKT_ACK, PKT_RST };
	struct world *world = *state;

	world_vary(world, .tcp = "mss: 1360");
	for (size_t i = 0; i < CV_ARRAY_SIZE(flags); i++)
		expect(world, "no SYN", CV_FAMILY_IPV4, flags[i], (uint16_t)(100 + i), rows[0].before,
		       rows[0].before, rows[0].size);
	world_vary(world);
	expect(world, "not asked for", CV_FAMILY_IPV4, PKT_SYN, 200, rows[0].before, rows[0].before,
	       rows[0].size);
}

/* Whatever the sums are, in both places that an option can have. */
static void keeps_checksums_right(void **state)
{
	struct world *world = *state;
	char keys[32];

	for (unsigned mss = 536; mss < 65495; mss += 4099) {
		snprintf(keys, sizeof(keys), "mss: %u", mss);
		if (mss < 1220)
			world_configure(
				world,
				"listeners: [{ name: tcp4, address: " VIP4
				", protocol: tcp, port: 443, pool: web, mss: 536 }]\n"
				"pools: [{ name: web, table_size: 251, backends: [{ address: 10.0.0.11 }] }]\n");
		else
			world_vary(world, .tcp = keys);
		for (unsigned said = mss + 1; said <= 65535; said += 1777) {
			const uint8_t before[] = { 2, 4, (uint8_t)(said >> 8), (uint8_t)said };
			const uint8_t after[] = { 2, 4, (uint8_t)(mss >> 8), (uint8_t)mss };
			uint8_t odd_before[8] = { 1 }, odd_after[8] = { 1 };

			memcpy(odd_before + 1, before, 4);
			memcpy(odd_after + 1, after, 4);
			expect(world, keys, CV_FAMILY_IPV4, PKT_SYN, (uint16_t)said, before, after, 4);
			expect(world, keys, CV_FAMILY_IPV4, PKT_SYN, (uint16_t)said, odd_before, odd_after,
			       8);
		}
	}
}

/* What the path carries, without the tunnel: 20 or 40 bytes of IP header and 20 of TCP; but not less than everybody takes. */
static void takes_it_from_the_path(void **state)
{
	static const struct {
		uint16_t mtu, mss4, mss6;
	} paths[] = { { 1500, 1460, 1440 },
		      { 1400, 1360, 1340 },
		      { 9000, 8960, 8940 },
		      { 1279, 1239, 1220 },
		      { 560, 536, 1220 } };
	const uint8_t before[] = { 2, 4, 0xff, 0xff };
	struct world *world = *state;

	world_vary(world, .tcp = "mss: path");
	for (size_t i = 0; i < CV_ARRAY_SIZE(paths); i++) {
		const uint8_t after4[] = { 2, 4, (uint8_t)(paths[i].mss4 >> 8), (uint8_t)paths[i].mss4 };
		const uint8_t after6[] = { 2, 4, (uint8_t)(paths[i].mss6 >> 8), (uint8_t)paths[i].mss6 };

		for (size_t j = 0; j < world->backends_nr; j++)
			world->backend[j].facts.mtu = paths[i].mtu;
		world_apply(world);
		expect(world, "path", CV_FAMILY_IPV4, PKT_SYN, 300, before, after4, 4);
		expect(world, "path", CV_FAMILY_IPV6, PKT_SYN, 300, before, after6, 4);
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(lowers_what_a_syn_says, world_forget),
		cmocka_unit_test_setup(leaves_what_is_no_syn, world_forget),
		cmocka_unit_test_setup(keeps_checksums_right, world_forget),
		cmocka_unit_test_setup(takes_it_from_the_path, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("mss", tests, world_up, world_down);
}
