/* SPDX-License-Identifier: GPL-2.0-only */
/* The reader of the ring; see reader.h. */
#include "bpf/reader.h"

#include <string.h>

#include "dataplane/dp_held.h"

#define MAX_RECORDS 600

static struct {
	struct dp_held *ring;
	size_t nr;
	struct cv_held record[MAX_RECORDS];
	struct pkt frame; /* the last one */
} reader;

static void note_record(const struct cv_held *record, const void *frame, void *arg)
{
	(void)arg;
	assert_true(reader.nr < MAX_RECORDS);
	reader.record[reader.nr++] = *record;
	if (!record->bytes)
		return;
	reader.frame.len = record->bytes;
	memcpy(reader.frame.data, frame, record->bytes);
}

const struct cv_held *reader_expect(size_t nr)
{
	reader.nr = 0;
	dp_held_read(reader.ring, SIZE_MAX);
	assert_int_equal(reader.nr, nr);
	return &reader.record[nr ? nr - 1 : 0];
}

const struct pkt *reader_frame(void)
{
	return &reader.frame;
}

int reader_setup(void **state)
{
	struct world *world = *state;
	struct err err;

	world_forget(state);
	assert_ok(dp_held_open(world->dp, note_record, NULL, &reader.ring, &err), err);
	assert_ok(dp_held_lease(world->dp, true, &err), err);
	return 0;
}

int reader_teardown(void **state)
{
	struct world *world = *state;
	struct err err;

	dp_held_close(reader.ring);
	assert_ok(dp_held_lease(world->dp, false, &err), err);
	return 0;
}

struct dp_answer reader_run_again(struct world *world, const uint8_t *frame, size_t len)
{
	static struct dp_answer answer;
	const struct dp_question question = {
		.mode = CV_MODE_AGAIN, .ifindex = WORLD_IFINDEX, .frame = frame, .len = len
	};
	struct err err;

	assert_ok(dp_ask(world->dp, &question, &answer, &err), err);
	world->packets++;
	world->bytes += len;
	assert_ok(dp_verdict_stats(world->dp, world->counted, CV_VERDICT_COUNT, &err), err);
	return answer;
}
