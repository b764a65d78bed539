/* SPDX-License-Identifier: GPL-2.0-only */
/* Program and reference get the same packet; see twin.h. */
#include "bpf/twin.h"

#include <errno.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bpf/twin_records.h"
#include "dataplane/dp_ask.h"

#define LO_MTU 65536

static void note_held(const struct cv_held *record, const void *frame, void *arg)
{
	struct twin *twin = arg;

	if (record->kind == CV_HELD_FIRST) {
		twin->releases_nr++;
		return;
	}
	twin->held = *record;
	twin->held_frame.len = record->bytes;
	memcpy(twin->held_frame.data, frame, record->bytes);
	twin->held_nr++;
}

struct twin *twin_new(struct world *world)
{
	struct twin *twin = calloc(1, sizeof(*twin));
	struct err err;

	assert_non_null(twin);
	twin->world = world;
	twin->reference = reference_new();
	assert_non_null(twin->reference);
	twin->other_port = world_add_port(world, "other");
	twin->reference->port[0] = (struct reference_port){ .ifindex = WORLD_IFINDEX, .mtu = LO_MTU };
	twin->reference->port[1] = (struct reference_port){ twin->other_port, 1500, .is_attached = true };
	twin->per_verdict = world_map(world, "cv_per_verdict");
	assert_ok(dp_held_open(world->dp, note_held, twin, &twin->ring, &err), err);
	return twin;
}

void twin_free(struct twin *twin)
{
	dp_held_close(twin->ring);
	close(twin->per_verdict);
	reference_free(twin->reference);
	free(twin);
}

void twin_begin(struct twin *twin)
{
	dp_held_read(twin->ring, SIZE_MAX);
	twin->held_nr = twin->releases_nr = 0;
	twin->why[0] = 0;
	twin_records_clear(twin);
	twin_records_begin(twin);
	reference_forget(twin->reference);
	twin->reference->image = twin->world->image;
	world_untouch(twin->world);
	twin->reference->now_s = world_clock(twin->world);
	twin_set_gate(twin, &(struct cv_gate){ 0 });
	twin_set_holder(twin, true);
}

void twin_reload(struct twin *twin)
{
	twin->reference->image = twin->world->image;
	reference_sweep(twin->reference);
	/* a flow that another listener has got now tells with its next visit */
	world_untouch(twin->world);
}

void twin_set_gate(struct twin *twin, const struct cv_gate *used)
{
	struct cv_gate gate = *used;

	gate.second = twin->reference->now_s;
	twin->reference->gate = gate;
	world_set_gate(twin->world, &gate);
}

void twin_set_holder(struct twin *twin, bool is_there)
{
	struct cv_holder holder = { .until_s = is_there ? twin->reference->now_s + CV_HOLDER_LEASE_S : 0 };
	int map = world_map(twin->world, "cv_holder");
	__u32 zero = 0;

	assert_return_code(bpf_map_update_elem(map, &zero, &holder, BPF_ANY), errno);
	close(map);
	twin->reference->has_holder = is_there;
}

void twin_age(struct twin *twin, uint32_t seconds)
{
	if (!twin_compare(twin))
		return;
	twin_records_age(twin, seconds);
	world_untouch(twin->world);
}

bool twin_is_over(struct twin *twin)
{
	return world_clock(twin->world) != twin->reference->now_s;
}

/* --- one packet --- */

static uint32_t action_of(enum cv_verdict verdict)
{
	switch (dp_verdict_class(verdict)) {
	case CV_CLASS_PASS:
		return XDP_PASS;
	case CV_CLASS_TX:
		return XDP_TX;
	case CV_CLASS_REDIRECT:
		return XDP_REDIRECT;
	default:
		return XDP_DROP;
	}
}

/* As which verdict the program counted it. */
static enum cv_verdict counted(struct twin *twin)
{
	struct cv_verdict_stats now[CV_VERDICT_COUNT];
	struct err err;

	assert_ok(dp_verdict_stats(twin->world->dp, now, CV_VERDICT_COUNT, &err), err);
	for (enum cv_verdict i = 1; i < CV_VERDICT_COUNT; i++)
		if (now[i].packets - twin->verdict[i].packets > twin->reference->verdict[i].packets)
			return i;
	return CV_CONTINUE;
}

/* Only the counter of the expected verdict is read: twin_compare looks at all the others. */
static bool is_counted(struct twin *twin, enum cv_verdict verdict)
{
	struct cv_verdict_stats all[64], sum = { 0 };
	uint32_t key = verdict;

	assert_true(libbpf_num_possible_cpus() <= (int)CV_ARRAY_SIZE(all));
	assert_return_code(bpf_map_lookup_elem(twin->per_verdict, &key, all), errno);
	for (int i = 0; i < libbpf_num_possible_cpus(); i++) {
		sum.packets += all[i].packets;
		sum.bytes += all[i].bytes;
	}
	return sum.packets - twin->verdict[key].packets == twin->reference->verdict[key].packets &&
	       sum.bytes - twin->verdict[key].bytes == twin->reference->verdict[key].bytes;
}

static bool is_same_frame(struct twin *twin, const char *who, const struct reference_result *want,
			  const uint8_t *data, size_t len)
{
	size_t at = 0;

	if (len == want->len && !memcmp(data, want->data, len))
		return true;
	while (at < len && at < want->len && data[at] == want->data[at])
		at++;
	snprintf(twin->why, sizeof(twin->why),
		 "%s %s: %zu bytes, the reference has %zu; they differ from byte %zu on (%02x, %02x)", who,
		 dp_verdict_name(want->verdict), len, want->len, at, at < len ? data[at] : 0,
		 at < want->len ? want->data[at] : 0);
	return false;
}

/* What lies in the ring is the frame as it came. */
static bool is_held(struct twin *twin, const struct pkt *in, const struct reference_result *want)
{
	twin->held_nr = 0;
	dp_held_read(twin->ring, SIZE_MAX);
	if (twin->held_nr == (dp_verdict_class(want->verdict) == CV_CLASS_HOLD) &&
	    (!twin->held_nr ||
	     (!memcmp(&twin->held, &want->held, sizeof(want->held)) && twin->held_frame.len == in->len &&
	      !memcmp(twin->held_frame.data, in->data, in->len))))
		return true;
	snprintf(twin->why, sizeof(twin->why), "%s: the ring has %zu other frames",
		 dp_verdict_name(want->verdict), twin->held_nr);
	return false;
}

static bool is_answer(struct twin *twin, const struct dp_answer *answer, const struct reference_result *want)
{
	if (answer->ask.verdict == want->verdict)
		return is_same_frame(twin, "when asked,", want, answer->frame, answer->len);
	snprintf(twin->why, sizeof(twin->why), "when asked, %s; the reference says %s",
		 dp_verdict_name(answer->ask.verdict), dp_verdict_name(want->verdict));
	return false;
}

bool twin_run(struct twin *twin, const struct pkt *in, uint32_t ifindex, bool asks)
{
	struct dp_question question = {
		.mode = CV_MODE_DRY, .ifindex = ifindex, .frame = in->data, .len = in->len
	};
	static struct reference_result want;
	static struct harness_result got;
	static struct dp_answer answer;
	struct err err;

	if (asks)
		assert_ok(dp_ask(twin->world->dp, &question, &answer, &err), err);
	harness_run_on(twin->world->program, in, ifindex, &got);
	twin->world->packets++;
	twin->world->bytes += in->len;
	reference_run(twin->reference, in, ifindex, &want);
	if (!is_counted(twin, want.verdict) || got.action != action_of(want.verdict)) {
		snprintf(twin->why, sizeof(twin->why), "verdict %s (action %u), the reference says %s",
			 dp_verdict_name(counted(twin)), got.action, dp_verdict_name(want.verdict));
		return false;
	}
	return is_same_frame(twin, "verdict", &want, got.data, got.len) && is_held(twin, in, &want) &&
	       (!asks || is_answer(twin, &answer, &want));
}
