/* SPDX-License-Identifier: GPL-2.0-only */
/* cli/top: rates from two readings, the busiest first, on as many lines as there are. */
#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "cli/top.h"

struct scene {
	struct image *image;
	struct top_sample *from, *to;
	struct top *top;
};

/* Listeners l1, l2, l3 and as many backends, of which each does more than the one before it. */
static int begin(void **state)
{
	struct scene *s = calloc(1, sizeof(*s));

	assert_non_null(s);
	s->image = image_new();
	s->from = calloc(1, sizeof(*s->from));
	s->to = calloc(1, sizeof(*s->to));
	s->top = calloc(1, sizeof(*s->top));
	assert_true(s->image && s->from && s->to && s->top);
	snprintf(s->image->pool[1].name, sizeof(s->image->pool[1].name), "web");
	s->from->at_ns = 1000000000;
	s->to->at_ns = 3000000000;
	for (uint16_t id = 1; id <= 3; id++) {
		struct cv_listener *listener = &s->image->listener[id];
		struct cv_backend *backend = &s->image->backend[id];

		snprintf(listener->name, sizeof(listener->name), "l%u", id);
		listener->protocol = CV_PROTOCOL_TCP;
		listener->port_first = 80;
		listener->port_last = 89;
		*backend = (struct cv_backend){ .pool = 1, .state = CV_BACKEND_UP, .family = CV_FAMILY_IPV4 };
		memcpy(backend->address, (uint8_t[]){ 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 255, 255, 10, 0, 0, 0 },
		       16);
		backend->address[15] = (uint8_t)id;
		s->from->listener[id] = (struct cv_listener_stats){ .packets = 1000, .bytes = 5000 };
		s->to->listener[id] = (struct cv_listener_stats){ .packets = 1000 + 20 * id,
								  .bytes = 5000 + 2000 * id,
								  .new_flows = 2 * id };
		s->to->listener_use[id] = (struct cv_flow_counts){ .open = 7 * id, .closing = 1 };
		s->to->backend[id] =
			(struct cv_backend_stats){ .packets = 20 * id, .bytes = 2000 * id, .new_flows = id };
		s->to->backend_use[id].open = id + 1;
	}
	s->from->verdict[CV_DROP_TTL].packets = 10;
	s->to->verdict[CV_DROP_TTL].packets = 20;
	s->from->verdict[CV_DROP_QUOTA].packets = s->to->verdict[CV_DROP_QUOTA].packets = 3;
	s->to->verdict[CV_PASS_NOT_VIP].packets = 4;
	image_index(s->image);
	*state = s;
	return 0;
}

static int end(void **state)
{
	struct scene *s = *state;

	image_free(s->image);
	free(s->from);
	free(s->to);
	free(s->top);
	free(s);
	return 0;
}

static void test_rates(void **state)
{
	struct scene *s = *state;
	const struct top *top = s->top;

	top_build(s->image, s->from, s->to, s->top);
	assert_int_equal(top->listeners, 3);
	assert_int_equal(top->backends, 3);
	for (uint16_t place = 0; place < 3; place++) {
		uint16_t id = (uint16_t)(3 - place);

		assert_int_equal(top->listener[place].id, id);
		assert_true(top->listener[place].packets_per_s == 10.0 * id);
		assert_true(top->listener[place].bits_per_s == 8000.0 * id);
		assert_true(top->listener[place].new_flows_per_s == id);
		assert_int_equal(top->listener[place].active_flows, 7 * id);
		assert_int_equal(top->backend[place].id, id);
		assert_true(top->backend[place].packets_per_s == 10.0 * id);
		assert_int_equal(top->backend[place].active_flows, id + 1);
	}
	assert_true(top->all.packets_per_s == 60);
	assert_int_equal(top->all.active_flows, 42);
	assert_true(top_class_per_s(top, CV_CLASS_DROP) == 5);
	assert_true(top_class_per_s(top, CV_CLASS_PASS) == 2);
}

static void test_what_went_back_stands_still(void **state)
{
	struct scene *s = *state;

	s->from->listener[3].packets = 1000000;
	top_build(s->image, s->from, s->to, s->top);
	assert_int_equal(s->top->listener[2].id, 3);
	assert_true(s->top->listener[2].packets_per_s == 0);
	s->to->at_ns = s->from->at_ns;
	top_build(s->image, s->from, s->to, s->top);
	assert_true(s->top->all.packets_per_s == 0);
}

static char *print(struct scene *s, unsigned lines)
{
	char *text = NULL;
	size_t size = 0;
	FILE *to = open_memstream(&text, &size);

	assert_non_null(to);
	top_build(s->image, s->from, s->to, s->top);
	assert_int_equal(top_print(s->top, s->image, lines, to), 0);
	fclose(to);
	return text;
}

static void test_prints(void **state)
{
	char *text = print(*state, 0);

	assert_string_equal(text,
			    "forwarded 60 packets/s, 48.0 kbit/s; 6 new flows/s, 42 flows; dropped 5/s, "
			    "passed on 2/s\n"
			    "\n"
			    "LISTENER  ADDRESS         PACKETS/S      TRAFFIC  NEW/S  FLOWS\n"
			    "l3        [::]:80-89/tcp         30  24.0 kbit/s      3     21\n"
			    "l2        [::]:80-89/tcp         20  16.0 kbit/s      2     14\n"
			    "l1        [::]:80-89/tcp         10  8.00 kbit/s      1      7\n"
			    "\n"
			    "POOL  BACKEND   PACKETS/S      TRAFFIC  NEW/S  FLOWS\n"
			    "web   10.0.0.3         30  24.0 kbit/s   1.50      4\n"
			    "web   10.0.0.2         20  16.0 kbit/s      1      3\n"
			    "web   10.0.0.1         10  8.00 kbit/s   0.50      2\n"
			    "\n"
			    "DROPPED        PACKETS/S  PACKETS  WHY\n"
			    "ttl                    5       20  TTL or hop limit used up\n"
			    "listener_full          0        3  a new flow, and the listener has as many as "
			    "its max_flows allows\n");
	free(text);
}

static void test_fits_the_screen(void **state)
{
	struct scene *s = *state;

	for (uint16_t id = 1; id <= 100; id++) {
		s->image->listener[id] = s->image->listener[1];
		snprintf(s->image->listener[id].name, sizeof(s->image->listener[id].name), "l%u", id);
		s->image->backend[id] = s->image->backend[1];
		s->image->backend[id].address[15] = (uint8_t)id;
	}
	image_index(s->image);
	for (unsigned lines = 15; lines < 250; lines++) {
		char *text = print(s, lines);
		unsigned nr = 0;

		for (const char *c = text; *c; c++)
			nr += *c == '\n';
		assert_in_range(nr, 10, lines);
		assert_non_null(strstr(text, "TTL"));
		free(text);
	}
}

static void test_json(void **state)
{
	struct scene *s = *state;
	const char *listener, *pool, *address;
	double per_s, ttl;
	json_int_t flows, packets;
	json_t *json;

	top_build(s->image, s->from, s->to, s->top);
	json = top_json(s->top, s->image);
	assert_int_equal(json_unpack(json, "{s:[{s:s, s:F, s:I}], s:[{s:s, s:s}], s:{s:{s:F, s:I}}}",
				     "listeners", "name", &listener, "packets_per_s", &per_s, "active_flows",
				     &flows, "backends", "pool", &pool, "address", &address, "drops", "ttl",
				     "packets_per_s", &ttl, "packets", &packets),
			 0);
	assert_string_equal(listener, "l3");
	assert_true(per_s == 30 && ttl == 5);
	assert_int_equal(flows, 21);
	assert_int_equal(packets, 20);
	assert_string_equal(pool, "web");
	assert_string_equal(address, "10.0.0.3");
	json_decref(json);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rates, begin, end),
		cmocka_unit_test_setup_teardown(test_what_went_back_stands_still, begin, end),
		cmocka_unit_test_setup_teardown(test_prints, begin, end),
		cmocka_unit_test_setup_teardown(test_fits_the_screen, begin, end),
		cmocka_unit_test_setup_teardown(test_json, begin, end),
	};

	return cmocka_run_group_tests_name("top", tests, NULL, NULL);
}
