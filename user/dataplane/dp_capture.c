/* SPDX-License-Identifier: GPL-2.0-only */
/* Capturing: the lease, the ring, and the records that come out of it; see dp_capture.h. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"
#include "dataplane/dp_capture.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_pins.h"

struct dp_capture {
	struct dp *dp;
	int lock; /* the open directory of the ring, locked */
	int ring_map;
	struct ring_buffer *ring;
	struct cv_capture want;		/* as it lies in cv_capture while we capture */
	struct cv_capture_stats *stats; /* of each processor */
	time_t renewed;			/* CLOCK_MONOTONIC */
	bool is_on;
	dp_capture_fn each;
	void *arg;
};

static time_t seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec;
}

static int read_lease(struct dp_capture *capture, struct cv_capture *ret, struct err *err)
{
	__u32 zero = 0;
	int r = bpf_map_lookup_elem(capture->dp->map[DP_MAP_capture], &zero, ret);

	return r ? err_set(err, r, "reading cv_capture: %s", strerror(-r)) : 0;
}

static int write_lease(struct dp_capture *capture, struct err *err)
{
	__u32 zero = 0;
	int r = bpf_map_update_elem(capture->dp->map[DP_MAP_capture], &zero, &capture->want, BPF_ANY);

	return r ? err_set(err, r, "writing cv_capture: %s", strerror(-r)) : 0;
}

static int lock(struct dp_capture *capture, struct err *err)
{
	struct cv_capture other;
	char path[PATH_MAX];
	int r = dp_path(path, sizeof(path), capture->dp->pin_dir, NULL, DP_TABLE_DIR);

	if (r)
		return err_set(err, r, "%s: %s", capture->dp->pin_dir, strerror(-r));
	capture->lock = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (capture->lock < 0)
		return err_set(err, -errno, "%s: %s", path, strerror(errno));
	if (!flock(capture->lock, LOCK_EX | LOCK_NB))
		return 0;
	r = read_lease(capture, &other, err);
	return r ? r : err_set(err, -EBUSY, "process %u captures there already: one at a time", other.pid);
}

/* Counters for one interface, at zero; those that it has already stay. */
static int add_port(struct dp_capture *capture, uint32_t ifindex)
{
	int r;

	memset(capture->stats, 0, capture->dp->cpus * sizeof(*capture->stats));
	r = bpf_map_update_elem(capture->dp->map[DP_MAP_captures], &ifindex, capture->stats, BPF_NOEXIST);
	/* more than there is room for are counted together */
	return r == -EEXIST || r == -E2BIG || r == -ENOMEM ? 0 : r;
}

static int begin_counters(struct dp_capture *capture, struct err *err)
{
	struct dp_interface ports[CV_CAPTURE_PORTS];
	int map = capture->dp->map[DP_MAP_captures], nr, r;
	__u32 key;

	while (!bpf_map_get_next_key(map, NULL, &key))
		if (bpf_map_delete_elem(map, &key))
			break;
	nr = dp_interfaces(capture->dp->pin_dir, ports, CV_ARRAY_SIZE(ports), err);
	if (nr < 0)
		return nr;
	r = add_port(capture, 0);
	for (int i = 0; !r && i < nr && i < (int)CV_ARRAY_SIZE(ports); i++)
		r = add_port(capture, ports[i].ifindex);
	return r ? err_set(err, r, "making counters in cv_captures: %s", strerror(-r)) : 0;
}

static int take_record(void *arg, void *data, size_t size)
{
	struct dp_capture *capture = arg;
	const struct cv_captured *captured = data;
	const uint8_t *bytes = data;

	/* an earlier capture's, from a ring that was not ours */
	if (size < sizeof(*captured) || captured->number != capture->want.number ||
	    size < sizeof(*captured) + captured->saved_before + captured->saved_after)
		return 0;
	bytes += sizeof(*captured);
	return capture->each(captured, bytes, bytes + captured->saved_before, capture->arg);
}

static int place_ring(struct dp_capture *capture, uint32_t bytes, struct err *err)
{
	__u32 zero = 0;
	int r;

	capture->ring_map = bpf_map_create(BPF_MAP_TYPE_RINGBUF, "cv_ring", 0, 0, bytes, NULL);
	if (capture->ring_map < 0)
		return err_set(err, capture->ring_map, "making a ring of %u bytes: %s", bytes,
			       strerror(-capture->ring_map));
	capture->ring = ring_buffer__new(capture->ring_map, take_record, capture, NULL);
	if (!capture->ring)
		return err_set(err, -errno, "opening the ring: %s (%s)", strerror(errno), bpf_log_last());
	r = bpf_map_update_elem(capture->dp->map[DP_MAP_captured], &zero, &capture->ring_map, BPF_ANY);
	return r ? err_set(err, r, "handing the ring to the program: %s", strerror(-r)) : 0;
}

/* From now on for another CV_CAPTURE_LEASE_S seconds. */
static int renew(struct dp_capture *capture, uint32_t *ret_gap_s, struct err *err)
{
	uint32_t now = 0, gap = 0;
	int r;

	if (!dp_is_pinned(capture->dp))
		return err_set(err, -ENODEV, "the data plane in %s was removed", capture->dp->pin_dir);
	r = dp_clock(capture->dp, &now, err);
	if (r)
		return r;
	if (capture->want.until_s && (int32_t)(now - capture->want.until_s) > 0)
		gap = now - capture->want.until_s;
	capture->want.until_s = now + CV_CAPTURE_LEASE_S;
	r = write_lease(capture, err);
	if (r)
		return r;
	capture->renewed = seconds();
	capture->is_on = true;
	*ret_gap_s = gap;
	return 0;
}

static int start(struct dp_capture *capture, uint32_t ring_bytes, struct err *err)
{
	struct cv_capture last;
	uint32_t gap;
	int r = lock(capture, err);

	if (!r)
		r = read_lease(capture, &last, err);
	if (r)
		return r;
	capture->want.number = last.number + 1;
	capture->want.pid = (__u32)getpid();
	capture->want.until_s = 0;
	/* off, should the lease of one that was killed still run */
	r = write_lease(capture, err);
	if (!r)
		r = begin_counters(capture, err);
	if (!r)
		r = place_ring(capture, ring_bytes, err);
	return r ? r : renew(capture, &gap, err);
}

int dp_capture_start(struct dp *dp, const struct cv_capture *want, uint32_t ring_bytes,
		     struct dp_capture **ret, struct err *err)
{
	struct dp_capture *capture = calloc(1, sizeof(*capture));
	int r = capture ? 0 : -ENOMEM;

	if (!r) {
		*capture = (struct dp_capture){ .dp = dp, .lock = -1, .ring_map = -1, .want = *want };
		capture->stats = calloc(dp->cpus, sizeof(*capture->stats));
		r = capture->stats ? 0 : -ENOMEM;
	}
	r = r ? err_set(err, r, "%s", strerror(-r)) : start(capture, ring_bytes, err);
	if (r) {
		dp_capture_free(capture);
		return r;
	}
	*ret = capture;
	return 0;
}

/* Hands on what lies in the ring. */
static int consume(struct dp_capture *capture, dp_capture_fn each, void *arg, struct err *err)
{
	int r;

	capture->each = each;
	capture->arg = arg;
	r = ring_buffer__consume(capture->ring);
	return r < 0 ? err_set(err, r, "taking packets: %s", strerror(-r)) : 0;
}

int dp_capture_poll(struct dp_capture *capture, int wait_ms, dp_capture_fn each, void *arg,
		    uint32_t *ret_gap_s, struct err *err)
{
	int r;

	*ret_gap_s = 0;
	if (seconds() != capture->renewed) {
		r = renew(capture, ret_gap_s, err);
		if (r)
			return r;
	}
	capture->each = each;
	capture->arg = arg;
	/* returns early only when the ring is filling up, or by a signal */
	r = ring_buffer__poll(capture->ring, wait_ms);
	if (r < 0 && r != -EINTR)
		return err_set(err, r, "taking packets: %s", strerror(-r));
	return consume(capture, each, arg, err);
}

static int switch_off(struct dp_capture *capture, struct err *err)
{
	__u32 zero = 0;
	int r;

	if (!capture->is_on)
		return 0;
	capture->is_on = false;
	capture->want.until_s = 0;
	r = write_lease(capture, err);
	if (r)
		return r;
	/* the kernel returns from this when no program uses the ring any more */
	r = bpf_map_delete_elem(capture->dp->map[DP_MAP_captured], &zero);
	return r ? err_set(err, r, "taking the ring back: %s", strerror(-r)) : 0;
}

int dp_capture_stop(struct dp_capture *capture, dp_capture_fn each, void *arg, struct err *err)
{
	int r = switch_off(capture, err);

	return r ? r : consume(capture, each, arg, err);
}

static int add_stats(struct dp_capture *capture, __u32 ifindex, struct cv_capture_stats *sum)
{
	int r = bpf_map_lookup_elem(capture->dp->map[DP_MAP_captures], &ifindex, capture->stats);

	for (unsigned cpu = 0; !r && cpu < capture->dp->cpus; cpu++) {
		sum->captured += capture->stats[cpu].captured;
		sum->lost += capture->stats[cpu].lost;
	}
	return r == -ENOENT ? 0 : r;
}

int dp_capture_stats(struct dp_capture *capture, uint32_t ifindex, struct cv_capture_stats *ret,
		     struct err *err)
{
	int map = capture->dp->map[DP_MAP_captures];
	struct cv_capture_stats sum = { 0 };
	__u32 key, *last = NULL;
	int r = 0;

	if (ifindex)
		r = add_stats(capture, ifindex, &sum);
	while (!ifindex && !r && !bpf_map_get_next_key(map, last, &key)) {
		last = &key;
		r = add_stats(capture, key, &sum);
	}
	if (r)
		return err_set(err, r, "reading cv_captures: %s", strerror(-r));
	*ret = sum;
	return 0;
}

void dp_capture_free(struct dp_capture *capture)
{
	if (!capture)
		return;
	switch_off(capture, NULL);
	ring_buffer__free(capture->ring);
	if (capture->ring_map >= 0)
		close(capture->ring_map);
	if (capture->lock >= 0)
		close(capture->lock);
	free(capture->stats);
	free(capture);
}
