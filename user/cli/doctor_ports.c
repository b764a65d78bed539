/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: the interfaces of the configuration: drivers, modes, queues, offloads. */
#include <net/if.h>
#include <string.h>
#include <sys/sysinfo.h>

#include "cli/doctor.h"
#include "net/device.h"
#include "util/suggest.h"

static const struct dp_interface *find_attached(const struct doctor *doctor, const char *name)
{
	for (size_t i = 0; i < doctor->attached_nr; i++)
		if (!strcmp(doctor->attached[i].name, name))
			return &doctor->attached[i];
	return NULL;
}

/* The line of the file, for sed, where the entry of an interface has its name. */
#define NAME_LINE "name: *\"?%s\"? *([,}#]|$)"

static void check_driver(struct doctor *doctor, const struct interface_conf *conf,
			 const struct device *device)
{
	const char *driver = device->driver[0] ? device->driver : "(unknown)";
	struct findings *findings = &doctor->findings;

	if (device->xdp == DEVICE_XDP_NATIVE) {
		finding_ok(findings, "driver", "%s: %s, runs XDP natively", conf->name, driver);
	} else if (device->xdp == DEVICE_XDP_UNKNOWN) {
		finding_ok(findings, "driver", "%s: %s; whether it runs XDP natively is seen by attaching",
			   conf->name, driver);
	} else if (conf->mode == ATTACH_GENERIC) {
		finding_ok(findings, "driver", "%s: %s has no native XDP, nor is it wanted", conf->name,
			   driver);
	} else if (conf->mode == ATTACH_NATIVE) {
		finding_bad(findings, FINDING_ERROR, "driver",
			    "it cannot be attached; mode auto or generic can",
			    "%s: %s has no native XDP, which the configuration wants", conf->name, driver);
		/* the mode is on the line of the name, or on the next */
		finding_mend(findings,
			     "sed -i -E '/" NAME_LINE "/{s/mode: *native/mode: generic/;t;n;"
			     "s/mode: *native/mode: generic/}' %s && culvert reload --socket %s",
			     conf->name, doctor->config, doctor->cli.socket);
	} else {
		finding_bad(findings, FINDING_WARNING, "driver",
			    "generic mode takes several times the processor time for each packet",
			    "%s: %s has no native XDP", conf->name, driver);
		finding_mend(findings,
			     "ip -brief link # and use a card whose driver has it, or say mode: generic of "
			     "%s in %s, if it will do",
			     conf->name, doctor->config);
	}
}

static void check_mode(struct doctor *doctor, const struct interface_conf *conf, const struct device *device)
{
	const struct dp_interface *attached = find_attached(doctor, conf->name);

	if (!attached) {
		finding_bad(&doctor->findings, FINDING_ERROR, "attached",
			    "what comes in there is not balanced", "%s: the program is not attached",
			    conf->name);
		finding_mend(&doctor->findings, "culvert attach %s --mode %s%s", conf->name,
			     attach_mode_name(device->xdp == DEVICE_XDP_NONE ? ATTACH_GENERIC : conf->mode),
			     doctor->pin_option);
		return;
	}
	if (attached->mode != ATTACH_GENERIC || device->xdp != DEVICE_XDP_NATIVE ||
	    conf->mode == ATTACH_GENERIC) {
		finding_ok(&doctor->findings, "attached", "%s: %s", conf->name,
			   attach_mode_name(attached->mode));
		return;
	}
	finding_bad(&doctor->findings, FINDING_WARNING, "attached",
		    "native mode takes a fraction of the processor time for each packet",
		    "%s: generic, where the driver could run it natively", conf->name);
	finding_mend(&doctor->findings, "culvert detach %s%s && culvert attach %s --mode native%s",
		     conf->name, doctor->pin_option, conf->name, doctor->pin_option);
}

static void check_queues(struct doctor *doctor, const char *name, const struct device *device)
{
	unsigned cpus = (unsigned)get_nprocs();
	unsigned best = device->queues_max < cpus ? device->queues_max : cpus;

	if (!device->queues)
		return;
	if (device->queues >= best) {
		finding_ok(&doctor->findings, "queues", "%s: %u for %u processors", name, device->queues,
			   cpus);
		return;
	}
	finding_bad(&doctor->findings, FINDING_WARNING, "queues",
		    "each queue is served by one processor, and the others stand by",
		    "%s: %u for %u processors, it has up to %u", name, device->queues, cpus,
		    device->queues_max);
	finding_mend(&doctor->findings, "ethtool -L %s %s %u", name, device->has_combined ? "combined" : "rx",
		     best);
}

static void check_offloads(struct doctor *doctor, const char *name, const struct device *device)
{
	static const char why[] = "merged packets are larger than the way to a backend carries, and "
				  "drivers refuse native XDP";

	if (device->merges_lro) {
		finding_bad(&doctor->findings, FINDING_WARNING, "offloads", why, "%s: LRO is on", name);
		finding_mend(&doctor->findings, "ethtool -K %s lro off", name);
	}
	if (device->merges_gro_hw) {
		finding_bad(&doctor->findings, FINDING_WARNING, "offloads", why, "%s: GRO in hardware is on",
			    name);
		finding_mend(&doctor->findings, "ethtool -K %s rx-gro-hw off", name);
	}
	if (!device->merges_lro && !device->merges_gro_hw)
		finding_ok(&doctor->findings, "offloads", "%s: none that merges packets", name);
}

/* What of a page is left for an IP packet: behind 256 bytes of headroom, before 320 for the kernel, with 22 of Ethernet
 * and tags. */
#define PAGE_MTU 3498

static void check_frames(struct doctor *doctor, const struct interface_conf *conf,
			 const struct device *device, const struct nexthop_link *link)
{
	struct findings *findings = &doctor->findings;

	if (link->mtu <= PAGE_MTU) {
		finding_ok(findings, "frames", "%s: MTU %u, frames fit in a page", conf->name, link->mtu);
	} else if (device->frames == DEVICE_FRAMES_LONG) {
		finding_ok(findings, "frames", "%s: MTU %u, the driver takes frames longer than a page",
			   conf->name, link->mtu);
	} else if (conf->mode == ATTACH_GENERIC || device->frames == DEVICE_FRAMES_UNKNOWN) {
		finding_ok(findings, "frames", "%s: MTU %u; whether long frames work is seen by attaching",
			   conf->name, link->mtu);
	} else {
		finding_bad(findings, FINDING_WARNING, "frames",
			    "it refuses native XDP, or long frames are lost; mode generic takes them",
			    "%s: MTU %u, and the driver takes no frames longer than a page", conf->name,
			    link->mtu);
		finding_mend(findings, "ip link set dev %s mtu %u", conf->name, PAGE_MTU);
	}
}

static bool is_configured(const struct model *model, const char *name)
{
	for (size_t i = 0; i < model->interfaces_nr; i++)
		if (!strcmp(model->interfaces[i].name, name))
			return true;
	return false;
}

/* There is none of that name: one with nearly that name will be meant, or it is to be found among all. */
static void mend_name(struct doctor *doctor, const char *name)
{
	struct if_nameindex *list = if_nameindex();
	struct suggest suggest;

	suggest_init(&suggest, name);
	for (size_t i = 0; list && list[i].if_name; i++)
		if (!is_configured(doctor->model, list[i].if_name))
			suggest_consider(&suggest, list[i].if_name);
	if (suggest.best)
		finding_mend(&doctor->findings,
			     "sed -i -E '/" NAME_LINE
			     "/s/(name: *\"?)%s/\\1%s/' %s && culvert reload --socket %s",
			     name, name, suggest.best, doctor->config, doctor->cli.socket);
	else
		finding_mend(&doctor->findings,
			     "ip -brief link # has the names; put the right one for %s into %s, then: "
			     "culvert reload --socket %s",
			     name, doctor->config, doctor->cli.socket);
	if_freenameindex(list);
}

static void check_port(struct doctor *doctor, const struct interface_conf *conf)
{
	struct nexthop_link link;
	struct device device;

	if (nexthop_link_by_name(doctor->nexthop, conf->name, &link) ||
	    device_read(conf->name, link.ifindex, &device)) {
		finding_bad(&doctor->findings, FINDING_ERROR, "link", "nothing is balanced there",
			    "there is no interface %s", conf->name);
		mend_name(doctor, conf->name);
		return;
	}
	if (link.up) {
		finding_ok(&doctor->findings, "link", "%s is up", conf->name);
	} else {
		finding_bad(&doctor->findings, FINDING_ERROR, "link", "no packet comes in", "%s is down",
			    conf->name);
		finding_mend(&doctor->findings, "ip link set dev %s up", conf->name);
	}
	check_driver(doctor, conf, &device);
	check_mode(doctor, conf, &device);
	check_queues(doctor, conf->name, &device);
	check_offloads(doctor, conf->name, &device);
	check_frames(doctor, conf, &device, &link);
}

void doctor_ports(struct doctor *doctor)
{
	for (size_t i = 0; i < doctor->model->interfaces_nr; i++)
		check_port(doctor, &doctor->model->interfaces[i]);
}
