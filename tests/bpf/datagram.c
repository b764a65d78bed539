/* SPDX-License-Identifier: GPL-2.0-only */
/* A datagram in two fragments, and its note; see datagram.h. */
#include "bpf/datagram.h"

#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

struct probe datagram_first(struct probe probe)
{
	probe.fragment = PROBE_FIRST_FRAGMENT;
	return probe;
}

struct probe datagram_later(struct probe probe)
{
	probe.fragment = PROBE_LATER_FRAGMENT;
	return probe;
}

static struct cv_fragment_key note_key(const struct probe *probe)
{
	bool is_v4 = probe_family(probe) == CV_FAMILY_IPV4;
	struct cv_flow6_key flow;
	struct cv_fragment_key key = {
		.identification = probe->id ? probe->id
				  : is_v4   ? 0x1234
					    : 0x5678,
		.protocol = probe_protocol(probe),
	};

	probe_key(probe, &flow);
	memcpy(key.client, flow.client, sizeof(key.client));
	memcpy(key.address, flow.address, sizeof(key.address));
	return key;
}

struct cv_fragment datagram_note(struct world *world, const struct probe *probe)
{
	struct cv_fragment_key key = note_key(probe);
	struct cv_fragment note = { 0 };
	int map = world_map(world, "cv_fragments");

	bpf_map_lookup_elem(map, &key, &note);
	close(map);
	return note;
}

void datagram_write_note(struct world *world, const struct probe *probe, const struct cv_fragment *note)
{
	struct cv_fragment_key key = note_key(probe);
	int map = world_map(world, "cv_fragments");

	assert_return_code(bpf_map_update_elem(map, &key, note, BPF_ANY), 0);
	close(map);
}

uint16_t datagram_send(struct world *world, const struct probe *probe)
{
	struct probe first = datagram_first(*probe), later = datagram_later(*probe);
	uint16_t backend = world_route(world, &first);

	assert_int_not_equal(backend, 0);
	assert_int_equal(world_route(world, &later), backend);
	return backend;
}
