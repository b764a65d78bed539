/* SPDX-License-Identifier: GPL-2.0-only */
/* Attaches and detaches the decapsulating program; see decap.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cv_decap.skel.h"
#include "dataplane/bpf_log.h"
#include "dataplane/bpffs.h"
#include "dataplane/decap.h"
#include "dataplane/decap_filter.h"
#include "dataplane/decap_pins.h"

/* --- program and maps --- */

static int set_pin_paths(struct cv_decap *skel, const char *pin_dir)
{
	struct bpf_map *maps[DECAP_MAP_COUNT] = {
		[DECAP_MAP_LOCAL] = skel->maps.cv_decap_local,
		[DECAP_MAP_FROM] = skel->maps.cv_decap_from,
		[DECAP_MAP_CONF] = skel->maps.cv_decap_conf,
		[DECAP_MAP_STATS] = skel->maps.cv_decap_stats,
	};
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < DECAP_MAP_COUNT; i++) {
		r = decap_pin_path(pin_dir, decap_map_names[i], path);
		if (r == 0)
			r = bpf_map__set_pin_path(maps[i], path);
	}
	return r;
}

/* Loads the program over the pinned maps, or over new ones that are pinned now. */
static int load(const char *pin_dir, struct cv_decap **ret, struct err *err)
{
	struct cv_decap *skel;
	int r;

	bpf_log_capture();
	skel = cv_decap__open();
	if (!skel) {
		r = -errno;
		return err_set(err, r, "cannot open the program: %s", bpf_log_last());
	}
	r = set_pin_paths(skel, pin_dir);
	if (r == 0)
		r = cv_decap__load(skel);
	if (r == 0) {
		*ret = skel;
		return 0;
	}
	cv_decap__destroy(skel);
	if (strstr(bpf_log_last(), "parameter mismatch"))
		return err_set(err, -EPROTO,
			       "the maps below %s are of another version; take it off first "
			       "(culvert decap detach --all --pin-dir %s)",
			       pin_dir, pin_dir);
	return err_set(err, r, "cannot load the program: %s (%s)", strerror(-r), bpf_log_last());
}

/* --- link --- */

/* Who is in the way, as far as the kernel tells. */
static int describe_occupant(uint32_t ifindex, const char *ifname, int code, struct err *err)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info), id;
	int fd;

	if (bpf_xdp_query((int)ifindex, 0, &xdp) < 0)
		return err_set(err, code, "%s: another XDP program is attached", ifname);
	id = xdp.drv_prog_id ? xdp.drv_prog_id : xdp.skb_prog_id ? xdp.skb_prog_id : xdp.hw_prog_id;
	fd = bpf_prog_get_fd_by_id(id);
	if (fd >= 0) {
		bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	}
	return err_set(err, code,
		       "%s: another XDP program is attached (%s, id %u, %s mode); it has to be taken off by "
		       "who attached it (see: bpftool net show dev %s)",
		       ifname, info.name[0] ? info.name : "no name", id,
		       attach_mode_name(xdp.skb_prog_id ? ATTACH_GENERIC : ATTACH_NATIVE), ifname);
}

static int create_link(int prog_fd, uint32_t ifindex, enum attach_mode mode)
{
	LIBBPF_OPTS(bpf_link_create_opts, opts,
		    .flags = mode == ATTACH_GENERIC ? XDP_FLAGS_SKB_MODE : XDP_FLAGS_DRV_MODE);

	return bpf_link_create(prog_fd, (int)ifindex, BPF_XDP, &opts);
}

static int attach_new(const char *path, int prog_fd, uint32_t ifindex, const char *ifname,
		      enum attach_mode mode, enum attach_mode *ret_mode, struct err *err)
{
	enum attach_mode tried = mode == ATTACH_AUTO ? ATTACH_NATIVE : mode;
	int fd, r;

	fd = create_link(prog_fd, ifindex, tried);
	if (fd == -EOPNOTSUPP && mode == ATTACH_AUTO) {
		tried = ATTACH_GENERIC;
		fd = create_link(prog_fd, ifindex, tried);
	}
	if (fd == -EBUSY || fd == -EEXIST)
		return describe_occupant(ifindex, ifname, -EBUSY, err);
	if (fd == -EOPNOTSUPP)
		return err_set(err, fd, "%s: the driver has no native XDP; use --mode generic or auto",
			       ifname);
	if (fd < 0)
		return err_set(err, fd, "%s: cannot attach in %s mode: %s", ifname, attach_mode_name(tried),
			       strerror(-fd));
	r = bpf_obj_pin(fd, path);
	if (r < 0)
		err_set(err, r, "cannot pin %s: %s", path, strerror(-r));
	else
		*ret_mode = tried;
	close(fd); /* without a pin this detaches */
	return r;
}

/* Replaces the program on our own link in one instant. -ENOENT if there is none, or only the rest of one
 * whose interface is gone, which is removed. */
static int attach_again(const char *path, int prog_fd, uint32_t ifindex, const char *ifname,
			enum attach_mode mode, enum attach_mode *ret_mode, struct err *err)
{
	struct decap_interface interface;
	int fd, r;

	fd = bpf_obj_get(path);
	if (fd == -ENOENT)
		return fd;
	if (fd < 0)
		return err_set(err, fd, "cannot open %s: %s", path, strerror(-fd));
	r = decap_link_read(fd, &interface);
	if (r < 0) {
		err_set(err, r, "cannot read the link at %s: %s", path, strerror(-r));
	} else if (interface.ifindex != ifindex) {
		r = unlink(path) < 0 ? -errno : -ENOENT;
	} else if (interface.mode == ATTACH_AUTO) {
		r = err_set(err, -EBUSY,
			    "%s is of an interface in another network namespace; choose another "
			    "--pin-dir here",
			    path);
	} else if (mode != ATTACH_AUTO && mode != interface.mode) {
		r = err_set(err, -EBUSY, "%s: attached in %s mode already; to change it, detach it first",
			    ifname, attach_mode_name(interface.mode));
	} else {
		r = bpf_link_update(fd, prog_fd, NULL);
		if (r < 0)
			err_set(err, r, "%s: cannot replace the program: %s", ifname, strerror(-r));
		else
			*ret_mode = interface.mode;
	}
	close(fd);
	return r;
}

int decap_attach(const char *pin_dir, const char *ifname, const struct decap_options *options,
		 enum attach_mode *ret_mode, struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct cv_decap *skel = NULL;
	char path[PATH_MAX];
	int lock, prog_fd, r;

	if (!ifindex)
		return err_set(err, -ENODEV, "%s: there is no such interface", ifname);
	r = bpffs_ensure(pin_dir, err);
	if (r < 0)
		return r;
	r = bpffs_lock(pin_dir, &lock, err);
	if (r < 0)
		return r;
	r = decap_link_path(pin_dir, ifindex, path);
	if (r < 0) {
		err_set(err, r, "%s: the path is too long", pin_dir);
		goto out;
	}
	r = load(pin_dir, &skel, err);
	if (r < 0)
		goto out;
	r = decap_filter_local(bpf_map__fd(skel->maps.cv_decap_local), err);
	if (r < 0)
		goto out;
	r = decap_filter_from(bpf_map__fd(skel->maps.cv_decap_from), options->from, options->from_nr, err);
	if (r < 0)
		goto out;
	r = decap_filter_gue(bpf_map__fd(skel->maps.cv_decap_conf), options->gue_port, err);
	if (r < 0)
		goto out;
	prog_fd = bpf_program__fd(skel->progs.cv_decap);
	r = attach_again(path, prog_fd, ifindex, ifname, options->mode, ret_mode, err);
	if (r == -ENOENT)
		r = attach_new(path, prog_fd, ifindex, ifname, options->mode, ret_mode, err);
out:
	cv_decap__destroy(skel);
	if (r < 0)
		decap_pins_tidy(pin_dir);
	close(lock);
	return r;
}

/* --- detaching --- */

static int remove_link(const char *path, int link_fd, void *arg)
{
	(void)arg;
	/* Not by the unlink alone: another process may hold the link. Fails where the interface is gone. */
	bpf_link_detach(link_fd);
	return unlink(path) < 0 ? -errno : 0;
}

int decap_detach(const char *pin_dir, const char *ifname, struct err *err)
{
	uint32_t ifindex = if_nametoindex(ifname);
	struct decap_interface interface = { 0 };
	int lock, fd = -1, r;
	char path[PATH_MAX];

	if (!ifindex)
		return err_set(err, -ENODEV,
			       "%s: there is no such interface (--all removes what is left of one)", ifname);
	r = bpffs_lock(pin_dir, &lock, NULL);
	if (r == -ENOENT)
		return err_set(err, r, "%s: not attached (nothing is pinned below %s)", ifname, pin_dir);
	if (r < 0)
		return err_set(err, r, "cannot open %s: %s", pin_dir, strerror(-r));
	r = decap_link_path(pin_dir, ifindex, path);
	if (r == 0)
		r = fd = bpf_obj_get(path);
	if (r >= 0)
		r = decap_link_read(fd, &interface);
	if (r == 0)
		r = interface.mode == ATTACH_AUTO ? -ENOENT : remove_link(path, fd, NULL);
	if (r == -ENOENT)
		err_set(err, r, "%s: not attached", ifname);
	else if (r < 0)
		err_set(err, r, "%s: cannot detach: %s", ifname, strerror(-r));
	if (r == 0)
		decap_pins_tidy(pin_dir);
	if (fd >= 0)
		close(fd);
	close(lock);
	return r;
}

int decap_detach_all(const char *pin_dir, struct err *err)
{
	int lock, r;

	r = bpffs_lock(pin_dir, &lock, err);
	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return r;
	r = decap_links_walk(pin_dir, remove_link, NULL);
	if (r < 0)
		err_set(err, r, "cannot remove what is pinned below %s: %s", pin_dir, strerror(-r));
	else
		decap_pins_tidy(pin_dir);
	close(lock);
	return r;
}
