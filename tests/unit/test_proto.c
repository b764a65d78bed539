/* SPDX-License-Identifier: GPL-2.0-only */
/* Lines, requests and answers of the control protocol, byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>

#include "ctl/proto.h"

/* Feeds `text` in pieces of `step` bytes and writes what comes out: "<line>", "!" for too long, "~" for cut,
 * "." at the end. */
static void cut_lines(const char *text, size_t size, size_t step, char *out, size_t out_size)
{
	struct proto_lines *lines = calloc(1, sizeof(*lines));
	enum proto_line is = PROTO_MORE;
	size_t used = 0;

	assert_non_null(lines);
	while (is != PROTO_END) {
		const char *line;
		size_t n;

		is = proto_lines_take(lines, &line, &n);
		if (is == PROTO_MORE && !size) {
			proto_lines_ended(lines);
		} else if (is == PROTO_MORE) {
			size_t room, piece = size < step ? size : step;
			char *to = proto_lines_room(lines, &room);

			assert_true(room > 0);
			piece = piece < room ? piece : room;
			memcpy(to, text, piece);
			proto_lines_fed(lines, piece);
			text += piece;
			size -= piece;
		} else if (is == PROTO_LINE) {
			used += (size_t)snprintf(out + used, out_size - used, "<%.*s>", n < 20 ? (int)n : 20,
						 line);
		} else {
			used += (size_t)snprintf(out + used, out_size - used, "%s",
						 is == PROTO_TOO_LONG ? "!"
						 : is == PROTO_CUT    ? "~"
								      : ".");
		}
	}
	free(lines);
}

static void lines_come_out_whole_however_they_come_in(void **state)
{
	static const char text[] = "one\n\ntwo\r\nthree";
	char out[256];

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		cut_lines(text, sizeof(text) - 1, step, out, sizeof(out));
		assert_string_equal(out, "<one><><two\r>~.");
	}
	cut_lines("", 0, 1, out, sizeof(out));
	assert_string_equal(out, ".");
}

/* A line of `size` bytes and a short one behind it. */
static void cut_long_line(size_t size, const char *rest, char *out, size_t out_size)
{
	char *text = malloc(size + strlen(rest) + 1);

	assert_non_null(text);
	memset(text, 'x', size);
	memcpy(text + size, rest, strlen(rest) + 1);
	cut_lines(text, size + strlen(rest), 4096, out, out_size);
	free(text);
}

static void a_line_above_the_limit_is_dropped_alone(void **state)
{
	char out[256];

	(void)state;
	cut_long_line(CTL_MAX_REQUEST, "\nnext\n", out, sizeof(out));
	assert_string_equal(out, "<xxxxxxxxxxxxxxxxxxxx><next>.");
	cut_long_line(CTL_MAX_REQUEST + 1, "\nnext\n", out, sizeof(out));
	assert_string_equal(out, "!<next>.");
	cut_long_line(5 * CTL_MAX_REQUEST, "\nnext\n", out, sizeof(out));
	assert_string_equal(out, "!<next>.");
	cut_long_line(5 * CTL_MAX_REQUEST, "", out, sizeof(out));
	assert_string_equal(out, "!.");
}

static void requests_are_objects_with_a_command(void **state)
{
	static const struct {
		const char *line;
		int r;
		const char *says;
	} cases[] = {
		{ "{\"command\":\"status\"}", 0, "" },
		{ " {\"command\":\"drain\", \"pool\":\"web\"}\r", 0, "" },
		{ "", -EINVAL, "no JSON" },
		{ "hello", -EINVAL, "no JSON" },
		{ "{\"command\":\"status\"", -EINVAL, "no JSON" },
		{ "{\"command\":\"status\"} x", -EINVAL, "no JSON" },
		{ "{\"command\":\"a\",\"command\":\"b\"}", -EINVAL, "no JSON" },
		{ "{\"command\":\"\xff\"}", -EINVAL, "no JSON" },
		{ "{}", -EINVAL, "command" },
		{ "[\"command\"]", -EINVAL, "command" },
		{ "{\"command\":7}", -EINVAL, "command" },
		{ "{\"command\":\"\"}", -EINVAL, "command" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct err err = { "" };
		json_t *json = NULL;
		int r = proto_parse_request(cases[i].line, strlen(cases[i].line), &json, &err);

		print_message("# %s\n", cases[i].line);
		assert_int_equal(r, cases[i].r);
		assert_non_null(strstr(err.text, cases[i].says));
		assert_int_equal(json != NULL, r == 0);
		json_decref(json);
	}
}

static void answers_come_back_as_they_went(void **state)
{
	json_t *result = json_pack("{s:s}", "text", "two\nlines"), *back = NULL;
	char *line = proto_format_answer(result);

	(void)state;
	assert_non_null(line);
	assert_ptr_equal(strchr(line, '\n'), line + strlen(line) - 1);
	assert_int_equal(proto_parse_answer(line, strlen(line), &back, NULL), 0);
	assert_true(json_equal(result, back));
	json_decref(result);
	json_decref(back);
	free(line);

	line = proto_format_error(2, "pool web has no backend 10.0.0.99");
	assert_int_equal(proto_parse_answer(line, strlen(line), &back, NULL), 2);
	assert_string_equal(json_string_value(back), "pool web has no backend 10.0.0.99");
	json_decref(back);
	free(line);

	result = json_pack("{s:[s, s]}", "errors", "one", "two");
	line = proto_format_refusal(2, result);
	assert_int_equal(proto_parse_answer(line, strlen(line), &back, NULL), 2);
	assert_true(json_equal(result, back));
	json_decref(result);
	json_decref(back);
	free(line);

	line = proto_format_error(1, "cut in \xc3");
	assert_int_equal(proto_parse_answer(line, strlen(line), &back, NULL), 1);
	assert_string_equal(json_string_value(back), "cut in ?");
	json_decref(back);
	free(line);

	line = proto_format_answer(NULL);
	assert_int_equal(proto_parse_answer(line, strlen(line), &back, NULL), 1);
	assert_non_null(strstr(json_string_value(back), "memory"));
	json_decref(back);
	free(line);
}

static void strange_answers_are_refused(void **state)
{
	static const char *const lines[] = {
		"",
		"SSH-2.0-OpenSSH",
		"[]",
		"{\"ok\":true}",
		"{\"ok\":false,\"error\":\"x\"}",
		"{\"ok\":false,\"error\":\"x\",\"status\":0}",
		"{\"ok\":false,\"error\":7,\"status\":1}",
		"{\"ok\":1,\"result\":{}}",
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		json_t *back = NULL;

		assert_int_equal(proto_parse_answer(lines[i], strlen(lines[i]), &back, &err), -EPROTO);
		assert_null(back);
	}
}

static void requests_carry_their_arguments(void **state)
{
	char *line = proto_format_request("drain", json_pack("{s:s}", "pool", "web"));
	json_t *back = NULL;

	(void)state;
	assert_non_null(line);
	assert_int_equal(proto_parse_request(line, strlen(line), &back, NULL), 0);
	assert_string_equal(json_string_value(json_object_get(back, "command")), "drain");
	assert_string_equal(json_string_value(json_object_get(back, "pool")), "web");
	json_decref(back);
	free(line);
	line = proto_format_request("status", NULL);
	assert_string_equal(line, "{\"command\":\"status\"}\n");
	free(line);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lines_come_out_whole_however_they_come_in),
		cmocka_unit_test(a_line_above_the_limit_is_dropped_alone),
		cmocka_unit_test(requests_are_objects_with_a_command),
		cmocka_unit_test(answers_come_back_as_they_went),
		cmocka_unit_test(strange_answers_are_refused),
		cmocka_unit_test(requests_carry_their_arguments),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
