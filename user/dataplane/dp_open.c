/* SPDX-License-Identifier: GPL-2.0-only */
/* Opening a data plane: by its pins, to look; or with the lock and a fresh program, as its one writer. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"
#include "dataplane/bpffs.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_pins.h"

const char *dp_map_name(enum dp_map map)
{
	static const char *const names[DP_MAP_COUNT] = {
#define DP_X(name) [DP_MAP_##name] = "cv_" #name,
		DP_MAPS(DP_X)
#undef DP_X
	};

	return names[map];
}

const char *dp_map_pin(enum dp_map map)
{
	static const char *const pins[DP_MAP_COUNT] = {
#define DP_X(name) [DP_MAP_##name] = "cv_" #name,
		DP_MAPS_TYPED(DP_X)
#undef DP_X
#define DP_X(name) [DP_MAP_##name] = DP_TABLE_DIR "/cv_" #name,
			DP_MAPS_UNTYPED(DP_X)
#undef DP_X
	};

	return pins[map];
}

const char *dp_program_name(enum dp_program prog)
{
	static const char *const names[DP_PROGRAM_COUNT] = {
#define DP_X(name) [DP_PROGRAM_##name] = "cv_" #name,
		DP_PROGRAMS(DP_X)
#undef DP_X
	};

	return names[prog];
}

int dp_alloc(const char *pin_dir, struct dp **ret)
{
	int cpus = libbpf_num_possible_cpus();
	struct dp *dp;

	if (cpus < 0)
		return cpus;
	if (strlen(pin_dir) >= sizeof(dp->pin_dir))
		return -ENAMETOOLONG;
	dp = calloc(1, sizeof(*dp));
	if (!dp)
		return -ENOMEM;
	memcpy(dp->pin_dir, pin_dir, strlen(pin_dir) + 1);
	dp->cpus = (unsigned)cpus;
	dp->lock = -1;
	dp->btf = -1;
	dp->egress = -1;
	for (int i = 0; i < DP_MAP_COUNT; i++)
		dp->map[i] = -1;
	for (int i = 0; i < DP_PROGRAM_COUNT; i++)
		dp->program[i] = -1;
	bpf_log_capture();
	*ret = dp;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

void dp_free(struct dp *dp)
{
	if (!dp)
		return;
	for (int i = 0; i < DP_MAP_COUNT; i++)
		close_fd(dp->map[i]);
	for (int i = 0; i < DP_PROGRAM_COUNT; i++)
		close_fd(dp->program[i]);
	dp_tables_done(dp);
	close_fd(dp->egress);
	close_fd(dp->btf);
	close_fd(dp->lock);
	free(dp);
}

/* Opens one pin; `ret` keeps -1 if it is not there. */
static int open_pin(const struct dp *dp, const char *folder, const char *name, int *ret, struct err *err)
{
	int fd = dp_get_pin(dp->pin_dir, folder, name);

	if (fd < 0)
		return err_set(err, fd, "%s%s%s/%s: %s", dp->pin_dir, folder ? "/" : "", folder ? folder : "",
			       name, strerror(-fd));
	*ret = fd;
	return 0;
}

/* cv_meta only grows at its end: what is there can be read whoever laid it down. */
int dp_read_meta(const char *pin_dir, int map, struct cv_meta *ret, struct err *err)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info), zero = 0;
	struct cv_meta *record;
	int r = bpf_obj_get_info_by_fd(map, &info, &size);

	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	record = calloc(1, info.value_size + sizeof(*record));
	r = record ? bpf_map_lookup_elem(map, &zero, record) : -ENOMEM;
	if (r)
		err_set(err, r, "reading cv_meta: %s", strerror(-r));
	else if (record->schema > CV_SCHEMA_VERSION)
		r = err_set(
			err, -EPROTO,
			"%s was laid down by culvert %s with map schema %u, which this older culvert %s "
			"(schema %u) cannot read: use %s or a newer one; or end every flow with \"culvert "
			"detach --all\" and begin anew",
			pin_dir, record->version, record->schema, CV_VERSION, CV_SCHEMA_VERSION,
			record->version);
	else
		*ret = *record;
	free(record);
	return r;
}

static int check_schema(const struct dp *dp, struct err *err)
{
	struct cv_meta meta = { 0 };
	int r = dp_read_meta(dp->pin_dir, dp->map[DP_MAP_meta], &meta, err);

	if (r || meta.schema == CV_SCHEMA_VERSION)
		return r;
	return err_set(
		err, -EPROTO,
		"%s was laid down by culvert %s with map schema %u; this is culvert %s with schema %u: "
		"restart culvertd, or run \"culvert upgrade\", and flows and counters come over",
		dp->pin_dir, meta.version, meta.schema, CV_VERSION, CV_SCHEMA_VERSION);
}

int dp_open(const char *pin_dir, struct dp **ret, struct err *err)
{
	struct dp *dp;
	int r = dp_alloc(pin_dir, &dp);

	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	/* first what says whether the rest can be read at all */
	r = open_pin(dp, NULL, dp_map_pin(DP_MAP_meta), &dp->map[DP_MAP_meta], err);
	if (r == -ENOENT)
		err_set(err, r, "nothing is attached: no data plane is pinned in %s", pin_dir);
	if (!r)
		r = check_schema(dp, err);
	for (int i = 0; !r && i < DP_MAP_COUNT; i++)
		if (dp->map[i] < 0)
			r = open_pin(dp, NULL, dp_map_pin(i), &dp->map[i], err);
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = open_pin(dp, DP_PROGRAM_DIR, dp_program_name(i), &dp->program[i], err);
	if (r) {
		dp_free(dp);
		return r;
	}
	*ret = dp;
	return 0;
}

int dp_lock(struct dp *dp, unsigned wait_ms, struct err *err)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int fd = open(dp->pin_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		return err_set(err, -errno, "%s: %s", dp->pin_dir, strerror(errno));
	for (unsigned waited = 0; flock(fd, LOCK_EX | LOCK_NB); waited += 20) {
		if (waited >= wait_ms) {
			close(fd);
			return err_set(err, -EBUSY, "another culvertd is in charge of %s", dp->pin_dir);
		}
		nanosleep(&pause, NULL);
	}
	dp->lock = fd;
	return 0;
}

void dp_unlock(struct dp *dp)
{
	close_fd(dp->lock);
	dp->lock = -1;
}

int dp_take(const char *pin_dir, const struct flow_table_conf *flow_table, struct dp **ret, struct err *err)
{
	struct dp *dp;
	int r = dp_alloc(pin_dir, &dp);

	if (r)
		return err_set(err, r, "%s: %s", pin_dir, strerror(-r));
	r = bpffs_ensure(pin_dir, err);
	/* a culvert attach at work has the lock for as long as a load takes */
	if (!r)
		r = dp_lock(dp, 1000, err);
	if (!r)
		r = dp_load(dp, flow_table, err);
	if (r) {
		dp_free(dp);
		return r;
	}
	*ret = dp;
	return 0;
}

bool dp_migration(const struct dp *dp, struct dp_migrated *ret)
{
	*ret = dp->migration;
	return ret->schema;
}

int dp_retake(struct dp **dp, const struct flow_table_conf *flow_table, struct err *err)
{
	struct cv_sweep swept;
	struct dp *fresh;
	int r;

	/* what has ended would be copied, and might take the room of what lives */
	r = dp_sweep(*dp, &swept, err);
	if (r)
		return r;
	r = dp_alloc((*dp)->pin_dir, &fresh);
	if (r)
		return err_set(err, r, "%s: %s", (*dp)->pin_dir, strerror(-r));
	r = dp_load(fresh, flow_table, err);
	if (r) {
		dp_free(fresh);
		return r;
	}
	fresh->lock = (*dp)->lock;
	(*dp)->lock = -1;
	dp_tables_move(*dp, fresh);
	dp_free(*dp);
	*dp = fresh;
	return 0;
}

static __u32 map_id(int map)
{
	struct bpf_map_info info = { 0 };
	__u32 size = sizeof(info);

	return map < 0 || bpf_obj_get_info_by_fd(map, &info, &size) ? 0 : info.id;
}

bool dp_is_pinned(struct dp *dp)
{
	struct dp *pinned = NULL;
	bool is_same;

	dp_open(dp->pin_dir, &pinned, NULL);
	is_same = pinned && map_id(pinned->map[DP_MAP_meta]) == map_id(dp->map[DP_MAP_meta]);
	dp_free(pinned);
	return is_same;
}
