/* SPDX-License-Identifier: GPL-2.0-only */
/* Flows under load while everything around them changes: two processors send packets of many flows, and open new ones,
 * while backends come and go every 100 ms and sweeps settle what can be settled. None may leave its backend. */
#include "bpf/flow.h"

#include <linux/bpf.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>

#define SENDERS 2
#define FLOWS 1500 /* of each; many to a set of cv_touched */
#define CHANGES 20

struct sender {
	pthread_t thread;
	int program;
	unsigned number;
	unsigned open;
	uint64_t packets;
	uint64_t astray;
	uint32_t backend[FLOWS]; /* its address; 0: not open yet */
	uint8_t frame[2][FLOWS][128];
	size_t len[2];
};

static volatile bool is_over;

/* The address behind which the packet went: the last four bytes of the outer destination. */
static uint32_t send_frame(struct sender *sender, const uint8_t *frame, size_t len)
{
	uint8_t out[256] = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len, .data_out = out,
		    .data_size_out = sizeof(out), .repeat = 1);
	uint32_t address = 0;

	if (!bpf_prog_test_run_opts(sender->program, &opts) && opts.retval == XDP_TX)
		memcpy(&address, out + (out[14] >> 4 == 4 ? 14 + 16 : 14 + 36), sizeof(address));
	sender->packets++;
	return address;
}

static void *work(void *arg)
{
	struct sender *sender = arg;
	cpu_set_t here;

	CPU_ZERO(&here);
	CPU_SET(sender->number, &here);
	sched_setaffinity(0, sizeof(here), &here);
	while (!is_over) {
		/* a few new ones, then some of those there are */
		for (int i = 0; i < 2 && sender->open < FLOWS; i++, sender->open++) {
			sender->backend[sender->open] =
				send_frame(sender, sender->frame[0][sender->open], sender->len[0]);
			sender->astray += sender->backend[sender->open] == 0;
		}
		for (int i = 0; i < 20; i++) {
			size_t at = (size_t)random() % sender->open;

			sender->astray += send_frame(sender, sender->frame[1][at], sender->len[1]) !=
					  sender->backend[at];
		}
	}
	return NULL;
}

static struct probe probe_of(unsigned sender, size_t flow)
{
	return (struct probe){ .family = sender ? CV_FAMILY_IPV6 : CV_FAMILY_IPV4,
			       .client = (uint16_t)(1 + flow),
			       .client_port = (uint16_t)(2000 + sender),
			       .flags = PKT_ACK };
}

static struct sender *sender_start(struct world *world, unsigned number)
{
	struct sender *sender = calloc(1, sizeof(*sender));
	struct pkt p;

	assert_non_null(sender);
	sender->program = world->program;
	sender->number = number;
	for (size_t i = 0; i < FLOWS; i++) {
		struct probe ack = probe_of(number, i), syn = flow_flags(&ack, PKT_SYN);
		const struct probe *probes[] = { &syn, &ack };

		for (size_t j = 0; j < 2; j++) {
			probe_build(probes[j], &p);
			assert_true(p.len <= sizeof(sender->frame[j][i]));
			memcpy(sender->frame[j][i], p.data, p.len);
			sender->len[j] = p.len;
		}
	}
	assert_int_equal(pthread_create(&sender->thread, NULL, work, sender), 0);
	return sender;
}

/* A sweep of the daemon: beside everything else. */
struct sweeper {
	pthread_t thread;
	struct dp *dp;
	volatile bool is_done;
	int r;
};

static void *sweep(void *arg)
{
	struct sweeper *sweeper = arg;
	struct cv_sweep swept;

	sweeper->r = dp_sweep(sweeper->dp, &swept, NULL);
	sweeper->is_done = true;
	return NULL;
}

static void begin_sweep(struct world *world, struct sweeper *sweeper)
{
	sweeper->dp = world->dp;
	sweeper->is_done = false;
	assert_int_equal(pthread_create(&sweeper->thread, NULL, sweep, sweeper), 0);
}

static void end_sweep(struct world *world, struct sweeper *sweeper)
{
	pthread_join(sweeper->thread, NULL);
	assert_int_equal(sweeper->r, 0);
	dp_settle(world->dp);
}

/* One backend takes no new flows, then the next. Its flows stay. */
static void change(struct world *world, unsigned number)
{
	static const char *const backends[] = { "10.0.0.11", "10.0.0.12", "2001:db8:b::13",
						"2001:db8:b::14" };

	for (size_t i = 0; i < CV_ARRAY_SIZE(backends); i++)
		world_backend(world, backends[i])->weight = number % 5 == i ? 0 : -1;
	world_change(world);
}

static void flows_stay_while_backends_change(void **state)
{
	const struct timespec pause = { .tv_nsec = 10000000 };
	struct world *world = *state;
	bool is_blind = world->model->flow_table.shortcut == CV_SHORTCUT_BLIND;
	struct sender *sender[SENDERS];
	struct sweeper sweeper;
	uint64_t packets = 0;

	world->is_unwatched = true;
	is_over = false;
	for (unsigned i = 0; i < SENDERS; i++)
		sender[i] = sender_start(world, i);
	begin_sweep(world, &sweeper);
	for (unsigned i = 0; i < 10 * CHANGES; i++) {
		nanosleep(&pause, NULL);
		if (i % 10 == 0)
			change(world, i / 10);
		if (sweeper.is_done) {
			end_sweep(world, &sweeper);
			begin_sweep(world, &sweeper);
		}
	}
	end_sweep(world, &sweeper);
	is_over = true;
	for (unsigned i = 0; i < SENDERS; i++)
		pthread_join(sender[i]->thread, NULL);
	for (unsigned i = 0; i < SENDERS; i++) {
		uint32_t now = world_clock(world);

		print_message("# %u flows, %llu packets, %llu astray\n", sender[i]->open,
			      (unsigned long long)sender[i]->packets, (unsigned long long)sender[i]->astray);
		assert_int_equal(sender[i]->astray, 0);
		packets += sender[i]->packets;
		/* what the table knows of each is young: it was in use all the time */
		for (size_t j = 0; !is_blind && j < sender[i]->open / 2; j++) {
			struct probe probe = probe_of(i, j);
			struct cv_flow flow;

			flow_find(world, &probe, &flow);
			assert_int_not_equal(flow.state, CV_FLOW_NONE);
			assert_in_range(now - flow.last_seen_s, 0, 2 * CV_EPOCH_S);
		}
		free(sender[i]);
	}
	assert_in_range(world_listener_stats(world, "tcp4").shortcut_packets, packets / 20, packets);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(flows_stay_while_backends_change, world_forget),
	};

	harness_need_root();
	return world_run_tests("settled load", tests, WORLD_SHORTCUT_ON | 1U << CV_SHORTCUT_BLIND);
}
