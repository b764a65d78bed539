/* SPDX-License-Identifier: GPL-2.0-only */
/* Ports to attach to; see portlab.h. */
#include "bpf/portlab.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <unistd.h>

#include <bpf/libbpf.h>

#define PATIENCE_MS 2000

char portlab_bpffs[32], portlab_pins[64], portlab_other_pins[64];

static int home = -1; /* the network namespace that the process came from */

void portlab_run(const char *format, ...)
{
	char command[512];
	va_list args;

	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("this failed: %s", command);
}

/* --- setup and teardown ---------------------------------------------------------------------------- */

int portlab_open(void **state)
{
	(void)state;
	home = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	assert_return_code(home, 0);
	strcpy(portlab_bpffs, "/tmp/culvert-ports.XXXXXX");
	assert_non_null(mkdtemp(portlab_bpffs));
	assert_return_code(unshare(CLONE_NEWNS), 0);
	assert_return_code(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), 0);
	assert_return_code(mount("bpf", portlab_bpffs, "bpf", 0, NULL), 0);
	snprintf(portlab_pins, sizeof(portlab_pins), "%s/culvert", portlab_bpffs);
	snprintf(portlab_other_pins, sizeof(portlab_other_pins), "%s/other", portlab_bpffs);
	return setenv("LIBXDP_BPFFS", portlab_bpffs, 1);
}

int portlab_close(void **state)
{
	(void)state;
	assert_return_code(umount2(portlab_bpffs, MNT_DETACH), 0);
	assert_return_code(rmdir(portlab_bpffs), 0);
	close(home);
	return 0;
}

int portlab_up(void **state)
{
	(void)state;
	assert_return_code(unshare(CLONE_NEWNET), 0);
	/* frames that the kernel sends by itself would be counted */
	portlab_run("echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6");
	portlab_run("ip link set lo up");
	for (int i = 0; i < 2; i++)
		portlab_run("ip link add port%d type veth peer name far%d &&"
			    "ip link set port%d up && ip link set far%d up",
			    i, i, i, i);
	return 0;
}

int portlab_down(void **state)
{
	portlab_detach_all(portlab_pins);
	portlab_detach_all(portlab_other_pins);
	assert_int_equal(access(portlab_pins, F_OK), -1);
	assert_int_equal(access(portlab_other_pins, F_OK), -1);
	return portlab_leave(state);
}

int portlab_leave(void **state)
{
	(void)state;
	return setns(home, CLONE_NEWNET);
}

/* --- dp.h ------------------------------------------------------------------------------------------ */

struct dp *portlab_take(const char *pins, uint32_t max_flows, enum cv_when_full when_full)
{
	const struct flow_table_conf conf = { .max_flows = max_flows, .when_full = when_full };
	struct err err = { "" };
	struct dp *dp;

	if (dp_take(pins, &conf, &dp, &err))
		fail_msg("%s", err.text);
	return dp;
}

void portlab_load(const char *pins)
{
	dp_free(portlab_take(pins, 4096, CV_FULL_EVICT));
}

enum attach_mode portlab_attach(const char *pins, const char *ifname, enum attach_mode mode)
{
	struct err err = { "" };
	enum attach_mode got = ATTACH_AUTO;

	if (dp_attach(pins, ifname, mode, &got, &err))
		fail_msg("%s", err.text);
	return got;
}

void portlab_refuse_with(const char *pins, const char *ifname, enum attach_mode mode, int code,
			 const char **words)
{
	enum attach_mode got = ATTACH_AUTO;
	struct err err = { "" };

	assert_int_equal(dp_attach(pins, ifname, mode, &got, &err), code);
	assert_int_equal(got, ATTACH_AUTO);
	for (; *words; words++)
		if (!strstr(err.text, *words))
			fail_msg("\"%s\" is not in \"%s\"", *words, err.text);
}

void portlab_detach(const char *pins, const char *ifname)
{
	struct err err = { "" };

	if (dp_detach(pins, ifname, &err))
		fail_msg("%s", err.text);
}

void portlab_detach_all(const char *pins)
{
	struct err err = { "" };

	if (dp_detach_all(pins, &err))
		fail_msg("%s", err.text);
}

int portlab_count(const char *pins)
{
	struct err err = { "" };
	int nr = dp_interfaces(pins, NULL, 0, &err);

	if (nr < 0)
		fail_msg("%s", err.text);
	return nr;
}

const struct dp_interface *portlab_find(const char *pins, const char *ifname)
{
	static struct dp_interface list[CV_MAX_INTERFACES];
	struct err err = { "" };
	int nr = dp_interfaces(pins, list, CV_ARRAY_SIZE(list), &err);

	if (nr < 0)
		fail_msg("%s", err.text);
	for (int i = 0; i < nr; i++)
		if (!strcmp(list[i].name, ifname))
			return &list[i];
	return NULL;
}

/* --- what is there --------------------------------------------------------------------------------- */

uint32_t portlab_program(const char *ifname)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	assert_return_code(bpf_xdp_query((int)if_nametoindex(ifname), 0, &query), 0);
	return query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id;
}

unsigned portlab_entries(const char *format, ...)
{
	const struct dirent *entry;
	unsigned nr = 0;
	char path[256];
	va_list args;
	DIR *dir;

	va_start(args, format);
	vsnprintf(path, sizeof(path), format, args);
	va_end(args);
	dir = opendir(path);
	while (dir && (entry = readdir(dir)))
		nr += entry->d_name[0] != '.';
	if (dir)
		closedir(dir);
	return nr;
}

/* --- traffic --------------------------------------------------------------------------------------- */

void portlab_send(const char *far, unsigned nr)
{
	static const uint8_t frame[ETH_ZLEN] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 0x88, 0xb5 };
	struct sockaddr_ll to = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex(far) };
	int fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	assert_return_code(fd, 0);
	while (nr--)
		assert_int_equal(sendto(fd, frame, sizeof(frame), 0, (void *)&to, sizeof(to)), sizeof(frame));
	close(fd);
}

uint64_t portlab_passed(const char *pins, uint64_t at_least)
{
	struct cv_verdict_stats stats[CV_VERDICT_COUNT];
	struct err err = { "" };
	struct dp *dp;

	if (dp_open(pins, &dp, &err))
		fail_msg("%s", err.text);
	for (int ms = 0; ms < PATIENCE_MS; ms++) {
		if (dp_verdict_stats(dp, stats, CV_VERDICT_COUNT, &err))
			fail_msg("%s", err.text);
		if (stats[CV_PASS_NOT_CONFIGURED].packets >= at_least)
			break;
		usleep(1000);
	}
	dp_free(dp);
	return stats[CV_PASS_NOT_CONFIGURED].packets;
}
