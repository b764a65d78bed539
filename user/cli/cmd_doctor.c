/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: looks a host over, a balancer or a backend, and says what is wrong and how to mend it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "cli/doctor.h"
#include "dataplane/decap.h"

static const char help[] =
	"usage: culvert doctor [OPTION…]\n"
	"       culvert doctor backend [--vip ADDRESS]… [OPTION…]\n\n"
	"Looks a balancer over: kernel, drivers, modes, queues and offloads, memory, culvertd and its\n"
	"last reload, route and neighbour and MTU to every backend. Or a backend: its VIPs, ARP,\n"
	"decapsulation, segment size. Changes nothing. Each finding that is not well comes with the\n"
	"command that mends it. Exit status: 0 without errors (warnings are none), 1 with errors.\n\n"
	"  --config FILE      of the balancer (that of culvertd, or /etc/culvert/culvert.yaml)\n"
	"  --vip ADDRESS      that the backend serves; more than once for more (the addresses on lo)\n" CLI_JSON_HELP
		CLI_SOCKET_HELP CLI_PIN_DIR_HELP CLI_HELP_HELP
	"\nExample:\n  culvert doctor\n  culvert doctor backend --vip 192.0.2.10 --vip 2001:db8::10\n";

enum { OPTION_CONFIG = CLI_OPTION_OWN, OPTION_VIP };

static const struct option options[] = { CLI_JSON,
					 CLI_WHERE,
					 CLI_HELP,
					 { "config", required_argument, NULL, OPTION_CONFIG },
					 { "vip", required_argument, NULL, OPTION_VIP },
					 { 0 } };

#define MAX_VIPS 64

struct asked {
	const char *config;
	struct addr vip[MAX_VIPS];
	size_t vips_nr;
};

static int take(int option, const char *value, void *arg, struct err *err)
{
	struct asked *asked = arg;

	if (option == OPTION_CONFIG) {
		asked->config = value;
		return 0;
	}
	if (asked->vips_nr == MAX_VIPS)
		return err_set(err, -EINVAL, "more than %d", MAX_VIPS);
	if (addr_parse(value, &asked->vip[asked->vips_nr]))
		return err_set(err, -EINVAL, "not an IPv4 or IPv6 address");
	asked->vips_nr++;
	return 0;
}

static const struct cli_spec spec = { "doctor", help, options, 0, 1, take };

static void find_attached(struct doctor *doctor)
{
	int nr = dp_interfaces(doctor->pin_dir, doctor->attached, CV_MAX_INTERFACES, NULL);

	doctor->attached_nr = nr < 0 ? 0 : nr < CV_MAX_INTERFACES ? (size_t)nr : CV_MAX_INTERFACES;
}

/* Where the pins are; commands that mend name it if they would look elsewhere. */
static void set_pin_dir(struct doctor *doctor, const char *dir, const char *usual)
{
	doctor->pin_dir = dir;
	if (strcmp(dir, usual) != 0)
		snprintf(doctor->pin_option, sizeof(doctor->pin_option), " --pin-dir %s", dir);
}

static void look_balancer_over(struct doctor *doctor, const struct asked *asked)
{
	set_pin_dir(doctor, cli_pin_dir(&doctor->cli), DP_DEFAULT_PIN_DIR);
	find_attached(doctor);
	doctor_daemon(doctor, asked->config);
	doctor_host(doctor);
	if (doctor->model) {
		doctor_ports(doctor);
		doctor_ways(doctor);
		doctor_checks(doctor);
	}
}

static int run(struct doctor *doctor, const struct asked *asked, bool is_backend)
{
	struct err err;
	int r;

	findings_init(&doctor->findings);
	r = nexthop_new(&doctor->nexthop, &err);
	if (r) {
		findings_done(&doctor->findings);
		return cli_complain(spec.name, CLI_FAILED, "%s", err.text);
	}
	if (is_backend) {
		set_pin_dir(doctor, doctor->cli.pin_dir ? doctor->cli.pin_dir : DECAP_DEFAULT_PIN_DIR,
			    DECAP_DEFAULT_PIN_DIR);
		doctor_backend(doctor, asked->vip, asked->vips_nr);
	} else {
		look_balancer_over(doctor, asked);
	}
	nexthop_free(doctor->nexthop);
	model_free(doctor->model);
	return findings_print(&doctor->findings, doctor->cli.json);
}

int cmd_doctor(int argc, char **argv)
{
	static struct doctor doctor; /* large, and there is one */
	struct asked asked = { .config = NULL };
	int status = cli_parse(&spec, argc, argv, &doctor.cli, &asked);
	bool is_backend;

	if (status != CLI_GO_ON)
		return status;
	is_backend = optind < argc;
	if (is_backend && strcmp(argv[optind], "backend") != 0)
		return cli_complain(spec.name, CLI_WRONG,
				    "\"%s\": it looks over this balancer, or a \"backend\"", argv[optind]);
	if (asked.vips_nr && !is_backend)
		return cli_complain(spec.name, CLI_WRONG, "--vip is for: culvert doctor backend");
	return run(&doctor, &asked, is_backend);
}
