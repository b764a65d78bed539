/* SPDX-License-Identifier: GPL-2.0-only */
/* Entries of flows; see flow.h. */
#include "bpf/flow.h"

#include <unistd.h>

#include <bpf/bpf.h>

/* The flow table of the probe's family, and the probe's key in it. */
struct place {
	int map;
	struct cv_flow4_key key4;
	struct cv_flow6_key key6;
	const void *key;
};

static void place_open(struct world *world, const struct probe *probe, struct place *place)
{
	probe_key(probe, &place->key6);
	if (probe_family(probe) == CV_FAMILY_IPV4) {
		probe_key4(probe, &place->key4);
		place->key = &place->key4;
		place->map = world_map(world, "cv_flows");
	} else {
		place->key = &place->key6;
		place->map = world_map(world, "cv_flows6");
	}
}

enum cv_flow_state flow_find(struct world *world, const struct probe *probe, struct cv_flow *ret)
{
	int half_open = world_map(world, "cv_half_open");
	struct cv_flow flow = { 0 }, half = { 0 };
	struct place place;
	bool is_open, is_half;

	place_open(world, probe, &place);
	is_open = bpf_map_lookup_elem(place.map, place.key, &flow) == 0;
	is_half = bpf_map_lookup_elem(half_open, &place.key6, &half) == 0;
	close(place.map);
	close(half_open);
	assert_false(is_open && is_half);
	if (is_open)
		assert_true(flow.state == CV_FLOW_OPEN || flow.state == CV_FLOW_CLOSING);
	if (is_half)
		assert_true(half.state == CV_FLOW_HALF_OPEN || half.state == CV_FLOW_REFUSED);
	*ret = is_open ? flow : half;
	return ret->state;
}

struct cv_flow flow_expect(struct world *world, const struct probe *probe, enum cv_flow_state state)
{
	struct cv_flow flow;

	assert_int_equal(flow_find(world, probe, &flow), state);
	return flow;
}

void flow_write(struct world *world, const struct probe *probe, const struct cv_flow *flow)
{
	struct place place;

	place_open(world, probe, &place);
	if (flow->state == CV_FLOW_HALF_OPEN || flow->state == CV_FLOW_REFUSED) {
		close(place.map);
		place.map = world_map(world, "cv_half_open");
		place.key = &place.key6;
	}
	assert_return_code(bpf_map_update_elem(place.map, place.key, flow, BPF_ANY), 0);
	close(place.map);
}

void flow_age(struct world *world, const struct probe *probe, uint32_t seconds)
{
	struct cv_flow flow;

	assert_int_not_equal(flow_find(world, probe, &flow), CV_FLOW_NONE);
	flow.last_seen_s = world_young_second(world) - seconds;
	flow_write(world, probe, &flow);
	world_untouch(world);
}

bool flow_has_note(struct world *world, const struct probe *probe)
{
	int map = world_map(world, "cv_expired");
	struct cv_expired note;
	struct cv_flow6_key key;
	bool is_there;

	probe_key(probe, &key);
	is_there = bpf_map_lookup_elem(map, &key, &note) == 0;
	close(map);
	return is_there;
}

uint16_t flow_open(struct world *world, const struct probe *probe)
{
	struct probe syn = flow_flags(probe, PKT_SYN), ack = flow_flags(probe, PKT_ACK);
	uint16_t backend = world_route(world, &syn);

	assert_int_not_equal(backend, 0);
	assert_int_equal(world_route(world, &ack), backend);
	flow_expect(world, probe, CV_FLOW_OPEN);
	return backend;
}

struct probe flow_flags(const struct probe *probe, uint8_t flags)
{
	struct probe other = *probe;

	other.flags = flags;
	return other;
}

struct probe flow_running(size_t i)
{
	return probe_kind((struct probe){ .name = "running",
					  .flags = PKT_ACK,
					  .client = (uint16_t)(1 + i),
					  .client_port = (uint16_t)(1000 + i) },
			  i % PROBE_KINDS);
}
