/* SPDX-License-Identifier: GPL-2.0-only */
/* Selection: a new flow goes to the owner of its slot, slot by slot as the table was built in user space. */
#include "bpf/flow.h"

#include <stdlib.h>

#include "bpf/oracle.h"

#define WEIGHTED                                                                                \
	.pool = "table_size: 509",                                                              \
	.backends = "[ { address: 10.0.0.11, weight: 10 }, { address: 10.0.0.12, weight: 20 }," \
		    "  { address: 10.0.0.13, weight: 0 }, { address: '2001:db8:b::14', weight: 70 } ]"

static struct probe random_probe(void)
{
	struct probe probe = {
		.name = "random",
		.client = (uint16_t)random(),
		.client_port = (uint16_t)(1 + random() % 65535),
		.flags = PKT_SYN,
	};

	if (random() % 2)
		return probe_as(probe, CV_FAMILY_IPV6, CV_PROTOCOL_UDP);
	return probe;
}

static void follows_the_table_exactly(void **state)
{
	struct world *world = *state;
	size_t taken[CV_MAX_BACKENDS + 1] = { 0 };

	world_vary(world, WEIGHTED);
	srandom(1);
	for (size_t i = 0; i < 5000; i++) {
		struct probe probe = random_probe();
		uint16_t backend = world_route(world, &probe);

		assert_int_equal(backend, oracle_owner(world->image, &probe));
		taken[backend]++;
	}
	/* and so by weight, as far as chance goes */
	assert_in_range(taken[world_backend_id(world, "10.0.0.11")], 350, 650);
	assert_in_range(taken[world_backend_id(world, "10.0.0.12")], 800, 1200);
	assert_in_range(taken[world_backend_id(world, "2001:db8:b::14")], 3200, 3800);
	assert_int_equal(taken[world_backend_id(world, "10.0.0.13")], 0);
}

static void by_source_a_client_has_one_backend(void **state)
{
	struct world *world = *state;
	bool differs = false;

	world_vary(world, WEIGHTED, .tcp = "hash: source", .udp = "hash: source");
	srandom(2);
	for (size_t i = 0; i < 200; i++) {
		struct probe probe = random_probe();
		uint16_t backend = world_route(world, &probe);

		assert_int_equal(backend, oracle_owner(world->image, &probe));
		for (uint16_t port = 1; port <= 8; port++) {
			probe.client_port = port;
			assert_int_equal(world_route(world, &probe), backend);
		}
		differs |= i && backend != world_route(world, &(struct probe){ .client = 1 });
	}
	assert_true(differs);
}

static void set_all(struct world *world, enum cv_backend_state state)
{
	for (size_t i = 0; i < world->backends_nr; i++)
		world->backend[i].facts.state = state;
	world_apply(world);
}

static void nobody_takes_flows_of_an_empty_pool(void **state)
{
	struct world *world = *state;
	struct probe probe = { .name = "nobody", .flags = PKT_SYN };
	const struct probe running = { .name = "nobody's", .flags = PKT_ACK, .client_port = 2 };

	world_vary(world, .pool = "all_down: reject");
	world_expect(world, &probe, CV_TX);
	set_all(world, CV_BACKEND_DOWN);
	probe.client_port = 1;
	for (int i = 0; i < 3; i++) {
		world_expect(world, &probe, CV_DROP_NO_BACKEND);
		assert_int_equal(world_listener_stats(world, "tcp4").rejected_no_backend, 1);
	}
	flow_expect(world, &probe, CV_FLOW_REFUSED);
	/* what is no new flow is not refused as one */
	world_expect(world, &running, CV_DROP_NO_BACKEND);
	assert_int_equal(world_listener_stats(world, "tcp4").rejected_no_backend, 1);
	assert_int_equal(world_count(world, "cv_half_open"), 2);
	set_all(world, CV_BACKEND_UP);
	flow_open(world, &probe);
}

static void all_down_is_as_good_as_all_up(void **state)
{
	struct world *world = *state;
	const struct probe probe = { .name = "open" };
	uint16_t backend;

	world_vary(world, .pool = "all_down: open");
	backend = world_route(world, &probe);
	set_all(world, CV_BACKEND_DOWN);
	assert_int_equal(world_route(world, &probe), backend);
	set_all(world, CV_BACKEND_DISABLED);
	world_expect(world, &(struct probe){ .name = "disabled", .client_port = 1 }, CV_DROP_NO_BACKEND);
}

/* A table of another size is swapped in whole: flows go by the new one at once. */
static void follows_a_table_of_another_size(void **state)
{
	struct world *world = *state;
	const uint32_t sizes[] = { 251, 509, 1021, 251 };

	for (size_t i = 0; i < CV_ARRAY_SIZE(sizes); i++) {
		world->model->pools[0].table_size = sizes[i];
		world_apply(world);
		for (uint16_t port = 1; port <= 200; port++) {
			struct probe probe = { .client = (uint16_t)(100 + i), .client_port = port };

			assert_int_equal(world_route(world, &probe), oracle_owner(world->image, &probe));
		}
	}
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(follows_the_table_exactly, world_forget),
		cmocka_unit_test_setup(by_source_a_client_has_one_backend, world_forget),
		cmocka_unit_test_setup(nobody_takes_flows_of_an_empty_pool, world_forget),
		cmocka_unit_test_setup(all_down_is_as_good_as_all_up, world_forget),
		cmocka_unit_test_setup(follows_a_table_of_another_size, world_forget),
	};

	harness_need_root();
	return world_run_tests("select", tests, WORLD_EVEN_BLIND);
}
