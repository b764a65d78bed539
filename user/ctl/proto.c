/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines, requests and answers of the control protocol; see proto.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/proto.h"

char *proto_lines_room(struct proto_lines *lines, size_t *ret_size)
{
	if (lines->start)
		memmove(lines->byte, lines->byte + lines->start, lines->end - lines->start);
	lines->seen -= lines->start;
	lines->end -= lines->start;
	lines->start = 0;
	*ret_size = sizeof(lines->byte) - lines->end;
	return lines->byte + lines->end;
}

void proto_lines_fed(struct proto_lines *lines, size_t size)
{
	lines->end += size;
}

void proto_lines_ended(struct proto_lines *lines)
{
	lines->is_ended = true;
}

/* What is to be said of `size` bytes without a newline. */
static enum proto_line take_rest(struct proto_lines *lines, size_t size)
{
	bool was_skipping = lines->is_skipping;

	if (!lines->is_ended && !was_skipping && size < sizeof(lines->byte))
		return PROTO_MORE;
	lines->is_skipping = true;
	lines->start = lines->seen = lines->end = 0;
	if (lines->is_ended)
		return size && !was_skipping ? PROTO_CUT : PROTO_END;
	return was_skipping ? PROTO_MORE : PROTO_TOO_LONG;
}

enum proto_line proto_lines_take(struct proto_lines *lines, const char **ret_line, size_t *ret_size)
{
	for (;;) {
		const char *line = lines->byte + lines->start;
		const char *newline = memchr(lines->byte + lines->seen, '\n', lines->end - lines->seen);
		bool was_skipping = lines->is_skipping;

		if (!newline) {
			lines->seen = lines->end;
			return take_rest(lines, lines->end - lines->start);
		}
		lines->start = lines->seen = (size_t)(newline + 1 - lines->byte);
		lines->is_skipping = false;
		if (was_skipping)
			continue;
		*ret_line = line;
		*ret_size = (size_t)(newline - line);
		return PROTO_LINE;
	}
}

int proto_parse_request(const char *line, size_t size, json_t **ret, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(line, size, JSON_REJECT_DUPLICATES, &error);
	const char *command;

	if (!json && json_error_code(&error) == json_error_out_of_memory)
		return err_set(err, -ENOMEM, "out of memory");
	if (!json)
		return err_set(err, -EINVAL, "the request is no JSON object: %s at byte %d", error.text,
			       error.position);
	command = json_string_value(json_object_get(json, "command"));
	if (!command || !*command) {
		json_decref(json);
		return err_set(err, -EINVAL, "the request has no \"command\"");
	}
	*ret = json;
	return 0;
}

int proto_parse_answer(const char *line, size_t size, json_t **ret, struct err *err)
{
	json_error_t error;
	json_t *json = json_loadb(line, size, 0, &error);
	const json_t *ok = json_object_get(json, "ok");
	json_t *result = json_object_get(json, json_is_true(ok) ? "result" : "error");
	json_int_t status = json_integer_value(json_object_get(json, "status"));
	int r;

	if (json_is_true(ok) && result)
		r = 0;
	else if (json_is_false(ok) && (json_is_string(result) || json_is_object(result)) &&
		 (status == 1 || status == 2))
		r = (int)status;
	else
		r = err_set(err, -EPROTO, "this is no answer of culvertd: %.*s", size < 80 ? (int)size : 80,
			    line);
	if (r >= 0)
		*ret = json_incref(result);
	json_decref(json);
	return r;
}

/* One line, whatever is in it: jansson escapes newlines within strings. Takes over `json`. */
static char *format_line(json_t *json)
{
	char *text = json_dumps(json, JSON_COMPACT);
	size_t size = text ? strlen(text) : 0;
	char *line = text ? realloc(text, size + 2) : NULL;

	if (line)
		memcpy(line + size, "\n", 2);
	else
		free(text);
	json_decref(json);
	return line;
}

char *proto_format_request(const char *command, json_t *args)
{
	json_t *request = args ? args : json_object();

	if (json_object_set_new(request, "command", json_string(command)) < 0) {
		json_decref(request);
		return NULL;
	}
	return format_line(request);
}

char *proto_format_answer(json_t *result)
{
	if (!result)
		return proto_format_error(1, "the daemon is out of memory");
	return format_line(json_pack("{s:b, s:O}", "ok", 1, "result", result));
}

char *proto_format_error(int status, const char *error)
{
	json_t *text = json_string(error);
	char *ascii = NULL;

	/* Sentences quote what clients and servers sent, and may have been cut within a character. */
	if (!text && (ascii = strdup(error))) {
		for (char *p = ascii; *p; p++) {
			if (*p & 0x80)
				*p = '?';
		}
		text = json_string(ascii);
	}
	free(ascii);
	return format_line(json_pack("{s:b, s:i, s:o}", "ok", 0, "status", status, "error", text));
}

char *proto_format_refusal(int status, json_t *error)
{
	if (!error)
		return proto_format_answer(NULL);
	return format_line(json_pack("{s:b, s:i, s:O}", "ok", 0, "status", status, "error", error));
}
