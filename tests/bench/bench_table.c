/* SPDX-License-Identifier: GPL-2.0-only */
/* The flow table of a million flows: how long the control side takes to begin with it, to begin again, and to sweep it; and
 * what it takes of memory. Needs root; maps lie in a BPF file system of its own. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bench/bench.h"
#include "bpf/world.h"

#define FLOWS 1000000u
#define MAX_FLOWS 1048576u
#define RUNS 5
#define PIN_DIR "/sys/fs/bpf/bench"

static struct cv_flow4_key key[FLOWS];
static struct cv_flow flow[FLOWS];

/* --- start --- */

static void measure_start(void)
{
	const struct flow_table_conf flow_table = { .max_flows = MAX_FLOWS, .shortcut = CV_SHORTCUT_ON };
	struct bench first = { 0 }, again = { 0 };
	struct err err;

	for (; first.nr < RUNS; first.nr++, again.nr++) {
		double began = bench_now_ms();
		struct dp *dp;

		assert_ok(dp_take(PIN_DIR, &flow_table, &dp, &err), err);
		first.ms[first.nr] = bench_now_ms() - began;
		dp_free(dp);
		began = bench_now_ms();
		assert_ok(dp_take(PIN_DIR, &flow_table, &dp, &err), err);
		again.ms[again.nr] = bench_now_ms() - began;
		dp_free(dp);
		assert_ok(dp_detach_all(PIN_DIR, &err), err);
	}
	bench_report(&first, "start: load the program, make and pin all maps");
	bench_report(&again, "start again: load it over the maps that are pinned");
}

/* --- sweeps --- */

/* Open flows of many clients to the one listener, seen `idle_s` ago; every second one so long ago that it is over. */
static void fill(struct world *world, bool half_is_over)
{
	LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t now = world_clock(world), count = FLOWS;
	struct addr address = world_addr("192.0.2.10");
	int map = world_map(world, "cv_flows");

	for (uint32_t i = 0; i < FLOWS; i++) {
		key[i] = (struct cv_flow4_key){
			.client = { 10, (uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i },
			.client_port = 4000,
			.port = 443,
			.protocol = CV_PROTOCOL_TCP,
		};
		memcpy(key[i].address, address.byte + 12, sizeof(key[i].address));
		flow[i] = (struct cv_flow){
			.packets = 2,
			.last_seen_s = now - (half_is_over && i % 2 ? 1000 : 0),
			.born_s = now,
			.idle_timeout_s = 600,
			.backend = (uint16_t)(1 + i % 16),
			.listener = world_listener_id(world, "tcp4"),
			.state = CV_FLOW_OPEN,
		};
	}
	assert_int_equal(bpf_map_update_batch(map, key, flow, &count, &opts), 0);
	assert_int_equal(count, FLOWS);
	close(map);
}

static void sweep(struct world *world, struct bench *bench, uint64_t removed)
{
	double began = bench_now_ms();
	struct cv_sweep swept;
	struct err err;

	assert_ok(dp_sweep(world->dp, &swept, &err), err);
	bench->ms[bench->nr++] = bench_now_ms() - began;
	assert_int_equal(swept.open + swept.ended, FLOWS);
	/* what shares a bucket with an entry that goes may wait for the next sweep */
	assert_in_range(swept.removed, removed - removed / 1000, removed);
}

static void measure_sweeps(struct world *world)
{
	struct bench marking = { 0 }, counting = { 0 }, removing = { 0 };

	world_vary(world, .flow_table = "max_flows: 1048576, shortcut: off");
	fill(world, false);
	for (int i = 0; i < RUNS; i++)
		sweep(world, &counting, 0);
	world_vary(world, .flow_table = "max_flows: 1048576");
	for (int i = 0; i < RUNS; i++) {
		fill(world, false);
		/* slots that are not settled: the flows were put anywhere, which the first sweep sees */
		world_apply(world);
		sweep(world, &marking, 0);
		dp_settle(world->dp);
		fill(world, true);
		sweep(world, &removing, FLOWS / 2);
	}
	bench_report(&counting, "sweep 1,000,000 flows: count them");
	bench_report(&marking, "the same, while slots wait to be settled");
	bench_report(&removing, "the same, and remove 500,000 that idled out");
}

/* --- memory --- */

static void show_memory(const char *name, uint64_t bytes, void *arg)
{
	static const char *const tables[] = { "cv_flows", "cv_flows6", "cv_touched" };

	(void)arg;
	for (size_t i = 0; i < CV_ARRAY_SIZE(tables); i++) {
		if (strcmp(name, tables[i]))
			continue;
		printf("%-52s %.1f bytes for each of max_flows\n", name, (double)bytes / MAX_FLOWS);
		bench_json("{\"bench\": \"memory of %s, for each of max_flows\", \"median_bytes\": %.1f, "
			   "\"min_bytes\": %.1f, \"max_bytes\": %.1f}",
			   name, (double)bytes / MAX_FLOWS, (double)bytes / MAX_FLOWS,
			   (double)bytes / MAX_FLOWS);
	}
}

int main(void)
{
	struct world *world;
	void *state;

	if (geteuid()) {
		fprintf(stderr, "bench_table: needs root, left out\n");
		return 0;
	}
	world_up_unconfigured(&state);
	world = state;
	measure_start();
	measure_sweeps(world);
	model_memory(world->model, 1, show_memory, NULL);
	return 0;
}
