/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert decap attach|detach|status: the backend's side, without a daemon. Reads the command line and calls
 * dataplane/decap.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "cli/decap_print.h"
#include "dataplane/bpffs.h"
#include "dataplane/decap.h"
#include "util/addr.h"
#include "util/number.h"

static const char help[] =
	"usage: culvert decap attach IFACE [--mode MODE] [--from PREFIX]… [--gue-port PORT]\n"
	"       culvert decap detach IFACE|--all\n"
	"       culvert decap status\n\n"
	"Takes the balancer's tunnel headers off on a backend, in XDP: no tunnel interface, no kernel\n"
	"module.\n\n"
	"  --mode MODE        native, generic, or auto: generic only where the driver has no XDP (default)\n"
	"  --from PREFIX      take tunnels from these sources only: name your balancers. Without it\n"
	"                     anybody may send this host packets that no filter on the way has seen\n"
	"  --gue-port PORT    the UDP port of GUE (default 6080, IANA's); 0: leave GUE alone\n"
	"  --all              every interface below the pin directory\n"
	"  --pin-dir DIR      where links, maps and counters stay (" DECAP_DEFAULT_PIN_DIR
	")\n" CLI_JSON_HELP CLI_HELP_HELP
	"\nTaken off: IPv4 or IPv6 in IPv4 or IPv6, directly or in GUE (variants 0 and 1), sent to an\n"
	"address this host had when it was attached. Run attach again after addresses have changed, or\n"
	"to change --from or --gue-port, which hold for all interfaces of a pin directory and stay as\n"
	"they are when not given; no packet is lost by that. Fragments are left to the kernel: give the\n"
	"path from the balancer an MTU that makes none. A UDP checksum may be zero; one that is not has\n"
	"to be right.\n"
	"\nExample: a backend of a balancer at 10.0.0.2 that serves 192.0.2.10\n"
	"  ip address add 192.0.2.10/32 dev lo\n"
	"  culvert decap attach eth0 --from 10.0.0.2\n"
	"  culvert decap status\n";

enum { OPTION_MODE = CLI_OPTION_OWN, OPTION_FROM, OPTION_GUE_PORT, OPTION_ALL };

static const struct option options[] = { { "mode", required_argument, NULL, OPTION_MODE },
					 { "from", required_argument, NULL, OPTION_FROM },
					 { "gue-port", required_argument, NULL, OPTION_GUE_PORT },
					 { "all", no_argument, NULL, OPTION_ALL },
					 CLI_JSON,
					 CLI_WHERE,
					 CLI_HELP,
					 { 0 } };

#define BIT(option) (1U << ((option)-CLI_OPTION_OWN))

struct asked {
	const char *pin_dir;
	const char *ifname; /* or NULL */
	enum attach_mode mode;
	struct decap_prefix *from;
	size_t from_nr;
	int gue_port;	/* or -1 */
	unsigned given; /* bits of the options above */
	bool json;
};

static int take_from(const char *text, struct asked *asked, struct err *err)
{
	struct decap_prefix prefix, *grown;

	if (addr_parse_prefix(text, &prefix.address, &prefix.length) < 0)
		return err_set(err, -EINVAL, "not a prefix such as 10.0.0.0/24, 10.0.0.2 or 2001:db8::/64");
	grown = reallocarray(asked->from, asked->from_nr + 1, sizeof(*grown));
	if (!grown)
		return err_set(err, -ENOMEM, "out of memory");
	asked->from = grown;
	asked->from[asked->from_nr++] = prefix;
	return 0;
}

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct asked *asked = arg;
	uint32_t port = 0;
	int r = 0;

	asked->given |= BIT(option);
	if (option == OPTION_MODE)
		return cli_parse_mode(value, &asked->mode, err);
	if (option == OPTION_FROM)
		return take_from(value, asked, err);
	if (option == OPTION_GUE_PORT) {
		r = cli_parse_number(value, 0, UINT16_MAX, &port, err);
		asked->gue_port = (int)port;
	}
	return r;
}

static const struct cli_spec spec = { "decap", help, options, 1, 2, take };

/* --- the three commands --- */

static int attach(const struct asked *asked)
{
	const struct decap_options wanted = {
		.mode = asked->mode,
		.from = asked->from,
		.from_nr = asked->from_nr,
		.gue_port = asked->gue_port,
	};
	enum attach_mode mode;
	struct err err;

	if (!asked->ifname)
		return cli_complain(spec.name, CLI_WRONG, "attach: which interface?");
	if (decap_attach(asked->pin_dir, asked->ifname, &wanted, &mode, &err) < 0)
		return cli_complain(spec.name, CLI_FAILED, "%s", err.text);
	if (asked->mode == ATTACH_AUTO && mode == ATTACH_GENERIC)
		cli_complain(spec.name, CLI_DONE,
			     "warning: the driver of %s has no XDP; generic mode works, but slower",
			     asked->ifname);
	if (asked->json)
		return cli_print_json(spec.name, json_pack("{s:s, s:s}", "name", asked->ifname, "mode",
							   attach_mode_name(mode)));
	printf("%s: attached, %s mode\n", asked->ifname, attach_mode_name(mode));
	return CLI_DONE;
}

static int detach(const struct asked *asked)
{
	bool is_all = asked->given & BIT(OPTION_ALL);
	const char *what = is_all ? "all" : asked->ifname;
	struct err err;
	int r;

	if (is_all ? asked->ifname != NULL : asked->ifname == NULL)
		return cli_complain(spec.name, CLI_WRONG, "detach: name an interface, or say --all");
	if (is_all)
		r = decap_detach_all(asked->pin_dir, &err);
	else
		r = decap_detach(asked->pin_dir, asked->ifname, &err);
	if (r < 0)
		return cli_complain(spec.name, CLI_FAILED, "%s", err.text);
	if (asked->json)
		return cli_print_json(spec.name, json_pack("{s:s}", "detached", what));
	printf("%s: detached\n", what);
	return CLI_DONE;
}

static int status(const struct asked *asked)
{
	struct decap_status *read;
	int exit_status = CLI_DONE;
	struct err err;

	if (asked->ifname)
		return cli_complain(spec.name, CLI_WRONG, "status: %s: all interfaces are shown; name none",
				    asked->ifname);
	if (decap_status_read(asked->pin_dir, &read, &err) < 0)
		return cli_complain(spec.name, CLI_FAILED, "%s", err.text);
	if (asked->json)
		exit_status = cli_print_json(spec.name, decap_status_json(read));
	else
		decap_status_print(read);
	decap_status_free(read);
	return exit_status;
}

static const struct verb {
	const char *name;
	unsigned takes; /* bits of options */
	int (*run)(const struct asked *asked);
} verbs[] = {
	{ "attach", BIT(OPTION_MODE) | BIT(OPTION_FROM) | BIT(OPTION_GUE_PORT), attach },
	{ "detach", BIT(OPTION_ALL), detach },
	{ "status", 0, status },
};

static const struct verb *find_verb(const char *name)
{
	for (size_t i = 0; i < CV_ARRAY_SIZE(verbs); i++) {
		if (strcmp(verbs[i].name, name) == 0)
			return &verbs[i];
	}
	return NULL;
}

static int run(const char *name, const struct asked *asked)
{
	const struct verb *verb = find_verb(name);

	if (!verb)
		return cli_complain(spec.name, CLI_WRONG,
				    "%s: there is no such command; attach, detach or status", name);
	for (int option = OPTION_MODE; option <= OPTION_ALL; option++)
		if (asked->given & ~verb->takes & BIT(option))
			return cli_complain(spec.name, CLI_WRONG, "%s does not take --%s", verb->name,
					    options[option - CLI_OPTION_OWN].name);
	bpffs_reach(asked->pin_dir);
	return verb->run(asked);
}

int cmd_decap(int argc, char **argv)
{
	struct asked asked = { .gue_port = -1 };
	struct cli cli;
	int r = cli_parse(&spec, argc, argv, &cli, &asked);

	if (r == CLI_GO_ON) {
		asked.pin_dir = cli.pin_dir ? cli.pin_dir : DECAP_DEFAULT_PIN_DIR;
		asked.ifname = argv[optind + 1]; /* NULL behind the last word */
		asked.json = cli.json;
		r = run(argv[optind], &asked);
	}
	free(asked.from);
	return r;
}
