/* SPDX-License-Identifier: GPL-2.0-only */
/* model/model and model/validate: relations of models that were not read from a file. Their memory, in test_memory.c. */
#include "model_parts.h"

#include <errno.h>
#include <string.h>

#include "cv_defs.h"

/* --- what is reported ----------------------------------------------------------------------------- */

struct faults {
	size_t nr;
	struct model_fault last;
};

static void keep_last(const struct model_fault *fault, void *arg)
{
	struct faults *faults = arg;

	faults->nr++;
	faults->last = *fault;
}

/* Validates and frees; exactly one fault is expected, or none if `path` is NULL. */
static void expect(struct model *model, const char *path, unsigned line, const char *text)
{
	struct faults faults = {};

	assert_int_equal(model_validate(model, keep_last, &faults), path ? 1 : 0);
	assert_int_equal(faults.nr, path ? 1 : 0);
	if (path) {
		assert_string_equal(faults.last.path, path);
		assert_string_equal(faults.last.text, text);
		assert_int_equal(faults.last.mark.line, line);
	}
	model_free(model);
}

static struct model *new_model(void)
{
	struct model *model = model_new();

	assert_non_null(model);
	add_pool(model);
	return model;
}

/* --- tests ---------------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
	struct model *model = model_new();
	char text[ADDR_PORT_TEXT_LEN];

	(void)state;
	assert_int_equal(model->flow_table.max_flows, CV_DEFAULT_MAX_FLOWS);
	assert_int_equal(model->flow_table.when_full, CV_FULL_EVICT);
	assert_string_equal(addr_format_port(&model->metrics.address, model->metrics.port, text),
			    "127.0.0.1:9469");
	assert_int_equal(model->encapsulation.source4_length, 0);
	assert_int_equal(model->encapsulation.source6_length, 0);
	assert_string_equal(model->seed, "");
	expect(model, NULL, 0, NULL);
	model_free(NULL);
}

static void test_find(void **state)
{
	struct model *model = new_model();

	(void)state;
	add_pool(model);
	add_listener(model, "192.0.2.1", 80, 80);
	add_listener(model, "192.0.2.1", 81, 81);
	assert_int_equal(model_find_listener(model, "listener-1"), 1);
	assert_int_equal(model_find_listener(model, "pool-1"), -ENOENT);
	assert_int_equal(model_find_pool(model, "pool-0"), 0);
	assert_int_equal(model_find_pool(model, ""), -ENOENT);
	model_free(model);
}

static void test_names(void **state)
{
	struct model *model = new_model();

	(void)state;
	add_listener(model, "192.0.2.1", 80, 80);
	add_listener(model, "192.0.2.1", 81, 81);
	add_listener(model, "192.0.2.1", 82, 82);
	strcpy(model->listeners[2].name, "listener-0");
	expect(model, "listeners[2].name", 3,
	       "\"listener-0\": the name of listeners[0] in line 1 already, must be unique");

	model = new_model();
	add_pool(model);
	strcpy(model->pools[0].name, "pool-1");
	expect(model, "pools[1].name", 1001,
	       "\"pool-1\": the name of pools[0] in line 1000 already, must be unique");

	model = new_model();
	model->interfaces_nr = 2;
	strcpy(model->interfaces[0].name, "eth0");
	strcpy(model->interfaces[1].name, "eth0");
	expect(model, "interfaces[1].name", 0,
	       "\"eth0\": the name of interfaces[0] in line 0 already, must be unique");
}

static void test_claims_allowed(void **state)
{
	struct model *model = new_model();

	(void)state;
	add_listener(model, "192.0.2.1", 80, 80);
	add_listener(model, "192.0.2.1", 81, 81);
	add_listener(model, "192.0.2.2", 80, 80);
	add_listener(model, "2001:db8::1", 80, 80);
	add_listener(model, "192.0.2.1", 80, 80)->protocol = CV_PROTOCOL_UDP;
	add_listener(model, "192.0.2.1", 1, 65535);
	add_listener(model, "192.0.2.1", 70, 90);
	add_listener(model, "192.0.2.1", 91, 100);
	add_listener(model, "192.0.2.1", 1, 65534)->protocol = CV_PROTOCOL_UDP;
	expect(model, NULL, 0, NULL);
}

static void test_claims_refused(void **state)
{
	static const struct {
		unsigned first[2], last[2];
		bool is_range;
	} cases[] = {
		{ { 80, 80 }, { 80, 80 }, false }, { { 1, 1 }, { 65535, 65535 }, false },
		{ { 70, 70 }, { 90, 90 }, true },  { { 70, 90 }, { 90, 100 }, true },
		{ { 90, 70 }, { 100, 90 }, true }, { { 70, 75 }, { 90, 80 }, true },
		{ { 75, 70 }, { 80, 90 }, true },  { { 2, 65534 }, { 65535, 65535 }, true },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		struct model *model = new_model();

		add_listener(model, "192.0.2.1", cases[i].first[0], cases[i].last[0]);
		add_listener(model, "192.0.2.1", cases[i].first[1], cases[i].last[1]);
		expect(model, "listeners[1].port", 2,
		       cases[i].is_range
			       ? "must not share a port with the range of listeners[0] in line 1, of the same "
				 "address and protocol"
			       : "listeners[0] in line 1 has this address, protocol and port: one must differ");
	}
}

/* A narrow range between two others does not hide the wide one before it. */
static void test_claims_behind(void **state)
{
	struct model *model = new_model();
	struct faults faults = {};

	(void)state;
	add_listener(model, "192.0.2.1", 1000, 5000);
	add_listener(model, "192.0.2.1", 2000, 3000);
	add_listener(model, "192.0.2.1", 4000, 6000);
	add_listener(model, "192.0.2.1", 6001, 7000);
	assert_int_equal(model_validate(model, keep_last, &faults), 2);
	assert_string_equal(faults.last.path, "listeners[2].port");
	assert_string_equal(faults.last.text,
			    "must not share a port with the range of listeners[0] in line 1, of the same "
			    "address and protocol");
	model_free(model);
}

static void test_l2(void **state)
{
	static const struct {
		const char *listener, *backend, *text;
	} cases[] = {
		{ "192.0.2.1", "10.0.0.1", NULL },
		{ "2001:db8::1", "2001:db8::2", NULL },
		{ "192.0.2.1", "2001:db8::2",
		  "l2 cannot reach backend 2001:db8::2 in line 2000 from an IPv4 address: must be ipip or gue" },
		{ "2001:db8::1", "10.0.0.1",
		  "l2 cannot reach backend 10.0.0.1 in line 2000 from an IPv6 address: must be ipip or gue" },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++) {
		for (int l2 = 0; l2 < 2; l2++) {
			struct model *model = new_model();

			add_backend(&model->pools[0], address(cases[i].backend));
			if (l2)
				add_listener(model, cases[i].listener, 80, 80)->forward = CV_FORWARD_L2;
			else
				add_listener(model, cases[i].listener, 80, 80);
			expect(model, l2 && cases[i].text ? "listeners[0].forward" : NULL, 1, cases[i].text);
		}
	}
}

static void test_backends(void **state)
{
	struct model *model = new_model();

	(void)state;
	add_pool(model);
	add_backend(&model->pools[0], address("10.0.0.1"));
	add_backend(&model->pools[1], address("10.0.0.1"));
	add_backend(&model->pools[1], address("10.0.0.2"));
	add_backend(&model->pools[1], address("10.0.0.1"));
	expect(model, "pools[1].backends[2].address", 2002,
	       "the same backend as backends[0] in line 2000, must be unique in its pool");

	model = new_model();
	add_listener(model, "192.0.2.1", 80, 80);
	add_listener(model, "2001:db8::1", 80, 80);
	add_backend(&model->pools[0], address("10.0.0.1"));
	add_backend(&model->pools[0], address("2001:db8::1"));
	expect(model, "pools[0].backends[1].address", 2001,
	       "a listener's address: packets would come back, must be another");
}

static void test_health_port(void **state)
{
	struct model *model = new_model();

	(void)state;
	model->pools[0].health.type = HEALTH_TCP;
	add_listener(model, "192.0.2.1", 80, 80);
	add_listener(model, "192.0.2.2", 1, 65535);
	expect(model, NULL, 0, NULL);

	model = new_model();
	model->pools[0].health.type = HEALTH_TCP;
	add_listener(model, "192.0.2.2", 1, 65535);
	add_listener(model, "192.0.2.1", 80, 80);
	model->pools[0].health.port = 80;
	expect(model, NULL, 0, NULL);

	model = new_model();
	model->pools[0].health.type = HEALTH_TCP;
	add_listener(model, "192.0.2.2", 8000, 8099);
	add_listener(model, "192.0.2.1", 80, 80);
	expect(model, "pools[0].health.port", 1000,
	       "missing: must be given, as listeners[0] in line 1 has more than one port");
}

static struct addr numbered(size_t n)
{
	const uint8_t wire[4] = { 10, (uint8_t)(n >> 16), (uint8_t)(n >> 8), (uint8_t)n };
	struct addr addr;

	assert_int_equal(addr_from_wire(AF_INET, wire, &addr), 0);
	return addr;
}

static void test_limits(void **state)
{
	struct model *model = new_model();

	(void)state;
	model->pools[0].table_size = 251;
	for (size_t i = 0; i < 252; i++)
		add_backend(&model->pools[0], numbered(i));
	expect(model, "pools[0].table_size", 1000, "251 slots for 252 backends: must be at least one each");

	model = new_model();
	for (unsigned i = 0; i <= CV_MAX_LISTENERS; i++)
		add_listener(model, "192.0.2.1", i + 1, i + 1);
	expect(model, "listeners", CV_MAX_LISTENERS + 1, "1025 are too many: at most 1024 are allowed");

	model = new_model();
	while (model->pools_nr <= CV_MAX_POOLS)
		add_pool(model);
	expect(model, "pools", 1000 + CV_MAX_POOLS, "1025 are too many: at most 1024 are allowed");

	model = new_model();
	add_pool(model);
	for (size_t i = 0; i <= CV_MAX_BACKENDS; i++)
		add_backend(&model->pools[i % 2], numbered(i));
	expect(model, "pools[1].backends", 1001,
	       "16385 backends in the pools up to this one: at most 16384 are allowed in all");
}

/* What a wrong value leaves behind causes no fault of its own. */
static void test_holes(void **state)
{
	struct model *model = new_model();

	(void)state;
	for (unsigned i = 0; i < 3; i++) {
		struct listener_conf *listener = add_listener(model, "::", 1, 65535);

		listener->name[0] = '\0';
		listener->pool = SIZE_MAX;
		listener->forward = CV_FORWARD_L2;
		add_listener(model, "192.0.2.1", 0, 0);
		add_listener(model, "192.0.2.1", 80, 80)->protocol = CV_PROTOCOL_NONE;
		add_backend(&model->pools[0], (struct addr){});
		add_pool(model)->name[0] = '\0';
	}
	model->pools[0].table_size = 0;
	expect(model, NULL, 0, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_claims_allowed),
		cmocka_unit_test(test_claims_refused),
		cmocka_unit_test(test_claims_behind),
		cmocka_unit_test(test_l2),
		cmocka_unit_test(test_backends),
		cmocka_unit_test(test_health_port),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_holes),
	};

	return cmocka_run_group_tests_name("validate", tests, NULL, NULL);
}
