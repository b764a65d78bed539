/* SPDX-License-Identifier: GPL-2.0-only */
/* Pins of the decapsulating program; see decap_pins.h. */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/decap_pins.h"

static const char link_prefix[] = "cv_decap_link_";

const char *const decap_map_names[DECAP_MAP_COUNT] = {
	[DECAP_MAP_LOCAL] = "cv_decap_local",
	[DECAP_MAP_FROM] = "cv_decap_from",
	[DECAP_MAP_CONF] = "cv_decap_conf",
	[DECAP_MAP_STATS] = "cv_decap_stats",
};

int decap_pin_path(const char *pin_dir, const char *name, char ret[PATH_MAX])
{
	return snprintf(ret, PATH_MAX, "%s/%s", pin_dir, name) < PATH_MAX ? 0 : -ENAMETOOLONG;
}

int decap_link_path(const char *pin_dir, uint32_t ifindex, char ret[PATH_MAX])
{
	char name[32];

	snprintf(name, sizeof(name), "%s%u", link_prefix, ifindex);
	return decap_pin_path(pin_dir, name, ret);
}

int decap_link_read(int link_fd, struct decap_interface *ret)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, xdp);
	struct decap_interface interface = { .mode = ATTACH_AUTO };
	struct bpf_link_info info = { 0 };
	__u32 size = sizeof(info);
	int r;

	r = bpf_obj_get_info_by_fd(link_fd, &info, &size);
	if (r < 0)
		return r;
	if (info.type != BPF_LINK_TYPE_XDP)
		return -EINVAL;
	interface.ifindex = info.xdp.ifindex;
	interface.program_id = info.prog_id;
	/* Of an interface in another network namespace the number may be somebody else's here: our program
	 * tells them apart. */
	if (interface.ifindex && bpf_xdp_query((int)interface.ifindex, 0, &xdp) == 0) {
		if (xdp.skb_prog_id == info.prog_id)
			interface.mode = ATTACH_GENERIC;
		else if (xdp.drv_prog_id == info.prog_id)
			interface.mode = ATTACH_NATIVE;
		if (interface.mode != ATTACH_AUTO)
			if_indextoname(interface.ifindex, interface.name);
	}
	*ret = interface;
	return 0;
}

int decap_links_walk(const char *pin_dir, decap_link_fn each, void *arg)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int r = 0, fd;
	DIR *dir;

	dir = opendir(pin_dir);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while (r == 0 && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, link_prefix, sizeof(link_prefix) - 1) != 0)
			continue;
		r = decap_pin_path(pin_dir, entry->d_name, path);
		if (r < 0)
			break;
		fd = bpf_obj_get(path);
		if (fd < 0) {
			r = fd;
			break;
		}
		r = each(path, fd, arg);
		close(fd);
	}
	closedir(dir);
	return r;
}

static int is_there(const char *path, int link_fd, void *arg)
{
	(void)path, (void)link_fd, (void)arg;
	return 1;
}

void decap_pins_tidy(const char *pin_dir)
{
	char path[PATH_MAX];

	if (decap_links_walk(pin_dir, is_there, NULL) != 0)
		return;
	for (size_t i = 0; i < DECAP_MAP_COUNT; i++) {
		if (decap_pin_path(pin_dir, decap_map_names[i], path) == 0)
			unlink(path);
	}
	rmdir(pin_dir);
}
