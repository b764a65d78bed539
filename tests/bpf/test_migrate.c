/* SPDX-License-Identifier: GPL-2.0-only */
/* From one map schema to another: what an older version laid down, with flows in it, is taken over while packets come, and
 * nothing is lost. What a newer one laid down is refused. */
#include "bpf/old.h"

#include <errno.h>
#include <linux/capability.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "bpf/flow.h"
#include "bpf/oracle.h"
#include "dataplane/dp_internal.h"

#define FLOWS 64

/* One of FLOWS probes of all kinds; it carries on what has begun. */
static struct probe probe_at(size_t i)
{
	return probe_kind((struct probe){ .name = "flow", .client = (uint16_t)(100 + i), .flags = PKT_ACK },
			  i % PROBE_KINDS);
}

/* Opens them, and then makes Maglev choose other backends: only who has the flow knows where it goes. */
static void open_flows(struct world *world, uint16_t backend[FLOWS])
{
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = probe_at(i);

		backend[i] = flow_open(world, &probe);
	}
	world_backend(world, "10.0.0.11")->weight = 0;
	world_backend(world, "2001:db8:b::13")->weight = 0;
	world_apply(world);
}

static void expect_flows(struct world *world, const uint16_t backend[FLOWS])
{
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = probe_at(i);

		assert_int_equal(world_route(world, &probe), backend[i]);
	}
}

/* The old program is one by itself: it forwards, and every one of its packets is counted. The oracle knows the frame. */
static uint16_t route_by(int program, const struct world *world, const struct probe *probe)
{
	struct harness_result result;
	struct pkt in;

	probe_build(probe, &in);
	harness_run_on(program, &in, WORLD_IFINDEX, &result);
	assert_int_equal(result.action, XDP_TX);
	return oracle_receiver(world->image, probe, result.data, result.len);
}

static void count(struct world *world, const struct probe *probe)
{
	struct pkt in;

	probe_build(probe, &in);
	world->packets++;
	world->bytes += in.len;
}

static void note_counted(struct world *world)
{
	struct err err;

	assert_ok(dp_verdict_stats(world->dp, world->counted, CV_VERDICT_COUNT, &err), err);
}

static struct cv_verdict_stats all_counted(const struct world *world)
{
	struct cv_verdict_stats sum = { 0 };

	for (size_t i = 0; i < CV_VERDICT_COUNT; i++) {
		sum.packets += world->counted[i].packets;
		sum.bytes += world->counted[i].bytes;
	}
	return sum;
}

static void take_over(struct world *world)
{
	struct err err;

	assert_ok(old_take_over(world, &err), err);
	note_counted(world);
}

static void flows_keep_their_backends(void **state)
{
	struct world *world = *state;
	struct dp_migrated migrated;
	struct cv_flow before[FLOWS], after;
	uint16_t backend[FLOWS];

	open_flows(world, backend);
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = probe_at(i);

		before[i] = flow_expect(world, &probe, CV_FLOW_OPEN);
	}
	old_lay_down(world);
	take_over(world);
	assert_true(dp_migration(world->dp, &migrated));
	assert_int_equal(migrated.schema, OLD_SCHEMA);
	assert_string_equal(migrated.version, OLD_VERSION);
	assert_int_equal(migrated.flows, FLOWS);
	assert_false(migrated.verdicts_lost);
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = probe_at(i);

		after = flow_expect(world, &probe, CV_FLOW_OPEN);
		assert_memory_equal(&before[i], &after, sizeof(after));
	}
	expect_flows(world, backend);
	assert_int_equal(world_live(world, NULL), FLOWS);
}

/* Half-open flows, notes of expired ones, and those that close. */
static void so_does_what_is_not_open(void **state)
{
	struct world *world = *state;
	const struct probe syn = { .name = "half-open", .flags = PKT_SYN }, ack = flow_flags(&syn, PKT_ACK);
	const struct probe late = { .name = "late", .client = 8, .flags = PKT_ACK };
	const struct probe fin = { V6, .name = "closing", .client = 9, .flags = PKT_FIN };
	uint16_t backend = world_route(world, &syn);

	flow_open(world, &late);
	flow_age(world, &late, CV_IDLE_TIMEOUT_TCP_S + CV_EPOCH_S + 1);
	world_expect(world, &late, CV_RESET_LATE);
	flow_open(world, &fin);
	world_expect(world, &fin, CV_TX);
	old_lay_down(world);
	take_over(world);
	flow_expect(world, &syn, CV_FLOW_HALF_OPEN);
	flow_expect(world, &fin, CV_FLOW_CLOSING);
	assert_true(flow_has_note(world, &late));
	assert_int_equal(world_route(world, &ack), backend);
	flow_expect(world, &ack, CV_FLOW_OPEN);
}

static void counters_go_on(void **state)
{
	struct world *world = *state;
	struct cv_listener_stats listener;
	struct cv_backend_stats one;
	struct probe probe = probe_at(0);
	uint64_t forwarded = world->counted[CV_TX].packets;
	uint16_t backend = flow_open(world, &probe);

	old_lay_down(world);
	/* the old program counts on */
	for (int i = 0; i < 10; i++) {
		assert_int_equal(route_by(world->program, world, &probe), backend);
		count(world, &probe);
	}
	take_over(world);
	listener = world_listener_stats(world, "tcp4");
	one = world_backend_stats(world, backend);
	assert_int_equal(listener.packets, 12);
	assert_int_equal(listener.new_flows, 1);
	assert_int_equal(one.packets, 12);
	assert_int_equal(one.new_flows, 1);
	/* under their names, which have other numbers there */
	assert_int_equal(all_counted(world).packets, world->packets);
	assert_int_equal(world->counted[CV_TX].packets, forwarded + 12);
}

/* --- under packets ---------------------------------------------------------------------------------- */

struct traffic {
	struct world *world;
	uint16_t backend[FLOWS];
	int link;
	atomic_bool is_over;
	atomic_uint rounds, astray;
	uint32_t programs; /* that were in force */
};

/* The program that a packet would meet now. */
static int program_in_force(int link, uint32_t *ret_id)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);

	if (bpf_obj_get_info_by_fd(link, &info, &size))
		return -1;
	*ret_id = info.prog_id;
	return bpf_prog_get_fd_by_id(info.prog_id);
}

/* Each flow's packets go to its backend, whatever program is in force. */
static void *send_packets(void *arg)
{
	struct traffic *traffic = arg;
	uint32_t last = 0, id = 0;

	while (!traffic->is_over) {
		for (size_t i = 0; i < FLOWS; i++) {
			struct probe probe = probe_at(i);
			int program = program_in_force(traffic->link, &id);

			if (route_by(program, traffic->world, &probe) != traffic->backend[i])
				traffic->astray++;
			close(program);
			traffic->programs += id != last;
			last = id;
			count(traffic->world, &probe);
		}
		traffic->rounds++;
	}
	return NULL;
}

static void wait_for_rounds(struct traffic *traffic, unsigned nr)
{
	unsigned from = traffic->rounds;

	while (traffic->rounds < from + nr)
		usleep(1000);
}

static void packets_never_go_astray(void **state)
{
	struct world *world = *state;
	struct traffic traffic = { .world = world };
	uint32_t ifindex = world_add_port(world, "migrate0");
	struct cv_flow flow;
	pthread_t thread;
	char path[64];

	open_flows(world, traffic.backend);
	snprintf(path, sizeof(path), "%s/links/%u", DP_DEFAULT_PIN_DIR, ifindex);
	traffic.link = bpf_obj_get(path);
	assert_return_code(traffic.link, -traffic.link);
	old_lay_down(world);
	assert_int_equal(pthread_create(&thread, NULL, send_packets, &traffic), 0);
	wait_for_rounds(&traffic, 3);
	take_over(world);
	wait_for_rounds(&traffic, 3);
	traffic.is_over = true;
	pthread_join(thread, NULL);
	close(traffic.link);
	assert_int_equal(traffic.astray, 0);
	assert_int_equal(traffic.programs, 2);
	note_counted(world);
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe probe = probe_at(i);

		flow = flow_expect(world, &probe, CV_FLOW_OPEN);
		/* those of the old program since the last copy are not its own */
		assert_true(flow.packets > 2 && flow.packets <= 2 + traffic.rounds);
	}
	/* a packet that is counted while its counter is copied may be lost */
	assert_in_range(all_counted(world).packets, world->packets - 8, world->packets);
	world->packets = all_counted(world).packets;
	world->bytes = all_counted(world).bytes;
}

/* --- what does not go well --------------------------------------------------------------------------- */

/* It ended when half of the pins were new: meta, which says what they are, is the last of them. */
static void goes_on_where_it_was_interrupted(void **state)
{
	struct world *world = *state;
	uint16_t backend[FLOWS];
	struct err err;

	open_flows(world, backend);
	old_lay_down(world);
	take_over(world);
	dp_free(world->dp);
	old_set_meta(world, OLD_SCHEMA, OLD_VERSION);
	assert_int_equal(dp_open(DP_DEFAULT_PIN_DIR, &world->dp, &err), -EPROTO);
	take_over(world);
	expect_flows(world, backend);
	assert_int_equal(world_live(world, NULL), FLOWS);
}

static void looking_at_an_older_one_says_what_to_do(void **state)
{
	struct world *world = *state;
	struct dp *dp;
	struct err err;

	old_lay_down(world);
	assert_int_equal(dp_open(DP_DEFAULT_PIN_DIR, &dp, &err), -EPROTO);
	assert_non_null(strstr(err.text, "culvert " OLD_VERSION " with map schema 1"));
	assert_non_null(strstr(err.text, "culvert upgrade"));
	take_over(world);
}

static void a_newer_one_is_refused(void **state)
{
	struct world *world = *state;
	uint16_t backend[FLOWS];
	struct dp *dp = NULL;
	struct err err;
	char newer[64];

	open_flows(world, backend);
	dp_free(world->dp);
	old_set_meta(world, CV_SCHEMA_VERSION + 1, "99.1");
	snprintf(newer, sizeof(newer), "culvert 99.1 with map schema %d", CV_SCHEMA_VERSION + 1);
	assert_int_equal(dp_open(DP_DEFAULT_PIN_DIR, &dp, &err), -EPROTO);
	assert_non_null(strstr(err.text, newer));
	assert_int_equal(old_take_over(world, &err), -EPROTO);
	assert_non_null(strstr(err.text, newer));
	assert_non_null(strstr(err.text, "culvert " CV_VERSION));
	assert_non_null(strstr(err.text, "use 99.1 or a newer one"));
	/* nothing was touched */
	old_set_meta(world, CV_SCHEMA_VERSION, CV_VERSION);
	take_over(world);
	assert_false(dp_migration(world->dp, &(struct dp_migrated){ 0 }));
	expect_flows(world, backend);
}

static int drop_sys_admin(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2];

	if (syscall(SYS_capget, &header, data))
		return -errno;
	data[0].permitted = data[0].effective = data[0].effective & ~(1u << CAP_SYS_ADMIN);
	return syscall(SYS_capset, &header, data) ? -errno : 0;
}

/* To read types takes CAP_SYS_ADMIN, which a daemon may not have: it says so, and changes nothing. */
static void without_the_right_nothing_is_touched(void **state)
{
	struct world *world = *state;
	uint16_t backend[FLOWS];
	struct err err;
	pid_t child;
	int status;

	open_flows(world, backend);
	old_lay_down(world);
	child = fork();
	assert_return_code(child, errno);
	if (!child) {
		int r = drop_sys_admin() ? 1 : dp_take(DP_DEFAULT_PIN_DIR, NULL, &world->dp, &err);

		_exit(r == -EPERM && strstr(err.text, "culvert upgrade") ? 0 : 1);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	take_over(world);
	expect_flows(world, backend);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(flows_keep_their_backends, world_forget),
		cmocka_unit_test_setup(so_does_what_is_not_open, world_forget),
		cmocka_unit_test_setup(counters_go_on, world_forget),
		cmocka_unit_test_setup(packets_never_go_astray, world_forget),
		cmocka_unit_test_setup(goes_on_where_it_was_interrupted, world_forget),
		cmocka_unit_test_setup(looking_at_an_older_one_says_what_to_do, world_forget),
		cmocka_unit_test_setup(a_newer_one_is_refused, world_forget),
		cmocka_unit_test_setup(without_the_right_nothing_is_touched, world_forget),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("migrate", tests, world_up, world_down);
}
