/* SPDX-License-Identifier: GPL-2.0-only */
/* What a world counts and remembers, and its clock; see world.h. */
#include "bpf/world.h"

#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

uint16_t world_listener_id(const struct world *world, const char *name)
{
	uint16_t id = image_listener_id(world->image, name);

	assert_int_not_equal(id, 0);
	return id;
}

uint16_t world_backend_id(const struct world *world, const char *address)
{
	struct addr parsed = world_addr(address);

	for (uint16_t id = 1; id <= CV_MAX_BACKENDS; id++)
		if (world->image->backend[id].state &&
		    !memcmp(world->image->backend[id].address, parsed.byte, sizeof(parsed.byte)))
			return id;
	fail_msg("no backend %s", address);
	return 0;
}

struct cv_listener_stats world_listener_stats(struct world *world, const char *name)
{
	struct cv_listener_stats stats[CV_MAX_LISTENERS + 1];
	struct err err;

	assert_ok(dp_listener_stats(world->dp, stats, CV_ARRAY_SIZE(stats), &err), err);
	return stats[world_listener_id(world, name)];
}

struct cv_backend_stats world_backend_stats(struct world *world, uint16_t backend)
{
	struct cv_backend_stats stats[256];
	struct err err;

	assert_true(backend < CV_ARRAY_SIZE(stats));
	assert_ok(dp_backend_stats(world->dp, stats, CV_ARRAY_SIZE(stats), &err), err);
	return stats[backend];
}

int64_t world_live(struct world *world, const char *listener)
{
	__u32 id = listener ? world_listener_id(world, listener) : 0;
	int map = world_map(world, "cv_live");
	struct cv_live live;

	assert_return_code(bpf_map_lookup_elem(map, &id, &live), 0);
	close(map);
	return live.flows;
}

void world_set_live(struct world *world, uint16_t listener, int64_t flows)
{
	int map = world_map(world, "cv_live");
	struct cv_live live = { .flows = flows };
	__u32 id = listener;

	assert_return_code(bpf_map_update_elem(map, &id, &live, BPF_ANY), 0);
	close(map);
}

void world_set_gate(struct world *world, const struct cv_gate *gate)
{
	int cpus = libbpf_num_possible_cpus(), map = world_map(world, "cv_gate");
	struct cv_gate *gates = calloc((size_t)cpus, sizeof(*gates));
	cpu_set_t here;
	__u32 zero = 0;

	CPU_ZERO(&here);
	CPU_SET(sched_getcpu(), &here);
	assert_return_code(sched_setaffinity(0, sizeof(here), &here), errno);
	assert_non_null(gates);
	for (int i = 0; i < cpus; i++)
		gates[i] = *gate;
	assert_return_code(bpf_map_update_elem(map, &zero, gates, BPF_ANY), 0);
	free(gates);
	close(map);
}

static struct cv_touched *map_touched(struct world *world, size_t *ret_sets)
{
	int map = world_map(world, "cv_touched");
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	void *sets;

	assert_return_code(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	sets = mmap(NULL, info.max_entries * sizeof(struct cv_touched), PROT_READ | PROT_WRITE, MAP_SHARED,
		    map, 0);
	assert_ptr_not_equal(sets, MAP_FAILED);
	close(map);
	*ret_sets = info.max_entries;
	return sets;
}

void world_untouch(struct world *world)
{
	size_t nr;
	struct cv_touched *sets = map_touched(world, &nr);

	memset(sets, 0, nr * sizeof(*sets));
	munmap(sets, nr * sizeof(*sets));
}

size_t world_touched(struct world *world)
{
	size_t nr, highest;
	struct cv_touched *sets = map_touched(world, &nr);

	highest = nr;
	while (highest && !sets[highest - 1].tags[0])
		highest--;
	munmap(sets, nr * sizeof(*sets));
	return highest;
}

uint32_t world_clock(struct world *world)
{
	uint32_t now;
	struct err err;

	assert_ok(dp_clock(world->dp, &now, &err), err);
	return now;
}

static uint64_t monotonic_ns(void)
{
	struct timespec now;

	assert_return_code(clock_gettime(CLOCK_MONOTONIC, &now), errno);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint32_t world_tick(struct world *world)
{
	uint32_t before = world_clock(world), now;

	do {
		usleep(1000);
		now = world_clock(world);
	} while (now == before);
	world->tick_ns = monotonic_ns();
	return now;
}

uint32_t world_young_second(struct world *world)
{
	if (!world->tick_ns || (monotonic_ns() - world->tick_ns) % 1000000000 > 500000000)
		return world_tick(world);
	return world_clock(world);
}

int world_map(struct world *world, const char *name)
{
	char path[128];
	int map;

	(void)world;
	snprintf(path, sizeof(path), "%s/%s", DP_DEFAULT_PIN_DIR, name);
	map = bpf_obj_get(path);
	assert_return_code(map, -map);
	return map;
}

size_t world_count(struct world *world, const char *map_name)
{
	struct cv_flow6_key key; /* the longest */
	int map = world_map(world, map_name);
	void *at = NULL;
	size_t nr = 0;

	while (!bpf_map_get_next_key(map, at, &key)) {
		at = &key;
		nr++;
	}
	close(map);
	return nr;
}
