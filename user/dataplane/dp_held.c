/* SPDX-License-Identifier: GPL-2.0-only */
/* The ring of packets for user space; see dp_held.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cv_send.skel.h"
#include "dataplane/bpf_log.h"
#include "dataplane/dp_held.h"
#include "dataplane/dp_internal.h"

struct dp_held {
	struct cv_send *sender;
	struct ring_buffer *ring;
	dp_held_fn each; /* NULL: thrown away */
	void *arg;
	size_t left; /* records that may still be handed out */
};

/* The ring stops with what is not 0; this record has been taken by then. */
static int take_record(void *arg, void *data, size_t size)
{
	struct dp_held *held = arg;
	const struct cv_held *record = data;
	const struct cv_held_frame *whole = data;

	if (held->each && size >= sizeof(*record) && record->bytes <= size - sizeof(*record))
		held->each(record, whole->frame, held->arg);
	return --held->left ? 0 : -EAGAIN;
}

static int open_all(struct dp_held *held, struct dp *dp, struct err *err)
{
	bpf_log_capture();
	held->sender = cv_send__open_and_load();
	if (!held->sender)
		return err_set(err, -errno, "the kernel refused cv_send: %s (%s)", strerror(errno),
			       bpf_log_last());
	held->ring = ring_buffer__new(dp->map[DP_MAP_held], take_record, held, NULL);
	if (!held->ring)
		return err_set(err, -errno, "opening the ring cv_held: %s (%s)", strerror(errno),
			       bpf_log_last());
	return 0;
}

int dp_held_open(struct dp *dp, dp_held_fn each, void *arg, struct dp_held **ret, struct err *err)
{
	struct dp_held *held = calloc(1, sizeof(*held));
	int r;

	if (!held)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	r = open_all(held, dp, err);
	if (r) {
		dp_held_close(held);
		return r;
	}
	dp_held_read(held, SIZE_MAX);
	held->each = each;
	held->arg = arg;
	*ret = held;
	return 0;
}

void dp_held_close(struct dp_held *held)
{
	if (!held)
		return;
	ring_buffer__free(held->ring);
	cv_send__destroy(held->sender);
	free(held);
}

int dp_held_send(struct dp_held *held, uint32_t ifindex, const void *frame, size_t len)
{
	struct __sk_buff skb = { .cb = { ifindex } };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = (__u32)len, .ctx_in = &skb,
		    .ctx_size_in = sizeof(skb), .repeat = 1);
	int r = bpf_prog_test_run_opts(bpf_program__fd(held->sender->progs.cv_send), &opts);

	if (r)
		return r == -EINVAL ? -EMSGSIZE : r;
	return (int)opts.retval == -EINVAL ? -ENODEV : (int)opts.retval;
}

int dp_held_fd(const struct dp_held *held)
{
	return ring_buffer__epoll_fd(held->ring);
}

void dp_held_read(struct dp_held *held, size_t max)
{
	held->left = max;
	ring_buffer__consume(held->ring);
}

int dp_held_lease(struct dp *dp, bool is_on, struct err *err)
{
	struct cv_holder holder = { 0 };
	uint32_t now = 0;
	__u32 zero = 0;
	int r = dp_clock(dp, &now, err);

	if (r)
		return r;
	if (is_on)
		holder.until_s = now + CV_HOLDER_LEASE_S;
	r = bpf_map_update_elem(dp->map[DP_MAP_holder], &zero, &holder, BPF_ANY);
	return r ? err_set(err, r, "writing cv_holder: %s", strerror(-r)) : 0;
}
