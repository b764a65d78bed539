/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert attach, culvert detach: the program on and off interfaces, with or without a daemon. */
#include <errno.h>
#include <string.h>

#include "cli/cli.h"

static const char attach_help[] =
	"usage: culvert attach [OPTION…] IFACE…\n\n"
	"Puts the program on each IFACE. Loads it first and pins its maps if nothing is pinned yet;\n"
	"it balances what a culvertd has configured, and passes everything until one has.\n\n"
	"  --mode MODE        native: in the driver; generic: in the kernel, slower;\n"
	"                     auto: native, or generic where the driver has none (default)\n" CLI_PIN_DIR_HELP
		CLI_JSON_HELP CLI_HELP_HELP "\nExample:\n  culvert attach eth0 eth1 --mode native\n";

static const char detach_help[] =
	"usage: culvert detach [OPTION…] IFACE…\n"
	"       culvert detach [OPTION…] --all\n\n"
	"Takes the program off each IFACE; the maps stay, with flows and counters.\n\n"
	"  --all              off all interfaces, and every pin is removed: flows and counters go\n" CLI_PIN_DIR_HELP
		CLI_JSON_HELP CLI_HELP_HELP "\nExample:\n  culvert detach eth0\n";

enum { OPTION_MODE = CLI_OPTION_OWN, OPTION_ALL };

static const struct option attach_options[] = {
	{ "mode", required_argument, NULL, OPTION_MODE }, CLI_WHERE, CLI_JSON, CLI_HELP, { 0 }
};
static const struct option detach_options[] = {
	{ "all", no_argument, NULL, OPTION_ALL }, CLI_WHERE, CLI_JSON, CLI_HELP, { 0 }
};

/* What became of each interface: said at once, and collected for --json. */
struct report {
	const char *name; /* of the command */
	bool is_quiet;
	json_t *interfaces;
	int status;
};

static struct report report_begin(const char *name, const struct cli *cli)
{
	return (struct report){ .name = name, .is_quiet = cli->json, .interfaces = json_array() };
}

/* `mode` is NULL for a detached interface. */
static void report_success(struct report *report, const char *ifname, const char *mode)
{
	if (!report->is_quiet)
		printf("%s: %sed%s%s\n", ifname, report->name, mode ? ", " : "", mode ? mode : "");
	json_array_append_new(report->interfaces,
			      json_pack("{s:s, s:b, s:s*}", "name", ifname, "ok", 1, "mode", mode));
}

/* The sentence in `err` names the interface. */
static void report_failure(struct report *report, const char *ifname, const struct err *err)
{
	report->status = cli_complain(report->name, CLI_FAILED, "%s", err->text);
	json_array_append_new(report->interfaces,
			      json_pack("{s:s, s:b, s:s}", "name", ifname, "ok", 0, "error", err->text));
}

static int report_end(struct report *report)
{
	int status = CLI_DONE;

	if (report->is_quiet)
		status = cli_print_json(report->name, json_pack("{s:O}", "interfaces", report->interfaces));
	json_decref(report->interfaces);
	return status == CLI_DONE ? report->status : status;
}

static int take_mode(int option, const char *value, void *arg, struct err *err)
{
	(void)option;
	return cli_parse_mode(value, arg, err);
}

int cmd_attach(int argc, char **argv)
{
	static const struct cli_spec spec = { "attach", attach_help,	   attach_options,
					      1,	CV_MAX_INTERFACES, take_mode };
	enum attach_mode mode = ATTACH_AUTO, got;
	struct report report;
	struct cli cli;
	int status = cli_parse(&spec, argc, argv, &cli, &mode);

	if (status != CLI_GO_ON)
		return status;
	report = report_begin(spec.name, &cli);
	for (int i = optind; i < argc; i++) {
		struct err err = { "" };

		if (dp_attach(cli_pin_dir(&cli), argv[i], mode, &got, &err) < 0) {
			report_failure(&report, argv[i], &err);
			continue;
		}
		report_success(&report, argv[i], attach_mode_name(got));
		if (mode == ATTACH_AUTO && got == ATTACH_GENERIC)
			fprintf(stderr,
				"culvert attach: %s: warning: the driver has no native XDP, and generic "
				"mode is slower\n",
				argv[i]);
	}
	return report_end(&report);
}

static int take_all(int option, const char *value, void *arg, struct err *err)
{
	(void)option;
	(void)value;
	(void)err;
	*(bool *)arg = true;
	return 0;
}

static int detach_all(struct cli *cli)
{
	struct err err;

	if (dp_detach_all(cli_pin_dir(cli), &err) < 0)
		return cli_complain("detach", CLI_FAILED, "%s", err.text);
	if (cli->json)
		return cli_print_json("detach",
				      json_pack("{s:b, s:s}", "all", 1, "pin_dir", cli_pin_dir(cli)));
	printf("detached everywhere; %s is removed\n", cli_pin_dir(cli));
	return CLI_DONE;
}

int cmd_detach(int argc, char **argv)
{
	static const struct cli_spec spec = { "detach", detach_help,	   detach_options,
					      0,	CV_MAX_INTERFACES, take_all };
	struct report report;
	bool is_all = false;
	struct cli cli;
	int status = cli_parse(&spec, argc, argv, &cli, &is_all);

	if (status != CLI_GO_ON)
		return status;
	if (is_all == (optind < argc))
		return cli_complain(spec.name, CLI_WRONG, "name interfaces, or say --all");
	if (is_all)
		return detach_all(&cli);
	report = report_begin(spec.name, &cli);
	for (int i = optind; i < argc; i++) {
		struct err err = { "" };

		if (dp_detach(cli_pin_dir(&cli), argv[i], &err) < 0)
			report_failure(&report, argv[i], &err);
		else
			report_success(&report, argv[i], NULL);
	}
	return report_end(&report);
}
