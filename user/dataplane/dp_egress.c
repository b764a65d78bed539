/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter for health checks; see dp_egress.h. It needs no pin, as it holds its program, and its handle says whose it
 * is: the id of the table of backends, which outlives daemons. To ask the kernel what maps a filter's program uses takes
 * rights that the daemon has given up. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cv_probe.skel.h"
#include "dataplane/bpf_log.h"
#include "dataplane/dp_egress.h"
#include "dataplane/dp_internal.h"

/* Before all others: a filter that ends the matter would otherwise hide ours. Filters of one priority live side by side
 * under handles; with several data planes on a port each has one. */
#define EGRESS_PRIORITY 1
#define EGRESS_HANDLE 0x43560000u

static __u32 handle_of(const struct dp *dp)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	bpf_obj_get_info_by_fd(dp->map[DP_MAP_backends], &info, &size);
	return EGRESS_HANDLE + info.id;
}

/* Loads the program over the maps that dp has open. */
static int load(struct dp *dp, struct err *err)
{
	struct cv_probe *skel;
	int r = 0;

	bpf_log_capture();
	skel = cv_probe__open();
	if (!skel)
		return err_set(err, -errno, "opening cv_probe: %s", strerror(errno));
	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		r = bpf_map__reuse_fd(bpf_object__find_map_by_name(skel->obj, dp_map_name(i)), dp->map[i]);
	if (!r)
		r = cv_probe__load(skel);
	if (!r) {
		dp->egress = dup(bpf_program__fd(skel->progs.cv_probe));
		r = dp->egress < 0 ? -errno : 0;
	}
	cv_probe__destroy(skel);
	return r ? err_set(err, r, "the kernel refused cv_probe: %s (%s)", strerror(-r), bpf_log_last()) : 0;
}

static __u32 program_id(int program)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(program, &info, &size) ? 0 : info.id;
}

int dp_egress_attach(struct dp *dp, uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, now, .handle = handle_of(dp), .priority = EGRESS_PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, wanted, .handle = handle_of(dp), .priority = EGRESS_PRIORITY,
		    .flags = BPF_TC_F_REPLACE);
	int r = dp->egress < 0 ? load(dp, err) : 0;

	if (r)
		return r;
	bpf_log_capture();
	r = bpf_tc_hook_create(&hook);
	if (r && r != -EEXIST)
		return err_set(err, r, "adding the clsact qdisc: %s (%s)", strerror(-r), bpf_log_last());
	if (!bpf_tc_query(&hook, &now) && now.prog_id == program_id(dp->egress))
		return 0;
	bpf_log_capture(); /* that nothing was found there is not the trouble */
	wanted.prog_fd = dp->egress;
	r = bpf_tc_attach(&hook, &wanted);
	return r ? err_set(err, r, "attaching the filter for health checks: %s (%s)", strerror(-r),
			   bpf_log_last())
		 : 0;
}

static int detach(uint32_t handle, uint32_t ifindex)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .handle = handle, .priority = EGRESS_PRIORITY);
	int r;

	bpf_log_capture();
	r = bpf_tc_detach(&hook, &opts);
	/* -EINVAL: there is no clsact qdisc */
	return r == -ENOENT || r == -EINVAL ? 0 : r;
}

int dp_egress_detach(struct dp *dp, uint32_t ifindex, struct err *err)
{
	int r = detach(handle_of(dp), ifindex);

	return r ? err_set(err, r, "detaching the filter for health checks: %s", strerror(-r)) : 0;
}

void dp_egress_drop(uint32_t backends_id, uint32_t ifindex)
{
	detach(EGRESS_HANDLE + backends_id, ifindex);
}
