/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces: which way the program comes onto one, by a link of its own (dp_link.c) or beside others
 * (dp_dispatch.c). Works without the daemon. A program that somebody else attached is never thrown out. */
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "dataplane/bpf_log.h"
#include "dataplane/bpffs.h"
#include "dataplane/dp_dispatch.h"
#include "dataplane/dp_egress.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_link.h"
#include "dataplane/dp_pins.h"

int dp_interfaces(const char *pin_dir, struct dp_interface *ret, size_t max, struct err *err)
{
	size_t used;
	int links, shared;

	bpf_log_capture();
	links = dp_link_list(pin_dir, ret, max);
	if (links < 0)
		return err_set(err, links, "%s: %s", pin_dir, strerror(-links));
	used = (size_t)links < max ? (size_t)links : max;
	shared = dp_dispatch_list(pin_dir, ret ? ret + used : NULL, max - used, err);
	return shared < 0 ? shared : links + shared;
}

static int find_interface(const char *pin_dir, uint32_t ifindex, struct dp_interface *ret, struct err *err)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	int nr = dp_interfaces(pin_dir, list, CV_ARRAY_SIZE(list), err);

	if (nr < 0)
		return nr;
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++) {
		if (list[i].ifindex == ifindex) {
			*ret = list[i];
			return 0;
		}
	}
	return -ENOENT;
}

/* --- attaching ------------------------------------------------------------------------------------- */

/* Who sits there and leaves no room for us. */
static int refuse(const char *ifname, const struct bpf_xdp_query_opts *query, struct err *err)
{
	bool is_generic = query->attach_mode == XDP_ATTACHED_SKB;
	__u32 id = is_generic ? query->skb_prog_id : query->prog_id ? query->prog_id : query->drv_prog_id;
	int fd = bpf_prog_get_fd_by_id(id);
	struct bpf_prog_info info = { .name = "of unknown name" };
	__u32 size = sizeof(info);

	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	}
	return err_set(
		err, -EBUSY,
		"%s: the XDP program \"%s\" (id %u) sits there already and is left alone; nothing can join "
		"it, as libxdp's dispatcher does not call it; load it with xdp-loader, or detach it first, "
		"e.g. with: ip link set dev %s %s off",
		ifname, info.name, id, ifname, is_generic ? "xdpgeneric" : "xdp");
}

/* Opens what is pinned, or loads it: two that try at once wait for each other. */
static int open_or_load(const char *pin_dir, struct dp **ret, struct err *err)
{
	struct dp *dp = NULL;
	int r = dp_open(pin_dir, ret, err);

	if (r != -ENOENT)
		return r;
	r = dp_alloc(pin_dir, &dp);
	if (!r)
		r = bpffs_ensure(pin_dir, err);
	if (!r)
		r = dp_lock(dp, 5000, err);
	if (!r && !dp_open(pin_dir, ret, NULL)) {
		dp_free(dp);
		return 0;
	}
	if (!r)
		r = dp_load(dp, NULL, err);
	if (r) {
		dp_free(dp);
		return r;
	}
	*ret = dp;
	return 0;
}

static int open_port(const struct dp *dp, const char *ifname, uint32_t ifindex, struct err *err)
{
	int r = bpf_map_update_elem(dp->map[DP_MAP_ports], &ifindex, &ifindex, BPF_ANY);

	return r ? err_set(err, r, "%s: letting packets leave by it: %s", ifname, strerror(-r)) : 0;
}

/* Unless somebody else was faster to attach there. */
static void close_unused_port(const struct dp *dp, uint32_t ifindex)
{
	struct dp_interface found;

	if (find_interface(dp->pin_dir, ifindex, &found, NULL) == -ENOENT)
		bpf_map_delete_elem(dp->map[DP_MAP_ports], &ifindex);
}

/* Onto an interface where we are not yet. The port comes first: who dies in between leaves nothing that looks attached, and
 * drops packets. */
static int attach(const char *pin_dir, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		  enum attach_mode *ret_mode, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct dp *dp;
	bool is_free;
	int r = bpf_xdp_query((int)ifindex, 0, &query);

	if (r)
		return err_set(err, r, "%s: asking for its XDP program: %s", ifname, strerror(-r));
	is_free = query.attach_mode == XDP_ATTACHED_NONE;
	if (!is_free && !dp_dispatch_is_there(ifindex))
		return refuse(ifname, &query, err);
	r = open_or_load(pin_dir, &dp, err);
	if (r)
		return r;
	r = open_port(dp, ifname, ifindex, err);
	if (!r) {
		r = is_free ? dp_link_attach(dp, ifname, ifindex, mode, ret_mode, err)
			    : dp_dispatch_attach(dp, ifname, ifindex, mode, ret_mode, err);
		if (r)
			close_unused_port(dp, ifindex);
	}
	dp_free(dp);
	return r;
}

/* Where we are already: makes good what somebody did by half, and was killed. */
static int attach_again(const char *pin_dir, const char *ifname, uint32_t ifindex, struct err *err)
{
	struct dp *dp;
	int r = open_or_load(pin_dir, &dp, err);

	if (r)
		return r;
	r = open_port(dp, ifname, ifindex, err);
	dp_free(dp);
	return r;
}

int dp_attach(const char *pin_dir, const char *ifname, enum attach_mode mode, enum attach_mode *ret_mode,
	      struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct dp_interface found;
	int r;

	if (!ifindex)
		return err_set(err, -ENODEV, "%s: no such interface", ifname);
	r = find_interface(pin_dir, ifindex, &found, err);
	if (r == -ENOENT)
		return attach(pin_dir, ifname, ifindex, mode, ret_mode, err);
	if (r)
		return r;
	if (mode != ATTACH_AUTO && mode != found.mode)
		return err_set(err, -EBUSY, "%s: attached in %s mode; detach it first", ifname,
			       attach_mode_name(found.mode));
	r = attach_again(pin_dir, ifname, ifindex, err);
	if (!r)
		*ret_mode = found.mode;
	return r;
}

int dp_renew(struct dp *dp, const struct dp_interface *interface, struct err *err)
{
	int r = open_port(dp, interface->name, interface->ifindex, err);

	if (r)
		return r;
	r = dp_link_renew(dp, interface->ifindex);
	return r ? err_set(err, r, "%s: replacing the program: %s", interface->name, strerror(-r)) : 0;
}

/* --- detaching ------------------------------------------------------------------------------------- */

/* Neither packets nor health checks leave by it any more. */
static void close_port(const char *pin_dir, uint32_t ifindex)
{
	struct dp *dp;

	if (dp_open(pin_dir, &dp, NULL))
		return;
	dp_egress_detach(dp, ifindex, NULL);
	bpf_map_delete_elem(dp->map[DP_MAP_ports], &ifindex);
	dp_free(dp);
}

int dp_detach(const char *pin_dir, const char *ifname, struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	int r;

	if (!ifindex)
		return err_set(err, -ENODEV, "%s: no such interface", ifname);
	bpf_log_capture();
	r = dp_link_detach(pin_dir, ifindex);
	if (r && r != -ENOENT)
		return err_set(err, r, "%s: detaching: %s", ifname, strerror(-r));
	if (r)
		r = dp_dispatch_detach(pin_dir, ifname, ifindex, err);
	if (r == -ENOENT)
		return err_set(err, r, "%s: culvert is not attached there (pins of %s)", ifname, pin_dir);
	if (!r)
		close_port(pin_dir, ifindex);
	return r;
}

int dp_detach_all(const char *pin_dir, struct err *err)
{
	struct dp_interface list[CV_MAX_INTERFACES];
	int nr = dp_interfaces(pin_dir, list, CV_ARRAY_SIZE(list), NULL);
	int r;

	bpf_log_capture();
	for (int i = 0; i < nr && i < CV_MAX_INTERFACES; i++)
		close_port(pin_dir, list[i].ifindex);
	r = dp_dispatch_detach_all(pin_dir, err);
	if (r)
		return r;
	r = dp_link_detach_all(pin_dir);
	if (!r)
		r = dp_remove_pins(pin_dir, DP_PROGRAM_DIR);
	if (!r)
		r = dp_remove_pins(pin_dir, DP_TABLE_DIR);
	if (!r)
		r = dp_remove_pins(pin_dir, NULL);
	return r ? err_set(err, r, "removing %s: %s", pin_dir, strerror(-r)) : 0;
}
