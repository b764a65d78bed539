/* SPDX-License-Identifier: GPL-2.0-only */
/* One dispatcher of libxdp; see dispatcher.h. */
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <xdp/libxdp.h>

#include "dataplane/bpf_log.h"
#include "dataplane/dispatcher.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_object.h"

/* --- looking --------------------------------------------------------------------------------------- */

static int query(uint32_t ifindex, uint32_t *ret_id, enum attach_mode *ret_mode)
{
	LIBBPF_OPTS(bpf_xdp_query_opts, opts);
	int r = bpf_xdp_query((int)ifindex, 0, &opts);

	if (r)
		return r;
	*ret_id = opts.drv_prog_id ? opts.drv_prog_id : opts.skb_prog_id;
	*ret_mode = opts.drv_prog_id ? ATTACH_NATIVE : ATTACH_GENERIC;
	return *ret_id ? 0 : -ENOENT;
}

/* Takes a program into account: its name always, its descriptor if it is ours. */
static int take_program(struct dispatcher *dispatcher, int program, uint32_t own_map)
{
	uint32_t maps[64] = { 0 };
	struct bpf_prog_info info = { .nr_map_ids = CV_ARRAY_SIZE(maps), .map_ids = (uintptr_t)maps };
	__u32 size = sizeof(info);
	size_t used = strlen(dispatcher->names);
	bool is_ours = false;
	int r = bpf_obj_get_info_by_fd(program, &info, &size);

	if (r) {
		close(program);
		return r;
	}
	snprintf(dispatcher->names + used, sizeof(dispatcher->names) - used, "%s%s", used ? ", " : "",
		 info.name);
	for (size_t i = 0; i < info.nr_map_ids && i < CV_ARRAY_SIZE(maps); i++)
		is_ours = is_ours || maps[i] == own_map;
	if (is_ours)
		dispatcher->ours[dispatcher->ours_nr++] = program;
	else
		close(program);
	return 0;
}

/* Where libxdp pins, as its protocol says: the path of the n-th program, or, for n < 0, of the folder. */
static int pin_path(char *ret, size_t size, const struct dispatcher *dispatcher, int n)
{
	const char *bpffs = secure_getenv("LIBXDP_BPFFS");
	int used = snprintf(ret, size, "%s/xdp/dispatch-%u-%u", bpffs ? bpffs : "/sys/fs/bpf",
			    dispatcher->ifindex, dispatcher->id);

	if (n >= 0 && used >= 0 && (size_t)used < size)
		used += snprintf(ret + used, size - (size_t)used, "/prog%d-prog", n);
	return used < 0 || (size_t)used >= size ? -ENAMETOOLONG : 0;
}

static int read_pins(struct dispatcher *dispatcher, uint32_t own_map)
{
	char path[PATH_MAX];
	int r = pin_path(path, sizeof(path), dispatcher, -1);

	if (!r && access(path, F_OK))
		r = -errno;
	for (int n = 0; !r && n < MAX_DISPATCHER_ACTIONS; n++) {
		int program;

		r = pin_path(path, sizeof(path), dispatcher, n);
		if (r)
			break;
		program = bpf_obj_get(path);
		if (program == -ENOENT)
			break;
		r = program < 0 ? program : take_program(dispatcher, program, own_map);
	}
	if (r)
		dispatcher_close(dispatcher);
	return r;
}

int dispatcher_open(uint32_t ifindex, const char *ifname, uint32_t own_map, struct dispatcher *ret)
{
	int r, r_pins;

	/* libxdp may be changing it: what was read counts if the same one is there before and after */
	for (;;) {
		struct dispatcher found = { .ifindex = ifindex, .ifname = ifname };
		enum attach_mode mode;
		uint32_t id;

		r = query(ifindex, &found.id, &found.mode);
		if (r)
			return r;
		r_pins = read_pins(&found, own_map);
		r = query(ifindex, &id, &mode);
		if (!r && id == found.id) {
			if (!r_pins)
				*ret = found;
			return r_pins;
		}
		if (!r_pins)
			dispatcher_close(&found);
		if (r)
			return r;
	}
}

void dispatcher_close(struct dispatcher *dispatcher)
{
	while (dispatcher->ours_nr)
		close(dispatcher->ours[--dispatcher->ours_nr]);
}

/* --- libxdp ---------------------------------------------------------------------------------------- */

/* libxdp 1.3.1 leaves a descriptor open of every program that it looks at. In the daemon they would add up, and keep
 * replaced programs and their flow tables in memory. A thread with a copy of the file table takes them with it. */
struct errand {
	int (*work)(const struct dispatcher *dispatcher, struct dp *dp, struct err *err);
	const struct dispatcher *dispatcher;
	struct dp *dp;
	struct err *err;
	int r;
};

static void *run_errand(void *arg)
{
	struct errand *errand = arg;

	bpf_log_capture();
	if (unshare(CLONE_FILES))
		errand->r = err_set(errand->err, -errno, "copying the file table: %s", strerror(errno));
	else
		errand->r = errand->work(errand->dispatcher, errand->dp, errand->err);
	return NULL;
}

static int run_apart(struct errand errand)
{
	const struct dispatcher *dispatcher = errand.dispatcher;
	int probe = bpf_prog_get_fd_by_id(dispatcher->id), r;
	pthread_t thread;

	if (probe == -EPERM)
		return err_set(
			errand.err, probe,
			"%s: libxdp's dispatcher holds it for several XDP programs (%s); to change that "
			"takes CAP_SYS_ADMIN, which culvertd gives up: use culvert attach and detach",
			dispatcher->ifname, dispatcher->names);
	if (probe >= 0)
		close(probe);
	r = pthread_create(&thread, NULL, run_errand, &errand);
	if (r)
		return err_set(errand.err, -r, "starting a thread: %s", strerror(r));
	pthread_join(thread, NULL);
	return errand.r;
}

static enum xdp_attach_mode xdp_mode(enum attach_mode mode)
{
	return mode == ATTACH_GENERIC ? XDP_MODE_SKB : XDP_MODE_NATIVE;
}

/* --- joining --------------------------------------------------------------------------------------- */

/* What messages of libxdp and of the verifier come to. */
static const struct {
	const char *words;
	const char *meaning;
} reasons[] = {
	{ "Extension program changes packet data",
	  "on this kernel a program that moves the head of a packet can join a dispatcher of libxdp 1.5.5 or newer "
	  "only" },
	{ "Compatibility check", "this kernel refuses extension programs, which a dispatcher calls" },
	/* the same, when libxdp has checked before */
	{ "Falling back", "this kernel refuses extension programs, which a dispatcher calls" },
};

/* Why libxdp could not take ours in, and what to do. */
static int explain(int code, const struct dispatcher *dispatcher, struct err *err)
{
	const char *reason = code == -E2BIG ? "it is full" : bpf_log_last();

	for (size_t i = 0; i < CV_ARRAY_SIZE(reasons); i++)
		if (strstr(reason, reasons[i].words))
			reason = reasons[i].meaning;
	return err_set(
		err, code,
		"%s: libxdp's dispatcher holds it for other XDP programs (%s), and ours cannot join them: "
		"%s; they are left alone; to give the interface to ours alone, take them off, e.g. with: "
		"xdp-loader unload %s --all",
		dispatcher->ifname, dispatcher->names, reason, dispatcher->ifname);
}

static int join(const struct dispatcher *dispatcher, struct dp *dp, struct err *err)
{
	LIBBPF_OPTS(xdp_program_opts, opts, .prog_name = dp_program_name(DP_PROGRAM_balance));
	struct xdp_program *program;
	struct bpf_object *object;
	int r = dp_object_open_over(dp, &object, err);

	if (r)
		return r;
	opts.obj = object;
	program = xdp_program__create(&opts);
	r = (int)libxdp_get_error(program);
	if (r) {
		err_set(err, r, "handing the program to libxdp: %s (%s)", strerror(-r), bpf_log_last());
	} else {
		r = xdp_program__attach(program, (int)dispatcher->ifindex, xdp_mode(dispatcher->mode), 0);
		if (r)
			explain(r, dispatcher, err);
		xdp_program__close(program);
	}
	bpf_object__close(object);
	return r;
}

int dispatcher_join(const struct dispatcher *dispatcher, struct dp *dp, struct err *err)
{
	return run_apart((struct errand){ .work = join, .dispatcher = dispatcher, .dp = dp, .err = err });
}

/* --- leaving --------------------------------------------------------------------------------------- */

static int leave(const struct dispatcher *dispatcher, struct dp *dp, struct err *err)
{
	struct xdp_program *ours[MAX_DISPATCHER_ACTIONS];
	size_t nr = 0;
	int r = 0;

	(void)dp;
	while (!r && nr < dispatcher->ours_nr) {
		ours[nr] = xdp_program__from_fd(dispatcher->ours[nr]);
		r = (int)libxdp_get_error(ours[nr]);
		nr += !r;
	}
	if (!r)
		r = xdp_program__detach_multi(ours, nr, (int)dispatcher->ifindex, xdp_mode(dispatcher->mode),
					      0);
	while (nr)
		xdp_program__close(ours[--nr]);
	return r ? err_set(err, r, "%s: leaving libxdp's dispatcher: %s (%s)", dispatcher->ifname,
			   strerror(-r), bpf_log_last())
		 : 0;
}

int dispatcher_leave(const struct dispatcher *dispatcher, struct err *err)
{
	return run_apart((struct errand){ .work = leave, .dispatcher = dispatcher, .err = err });
}
