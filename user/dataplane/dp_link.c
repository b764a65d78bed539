/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces held by bpf_links; see dp_link.h. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "dataplane/dp_internal.h"
#include "dataplane/dp_link.h"
#include "dataplane/dp_pins.h"

static int get_link(const char *pin_dir, uint32_t ifindex)
{
	char path[PATH_MAX];
	int r = dp_ifindex_path(path, sizeof(path), pin_dir, DP_LINK_DIR, ifindex);

	return r ? r : bpf_obj_get(path);
}

static int unpin_link(const char *pin_dir, uint32_t ifindex)
{
	char path[PATH_MAX];
	int r = dp_ifindex_path(path, sizeof(path), pin_dir, DP_LINK_DIR, ifindex);

	if (r)
		return r;
	return unlink(path) ? -errno : 0;
}

/* What a link holds. -ENOENT if its interface is gone, or in another network namespace, where its number means
 * another one: the program that runs here tells. */
static int read_link(int link, struct dp_interface *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	struct dp_interface found = { 0 };
	int r = bpf_obj_get_info_by_fd(link, &info, &size);

	if (r)
		return r;
	found.ifindex = info.xdp.ifindex;
	found.program_id = info.prog_id;
	if (!found.ifindex || !if_indextoname(found.ifindex, found.name) ||
	    bpf_xdp_query((int)found.ifindex, 0, &query))
		return -ENOENT;
	if (query.skb_prog_id == info.prog_id)
		found.mode = ATTACH_GENERIC;
	else if (query.drv_prog_id == info.prog_id)
		found.mode = ATTACH_NATIVE;
	else
		return -ENOENT;
	*ret = found;
	return 0;
}

/* --- attaching ------------------------------------------------------------------------------------- */

/* Links whose interface is gone hold nothing and never will. */
static int remove_dead(const char *pin_dir)
{
	struct dp_walk walk;
	uint32_t ifindex;
	int r = dp_walk_start(&walk, pin_dir, DP_LINK_DIR);

	while (!r && (ifindex = dp_walk_next(&walk))) {
		int link = get_link(pin_dir, ifindex);
		struct bpf_link_info info = { 0 };
		__u32 size = sizeof(info);

		if (link < 0)
			continue;
		if (!bpf_obj_get_info_by_fd(link, &info, &size) && !info.xdp.ifindex)
			r = unpin_link(pin_dir, ifindex);
		close(link);
	}
	dp_walk_end(&walk);
	return r;
}

static int create_link(int program, uint32_t ifindex, enum attach_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = mode == ATTACH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	return bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
}

static int pin_link(const char *pin_dir, int link, uint32_t ifindex)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), pin_dir, NULL, DP_LINK_DIR);

	if (!r && mkdir(path, 0700) && errno != EEXIST)
		r = -errno;
	if (!r)
		r = dp_ifindex_path(path, sizeof(path), pin_dir, DP_LINK_DIR, ifindex);
	return r ? r : bpf_obj_pin(link, path);
}

int dp_link_attach(const struct dp *dp, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		   enum attach_mode *ret_mode, struct err *err)
{
	int program = dp->program[DP_PROGRAM_balance];
	enum attach_mode tried = mode == ATTACH_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
	int link, r = remove_dead(dp->pin_dir);

	if (r)
		return err_set(err, r, "%s: %s", dp->pin_dir, strerror(-r));
	link = create_link(program, ifindex, tried);
	if (link == -EOPNOTSUPP && mode == ATTACH_AUTO) {
		tried = ATTACH_GENERIC;
		link = create_link(program, ifindex, tried);
	}
	if (link == -EOPNOTSUPP)
		return err_set(err, link, "%s: its driver has no native XDP; use --mode generic", ifname);
	if (link == -ERANGE || link == -EINVAL)
		return err_set(
			err, link,
			"%s: the driver refused native XDP (%s): its MTU (or its peer's) may be too large for "
			"one page, or LRO be on; see the kernel log",
			ifname, strerror(-link));
	if (link < 0)
		return err_set(err, link, "%s: attaching: %s", ifname, strerror(-link));
	r = pin_link(dp->pin_dir, link, ifindex);
	close(link); /* without a pin this takes it off again */
	if (r == -EEXIST)
		return err_set(err, -EBUSY,
			       "%s: %s serves an interface of this number in another network namespace; "
			       "choose another --pin-dir here",
			       ifname, dp->pin_dir);
	if (r)
		return err_set(err, r, "%s: pinning the link: %s", ifname, strerror(-r));
	*ret_mode = tried;
	return 0;
}

/* --- detaching ------------------------------------------------------------------------------------- */

/* At once, and not when the last reference goes. Fails for an interface that is gone, which is as good. */
static int drop_link(const char *pin_dir, uint32_t ifindex, int link)
{
	bpf_link_detach(link);
	return unpin_link(pin_dir, ifindex);
}

int dp_link_detach(const char *pin_dir, uint32_t ifindex)
{
	int link = get_link(pin_dir, ifindex), r;
	struct dp_interface found;

	if (link < 0)
		return link;
	r = read_link(link, &found);
	if (!r)
		r = drop_link(pin_dir, ifindex, link);
	close(link);
	return r;
}

int dp_link_detach_all(const char *pin_dir)
{
	struct dp_walk walk;
	uint32_t ifindex;
	int r = dp_walk_start(&walk, pin_dir, DP_LINK_DIR);

	while (!r && (ifindex = dp_walk_next(&walk))) {
		int link = get_link(pin_dir, ifindex);

		if (link == -ENOENT) /* somebody was faster */
			continue;
		r = link < 0 ? link : drop_link(pin_dir, ifindex, link);
		if (link >= 0)
			close(link);
	}
	dp_walk_end(&walk);
	return r ? r : dp_remove_folder(pin_dir, DP_LINK_DIR);
}

/* --- all of them ----------------------------------------------------------------------------------- */

int dp_link_renew(const struct dp *dp, uint32_t ifindex)
{
	int link = get_link(dp->pin_dir, ifindex), r;

	if (link < 0)
		return link == -ENOENT ? 0 : link;
	r = bpf_link_update(link, dp->program[DP_PROGRAM_balance], NULL);
	close(link);
	return r == -ENOLINK ? 0 : r; /* the interface is gone */
}

int dp_link_replace(const struct dp *dp)
{
	struct dp_walk walk;
	uint32_t ifindex;
	int r = dp_walk_start(&walk, dp->pin_dir, DP_LINK_DIR);

	while (!r && (ifindex = dp_walk_next(&walk)))
		r = dp_link_renew(dp, ifindex);
	dp_walk_end(&walk);
	return r;
}

/* The id of the program that is in force; 0 if none is pinned. */
static uint32_t pinned_program(const char *pin_dir)
{
	int fd = dp_get_pin(pin_dir, DP_PROGRAM_DIR, dp_program_name(DP_PROGRAM_balance));
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	if (fd < 0)
		return 0;
	if (bpf_obj_get_info_by_fd(fd, &info, &size))
		info.id = 0;
	close(fd);
	return info.id;
}

int dp_link_list(const char *pin_dir, struct dp_interface *ret, size_t max)
{
	uint32_t program = pinned_program(pin_dir), ifindex;
	struct dp_interface found;
	struct dp_walk walk;
	size_t nr = 0;
	int r = dp_walk_start(&walk, pin_dir, DP_LINK_DIR);

	while (!r && (ifindex = dp_walk_next(&walk))) {
		int link = get_link(pin_dir, ifindex);

		if (link >= 0 && !read_link(link, &found)) {
			found.outdated = program && found.program_id != program;
			if (nr < max)
				ret[nr] = found;
			nr++;
		}
		if (link >= 0)
			close(link);
	}
	dp_walk_end(&walk);
	return r ? r : (int)nr;
}
