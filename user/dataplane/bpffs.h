/* SPDX-License-Identifier: GPL-2.0-only */
/* Directories for pins: they must lie in a BPF file system, and one command at a time may change them. */
#ifndef DATAPLANE_BPFFS_H
#define DATAPLANE_BPFFS_H

#include <stdbool.h>

#include "util/err.h"

/* `ip netns exec` gives its command a mount namespace with a /sys of its own, in which no BPF file system is mounted
 * and in which one that we mounted would vanish with us, pins and all. If `dir` lies below /sys/fs/bpf and that is so,
 * goes back to the mount namespace of whoever called it, where everybody looks for it; the network namespace and the
 * working directory stay. Does nothing in any other case, as in a container. Call it before there are threads, and before
 * files are opened. */
void bpffs_reach(const char *dir);

/* Whether dir, or of what is there above it the nearest, lies in a BPF file system. */
bool bpffs_holds(const char *dir);

/* -EINVAL, and in err what is allowed, if no pin directory can have this name: the command line is wrong then. */
int bpffs_check_name(const char *dir, struct err *err);

/* Makes `dir` and what is missing above it (mode 0700), and mounts a BPF file system on /sys/fs/bpf first if
 * dir lies below that and none is there. -EINVAL if dir is not an absolute path or lies in another kind of
 * file system, -EPERM or -EACCES without the rights, other -errno of mkdir(2) and mount(2). */
int bpffs_ensure(const char *dir, struct err *err);

/* Takes the lock of a directory that exists. 0 and a descriptor to close, which gives it back (as does the
 * end of the process); waits while somebody else has it. -ENOENT if there is no such directory. */
int bpffs_lock(const char *dir, int *ret_fd, struct err *err);

#endif
