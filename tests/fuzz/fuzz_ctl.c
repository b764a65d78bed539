/* SPDX-License-Identifier: GPL-2.0-only */
/* Any bytes in pieces of any size through the request parser of the control socket: lines must come out the
 * same however the stream was cut, and whatever is answered must be an answer to the client's parser. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void answer(const char *line, size_t size)
{
	json_t *request = NULL, *back = NULL;
	struct err err;
	char *text;
	int r;

	r = proto_parse_request(line, size, &request, &err);
	text = r < 0 ? proto_format_error(2, err.text) : proto_format_answer(request);
	if (!text || strchr(text, '\n') != text + strlen(text) - 1)
		abort();
	if (proto_parse_answer(text, strlen(text), &back, NULL) != (r < 0 ? 2 : 0))
		abort();
	json_decref(request);
	json_decref(back);
	free(text);
}

/* Feeds pieces of `step` bytes; returns a sum over the lines, in their order. */
static uint64_t run(const uint8_t *data, size_t size, size_t step, struct proto_lines *lines)
{
	enum proto_line is = PROTO_MORE;
	uint64_t sum = 0;

	lines->start = lines->end = 0;
	lines->is_ended = lines->is_skipping = false;
	while (is != PROTO_END) {
		const char *line;
		size_t n, room;

		is = proto_lines_take(lines, &line, &n);
		if (is != PROTO_MORE)
			sum = sum * 31 + (uint64_t)is;
		if (is == PROTO_LINE) {
			for (size_t i = 0; i < n; i++)
				sum = sum * 31 + (uint8_t)line[i];
			if (step == size)
				answer(line, n);
		} else if (is == PROTO_MORE && !size) {
			proto_lines_ended(lines);
		} else if (is == PROTO_MORE) {
			char *to = proto_lines_room(lines, &room);

			n = step < size ? step : size;
			n = n < room ? n : room;
			memcpy(to, data, n);
			proto_lines_fed(lines, n);
			data += n;
			size -= n;
		}
	}
	return sum;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct proto_lines lines;

	if (size < 2)
		return 0;
	if (run(data + 1, size - 1, size - 1, &lines) != run(data + 1, size - 1, data[0] + 1U, &lines))
		abort();
	return 0;
}
