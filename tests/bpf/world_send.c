/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets on their way through a world, each held against counters, oracle and the answer of the program; see world.h. */
#include "bpf/world.h"

#include <linux/bpf.h>
#include <arpa/inet.h>
#include <string.h>

#include "bpf/oracle.h"
#include "dataplane/dp_ask.h"

static bool is_action_of(enum cv_verdict_class class, uint32_t action)
{
	switch (class) {
	case CV_CLASS_PASS:
		return action == XDP_PASS;
	case CV_CLASS_TX:
		return action == XDP_TX;
	case CV_CLASS_REDIRECT:
		return action == XDP_REDIRECT;
	case CV_CLASS_HOLD:
	case CV_CLASS_DROP:
		return action == XDP_DROP;
	}
	return false;
}

/* What the packet that was just run was counted as. */
static enum cv_verdict count(struct world *world, const struct pkt *in, const struct harness_result *result)
{
	struct cv_verdict_stats after[CV_VERDICT_COUNT], *before = world->counted;
	enum cv_verdict verdict = CV_CONTINUE;
	struct err err;

	assert_ok(dp_verdict_stats(world->dp, after, CV_VERDICT_COUNT, &err), err);
	world->packets++;
	world->bytes += in->len;
	for (enum cv_verdict i = 0; i < CV_VERDICT_COUNT; i++) {
		if (after[i].packets == before[i].packets)
			continue;
		assert_int_equal(verdict, CV_CONTINUE);
		assert_int_equal(after[i].packets - before[i].packets, 1);
		assert_int_equal(after[i].bytes - before[i].bytes, in->len);
		verdict = i;
	}
	assert_int_not_equal(verdict, CV_CONTINUE);
	memcpy(before, after, sizeof(after));
	assert_true(is_action_of(dp_verdict_class(verdict), result->action));
	if (dp_verdict_class(verdict) == CV_CLASS_PASS)
		assert_pkt(in, result->data, result->len);
	return verdict;
}

/* What the program says, asked before the packet comes, must be what then happens. That the question changed nothing
 * shows too: its packet is counted once, and finds its flow as the test left it. */
static void check_answer(const struct world *world, const struct dp_answer *answer, enum cv_verdict verdict,
			 const struct harness_result *result)
{
	if (world->model->flow_table.shortcut == CV_SHORTCUT_BLIND)
		return; /* the packet was taken for one of another flow */
	if (answer->ask.verdict != verdict)
		fail_msg("verdict %s, but when asked it was %s", dp_verdict_name(verdict),
			 dp_verdict_name(answer->ask.verdict));
	assert_int_equal(answer->len, result->len);
	assert_memory_equal(answer->frame, result->data, result->len);
}

enum cv_verdict world_run_on(struct world *world, const struct pkt *in, uint32_t ifindex,
			     struct harness_result *ret)
{
	struct dp_question question = {
		.mode = CV_MODE_DRY, .ifindex = ifindex, .frame = in->data, .len = in->len
	};
	uint32_t now = world_clock(world);
	struct dp_answer answer;
	enum cv_verdict verdict;
	struct err err;

	assert_ok(dp_ask(world->dp, &question, &answer, &err), err);
	harness_run_on(world->program, in, ifindex, ret);
	verdict = count(world, in, ret);
	if (world_clock(world) == now)
		check_answer(world, &answer, verdict, ret);
	return verdict;
}

enum cv_verdict world_run(struct world *world, const struct pkt *in, struct harness_result *ret)
{
	return world_run_on(world, in, WORLD_IFINDEX, ret);
}

enum cv_verdict world_run_crowded(struct world *world, const struct pkt *in)
{
	struct harness_result result;

	if (!harness_run_crowded(world->program, in, &result))
		return CV_CONTINUE;
	return count(world, in, &result);
}

static enum cv_verdict send_probe(struct world *world, const struct probe *probe, uint16_t *ret_backend)
{
	struct harness_result result;
	enum cv_verdict verdict;
	struct pkt in, want;

	*ret_backend = 0;
	probe_build(probe, &in);
	verdict = world_run(world, &in, &result);
	if (verdict == CV_TX && !probe->poke.nr) {
		*ret_backend = oracle_receiver(world->image, probe, result.data, result.len);
		oracle_forwarded(world->image, probe, *ret_backend, &want);
		assert_pkt(&want, result.data, result.len);
	}
	if (verdict == CV_RESET_LATE || verdict == CV_RESET_UNKNOWN) {
		oracle_reset(probe, &want);
		assert_pkt(&want, result.data, result.len);
	}
	return verdict;
}

enum cv_verdict world_probe(struct world *world, const struct probe *probe)
{
	uint16_t backend;

	return send_probe(world, probe, &backend);
}

uint16_t world_route(struct world *world, const struct probe *probe)
{
	uint16_t backend;

	send_probe(world, probe, &backend);
	return backend;
}

void world_expect(struct world *world, const struct probe *probe, enum cv_verdict verdict)
{
	enum cv_verdict got = world_probe(world, probe);

	if (got != verdict)
		fail_msg("%s: verdict %s, expected %s", probe->name ? probe->name : "probe",
			 dp_verdict_name(got), dp_verdict_name(verdict));
}

void world_expect_of_nobody(struct world *world, const struct probe *probe, enum cv_verdict verdict)
{
	static const char *const nobody[] = { "0.0.0.0",   "0.1.2.3",	"127.0.0.1", "127.255.0.1",
					      "224.0.0.1", "239.1.2.3", "240.0.0.1", "255.255.255.255",
					      "::",	   "::1",	"ff02::1",   "ff0e::1234" };
	struct harness_result result;
	struct pkt in;

	for (size_t i = 0; i < CV_ARRAY_SIZE(nobody); i++) {
		bool is_v4 = !strchr(nobody[i], ':');
		struct probe from = *probe;

		from.family = is_v4 ? CV_FAMILY_IPV4 : CV_FAMILY_IPV6;
		probe_build(&from, &in);
		assert_int_equal(inet_pton(is_v4 ? AF_INET : AF_INET6, nobody[i],
					   pkt_layer(&in, 1) + (is_v4 ? 12 : 8)),
				 1);
		if (is_v4)
			pkt_ipv4_checksum(pkt_layer(&in, 1));
		assert_int_equal(world_run(world, &in, &result), verdict);
	}
}
