/* SPDX-License-Identifier: GPL-2.0-only */
/* A capture of a world's packets; see capturing.h. */
#include "bpf/capturing.h"

#include <string.h>

int capturing_take(const struct cv_captured *captured, const uint8_t *before, const uint8_t *after, void *arg)
{
	struct taken *taken = arg;

	taken->nr++;
	taken->last = *captured;
	assert_in_range(captured->saved_before, 0, sizeof(taken->before));
	assert_in_range(captured->saved_after, 0, sizeof(taken->after));
	memcpy(taken->before, before, captured->saved_before);
	memcpy(taken->after, after, captured->saved_after);
	return 0;
}

struct cv_capture capturing_everything(void)
{
	return (struct cv_capture){
		.client_port_last = 65535,
		.port_last = 65535,
		.verdicts = { UINT64_MAX, UINT64_MAX },
		.snaplen = CV_CAPTURE_SNAPLEN_MAX,
	};
}

struct dp_capture *capturing_start(struct world *world, const struct cv_capture *want)
{
	struct dp_capture *capture;
	struct err err;

	assert_ok(dp_capture_start(world->dp, want, CAPTURING_RING_BYTES, &capture, &err), err);
	return capture;
}

struct taken capturing_collect(struct dp_capture *capture)
{
	struct taken taken = { 0 };
	struct err err;
	uint32_t gap;

	assert_ok(dp_capture_poll(capture, 0, capturing_take, &taken, &gap, &err), err);
	return taken;
}

size_t capturing_stop(struct dp_capture *capture)
{
	struct taken taken = { 0 };
	struct err err;

	assert_ok(dp_capture_stop(capture, capturing_take, &taken, &err), err);
	dp_capture_free(capture);
	return taken.nr;
}
