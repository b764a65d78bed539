/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert decap attach|detach|status: reads the command line and calls dataplane/decap.h. */
#include <getopt.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "cli/cmd_decap.h"
#include "cli/decap_print.h"
#include "dataplane/bpffs.h"
#include "dataplane/decap.h"
#include "util/addr.h"
#include "util/err.h"
#include "util/number.h"

enum { EXIT_DONE, EXIT_FAILED, EXIT_USAGE };

static const char help[] =
	"Takes the balancer's tunnel headers off on a backend, in XDP: no tunnel interface, no kernel module.\n"
	"\n"
	"usage: culvert decap attach IFACE [--mode auto|native|generic] [--from PREFIX]... [--gue-port PORT]\n"
	"                            [--pin-dir DIR]\n"
	"       culvert decap detach IFACE|--all [--pin-dir DIR]\n"
	"       culvert decap status [--pin-dir DIR]\n"
	"\n"
	"  --mode MODE     native, generic, or auto (default): generic only where the driver has no XDP\n"
	"  --from PREFIX   take tunnels from these sources only: name your balancers. Without it anybody may\n"
	"                  send this host packets that no filter on the way has seen\n"
	"  --gue-port PORT the UDP port of GUE (default 6080, IANA's); 0: leave GUE alone\n"
	"  --pin-dir DIR   where links, maps and counters stay (default " DECAP_DEFAULT_PIN_DIR ")\n"
	"  --all           every interface below the pin directory\n"
	"  --json          one JSON document on standard output\n"
	"\n"
	"Taken off: IPv4 or IPv6 in IPv4 or IPv6, directly or in GUE (variants 0 and 1), sent to an address\n"
	"this host had when it was attached. Run attach again after addresses have changed, or to change --from\n"
	"or --gue-port, which hold for all interfaces of a pin directory and stay as they are when not given; no\n"
	"packet is lost by that. Fragments are left to the kernel: give the path from the balancer an MTU that\n"
	"makes none. A UDP checksum may be zero; one that is not has to be right.\n"
	"\n"
	"example: a backend of a balancer at 10.0.0.2 that serves 192.0.2.10\n"
	"  ip address add 192.0.2.10/32 dev lo\n"
	"  culvert decap attach eth0 --from 10.0.0.2\n"
	"  culvert decap status\n";

struct options {
	const char *pin_dir;
	const char *ifname; /* or NULL */
	enum attach_mode mode;
	struct decap_prefix *from;
	size_t from_nr;
	int gue_port; /* or -1 */
	bool all;
	bool json;
	bool help;
};

static __attribute__((format(printf, 1, 2))) int usage(const char *format, ...)
{
	va_list args;

	fputs("culvert decap: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputs(" (see culvert decap --help)\n", stderr);
	return EXIT_USAGE;
}

static int fail(const char *text)
{
	fprintf(stderr, "culvert decap: %s\n", text);
	return EXIT_FAILED;
}

/* Prints a document and lets it go. */
static int print_json(json_t *json)
{
	int r = json ? json_dumpf(json, stdout, JSON_INDENT(2)) : -1;

	json_decref(json);
	if (r < 0)
		return fail("cannot write the JSON document");
	putchar('\n');
	return EXIT_DONE;
}

/* --- the three commands --- */

static int attach(const struct options *options)
{
	const struct decap_options wanted = {
		.mode = options->mode,
		.from = options->from,
		.from_nr = options->from_nr,
		.gue_port = options->gue_port,
	};
	enum attach_mode mode;
	struct err err;

	if (!options->ifname)
		return usage("attach: which interface?");
	if (decap_attach(options->pin_dir, options->ifname, &wanted, &mode, &err) < 0)
		return fail(err.text);
	if (options->mode == ATTACH_AUTO && mode == ATTACH_GENERIC)
		fprintf(stderr,
			"culvert decap: warning: the driver of %s has no XDP; generic mode works, but slower\n",
			options->ifname);
	if (options->json)
		return print_json(
			json_pack("{s:s, s:s}", "name", options->ifname, "mode", decap_mode_name(mode)));
	printf("%s: attached, %s mode\n", options->ifname, decap_mode_name(mode));
	return EXIT_DONE;
}

static int detach(const struct options *options)
{
	struct err err;
	int r;

	if (options->all ? options->ifname != NULL : options->ifname == NULL)
		return usage("detach: name an interface, or say --all");
	if (options->all)
		r = decap_detach_all(options->pin_dir, &err);
	else
		r = decap_detach(options->pin_dir, options->ifname, &err);
	if (r < 0)
		return fail(err.text);
	if (options->json)
		return print_json(json_pack("{s:s}", "detached", options->all ? "all" : options->ifname));
	printf("%s: detached\n", options->all ? "all" : options->ifname);
	return EXIT_DONE;
}

static int status(const struct options *options)
{
	struct decap_status *read;
	int exit_status = EXIT_DONE;
	struct err err;

	if (options->ifname)
		return usage("status: %s: all interfaces are shown; name none", options->ifname);
	if (decap_status_read(options->pin_dir, &read, &err) < 0)
		return fail(err.text);
	if (options->json)
		exit_status = print_json(decap_status_json(read));
	else
		decap_status_print(read);
	decap_status_free(read);
	return exit_status;
}

static const struct verb {
	const char *name;
	const char *options; /* that it takes */
	int (*run)(const struct options *options);
} verbs[] = {
	{ "attach", "mfgpjh", attach },
	{ "detach", "apjh", detach },
	{ "status", "pjh", status },
};

/* --- the command line --- */

static int parse_mode(const char *text, enum attach_mode *ret)
{
	for (enum attach_mode mode = ATTACH_AUTO; mode <= ATTACH_GENERIC; mode++) {
		if (strcmp(text, decap_mode_name(mode)) == 0) {
			*ret = mode;
			return EXIT_DONE;
		}
	}
	return usage("--mode %s: auto, native or generic", text);
}

static int parse_from(const char *text, struct options *options)
{
	struct decap_prefix prefix, *grown;

	if (addr_parse_prefix(text, &prefix.address, &prefix.length) < 0)
		return usage("--from %s: not a prefix such as 10.0.0.0/24, 10.0.0.2 or 2001:db8::/64", text);
	grown = reallocarray(options->from, options->from_nr + 1, sizeof(*grown));
	if (!grown)
		return fail("out of memory");
	options->from = grown;
	options->from[options->from_nr++] = prefix;
	return EXIT_DONE;
}

static int parse_port(const char *text, int *ret)
{
	uint64_t port;

	if (number_parse(text, &port) < 0 || port > UINT16_MAX)
		return usage("--gue-port %s: must be a number from 0 to 65535", text);
	*ret = (int)port;
	return EXIT_DONE;
}

static int parse_pin_dir(const char *value, const char **ret)
{
	struct err err;

	if (bpffs_check_name(value, &err) < 0)
		return usage("--pin-dir %s: %s", value, err.text);
	*ret = value;
	return EXIT_DONE;
}

static int take_option(int letter, const char *value, struct options *options)
{
	switch (letter) {
	case 'm':
		return parse_mode(value, &options->mode);
	case 'f':
		return parse_from(value, options);
	case 'g':
		return parse_port(value, &options->gue_port);
	case 'p':
		return parse_pin_dir(value, &options->pin_dir);
	case 'a':
		options->all = true;
		break;
	case 'j':
		options->json = true;
		break;
	case 'h':
		options->help = true;
		break;
	}
	return EXIT_DONE;
}

static int parse(const struct verb *verb, int argc, char **argv, struct options *options)
{
	static const struct option table[] = {
		{ "mode", required_argument, NULL, 'm' },
		{ "from", required_argument, NULL, 'f' },
		{ "gue-port", required_argument, NULL, 'g' },
		{ "pin-dir", required_argument, NULL, 'p' },
		{ "all", no_argument, NULL, 'a' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int letter, index = 0, r;

	optind = 0; /* whoever called may have used getopt before */
	opterr = 0;
	while ((letter = getopt_long(argc, argv, ":h", table, &index)) >= 0) {
		if (letter == ':')
			return usage("%s needs a value", argv[optind - 1]);
		if (letter == '?')
			return usage("%s: there is no such option", argv[optind - 1]);
		if (!strchr(verb->options, letter))
			return usage("%s does not take --%s", verb->name, table[index].name);
		r = take_option(letter, optarg, options);
		if (r != EXIT_DONE)
			return r;
	}
	if (argc - optind > 1)
		return usage("%s: one interface at a time", argv[optind + 1]);
	options->ifname = argv[optind];
	return EXIT_DONE;
}

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < CV_ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

int cmd_decap(int argc, char **argv)
{
	struct options options = { .pin_dir = DECAP_DEFAULT_PIN_DIR, .gue_port = -1 };
	const struct verb *verb;
	int r;

	if (argc < 2)
		return usage("attach, detach or status?");
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0) {
		fputs(help, stdout);
		return EXIT_DONE;
	}
	verb = find_verb(argv[1]);
	if (!verb)
		return usage("%s: there is no such command; attach, detach or status", argv[1]);
	r = parse(verb, argc - 1, argv + 1, &options);
	if (r == EXIT_DONE && options.help) {
		fputs(help, stdout);
	} else if (r == EXIT_DONE) {
		bpffs_reach(options.pin_dir);
		r = verb->run(&options);
	}
	free(options.from);
	return r;
}
