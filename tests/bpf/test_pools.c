/* SPDX-License-Identifier: GPL-2.0-only */
/* Many pools come, go, and come over to another schema: their tables change together, as the kernel makes every change wait
 * for all programs. */
#include "bpf/old.h"

#include <stdio.h>
#include <stdlib.h>

#include <bpf/bpf.h>

#include "dataplane/dp_internal.h"

#define POOLS (DP_TABLE_BATCH + 6)

/* So many pools beside that of the ordinary configuration. */
static void configure(struct world *world, unsigned pools)
{
	char *text = NULL;
	size_t size;
	FILE *file = open_memstream(&text, &size);

	assert_non_null(file);
	fputs("flow_table: { max_flows: 4096 }\n"
	      "seed: packets\n"
	      "listeners: [ { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: web } ]\n"
	      "pools:\n"
	      "  - { name: web, table_size: 251, backends: [ { address: 10.0.0.11 } ] }\n",
	      file);
	for (unsigned i = 0; i < pools; i++)
		fprintf(file, "  - { name: pool%u, table_size: 251, backends: [ { address: 10.0.0.12 } ] }\n",
			i);
	assert_int_equal(fclose(file), 0);
	world_configure(world, text);
	free(text);
}

/* The table in the place of a pool; 0 if there is none. */
static __u32 table_of(const struct world *world, uint16_t pool)
{
	__u32 key = pool, id;

	return bpf_map_lookup_elem(world->dp->map[DP_MAP_maglev], &key, &id) ? 0 : id;
}

/* How many places have a table of their own, told from the one before. */
static unsigned count_tables(const struct world *world)
{
	unsigned nr = 0;

	for (uint16_t pool = 1; pool <= CV_MAX_POOLS; pool++)
		nr += table_of(world, pool) && table_of(world, pool) != table_of(world, pool - 1);
	return nr;
}

static void expect_forwarded(struct world *world)
{
	const struct probe probe = { .name = "of web" };

	world_expect(world, &probe, CV_TX);
}

static void pools_go_together(void **state)
{
	struct world *world = *state;

	configure(world, POOLS);
	assert_int_equal(count_tables(world), 1 + POOLS);
	configure(world, 0);
	/* their memory is free, and the few changes that took */
	assert_int_equal(count_tables(world), 1 + 2);
	expect_forwarded(world);
	configure(world, POOLS);
	assert_int_equal(count_tables(world), 1 + POOLS);
	expect_forwarded(world);
}

/* All tables come over, and nothing in the place of those that are gone. */
static void pools_come_over(void **state)
{
	struct world *world = *state;
	struct err err;

	configure(world, POOLS);
	configure(world, POOLS - 1);
	old_lay_down(world);
	assert_ok(old_take_over(world, &err), err);
	assert_int_equal(count_tables(world), POOLS);
	for (uint16_t pool = 1; pool <= CV_MAX_POOLS; pool++)
		assert_int_equal(table_of(world, pool) != 0, world->image->pool[pool].name[0] != '\0');
	expect_forwarded(world);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(pools_go_together, world_forget),
		cmocka_unit_test_setup(pools_come_over, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("pools", tests, world_up, world_down);
}
