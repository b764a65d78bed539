/* SPDX-License-Identifier: GPL-2.0-only */
/* config/config: files that cannot be read or are too large, and as much text as there may be. What is right and wrong
 * in a file, in test_config.c. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"

static void test_load(void **state)
{
	char path[] = "/tmp/culvert-test-XXXXXX";
	struct config_errors errors;
	struct model *model = NULL;
	struct err err = {};
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(config_load("/nonexistent/culvert.yaml", &model, &errors, &err), -ENOENT);
	assert_string_equal(err.text, "cannot read /nonexistent/culvert.yaml: No such file or directory");
	assert_int_equal(errors.nr, 0);
	assert_int_equal(config_load("/tmp", &model, &errors, &err), -EISDIR);

	assert_int_equal(write(fd, "seed: [\n", 8), 8);
	assert_int_equal(config_load(path, &model, &errors, &err), -EINVAL);
	assert_int_equal(errors.nr, 1);
	config_errors_done(&errors);
	config_errors_done(&errors);

	assert_int_equal(ftruncate(fd, (16 << 20) + 1), 0);
	assert_int_equal(config_load(path, &model, &errors, &err), -EFBIG);
	assert_non_null(strstr(err.text, "larger than 16 MiB"));
	assert_null(model);
	close(fd);
	unlink(path);
}

/* Ten backends to each listener. `is_bad` makes all names, claims and backends the same. */
static char *big_text(unsigned listeners, bool is_bad, size_t *ret_size)
{
	char *text = NULL;
	FILE *file = open_memstream(&text, ret_size);

	assert_non_null(file);
	fputs("listeners:\n", file);
	for (unsigned i = 0; i < listeners; i++) {
		unsigned n = is_bad ? 0 : i;

		fprintf(file, "  - { name: l%u, address: 192.0.%u.%u, protocol: tcp, port: 80, pool: p%u }\n",
			n, n / 256, n % 256, is_bad ? listeners : n);
	}
	fputs("pools:\n", file);
	for (unsigned i = 0; i < listeners; i++) {
		unsigned n = is_bad ? 0 : i;

		fprintf(file, "  - name: p%u\n    backends:\n", n);
		for (unsigned j = 0; j < 10; j++)
			fprintf(file, "      - address: 10.%u.%u.%u\n", n / 256, n % 256, is_bad ? 0 : j);
	}
	fclose(file);
	assert_non_null(text);
	return text;
}

/* Anything quadratic takes minutes here. */
static void test_big(void **state)
{
	struct config_errors errors;
	struct model *model = NULL;
	clock_t start = clock();
	size_t size;
	char *text;

	(void)state;
	text = big_text(1000, false, &size);
	assert_int_equal(config_parse(text, size, &model, &errors), 0);
	assert_int_equal(model->listeners_nr, 1000);
	assert_int_equal(model->listeners[999].pool, 999);
	assert_int_equal(model->pools[999].backends_nr, 10);
	model_free(model);
	model = NULL;
	free(text);

	text = big_text(1000, true, &size);
	assert_int_equal(config_parse(text, size, &model, &errors), -EINVAL);
	/* of listeners: name, claim, pool; of pools: name, and of each ten backends nine */
	assert_int_equal(errors.nr, 999 + 999 + 1000 + 999 + 9000);
	config_errors_done(&errors);
	free(text);
	assert_true(clock() - start < 5 * CLOCKS_PER_SEC);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_big),
	};

	return cmocka_run_group_tests_name("config_file", tests, NULL, NULL);
}
