/* SPDX-License-Identifier: GPL-2.0-only */
/* Paths of pins, and what lies in the pin directory; see dp_pins.h. */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/dp_pins.h"

int dp_path(char *ret, size_t size, const char *pin_dir, const char *folder, const char *name)
{
	int used = snprintf(ret, size, "%s%s%s/%s", pin_dir, folder ? "/" : "", folder ? folder : "", name);

	return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
}

int dp_ifindex_path(char *ret, size_t size, const char *pin_dir, const char *folder, uint32_t ifindex)
{
	char name[16];

	snprintf(name, sizeof(name), "%" PRIu32, ifindex);
	return dp_path(ret, size, pin_dir, folder, name);
}

int dp_get_pin(const char *pin_dir, const char *folder, const char *name)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), pin_dir, folder, name);

	return r ? r : bpf_obj_get(path);
}

int dp_remove_pins(const char *pin_dir, const char *folder)
{
	char path[PATH_MAX];
	struct dirent *entry;
	int r = dp_path(path, sizeof(path), pin_dir, NULL, folder ? folder : "");
	DIR *dir = r ? NULL : opendir(path);

	if (!r && !dir)
		return errno == ENOENT ? 0 : -errno;
	while (!r && (entry = readdir(dir))) {
		if (strncmp(entry->d_name, "cv_", 3) != 0)
			continue;
		r = dp_path(path, sizeof(path), pin_dir, folder, entry->d_name);
		if (!r && unlink(path) && errno != ENOENT)
			r = -errno;
	}
	if (dir)
		closedir(dir);
	return r ? r : dp_remove_folder(pin_dir, folder);
}

int dp_remove_folder(const char *pin_dir, const char *folder)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), pin_dir, NULL, folder ? folder : "");

	if (r)
		return r;
	return rmdir(path) && errno != ENOENT ? -errno : 0;
}

int dp_walk_start(struct dp_walk *walk, const char *pin_dir, const char *folder)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), pin_dir, NULL, folder);

	walk->dir = r ? NULL : opendir(path);
	if (!r && !walk->dir && errno != ENOENT)
		r = -errno;
	return r;
}

uint32_t dp_walk_next(struct dp_walk *walk)
{
	struct dirent *entry;

	while (walk->dir && (entry = readdir(walk->dir))) {
		char *end;
		unsigned long ifindex = strtoul(entry->d_name, &end, 10);

		if (!*end && ifindex && ifindex <= INT_MAX)
			return (uint32_t)ifindex;
	}
	return 0;
}

void dp_walk_end(struct dp_walk *walk)
{
	if (walk->dir)
		closedir(walk->dir);
}
