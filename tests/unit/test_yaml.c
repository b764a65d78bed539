/* SPDX-License-Identifier: GPL-2.0-only */
/* config/yaml: texts that are no configuration at all, and the bounds of a tree. */
#include <stdlib.h>

#include "config/yaml.h"
#include "config_expect.h"

/* --- what is no configuration at all -------------------------------------------------------------- */

static void test_syntax(void **state)
{
	static const struct {
		const char *text, *error;
	} cases[] = {
		{ "", "1:1: yaml: nothing is configured: a file that balances nothing says listeners: []" },
		{ "# later\n",
		  "1:1: yaml: nothing is configured: a file that balances nothing says listeners: []" },
		{ "---\n",
		  "2:1: yaml: nothing is configured: a file that balances nothing says listeners: []" },
		{ "listeners: [\n", "2:1: yaml: did not find expected node content, while parsing a flow "
				    "node that began in line 2" },
		{ "seed: b: c", "1:8: yaml: mapping values are not allowed in this context" },
		{ "listeners:\n\t- name: a\n",
		  "2:1: yaml: this character cannot start a value: indent with spaces, not tabs; quote % @ `" },
		{ "metrics: {listen: [::1]:80}\n",
		  "1:20: yaml: did not find expected node content, while parsing a flow node that began in line 1" },
		{ "seed: &a b\n",
		  "1:7: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "pools: &a []\n",
		  "1:8: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "metrics: &a {}\n",
		  "1:10: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "&a seed: b\n",
		  "1:1: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "seed: *a\n",
		  "1:7: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "*a : b\n",
		  "1:1: yaml: anchors and aliases (&name, *name) are not supported: write the value out" },
		{ "seed: !!str b\n", "1:7: yaml: tags (!name) are not supported: leave it out" },
		{ "pools: !x []\n", "1:8: yaml: tags (!name) are not supported: leave it out" },
		{ "metrics: !x {}\n", "1:10: yaml: tags (!name) are not supported: leave it out" },
		{ "[a]: b\n", "1:1: yaml: a key must be a word, not a list or a mapping" },
		{ "seed: a\n---\nseed: b\n", "2:1: yaml: a second document: only one is allowed" },
		{ "seed: \"a\\0b\"\n", "1:7: yaml: a text must not contain \\0" },
		{ "seed: a\n# \xc3\xa4 \xff\n",
		  "2:5: yaml: not a text in UTF-8: invalid leading UTF-8 octet" },
		{ "seed: a\x01\n", "1:8: yaml: not a text in UTF-8: control characters are not allowed" },
		{ "a: [[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]", "1:19: yaml: nested deeper than 16 levels" },
	};

	(void)state;
	for (size_t i = 0; i < CV_ARRAY_SIZE(cases); i++)
		expect_one(cases[i].text, cases[i].error);
	expect_bytes("seed: a\0b", 9, "1:8: yaml: not a text in UTF-8: control characters are not allowed\n");
}

static void test_bounds(void **state)
{
	char *text = malloc(2 * YAML_MAX_NODES + 16);
	char *end;

	(void)state;
	assert_non_null(text);
	end = stpcpy(text, "pools: [");
	for (size_t i = 0; i < YAML_MAX_NODES; i++)
		end = stpcpy(end, "a,");
	/* the mapping and the list count as well */
	expect(text, "1:524293: yaml: more than 262144 values in one file\n");
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_syntax),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests_name("yaml", tests, NULL, NULL);
}
