/* SPDX-License-Identifier: GPL-2.0-only */
/* Interfaces shared by libxdp's dispatcher; see dp_dispatch.h. */
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "dataplane/dispatcher.h"
#include "dataplane/dp_dispatch.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_pins.h"

/* The id of cv_directory, which tells whose a program is; 0, which no map has, if nothing is pinned. */
static int own_map(const char *pin_dir, uint32_t *ret, struct err *err)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);
	int fd = dp_get_pin(pin_dir, NULL, dp_map_pin(DP_MAP_directory)), r = 0;

	if (fd >= 0) {
		r = bpf_obj_get_info_by_fd(fd, &info, &size);
		close(fd);
	} else if (fd != -ENOENT) {
		r = fd;
	}
	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	*ret = info.id;
	return 0;
}

/* --- marks ----------------------------------------------------------------------------------------- */

static int mark(const char *pin_dir, uint32_t ifindex, struct err *err)
{
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), pin_dir, NULL, DP_MARK_DIR);

	if (!r && mkdir(path, 0700) && errno != EEXIST)
		r = -errno;
	if (!r)
		r = dp_ifindex_path(path, sizeof(path), pin_dir, DP_MARK_DIR, ifindex);
	if (!r && mkdir(path, 0700) && errno != EEXIST)
		r = -errno;
	return r ? err_set(err, r, "%s: %s", pin_dir, strerror(-r)) : 0;
}

static int unmark(const char *pin_dir, uint32_t ifindex, struct err *err)
{
	char path[PATH_MAX];
	int r = dp_ifindex_path(path, sizeof(path), pin_dir, DP_MARK_DIR, ifindex);

	if (!r && rmdir(path) && errno != ENOENT)
		r = -errno;
	return r ? err_set(err, r, "%s: %s", pin_dir, strerror(-r)) : 0;
}

/* Calls `each` for every marked interface that is there and runs programs of ours. Ends at the first result that is not
 * 0, and returns it. */
typedef int (*each_fn)(const struct dispatcher *dispatcher, void *arg);

static int each_marked(const char *pin_dir, each_fn each, void *arg, struct err *err)
{
	struct dispatcher dispatcher;
	char ifname[IF_NAMESIZE];
	struct dp_walk walk;
	uint32_t ifindex, map = 0;
	int r = own_map(pin_dir, &map, err);

	if (r)
		return r;
	r = dp_walk_start(&walk, pin_dir, DP_MARK_DIR);
	if (r)
		err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	while (!r && (ifindex = dp_walk_next(&walk))) {
		if (!if_indextoname(ifindex, ifname) || dispatcher_open(ifindex, ifname, map, &dispatcher))
			continue;
		if (dispatcher.ours_nr)
			r = each(&dispatcher, arg);
		dispatcher_close(&dispatcher);
	}
	dp_walk_end(&walk);
	return r;
}

/* --- attaching ------------------------------------------------------------------------------------- */

bool dp_dispatch_is_there(uint32_t ifindex)
{
	struct dispatcher dispatcher;

	if (dispatcher_open(ifindex, "", 0, &dispatcher))
		return false;
	dispatcher_close(&dispatcher);
	return true;
}

int dp_dispatch_attach(struct dp *dp, const char *ifname, uint32_t ifindex, enum attach_mode mode,
		       enum attach_mode *ret_mode, struct err *err)
{
	struct dispatcher dispatcher;
	int r = dispatcher_open(ifindex, ifname, 0, &dispatcher);

	if (r)
		return err_set(err, r, "%s: libxdp's dispatcher has left it; try again", ifname);
	if (mode != ATTACH_AUTO && mode != dispatcher.mode) {
		r = err_set(err, -EBUSY,
			    "%s: libxdp's dispatcher holds it in %s mode, which all its programs share; use "
			    "--mode auto",
			    ifname, attach_mode_name(dispatcher.mode));
		goto out;
	}
	r = mark(dp->pin_dir, ifindex, err);
	if (r)
		goto out;
	r = dispatcher_join(&dispatcher, dp, err);
	if (r)
		unmark(dp->pin_dir, ifindex, NULL);
	else
		*ret_mode = dispatcher.mode;
out:
	dispatcher_close(&dispatcher);
	return r;
}

/* --- detaching ------------------------------------------------------------------------------------- */

int dp_dispatch_detach(const char *pin_dir, const char *ifname, uint32_t ifindex, struct err *err)
{
	struct dispatcher dispatcher;
	uint32_t map = 0;
	int r = own_map(pin_dir, &map, err);

	if (r)
		return r;
	if (dispatcher_open(ifindex, ifname, map, &dispatcher))
		return -ENOENT;
	r = dispatcher.ours_nr ? dispatcher_leave(&dispatcher, err) : -ENOENT;
	dispatcher_close(&dispatcher);
	return r ? r : unmark(pin_dir, ifindex, err);
}

static int leave_each(const struct dispatcher *dispatcher, void *err)
{
	return dispatcher_leave(dispatcher, err);
}

int dp_dispatch_detach_all(const char *pin_dir, struct err *err)
{
	struct dp_walk walk;
	uint32_t ifindex;
	int r = each_marked(pin_dir, leave_each, err, err);

	if (r)
		return r;
	r = dp_walk_start(&walk, pin_dir, DP_MARK_DIR);
	while (!r && (ifindex = dp_walk_next(&walk)))
		r = unmark(pin_dir, ifindex, NULL);
	dp_walk_end(&walk);
	if (!r)
		r = dp_remove_folder(pin_dir, DP_MARK_DIR);
	return r ? err_set(err, r, "removing %s: %s", pin_dir, strerror(-r)) : 0;
}

/* --- all of them ----------------------------------------------------------------------------------- */

/* Whether two programs have the same instructions. */
static bool is_same_program(int a, int b)
{
	struct bpf_prog_info info_a = { 0 }, info_b = { 0 };
	__u32 size_a = sizeof(info_a), size_b = sizeof(info_b);

	return !bpf_obj_get_info_by_fd(a, &info_a, &size_a) && !bpf_obj_get_info_by_fd(b, &info_b, &size_b) &&
	       !memcmp(info_a.tag, info_b.tag, sizeof(info_a.tag));
}

struct replacement {
	struct dp *dp;
	bool is_moved;
	struct err *err;
};

static int replace_each(const struct dispatcher *dispatcher, void *arg)
{
	const struct replacement *with = arg;
	int r;

	if (!with->is_moved && dispatcher->ours_nr == 1 &&
	    is_same_program(dispatcher->ours[0], with->dp->program[DP_PROGRAM_balance]))
		return 0;
	r = dispatcher_join(dispatcher, with->dp, with->err);
	if (r == -EPERM && !with->is_moved)
		return 0;
	return r ? r : dispatcher_leave(dispatcher, with->err);
}

int dp_dispatch_replace(struct dp *dp, bool is_moved, struct err *err)
{
	struct replacement with = { .dp = dp, .is_moved = is_moved, .err = err };

	return each_marked(dp->pin_dir, replace_each, &with, err);
}

struct list {
	struct dp_interface *ret;
	size_t max;
	size_t nr;
	int program; /* what is pinned, to compare */
};

static int list_each(const struct dispatcher *dispatcher, void *arg)
{
	struct list *list = arg;
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	struct dp_interface found = {
		.ifindex = dispatcher->ifindex,
		.mode = dispatcher->mode,
		.dispatcher = true,
		.outdated = !is_same_program(dispatcher->ours[0], list->program),
	};

	if (bpf_obj_get_info_by_fd(dispatcher->ours[0], &info, &size))
		return 0;
	found.program_id = info.id;
	snprintf(found.name, sizeof(found.name), "%s", dispatcher->ifname);
	if (list->nr < list->max)
		list->ret[list->nr] = found;
	list->nr++;
	return 0;
}

int dp_dispatch_list(const char *pin_dir, struct dp_interface *ret, size_t max, struct err *err)
{
	struct list list = {
		.ret = ret,
		.max = max,
		.program = dp_get_pin(pin_dir, DP_PROGRAM_DIR, dp_program_name(DP_PROGRAM_balance)),
	};
	int r = each_marked(pin_dir, list_each, &list, err);

	if (list.program >= 0)
		close(list.program);
	return r ? r : (int)list.nr;
}
