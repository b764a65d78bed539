/* SPDX-License-Identifier: GPL-2.0-only */
/* model/memory: what the maps of a model take. Which models there may be, in test_validate.c. */
#include "model_parts.h"

#include <string.h>

#include "cv_defs.h"

static void add_up(const char *map, uint64_t bytes, void *arg)
{
	uint64_t *sum = arg;

	*sum += bytes;
	/* bytes_memlock of such maps on Linux 6.18 */
	if (!strcmp(map, "cv_flows"))
		assert_in_range(bytes, 125830016 - 4096, 125830016 + 4096);
	if (!strcmp(map, "cv_half_open"))
		assert_in_range(bytes, 9438080 - 4096, 9438080 + 4096);
	if (!strcmp(map, "cv_listeners"))
		assert_in_range(bytes, 139264 - 4096, 139264 + 4096);
	if (!strcmp(map, "cv_per_backend"))
		assert_in_range(bytes, 917872 - 4096, 917872 + 4096);
}

static void ignore(const char *map, uint64_t bytes, void *arg)
{
	(void)map;
	(void)bytes;
	(void)arg;
}

static void test_memory(void **state)
{
	struct model *model = model_new();
	uint64_t sum = 0, total, with_pool;

	(void)state;
	total = model_memory(model, 2, add_up, &sum);
	assert_int_equal(sum, total);
	add_pool(model);
	with_pool = model_memory(model, 2, ignore, NULL);
	/* a page of header, and 4,097 lines of 64 bytes in whole pages */
	assert_int_equal(with_pool - total, (1 + 65) * 4096);
	model->flow_table.when_full = CV_FULL_REJECT;
	/* a spare element for each processor, and room that goes beyond a power of two: twice the buckets */
	assert_int_equal(model_memory(model, 2, ignore, NULL),
			 with_pool + (CV_FLOWS_SLACK + 2) * (104 + 128) + 2 * 16 * CV_DEFAULT_MAX_FLOWS);
	model_free(model);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_memory),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
