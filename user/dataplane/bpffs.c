/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories for pins; see bpffs.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <linux/magic.h>

#include "dataplane/bpffs.h"

static const char mount_point[] = "/sys/fs/bpf";

static bool is_bpffs(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == BPF_FS_MAGIC;
}

static bool is_below_mount_point(const char *dir)
{
	size_t len = sizeof(mount_point) - 1;

	return strncmp(dir, mount_point, len) == 0 && (dir[len] == '/' || dir[len] == '\0');
}

bool bpffs_holds(const char *dir)
{
	char path[PATH_MAX];
	struct stat st;
	char *slash;

	snprintf(path, sizeof(path), "%s", dir);
	while (stat(path, &st) < 0 && (slash = strrchr(path, '/')) != path)
		*slash = '\0';
	return is_bpffs(path);
}

/* The parent of a process; 0 if there is none, or it is not to be seen. */
static pid_t parent_of(pid_t pid)
{
	char path[64];
	int parent = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	/* a name may hold brackets and blanks, but no process on the way from a shell to us has such a one */
	if (fscanf(file, "%*d (%*[^)]) %*c %d", &parent) != 1)
		parent = 0;
	fclose(file);
	return parent;
}

/* Opens the mount namespace of `pid` if it is not ours but has the same root: then it is no container's. Else -1. */
static int open_other_view(pid_t pid)
{
	struct stat own, other, own_root, other_root;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/root/", (int)pid);
	if (stat("/", &own_root) < 0 || stat(path, &other_root) < 0 || own_root.st_dev != other_root.st_dev ||
	    own_root.st_ino != other_root.st_ino)
		return -1;
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 && stat("/proc/self/ns/mnt", &own) == 0 && fstat(fd, &other) == 0 &&
	    own.st_ino != other.st_ino)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

void bpffs_reach(const char *dir)
{
	char here[PATH_MAX];
	int fd = -1;

	if (!is_below_mount_point(dir) || is_bpffs(mount_point) || !getcwd(here, sizeof(here)))
		return;
	for (pid_t pid = getppid(); fd < 0 && pid; pid = parent_of(pid))
		fd = open_other_view(pid);
	if (fd < 0)
		return;
	if (setns(fd, CLONE_NEWNS) == 0 && chdir(here) < 0)
		(void)!chdir("/");
	close(fd);
}

/* mkdir -p */
static int make_directories(const char *dir)
{
	char path[PATH_MAX];
	size_t len = strlen(dir);

	for (size_t i = 1; i <= len; i++) {
		if (dir[i] != '/' && dir[i] != '\0')
			continue;
		memcpy(path, dir, i);
		path[i] = '\0';
		if (mkdir(path, 0700) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

int bpffs_check_name(const char *dir, struct err *err)
{
	if (dir[0] != '/' || strlen(dir) >= PATH_MAX)
		return err_set(err, -EINVAL, "not an absolute path, like %s/culvert", mount_point);
	return 0;
}

int bpffs_ensure(const char *dir, struct err *err)
{
	int r;

	r = bpffs_check_name(dir, err);
	if (r < 0)
		return err_prefix(err, r, "pin directory %s", dir);
	bpffs_reach(dir);
	if (is_below_mount_point(dir) && !is_bpffs(mount_point) &&
	    mount("bpf", mount_point, "bpf", MS_NOSUID | MS_NODEV | MS_NOEXEC, "mode=0700") < 0) {
		r = -errno;
		return err_set(err, r, "cannot mount a BPF file system on %s: %s", mount_point, strerror(-r));
	}
	if (!bpffs_holds(dir))
		return err_set(err, -EINVAL,
			       "%s is not in a BPF file system: choose a directory below %s, or mount one "
			       "(mount -t bpf bpf DIR)",
			       dir, mount_point);
	r = make_directories(dir);
	if (r < 0)
		return err_set(err, r, "cannot make the pin directory %s: %s", dir, strerror(-r));
	return 0;
}

int bpffs_lock(const char *dir, int *ret_fd, struct err *err)
{
	int fd, r;

	fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		r = -errno;
		return err_set(err, r, "cannot open %s: %s", dir, strerror(-r));
	}
	do
		r = flock(fd, LOCK_EX) < 0 ? -errno : 0;
	while (r == -EINTR);
	if (r < 0) {
		close(fd);
		return err_set(err, r, "cannot lock %s: %s", dir, strerror(-r));
	}
	*ret_fd = fd;
	return 0;
}
