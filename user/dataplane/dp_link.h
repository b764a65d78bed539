/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces that our program has for itself: a bpf_link each, pinned as links/<ifindex>, so that it stays when the
 * process goes and is replaced in one step, and nobody can push it out unnoticed. For dp_attach.c and dp_load.c. */
#ifndef DATAPLANE_DP_LINK_H
#define DATAPLANE_DP_LINK_H

#include "dataplane/dp.h"

/* Attaches to an interface that nobody holds, and pins; with ATTACH_AUTO generic where there is no native XDP.
 * -EOPNOTSUPP, and others as the kernel has them. */
int dp_link_attach(const struct dp *dp, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		   enum attach_mode *ret_mode, struct err *err);

/* -ENOENT if there is no link for it. */
int dp_link_detach(const char *pin_dir, uint32_t ifindex);
/* Takes all off, also what is left of interfaces that are gone, and removes the folder. */
int dp_link_detach_all(const char *pin_dir);

/* Puts the program of `dp` in the place of what is attached: there, if anything is, or everywhere. */
int dp_link_renew(const struct dp *dp, uint32_t ifindex);
int dp_link_replace(const struct dp *dp);

/* Fills up to `max` and returns how many there are, or -errno. */
int dp_link_list(const char *pin_dir, struct dp_interface *ret, size_t max);

#endif
