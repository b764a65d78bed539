/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes as the filter of a capture, and as a frame that was captured. What is taken for a filter must want something;
 * what is not must come with a reason. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "cli/capture_filter.h"
#include "cli/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_filter(const uint8_t *data, size_t size)
{
	struct cv_capture want;
	struct err err = { "" };
	char *text = calloc(1, size + 1);

	if (!text)
		return;
	memcpy(text, data, size);
	if (capture_filter_parse(text, &want, &err)) {
		if (!*err.text)
			abort();
	} else if (!(want.verdicts[0] | want.verdicts[1]) || want.port_first > want.port_last ||
		   want.client_port_first > want.client_port_last ||
		   memchr(want.listener, 0, sizeof(want.listener)) == NULL) {
		abort();
	}
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct frame frame;

	read_filter(data, size);
	frame_read(data, size, &frame);
	if (memchr(frame.what, 0, sizeof(frame.what)) == NULL || (frame.has_ports && !frame.has_addresses))
		abort();
	return 0;
}
