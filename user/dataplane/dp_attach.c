/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces: a pinned bpf_link for each, so that the program stays when the process goes, and is replaced in one
 * step. Works without the daemon. A program that somebody else attached is never thrown out. */
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>

#include "dataplane/bpf_log.h"
#include "dataplane/bpffs.h"
#include "dataplane/dp_egress.h"
#include "dataplane/dp_internal.h"

int dp_each_link(const char *pin_dir, dp_link_fn each, void *arg)
{
	char folder[PATH_MAX], path[PATH_MAX];
	struct dirent *entry;
	DIR *dir;
	int r = dp_path(folder, sizeof(folder), pin_dir, NULL, DP_LINK_DIR);

	if (r)
		return r;
	dir = opendir(folder);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (entry = readdir(dir))) {
		int link;

		if (entry->d_name[0] == '.' || dp_path(path, sizeof(path), folder, NULL, entry->d_name))
			continue;
		link = bpf_obj_get(path);
		if (link < 0)
			continue;
		r = each(link, entry->d_name, arg);
		close(link);
	}
	closedir(dir);
	return r;
}

/* Interface of a link; 0 if it is gone. */
static uint32_t link_ifindex(int link)
{
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);

	return bpf_obj_get_info_by_fd(link, &info, &size) ? 0 : info.xdp.ifindex;
}

struct interface_list {
	struct dp_interface *ret;
	size_t max;
	size_t nr;
};

static int list_interface(int link, const char *pin, void *arg)
{
	struct interface_list *list = arg;
	struct dp_interface found = { .ifindex = link_ifindex(link) };
	LIBBPF_OPTS(bpf_xdp_query_opts, query);

	(void)pin;
	if (!found.ifindex || !if_indextoname(found.ifindex, found.name) ||
	    bpf_xdp_query((int)found.ifindex, 0, &query))
		return 0;
	found.mode = query.attach_mode == XDP_ATTACHED_SKB ? ATTACH_GENERIC : ATTACH_NATIVE;
	found.program_id = query.attach_mode == XDP_ATTACHED_SKB ? query.skb_prog_id : query.drv_prog_id;
	if (list->nr < list->max)
		list->ret[list->nr] = found;
	list->nr++;
	return 0;
}

int dp_interfaces(const char *pin_dir, struct dp_interface *ret, size_t max, struct err *err)
{
	struct interface_list list = { .ret = ret, .max = max };
	int r = dp_each_link(pin_dir, list_interface, &list);

	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	return (int)list.nr;
}

/* The pin of the link that holds an interface, whatever the interface was called when it was made. */
struct link_search {
	uint32_t ifindex;
	char pin[NAME_MAX + 1];
	bool is_found;
};

static int match_link(int link, const char *pin, void *arg)
{
	struct link_search *search = arg;

	if (link_ifindex(link) == search->ifindex) {
		snprintf(search->pin, sizeof(search->pin), "%s", pin);
		search->is_found = true;
	}
	return 0;
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

/* Whoever sits there now and is not us. */
static int check_free(uint32_t ifindex, const char *ifname, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, query);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), id;
	int r = bpf_xdp_query((int)ifindex, 0, &query), fd;

	if (r)
		return err_set(err, r, "%s: asking for its XDP program: %s", ifname, strerror(-r));
	if (query.attach_mode == XDP_ATTACHED_NONE)
		return 0;
	id = query.drv_prog_id ? query.drv_prog_id : query.skb_prog_id ? query.skb_prog_id : query.prog_id;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	}
	return err_set(
		err, -EBUSY,
		"%s: the XDP program \"%s\" (id %u) sits there already and is left alone; detach it first, "
		"e.g. with: ip link set dev %s %s off",
		ifname, info.name, id, ifname, query.attach_mode == XDP_ATTACHED_SKB ? "xdpgeneric" : "xdp");
}

static int create_link(int program, uint32_t ifindex, enum attach_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = mode == ATTACH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	return bpf_link_create(program, (int)ifindex, BPF_XDP, &opts);
}

static int pin_link(const struct dp *dp, int link, const char *ifname)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), dp->pin_dir, NULL, DP_LINK_DIR);

	if (r)
		return r;
	if (mkdir(path, 0700) && errno != EEXIST)
		return -errno;
	r = dp_path(path, sizeof(path), dp->pin_dir, DP_LINK_DIR, ifname);
	if (r)
		return r;
	unlink(path); /* of an interface of this name that is gone */
	return bpf_obj_pin(link, path);
}

static int attach_link(struct dp *dp, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		       enum attach_mode *ret_mode, struct err *err)
{
	int program = dp->program[DP_PROGRAM_balance];
	enum attach_mode tried = mode == ATTACH_GENERIC ? ATTACH_GENERIC : ATTACH_NATIVE;
	int link = create_link(program, ifindex, tried), r;

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
	r = pin_link(dp, link, ifname);
	close(link);
	if (!r)
		r = bpf_map_update_elem(dp->map[DP_MAP_ports], &ifindex, &ifindex, BPF_ANY);
	if (r)
		return err_set(err, r, "%s: pinning the link: %s", ifname, strerror(-r));
	*ret_mode = tried;
	return 0;
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

int dp_attach(const char *pin_dir, const char *ifname, enum attach_mode mode, enum attach_mode *ret_mode,
	      struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct dp_interface found;
	struct dp *dp = NULL;
	int r;

	if (!ifindex)
		return err_set(err, -ENODEV, "%s: no such interface", ifname);
	bpf_log_capture();
	r = find_interface(pin_dir, ifindex, &found, err);
	if (!r) {
		if (mode != ATTACH_AUTO && mode != found.mode)
			return err_set(err, -EBUSY, "%s: attached in the other mode; detach it first",
				       ifname);
		*ret_mode = found.mode;
		return 0;
	}
	if (r != -ENOENT)
		return r;
	r = check_free(ifindex, ifname, err);
	if (!r)
		r = open_or_load(pin_dir, &dp, err);
	if (!r)
		r = attach_link(dp, ifname, ifindex, mode, ret_mode, err);
	dp_free(dp);
	return r;
}

/* Removes a link and with it the program from its interface, at once and not when the last reference goes. */
static int drop_link(const char *pin_dir, const char *pin, int link)
{
	char path[PATH_MAX];
	uint32_t ifindex = link_ifindex(link);
	struct dp *dp = NULL;
	int r = dp_path(path, sizeof(path), pin_dir, DP_LINK_DIR, pin);

	if (r)
		return r;
	if (!dp_open(pin_dir, &dp, NULL)) {
		dp_egress_detach(dp, ifindex, NULL);
		bpf_map_delete_elem(dp->map[DP_MAP_ports], &ifindex);
		dp_free(dp);
	}
	bpf_link_detach(link);
	return unlink(path) ? -errno : 0;
}

int dp_detach(const char *pin_dir, const char *ifname, struct err *err)
{
	struct link_search search = { .ifindex = if_nametoindex(ifname) };
	char path[PATH_MAX];
	int link, r;

	if (!search.ifindex)
		return err_set(err, -ENODEV, "%s: no such interface", ifname);
	bpf_log_capture();
	r = dp_each_link(pin_dir, match_link, &search);
	if (!r && !search.is_found)
		return err_set(err, -ENOENT, "%s: culvert is not attached there (pins of %s)", ifname,
			       pin_dir);
	if (!r)
		r = dp_path(path, sizeof(path), pin_dir, DP_LINK_DIR, search.pin);
	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	link = bpf_obj_get(path);
	r = link < 0 ? link : drop_link(pin_dir, search.pin, link);
	if (link >= 0)
		close(link);
	return r ? err_set(err, r, "%s: %s", ifname, strerror(-r)) : 0;
}

static int drop_each(int link, const char *pin, void *arg)
{
	return drop_link(arg, pin, link);
}

/* Removes the pins that dp_load makes in one folder, and the folder; others' files stay, and so does it. */
static int remove_pins(const char *folder, const char *(*name)(int), int nr)
{
	char path[PATH_MAX];

	for (int i = 0; i < nr; i++)
		if (!dp_path(path, sizeof(path), folder, NULL, name(i)) && unlink(path) && errno != ENOENT)
			return -errno;
	return rmdir(folder) && errno != ENOENT ? -errno : 0;
}

static const char *map_name(int i)
{
	return dp_map_name((enum dp_map)i);
}

static const char *program_name(int i)
{
	return dp_program_name((enum dp_program)i);
}

int dp_detach_all(const char *pin_dir, struct err *err)
{
	char programs[PATH_MAX], links[PATH_MAX];
	int r;

	bpf_log_capture();
	r = dp_path(programs, sizeof(programs), pin_dir, NULL, DP_PROGRAM_DIR);
	if (!r)
		r = dp_path(links, sizeof(links), pin_dir, NULL, DP_LINK_DIR);
	if (!r)
		r = dp_each_link(pin_dir, drop_each, (void *)pin_dir);
	if (!r && rmdir(links) && errno != ENOENT)
		r = -errno;
	if (!r)
		r = remove_pins(programs, program_name, DP_PROGRAM_COUNT);
	if (!r)
		r = remove_pins(pin_dir, map_name, DP_MAP_COUNT);
	return r ? err_set(err, r, "removing %s: %s", pin_dir, strerror(-r)) : 0;
}
