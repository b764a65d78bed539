/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of `culvert doctor`: each looks at one side of the host and adds what it finds. They read, and change
 * nothing, but that a neighbour may be asked for its address. */
#ifndef CLI_DOCTOR_H
#define CLI_DOCTOR_H

#include <ifaddrs.h>

#include "cli/cli.h"
#include "cli/finding.h"
#include "model/model.h"
#include "net/nexthop.h"
#include "util/addr.h"

struct doctor {
	struct findings findings;
	struct cli cli;
	const char *pin_dir;
	char pin_option[PATH_MAX +
			16];	 /* " --pin-dir DIR" for commands that mend, or "" if it is the usual one */
	char config[PATH_MAX];	 /* as given, as the daemon has it, or the default */
	struct model *model;	 /* NULL: there is none */
	struct nexthop *nexthop; /* NULL: netlink cannot be asked */
	struct dp_interface attached[CV_MAX_INTERFACES];
	size_t attached_nr;
};

/* doctor_host.c: kernel, BPF file system, compiler, memory. */
void doctor_host(struct doctor *doctor);
/* doctor_daemon.c: culvertd and the configuration; fills config and model. */
void doctor_daemon(struct doctor *doctor, const char *config);
/* doctor_ports.c: the interfaces of the configuration. */
void doctor_ports(struct doctor *doctor);
/* doctor_ways.c: the way to each backend, and what fits through it. */
void doctor_ways(struct doctor *doctor);

/* doctor_checks.c: whether answers of health checks come in. */
void doctor_checks(struct doctor *doctor);

/* doctor_backend.c: of a host that serves these VIPs; with none, those that lo has. */
void doctor_backend(struct doctor *doctor, const struct addr *vips, size_t nr);

/* A file of one number, as those below /proc/sys; -1 if it cannot be read. */
long doctor_read_number(const char *format, ...) __attribute__((format(printf, 1, 2)));
/* Of net.ipv4.conf: the kernel takes the larger of what is set for all interfaces and for the one at hand. */
long doctor_effective(const char *ifname, const char *key);
/* False if there is no way; whether the next hop answers is not asked. */
bool doctor_find_way(const struct doctor *doctor, const struct addr *to, struct nexthop_way *ret);
/* False if the entry has no IP address. */
bool doctor_address(const struct ifaddrs *at, struct addr *ret);

#endif
