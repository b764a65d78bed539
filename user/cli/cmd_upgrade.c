/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert upgrade: what culvertd does with an older data plane at its start, for a daemon that lacks the right to. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
	"usage: culvert upgrade [OPTION…]\n\n"
	"Puts the program of this version in the place of the one that is attached, in one step, while\n"
	"packets flow. What maps of an older schema hold comes over: flows, counters, configuration.\n"
	"Does nothing where there is nothing to do. Run it as root, while culvertd does not run: culvertd\n"
	"does the same at its start, but from maps of an older schema only with CAP_SYS_ADMIN, which\n"
	"its systemd unit does not give it; the unit runs this command first.\n\n" CLI_PIN_DIR_HELP
		CLI_JSON_HELP CLI_HELP_HELP "\nExample:\n  culvert upgrade\n";

static const struct option options[] = { CLI_WHERE, CLI_JSON, CLI_HELP, { 0 } };

static const struct cli_spec spec = { .name = "upgrade", .help = help, .options = options };

static json_t *migrated_to_json(const struct dp_migrated *migrated)
{
	return json_pack("{s:I, s:s, s:I, s:I}", "schema", (json_int_t)migrated->schema, "version",
			 migrated->version, "flows", (json_int_t)migrated->flows, "took_ms",
			 (json_int_t)migrated->took_ms);
}

static void print_migrated(const struct dp_migrated *migrated)
{
	printf("%llu flows came over from map schema %u (culvert %s) in %llu ms\n",
	       (unsigned long long)migrated->flows, migrated->schema, migrated->version,
	       (unsigned long long)migrated->took_ms);
	if (migrated->verdicts_lost)
		puts("the counters of verdicts begin anew: that schema did not know their names");
}

static int report(const struct cli *cli, const struct dp *dp)
{
	struct dp_migrated migrated;
	bool is_migrated = dp_migration(dp, &migrated);

	if (cli->json)
		return cli_print_json(spec.name, json_pack("{s:b, s:i, s:o?}", "upgraded", 1, "schema",
							   CV_SCHEMA_VERSION, "migrated",
							   is_migrated ? migrated_to_json(&migrated) : NULL));
	if (is_migrated)
		print_migrated(&migrated);
	puts("the program of culvert " CV_VERSION " is in force");
	return CLI_DONE;
}

static int report_nothing(struct cli *cli, const char *why)
{
	if (cli->json)
		return cli_print_json(spec.name, json_pack("{s:b, s:i, s:n}", "upgraded", 0, "schema",
							   CV_SCHEMA_VERSION, "migrated"));
	printf("%s below %s: nothing to do\n", why, cli_pin_dir(cli));
	return CLI_DONE;
}

/* Whether this version laid down what is pinned, and no dispatcher calls another program. */
static bool is_of_this_version(struct dp *dp, const char *pin_dir)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	struct cv_meta meta;
	int nr = dp_interfaces(pin_dir, list, CV_MAX_INTERFACES, NULL);

	if (nr < 0 || dp_meta(dp, &meta, NULL) || strcmp(meta.version, CV_VERSION) != 0)
		return false;
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++)
		if (list[i].outdated)
			return false;
	return true;
}

int cmd_upgrade(int argc, char **argv)
{
	struct dp *dp = NULL;
	struct cli cli;
	struct err err;
	int status = cli_parse(&spec, argc, argv, &cli, NULL), r;
	bool is_same;

	if (status != CLI_GO_ON)
		return status;
	r = dp_open(cli_pin_dir(&cli), &dp, &err);
	if (r == -ENOENT)
		return report_nothing(&cli, "nothing is pinned");
	is_same = !r && is_of_this_version(dp, cli_pin_dir(&cli));
	dp_free(dp);
	dp = NULL;
	if (is_same)
		return report_nothing(&cli, "this version is in force");
	if (dp_take(cli_pin_dir(&cli), NULL, &dp, &err) < 0)
		return cli_complain(spec.name, CLI_FAILED, "%s", err.text);
	status = report(&cli, dp);
	dp_free(dp);
	return status;
}
