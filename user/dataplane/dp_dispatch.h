/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces that our program shares with others, by libxdp's dispatcher, which calls several programs in turn. Ours
 * joins as one more of them; libxdp makes a new dispatcher with it and puts that in the old one's place in one step.
 *
 * Who owns what:
 *  - The dispatcher, and its pins (below /sys/fs/bpf/xdp), are libxdp's. We change them through libxdp only, take only
 *    programs of ours out, and never the dispatcher away from others.
 *  - Ours is every program that uses the cv_directory map of our pin directory. No name and no note tells: one that a
 *    process left behind as it died is found all the same, and those of another pin directory are others'.
 *  - <pin_dir>/dispatched/<ifindex>, an empty folder, made before we join and removed after we left, says where to
 *    look. What runs there is the truth: somebody may have unloaded us, or the interface be gone.
 *  - What libxdp pinned for an interface that is gone is left to `xdp-loader clean`: only a person knows that it is not
 *    an interface of another network namespace.
 *
 * Priority and going on are libxdp's defaults: ours runs at 50, behind filters (10), and what it passes goes on to
 * the next. For dp_attach.c and dp_load.c. */
#ifndef DATAPLANE_DP_DISPATCH_H
#define DATAPLANE_DP_DISPATCH_H

#include "dataplane/dp.h"

/* Whether there is a dispatcher on an interface. */
bool dp_dispatch_is_there(uint32_t ifindex);

/* Joins the dispatcher on an interface, in the mode that it has. -EBUSY if that is not the one wanted, -EPERM without
 * CAP_SYS_ADMIN, and whatever kernel or libxdp have against it: then nothing was changed. */
int dp_dispatch_attach(struct dp *dp, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		       enum attach_mode *ret_mode, struct err *err);

/* Leaves it to the others. -ENOENT (and err is not set) if ours is not in it; -EPERM without CAP_SYS_ADMIN. */
int dp_dispatch_detach(const char *pin_dir, const char *ifname, uint32_t ifindex, struct err *err);
/* Leaves all, and removes the folder of the marks. */
int dp_dispatch_detach_all(const char *pin_dir, struct err *err);

/* Puts this binary's program over the maps of `dp` in the place of what is attached, where that is another one, or
 * uses other maps (is_moved): the new one joins before the old one leaves, so that every packet meets one. -EPERM
 * without CAP_SYS_ADMIN if there are other maps; else the old program stays, and dp_dispatch_list tells. */
int dp_dispatch_replace(struct dp *dp, bool is_moved, struct err *err);

/* Fills up to `max` and returns how many there are, or -errno. */
int dp_dispatch_list(const char *pin_dir, struct dp_interface *ret, size_t max, struct err *err);

#endif
