/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert version: what this binary is, and what lies pinned. Fails for nothing but a wrong command line: what
 * cannot be read is told. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static const char help[] =
	"usage: culvert version [OPTION…]\n\n"
	"Shows the version, the program tag and the map schema of this binary, and of what is pinned:\n"
	"its schema, the version that laid it down, the program on each interface and its tag. The tag\n"
	"is the kernel's digest of a program's instructions, as `bpftool prog` shows it: if the tags are\n"
	"equal, what is attached is what this binary brings. The kernel tells it to root alone; that of\n"
	"the binary by loading the program for a moment.\n\n" CLI_PIN_DIR_HELP CLI_JSON_HELP CLI_HELP_HELP
	"\nExample:\n  culvert version --json\n";

static const struct option options[] = { CLI_WHERE, CLI_JSON, CLI_HELP, { 0 } };

static const struct cli_spec spec = { .name = "version", .help = help, .options = options };

struct pinned {
	struct cv_meta meta;
	struct dp_interface interface[CV_MAX_INTERFACES];
	char tag[CV_MAX_INTERFACES][DP_TAG_LEN]; /* "": not told */
	int interfaces;				 /* how many */
};

static int read_pinned(const char *pin_dir, struct pinned *ret, struct err *err)
{
	struct dp *dp = NULL;
	int r;

	r = dp_open(pin_dir, &dp, err);
	if (!r)
		r = dp_meta(dp, &ret->meta, err);
	if (!r)
		r = ret->interfaces = dp_interfaces(pin_dir, ret->interface, CV_MAX_INTERFACES, err);
	if (r > CV_MAX_INTERFACES)
		ret->interfaces = CV_MAX_INTERFACES;
	for (int i = 0; i < ret->interfaces; i++)
		if (dp_program_tag(ret->interface[i].program_id, ret->tag[i], NULL))
			ret->tag[i][0] = '\0';
	dp_free(dp);
	return r < 0 ? r : 0;
}

/* For JSON: NULL if there is none. */
static const char *known(const char *tag)
{
	return *tag ? tag : NULL;
}

static json_t *pinned_to_json(const struct pinned *pinned)
{
	json_t *list = json_array();

	for (int i = 0; i < pinned->interfaces; i++) {
		const struct dp_interface *at = &pinned->interface[i];

		json_array_append_new(list,
				      json_pack("{s:s, s:I, s:s, s:I, s:s?}", "name", at->name, "ifindex",
						(json_int_t)at->ifindex, "mode", attach_mode_name(at->mode),
						"program_id", (json_int_t)at->program_id, "program_tag",
						known(pinned->tag[i])));
	}
	return json_pack("{s:I, s:s%, s:o}", "schema", (json_int_t)pinned->meta.schema, "version",
			 pinned->meta.version, strnlen(pinned->meta.version, sizeof(pinned->meta.version)),
			 "interfaces", list);
}

static void print_interface(const struct dp_interface *at, const char *tag, const char *own)
{
	printf("%s: program %u, %s", at->name, at->program_id, attach_mode_name(at->mode));
	if (*tag)
		printf(", tag %s", tag);
	if (*tag && *own)
		fputs(strcmp(tag, own) != 0 ? ": not the program of this binary" : ", as in this binary",
		      stdout);
	putchar('\n');
}

static void print_pinned(const char *pin_dir, const struct pinned *pinned, const char *own)
{
	printf("pinned below %s: map schema %u, laid down by %.*s\n", pin_dir, pinned->meta.schema,
	       (int)sizeof(pinned->meta.version), pinned->meta.version);
	for (int i = 0; i < pinned->interfaces; i++)
		print_interface(&pinned->interface[i], pinned->tag[i], own);
}

int cmd_version(int argc, char **argv)
{
	struct pinned pinned = { .interfaces = 0 };
	struct err err = { "" }, no_tag = { "" };
	char own[DP_TAG_LEN] = "";
	struct cli cli;
	int status, r;

	status = cli_parse(&spec, argc, argv, &cli, NULL);
	if (status != CLI_GO_ON)
		return status;
	r = read_pinned(cli_pin_dir(&cli), &pinned, &err);
	if (dp_own_tag(own, &no_tag))
		own[0] = '\0';
	if (cli.json)
		return cli_print_json(spec.name, json_pack("{s:s, s:s?, s:i, s:s, s:o?, s:s*}", "version",
							   CV_VERSION, "program_tag", known(own), "schema",
							   CV_SCHEMA_VERSION, "pin_dir", cli_pin_dir(&cli),
							   "pinned", r ? NULL : pinned_to_json(&pinned),
							   "error", r && r != -ENOENT ? err.text : NULL));
	printf("culvert %s, map schema %d, program tag %s\n", CV_VERSION, CV_SCHEMA_VERSION,
	       *own ? own : "not known");
	if (!*own)
		printf("%s\n", no_tag.text);
	if (!r)
		print_pinned(cli_pin_dir(&cli), &pinned, own);
	else if (r == -ENOENT)
		printf("nothing is pinned below %s\n", cli_pin_dir(&cli));
	else
		printf("what is pinned below %s cannot be read: %s\n", cli_pin_dir(&cli), err.text);
	return CLI_DONE;
}
