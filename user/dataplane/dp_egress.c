/* SPDX-License-Identifier: GPL-2.0-only */
/* The filter for health checks; see dp_egress.h. It needs no pin: the filter holds the program, and is known again by
 * the maps the program uses, also after a crash between two steps. */
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
#define EGRESS_HANDLE 0x6376
#define EGRESS_HANDLES 8

/* Ids of maps that a program uses: cv_probe has three. */
#define MAPS_MAX 16

static __u32 map_id(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

/* Whether the program has our table of backends. */
static bool is_ours(const struct dp *dp, __u32 prog_id)
{
	__u32 ids[MAPS_MAX] = { 0 }, ours = map_id(dp->map[DP_MAP_backends]);
	struct bpf_prog_info info = { .map_ids = (uintptr_t)ids, .nr_map_ids = MAPS_MAX };
	__u32 size = sizeof(info);
	bool is_found = false;
	int fd = bpf_prog_get_fd_by_id(prog_id);

	if (fd < 0)
		return false;
	if (!bpf_obj_get_info_by_fd(fd, &info, &size))
		for (__u32 i = 0; i < info.nr_map_ids && i < MAPS_MAX; i++)
			is_found = is_found || ids[i] == ours;
	close(fd);
	return is_found;
}

struct place {
	__u32 handle;
	__u32 prog_id; /* ours, there now; 0: none */
};

/* Our filter, or else the first handle that is free. -EBUSY if there is neither. */
static int find_place(const struct dp *dp, const struct bpf_tc_hook *hook, struct place *ret)
{
	struct place place = { 0 };

	for (__u32 i = 0; i < EGRESS_HANDLES; i++) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = EGRESS_HANDLE + i, .priority = EGRESS_PRIORITY);

		if (bpf_tc_query(hook, &opts)) {
			if (!place.handle)
				place.handle = EGRESS_HANDLE + i;
		} else if (is_ours(dp, opts.prog_id)) {
			place.handle = EGRESS_HANDLE + i;
			place.prog_id = opts.prog_id;
			break;
		}
	}
	if (!place.handle)
		return -EBUSY;
	*ret = place;
	return 0;
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
	struct place place = { 0 };
	int r = dp->egress < 0 ? load(dp, err) : 0;

	if (r)
		return r;
	bpf_log_capture();
	r = bpf_tc_hook_create(&hook);
	if (r && r != -EEXIST)
		return err_set(err, r, "adding the clsact qdisc: %s (%s)", strerror(-r), bpf_log_last());
	r = find_place(dp, &hook, &place);
	bpf_log_capture(); /* forgets that nobody was found under a free handle */
	if (!r && place.prog_id != program_id(dp->egress)) {
		LIBBPF_OPTS(bpf_tc_opts, opts, .handle = place.handle, .priority = EGRESS_PRIORITY,
			    .prog_fd = dp->egress, .flags = place.prog_id ? BPF_TC_F_REPLACE : 0);

		r = bpf_tc_attach(&hook, &opts);
	}
	return r ? err_set(err, r, "attaching the filter for health checks: %s (%s)", strerror(-r),
			   bpf_log_last())
		 : 0;
}

int dp_egress_detach(struct dp *dp, uint32_t ifindex, struct err *err)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_EGRESS);
	LIBBPF_OPTS(bpf_tc_opts, opts, .priority = EGRESS_PRIORITY);
	struct place place = { 0 };
	int r;

	bpf_log_capture();
	if (find_place(dp, &hook, &place) || !place.prog_id)
		return 0;
	opts.handle = place.handle;
	r = bpf_tc_detach(&hook, &opts);
	return r ? err_set(err, r, "detaching the filter for health checks: %s", strerror(-r)) : 0;
}
