/* SPDX-License-Identifier: GPL-2.0-only */
/* A balancer of a test's own; see world.h. */
#include "bpf/world.h"

#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "config/config.h"
#include "model/plan.h"

const char *const world_listener[PROBE_KINDS] = { "tcp4", "udp4", "tcp6", "udp6" };

/* --- configuration --- */

struct addr world_addr(const char *text)
{
	struct addr address;

	assert_int_equal(addr_parse(text, &address), 0);
	return address;
}

static struct world_backend *find_backend(struct world *world, const struct addr *address)
{
	struct world_backend *backend = world->backend;

	while (backend < &world->backend[world->backends_nr] && addr_compare(&backend->address, address))
		backend++;
	if (backend == &world->backend[world->backends_nr]) {
		assert_true(world->backends_nr++ < WORLD_MAX_BACKENDS);
		*backend = (struct world_backend){
			.address = *address,
			.facts = {
				.ifindex = WORLD_IFINDEX,
				.next_hop_mac = { 2, 0, 0, 0, 1, address->byte[15] },
				.port_mac = { 2, 0, 0, 0, 0, 2 },
				.source = world_addr(addr_is_v4(address) ? "10.0.0.2" : "2001:db8:b::2"),
				.mtu = 1500,
				.on_link = true,
				.state = CV_BACKEND_UP,
				.weight = -1,
			},
		};
	}
	return backend;
}

struct backend_facts *world_backend(struct world *world, const char *address)
{
	struct addr parsed = world_addr(address);

	return &find_backend(world, &parsed)->facts;
}

struct backend_facts *world_backend_by_id(struct world *world, uint16_t backend)
{
	struct addr address;

	memcpy(address.byte, world->image->backend[backend].address, sizeof(address.byte));
	return &find_backend(world, &address)->facts;
}

static void facts(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
		  void *arg)
{
	*ret = find_backend(arg, &model->pools[pool].backends[backend].address)->facts;
}

static enum cv_shortcut shortcut = CV_SHORTCUT_ON;
static const char *const names[] = { "off", "on", "blind", "narrow" };

const char *world_shortcut(void)
{
	return names[shortcut];
}

int world_run_group(const char *name, const struct CMUnitTest *tests, size_t nr, unsigned modes)
{
	const char *only = getenv("CULVERT_TEST_SHORTCUT");
	char group[64];
	int failed = 0;

	for (size_t i = 0; i < CV_ARRAY_SIZE(names); i++) {
		if (!(modes & 1U << i) || (only && strcmp(only, names[i]) != 0))
			continue;
		shortcut = (enum cv_shortcut)i;
		snprintf(group, sizeof(group), "%s, shortcut %s", name, names[i]);
		failed += _cmocka_run_group_tests(group, tests, nr, world_up, world_down);
	}
	return failed;
}

void world_settle(struct world *world)
{
	struct cv_sweep sweep;
	struct err err;

	assert_ok(dp_sweep(world->dp, &sweep, &err), err);
	dp_settle(world->dp);
}

void world_change(struct world *world)
{
	struct image *image;
	struct plan plan;
	struct err err;

	assert_ok(image_build(world->model, world->image, facts, world, &image, &err), err);
	assert_int_equal(plan_build(world->image, image, &plan), 0);
	assert_ok(dp_apply(world->dp, &plan, &err), err);
	plan_done(&plan);
	image_free(world->image);
	world->image = image;
}

void world_apply(struct world *world)
{
	world_change(world);
	world_settle(world);
}

void world_set_weight(struct world *world, uint16_t backend, int weight)
{
	world_backend_by_id(world, backend)->weight = weight;
	world_apply(world);
}

static struct model *parse(const char *yaml)
{
	struct config_errors errors = { 0 };
	struct model *model = NULL;
	int r = config_parse(yaml, strlen(yaml), &model, &errors);

	for (size_t i = 0; i < errors.nr; i++)
		print_error("%u: %s: %s\n", errors.error[i].mark.line, errors.error[i].path,
			    errors.error[i].text);
	assert_int_equal(r, 0);
	config_errors_done(&errors);
	if (model->flow_table.shortcut == CV_SHORTCUT_ON)
		model->flow_table.shortcut = shortcut;
	return model;
}

static void open_program(struct world *world)
{
	if (world->program >= 0)
		close(world->program);
	world->program = bpf_obj_get(DP_DEFAULT_PIN_DIR "/programs/cv_balance");
	assert_return_code(world->program, -world->program);
}

void world_configure(struct world *world, const char *yaml)
{
	struct flow_table_conf now = world->model->flow_table, next;
	struct err err;

	model_free(world->model);
	world->model = parse(yaml);
	next = world->model->flow_table;
	if (!model_is_same_table(&next, &now)) {
		assert_ok(dp_retake(&world->dp, &next, &err), err);
		open_program(world);
	}
	world_apply(world);
}

void world_configure_variant(struct world *world, const struct world_variant *variant)
{
	static const char backends[] = "[ { address: 10.0.0.11 }, { address: 10.0.0.12 },"
				       "  { address: '2001:db8:b::13' }, { address: '2001:db8:b::14' } ]";
	const char *tcp = variant->tcp ? variant->tcp : "", *udp = variant->udp ? variant->udp : "";
	char yaml[4096];

	snprintf(yaml, sizeof(yaml),
		 "%s\n"
		 "flow_table: { %s }\n"
		 "seed: packets\n"
		 "listeners:\n"
		 "  - { name: tcp4, address: 192.0.2.10, protocol: tcp, port: 443, pool: web, %s }\n"
		 "  - { name: udp4, address: 192.0.2.10, protocol: udp, port: 443, pool: web, %s }\n"
		 "  - { name: tcp6, address: '2001:db8:a::10', protocol: tcp, port: 443, pool: web, %s }\n"
		 "  - { name: udp6, address: '2001:db8:a::10', protocol: udp, port: 443, pool: web, %s }\n"
		 "pools:\n"
		 "  - { name: web, %s, backends: %s }\n",
		 variant->top ? variant->top : "",
		 variant->flow_table ? variant->flow_table : "max_flows: 4096", tcp, udp, tcp, udp,
		 variant->pool ? variant->pool : "table_size: 251",
		 variant->backends ? variant->backends : backends);
	world_configure(world, yaml);
}

/* --- beginning and end --- */

int world_up_unconfigured(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct err err;

	assert_non_null(world);
	assert_return_code(unshare(CLONE_NEWNS | CLONE_NEWNET), errno);
	assert_return_code(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL), errno);
	assert_return_code(mount("bpf", "/sys/fs/bpf", "bpf", 0, "mode=0700"), errno);
	world->program = -1;
	world->model = parse("flow_table: { max_flows: 4096 }");
	world->image = image_new();
	assert_non_null(world->image);
	assert_ok(dp_take(DP_DEFAULT_PIN_DIR, &world->model->flow_table, &world->dp, &err), err);
	open_program(world);
	*state = world;
	return 0;
}

int world_up(void **state)
{
	world_up_unconfigured(state);
	world_vary(*state);
	return 0;
}

int world_down(void **state)
{
	struct cv_verdict_stats stats[CV_VERDICT_COUNT], sum = { 0 };
	struct world *world = *state;
	struct err err;

	assert_ok(dp_verdict_stats(world->dp, stats, CV_VERDICT_COUNT, &err), err);
	for (size_t i = 0; i < CV_VERDICT_COUNT; i++) {
		sum.packets += stats[i].packets;
		sum.bytes += stats[i].bytes;
	}
	if (!world->is_unwatched) {
		assert_int_equal(sum.packets, world->packets);
		assert_int_equal(sum.bytes, world->bytes);
	}
	close(world->program);
	dp_free(world->dp);
	image_free(world->image);
	model_free(world->model);
	free(world);
	return 0;
}

/* The next key is asked for before its predecessor goes: from a key that is gone the kernel would start
 * over. */
static void empty_map(struct world *world, const char *name)
{
	struct cv_flow6_key key, next; /* the longest */
	int map = world_map(world, name);
	int r = bpf_map_get_next_key(map, NULL, &next);

	while (!r) {
		key = next;
		r = bpf_map_get_next_key(map, &key, &next);
		assert_return_code(bpf_map_delete_elem(map, &key), 0);
	}
	close(map);
}

static void clear_counters(struct world *world, const char *name)
{
	int map = world_map(world, name);

	harness_clear(map);
	close(map);
}

int world_forget(void **state)
{
	static const char *const flows[] = { "cv_flows", "cv_flows6", "cv_half_open", "cv_expired",
					     "cv_fragments" };
	static const char *const counters[] = { "cv_per_listener", "cv_per_backend", "cv_gate" };
	struct world *world = *state;

	world->backends_nr = 0;
	world_vary(world);
	for (size_t i = 0; i < CV_ARRAY_SIZE(flows); i++)
		empty_map(world, flows[i]);
	for (size_t i = 0; i < CV_ARRAY_SIZE(counters); i++)
		clear_counters(world, counters[i]);
	world_untouch(world);
	world_settle(world);
	world_set_live(world, 0, 0);
	for (uint16_t id = 1; id <= CV_MAX_LISTENERS; id++)
		world_set_live(world, id, 0);
	return 0;
}

uint32_t world_add_port(struct world *world, const char *name)
{
	enum attach_mode mode;
	char command[256];
	struct err err;

	(void)world;
	snprintf(command, sizeof(command), "ip link add %s type veth peer name %s-peer && ip link set %s up",
		 name, name, name);
	assert_int_equal(system(command), 0);
	assert_ok(dp_attach(DP_DEFAULT_PIN_DIR, name, ATTACH_GENERIC, &mode, &err), err);
	return if_nametoindex(name);
}
