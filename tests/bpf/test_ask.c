/* SPDX-License-Identifier: GPL-2.0-only */
/* Questions to the program that is attached: the answer is what then happens, and asking leaves no trace. (That the
 * verdict and the bytes are those of the packet that follows, the world checks for every packet of every test.) */
#include "bpf/world.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/bpf.h>

#include "bpf/flow.h"
#include "bpf/oracle.h"
#include "dataplane/dp_ask.h"

static struct cv_ask ask_as(struct world *world, enum cv_mode mode, const struct probe *probe)
{
	struct dp_question question = { .mode = mode, .ifindex = WORLD_IFINDEX };
	struct dp_answer answer;
	struct pkt in;
	struct err err;

	probe_build(probe, &in);
	question.frame = in.data;
	question.len = in.len;
	assert_ok(dp_ask(world->dp, &question, &answer, &err), err);
	assert_int_equal(answer.ask.mode, mode);
	return answer.ask;
}

static struct cv_ask ask(struct world *world, const struct probe *probe)
{
	return ask_as(world, CV_MODE_DRY, probe);
}

static struct probe random_probe(void)
{
	static const uint8_t flags[] = { PKT_SYN, PKT_ACK, PKT_ACK, PKT_FIN | PKT_ACK, PKT_RST };
	struct probe probe = {
		.name = "random",
		.client = (uint16_t)random(),
		.client_port = (uint16_t)(1 + random() % 65535),
		.flags = flags[(size_t)random() % CV_ARRAY_SIZE(flags)],
		.payload = (uint16_t)(random() % 64),
	};

	return probe_kind(probe, (size_t)random() % PROBE_KINDS);
}

/* --- what an answer says --- */

static void the_answer_follows_a_flow_through_its_life(void **state)
{
	struct world *world = *state;

	for (size_t i = 0; i < PROBE_KINDS; i++) {
		struct probe probe = probe_kind((struct probe){ .flags = PKT_SYN, .client = 99 }, i);
		struct probe next = flow_flags(&probe, PKT_ACK);
		uint16_t owner = oracle_owner(world->image, &probe);
		struct cv_ask answer;

		world_young_second(world);
		answer = ask(world, &probe);
		assert_int_equal(answer.verdict, CV_TX);
		assert_int_equal(answer.source, CV_SOURCE_MAGLEV);
		assert_int_equal(answer.state, CV_FLOW_NONE);
		assert_int_equal(answer.listener, oracle_listener(world->image, &probe));
		assert_int_equal(answer.backend, owner);
		assert_int_equal(answer.slot, cv_hash_slot(oracle_hash(world->image, &probe), 251));
		assert_int_equal(answer.idle_left_s, 0);
		assert_int_equal(answer.ifindex, WORLD_IFINDEX);

		assert_int_equal(world_route(world, &probe), owner);
		answer = ask(world, &next);
		assert_int_equal(answer.source, CV_SOURCE_HALF_OPEN);
		assert_int_equal(answer.state, CV_FLOW_HALF_OPEN);
		assert_int_equal(answer.idle_left_s, CV_HALF_OPEN_TIMEOUT_S);

		assert_int_equal(world_route(world, &next), owner);
		flow_age(world, &next, 7);
		answer = ask(world, &next);
		assert_int_equal(answer.source, CV_SOURCE_FLOW);
		assert_int_equal(answer.state, CV_FLOW_OPEN);
		assert_int_equal(answer.idle_left_s,
				 flow_expect(world, &next, CV_FLOW_OPEN).idle_timeout_s - 7);
	}
}

static void the_backend_of_a_flow_that_moves_is_the_new_one(void **state)
{
	struct world *world = *state;
	struct probe probe = { .flags = PKT_SYN };
	struct cv_ask answer;
	uint16_t old;

	old = flow_open(world, &probe);
	world_backend_by_id(world, old)->state = CV_BACKEND_DRAINING;
	world_apply(world);
	probe.flags = PKT_ACK;
	answer = ask(world, &probe);
	assert_int_equal(answer.backend, old);
	assert_int_equal(answer.source, CV_SOURCE_FLOW);

	world_backend_by_id(world, old)->state = CV_BACKEND_DISABLED;
	world_apply(world);
	answer = ask(world, &probe);
	assert_int_not_equal(answer.backend, old);
	assert_int_equal(answer.source, CV_SOURCE_MAGLEV);
	assert_int_equal(answer.state, CV_FLOW_OPEN);
	assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).backend, old);
	assert_int_equal(world_route(world, &probe), answer.backend);
}

/* The flow that is over has not gone yet, when asked: it is not counted for all that. */
static void an_expired_flow_takes_no_room_and_makes_its_next_packet_late(void **state)
{
	struct world *world = *state;
	struct probe probe = { .flags = PKT_SYN };
	struct probe next = flow_flags(&probe, PKT_ACK);

	world_vary(world, .tcp = "max_flows: 1, late_packet: reset");
	flow_open(world, &probe);
	flow_age(world, &probe, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
	assert_int_equal(ask(world, &next).verdict, CV_RESET_LATE);
	assert_int_equal(ask(world, &probe).verdict, CV_TX);
	assert_int_equal(ask(world, &(struct probe){ .flags = PKT_SYN, .client = 8 }).verdict, CV_DROP_QUOTA);
	assert_false(flow_has_note(world, &probe));
	world_expect(world, &probe, CV_TX);
}

static void a_question_takes_no_flow_over_to_another_listener(void **state)
{
	struct world *world = *state;
	struct probe probe = { .flags = PKT_SYN };
	struct cv_ask answer;
	uint16_t backend = flow_open(world, &probe);
	uint16_t old = flow_expect(world, &probe, CV_FLOW_OPEN).listener;

	world_configure(world, "flow_table: { max_flows: 4096 }\n"
			       "listeners: [ { name: other, address: 192.0.2.10, protocol: tcp, port: any,\n"
			       "               pool: web } ]\n"
			       "pools: [ { name: web, table_size: 251, backends:\n"
			       "           [ { address: 10.0.0.11 }, { address: 10.0.0.12 } ] } ]\n");
	probe.flags = PKT_ACK;
	answer = ask(world, &probe);
	assert_int_equal(answer.listener, world_listener_id(world, "other"));
	assert_int_not_equal(answer.listener, old);
	assert_int_equal(answer.backend, backend);
	assert_int_equal(flow_expect(world, &probe, CV_FLOW_OPEN).listener, old);
	assert_int_equal(world_live(world, "other"), 0);
	assert_int_equal(world_route(world, &probe), backend);
	assert_int_equal(world_live(world, "other"), 1);
}

/* --- a thousand of them --- */

#define TUPLES 1000

static void assert_all_agree(struct world *world, struct probe *probes)
{
	for (size_t i = 0; i < TUPLES; i++) {
		uint32_t now = world_clock(world);
		struct cv_ask answer = ask(world, &probes[i]);
		uint16_t backend = world_route(world, &probes[i]);

		if (world_clock(world) == now && backend)
			assert_int_equal(answer.backend, backend);
	}
}

static void answers_agree_with_a_thousand_tuples_before_and_after_a_change(void **state)
{
	struct world *world = *state;
	struct probe *probes = calloc(TUPLES, sizeof(*probes));

	assert_non_null(probes);
	srandom(7);
	for (size_t i = 0; i < TUPLES; i++)
		probes[i] = random_probe();
	assert_all_agree(world, probes);
	world_set_weight(world, world_backend_id(world, "10.0.0.11"), 0);
	assert_all_agree(world, probes);
	world_backend(world, "2001:db8:b::13")->state = CV_BACKEND_DISABLED;
	world_apply(world);
	for (size_t i = 0; i < TUPLES; i++)
		probes[i].flags = PKT_ACK;
	assert_all_agree(world, probes);
	free(probes);
}

/* --- no trace --- */

#define SHOT_MAX (96u << 20)

/* All keys and values of all pinned maps, one after the other. */
struct shot {
	char *bytes;
	size_t len;
};

static void shoot(struct shot *shot, const void *bytes, size_t len)
{
	assert_true(shot->len + len <= SHOT_MAX);
	memcpy(shot->bytes + shot->len, bytes, len);
	shot->len += len;
}

static bool is_per_cpu(__u32 type)
{
	return type == BPF_MAP_TYPE_PERCPU_ARRAY || type == BPF_MAP_TYPE_PERCPU_HASH;
}

static void shoot_map(struct shot *shot, const char *path)
{
	char key[64], next[64];
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	size_t value_size;
	char *value;
	int map = bpf_obj_get(path), r;

	assert_return_code(map, -map);
	assert_return_code(bpf_obj_get_info_by_fd(map, &info, &size), 0);
	value_size = is_per_cpu(info.type)
			     ? (size_t)libbpf_num_possible_cpus() * ((info.value_size + 7) & ~7u)
			     : info.value_size;
	value = malloc(value_size);
	assert_non_null(value);
	for (r = bpf_map_get_next_key(map, NULL, next); !r; r = bpf_map_get_next_key(map, key, next)) {
		memcpy(key, next, info.key_size);
		shoot(shot, key, info.key_size);
		if (!bpf_map_lookup_elem(map, key, value))
			shoot(shot, value, value_size);
	}
	free(value);
	close(map);
}

/* Entries by name: hidden ones and folders are left out. */
static void shoot_folder(struct shot *shot, const char *folder)
{
	struct dirent **names;
	char path[600];
	int nr = scandir(folder, &names, NULL, alphasort);

	assert_return_code(nr, 0);
	for (int i = 0; i < nr; i++) {
		snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
		if (!strncmp(names[i]->d_name, "cv_", 3))
			shoot_map(shot, path);
		free(names[i]);
	}
	free(names);
}

static struct shot take_shot(void)
{
	struct shot shot = { .bytes = malloc(SHOT_MAX) };

	assert_non_null(shot.bytes);
	shoot_folder(&shot, DP_DEFAULT_PIN_DIR);
	shoot_folder(&shot, DP_DEFAULT_PIN_DIR "/tables");
	return shot;
}

/* Flows of every state, notes, refused tuples, and what a second has used up. */
static void lay_everything_down(struct world *world, struct probe *probes)
{
	struct cv_flow flow;

	for (size_t i = 0; i < TUPLES; i++)
		probes[i] = random_probe();
	for (size_t i = 0; i < TUPLES; i++) {
		struct probe first = flow_flags(&probes[i], PKT_SYN), next = flow_flags(&probes[i], PKT_ACK);

		world_probe(world, &first);
		if (i % 2)
			world_probe(world, &next);
		if (i % 4 == 1)
			world_probe(world, &probes[i]);
		if (i % 8 == 5 && flow_find(world, &probes[i], &flow) != CV_FLOW_NONE)
			flow_age(world, &probes[i], 1000);
		if (i % 16 == 13)
			world_probe(world, &next); /* late: leaves a note */
	}
}

static void asking_leaves_no_trace(void **state)
{
	struct world *world = *state;
	struct probe *probes = calloc(TUPLES, sizeof(*probes));
	size_t verdicts[CV_VERDICT_COUNT] = { 0 }, kinds = 0;
	struct shot before, after;

	assert_non_null(probes);
	world_vary(world, .tcp = "max_flows: 60, late_packet: reset, unknown_packet: reset");
	srandom(3);
	lay_everything_down(world, probes);
	world_set_gate(world, &(struct cv_gate){ .second = 1, .resets = 5 });
	before = take_shot();
	for (size_t i = 0; i < 4 * TUPLES; i++) {
		struct probe probe = i < 2 * TUPLES ? probes[i % TUPLES] : random_probe();

		if (i >= TUPLES)
			probe.flags = random_probe().flags;
		if (random() % 16 == 0)
			probe.ttl = 1;
		if (random() % 16 == 0)
			probe.port = 444;
		if (random() % 16 == 0)
			probe.fragment = PROBE_FIRST_FRAGMENT;
		if (random() % 16 == 0)
			probe.payload = 1460;
		verdicts[ask(world, &probe).verdict]++;
	}
	after = take_shot();
	assert_int_equal(before.len, after.len);
	assert_true(before.len > 100000);
	assert_memory_equal(before.bytes, after.bytes, before.len);
	for (size_t i = 0; i < CV_VERDICT_COUNT; i++)
		kinds += !!verdicts[i];
	assert_true(kinds >= 6);
	assert_true(verdicts[CV_RESET_LATE] && verdicts[CV_RESET_UNKNOWN] && verdicts[CV_DROP_QUOTA]);
	free(before.bytes);
	free(after.bytes);
	free(probes);
}

/* --- other modes, and mistakes --- */

static void a_packet_run_again_does_all_that_a_live_one_does(void **state)
{
	struct world *world = *state;
	struct probe probe = { .flags = PKT_SYN };
	struct cv_verdict_stats stats[CV_VERDICT_COUNT];
	struct err err;
	struct cv_ask answer = ask_as(world, CV_MODE_AGAIN, &probe);

	assert_int_equal(answer.verdict, CV_TX);
	assert_int_equal(answer.ifindex, WORLD_IFINDEX);
	flow_expect(world, &probe, CV_FLOW_HALF_OPEN);
	assert_int_equal(world_listener_stats(world, "tcp4").packets, 1);
	/* the world counts what comes by its own functions */
	assert_ok(dp_verdict_stats(world->dp, stats, CV_VERDICT_COUNT, &err), err);
	assert_int_equal(stats[CV_TX].packets, world->counted[CV_TX].packets + 1);
	world->packets++;
	world->bytes += stats[CV_TX].bytes - world->counted[CV_TX].bytes;
	memcpy(world->counted, stats, sizeof(stats));
}

static void what_cannot_be_asked_is_refused(void **state)
{
	struct world *world = *state;
	uint8_t frame[64] = { 0 };
	struct dp_question question = { .mode = CV_MODE_DRY, .frame = frame, .len = sizeof(frame) };
	struct dp_answer answer;
	struct err err;

	question.ifindex = 4711;
	assert_int_equal(dp_ask(world->dp, &question, &answer, &err), -ENODEV);
	question.ifindex = WORLD_IFINDEX;
	question.len = DP_FRAME_MAX + 1;
	assert_int_equal(dp_ask(world->dp, &question, &answer, &err), -EMSGSIZE);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(the_answer_follows_a_flow_through_its_life, world_forget),
		cmocka_unit_test_setup(the_backend_of_a_flow_that_moves_is_the_new_one, world_forget),
		cmocka_unit_test_setup(an_expired_flow_takes_no_room_and_makes_its_next_packet_late,
				       world_forget),
		cmocka_unit_test_setup(a_question_takes_no_flow_over_to_another_listener, world_forget),
		cmocka_unit_test_setup(answers_agree_with_a_thousand_tuples_before_and_after_a_change,
				       world_forget),
		cmocka_unit_test_setup(asking_leaves_no_trace, world_forget),
		cmocka_unit_test_setup(a_packet_run_again_does_all_that_a_live_one_does, world_forget),
		cmocka_unit_test_setup(what_cannot_be_asked_is_refused, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("ask", tests, world_up, world_down);
}
