/* SPDX-License-Identifier: GPL-2.0-only */
/* culvert doctor: what the kernel of this host can do, and whether there is room. */
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "cli/doctor.h"
#include "dataplane/bpffs.h"
#include "dataplane/dp_probe.h"

#define MIN_KERNEL_MAJOR 6
#define MIN_KERNEL_MINOR 1

/* What Debian builds has all that is needed. */
#define NEWER_KERNEL "apt install linux-image-amd64 && reboot"

long doctor_read_number(const char *format, ...)
{
	char path[PATH_MAX];
	long number = -1;
	va_list args;
	FILE *file;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	file = fopen(path, "re");
	if (!file)
		return -1;
	if (fscanf(file, "%ld", &number) != 1)
		number = -1;
	fclose(file);
	return number;
}

long doctor_effective(const char *ifname, const char *key)
{
	long all = doctor_read_number("/proc/sys/net/ipv4/conf/all/%s", key);
	long one = doctor_read_number("/proc/sys/net/ipv4/conf/%s/%s", ifname, key);

	return all > one ? all : one;
}

bool doctor_find_way(const struct doctor *doctor, const struct addr *to, struct nexthop_way *ret)
{
	return !nexthop_find(doctor->nexthop, to, ret, NULL) &&
	       (ret->problem == NEXTHOP_OK || ret->problem == NEXTHOP_UNRESOLVED);
}

bool doctor_address(const struct ifaddrs *at, struct addr *ret)
{
	const struct sockaddr *sa = at->ifa_addr;
	const void *bytes = NULL;

	if (sa && sa->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)sa)->sin_addr;
	else if (sa && sa->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)sa)->sin6_addr;
	return bytes && !addr_from_wire(sa->sa_family, bytes, ret);
}

static void check_kernel(struct findings *findings)
{
	struct utsname name;
	int major = 0, minor = 0;

	uname(&name);
	if (sscanf(name.release, "%d.%d", &major, &minor) == 2 &&
	    (major > MIN_KERNEL_MAJOR || (major == MIN_KERNEL_MAJOR && minor >= MIN_KERNEL_MINOR))) {
		finding_ok(findings, "kernel", "%s", name.release);
		return;
	}
	finding_bad(findings, FINDING_ERROR, "kernel", "the program may be refused by the kernel",
		    "%s is older than %d.%d", name.release, MIN_KERNEL_MAJOR, MIN_KERNEL_MINOR);
	finding_mend(findings, NEWER_KERNEL);
}

static void take_probe(const char *name, int r, void *arg)
{
	struct findings *findings = arg;

	if (r == 1)
		return;
	finding_bad(findings, FINDING_ERROR, "bpf", "the data plane is made of it", "%s: %s", name,
		    r == 0 ? "this kernel has none" : strerror(-r));
	finding_mend(findings, r ? "sudo culvert doctor" : NEWER_KERNEL);
}

static void check_features(struct findings *findings)
{
	unsigned before = findings->nr[FINDING_ERROR];

	dp_probe(take_probe, findings);
	if (findings->nr[FINDING_ERROR] == before)
		finding_ok(findings, "bpf", "every kind of program and map that is needed is there");
	if (access("/sys/kernel/btf/vmlinux", R_OK) == 0) {
		finding_ok(findings, "btf", "the kernel describes its types");
		return;
	}
	finding_bad(findings, FINDING_ERROR, "btf", "flows are counted and expired by programs that need it",
		    "/sys/kernel/btf/vmlinux cannot be read: a kernel with CONFIG_DEBUG_INFO_BTF is needed");
	finding_mend(findings, NEWER_KERNEL);
}

static void check_bpffs(struct doctor *doctor)
{
	const char *slash = strrchr(doctor->pin_dir, '/');
	int above = slash ? (int)(slash - doctor->pin_dir) : 0;

	if (bpffs_holds(doctor->pin_dir)) {
		finding_ok(&doctor->findings, "bpffs", "%s lies in a BPF file system", doctor->pin_dir);
		return;
	}
	finding_bad(&doctor->findings, FINDING_ERROR, "bpffs",
		    "maps and links are pinned there, so that they outlive the daemon",
		    "%s lies in no BPF file system", doctor->pin_dir);
	if (!strncmp(doctor->pin_dir, "/sys/fs/bpf", 11))
		finding_mend(&doctor->findings, "mount -t bpf bpf /sys/fs/bpf");
	else
		finding_mend(&doctor->findings, "mkdir -p %.*s && mount -t bpf bpf %.*s", above,
			     doctor->pin_dir, above, doctor->pin_dir);
}

static void check_jit(struct findings *findings)
{
	/* a kernel that always compiles may have no such file */
	if (doctor_read_number("/proc/sys/net/core/bpf_jit_enable") != 0) {
		finding_ok(findings, "jit", "programs are compiled");
		return;
	}
	finding_bad(findings, FINDING_ERROR, "jit", "an interpreted program is ten times slower",
		    "programs are interpreted");
	finding_mend(findings, "sysctl -w net.core.bpf_jit_enable=1");
}

static uint64_t available_bytes(void)
{
	unsigned long long kib = 0;
	FILE *file = fopen("/proc/meminfo", "re");
	char line[128];

	while (file && fgets(line, sizeof(line), file))
		if (sscanf(line, "MemAvailable: %llu", &kib) == 1)
			break;
	if (file)
		fclose(file);
	return (uint64_t)kib * 1024;
}

static void ignore_map(const char *map, uint64_t bytes, void *arg)
{
	(void)map;
	(void)bytes;
	(void)arg;
}

static uint64_t needed_bytes(const struct model *model)
{
	return model_memory(model, (unsigned)get_nprocs_conf(), ignore_map, NULL);
}

static void check_memory(struct doctor *doctor)
{
	uint64_t need = needed_bytes(doctor->model), available = available_bytes();
	char need_text[OUT_TEXT_LEN], available_text[OUT_TEXT_LEN];
	struct model less = *doctor->model;

	out_bytes(need, need_text);
	out_bytes(available, available_text);
	if (doctor->attached_nr) {
		finding_ok(&doctor->findings, "memory", "the maps have theirs, %s", need_text);
		return;
	}
	if (need <= available) {
		finding_ok(&doctor->findings, "memory", "the maps will take %s of %s", need_text,
			   available_text);
		return;
	}
	while (less.flow_table.max_flows / 2 >= CV_MIN_MAX_FLOWS && needed_bytes(&less) > available)
		less.flow_table.max_flows /= 2;
	finding_bad(&doctor->findings, FINDING_ERROR, "memory", "culvertd will not start",
		    "the maps need %s, of which %s are there", need_text, available_text);
	finding_mend(&doctor->findings, "sed -i 's/max_flows: *%u/max_flows: %u/' %s",
		     doctor->model->flow_table.max_flows, less.flow_table.max_flows, doctor->config);
}

void doctor_host(struct doctor *doctor)
{
	check_kernel(&doctor->findings);
	check_features(&doctor->findings);
	check_bpffs(doctor);
	check_jit(&doctor->findings);
	if (doctor->model)
		check_memory(doctor);
}
