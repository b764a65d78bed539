/* SPDX-License-Identifier: GPL-2.0-only */
/* Packets that are held back: the ring that cannot be opened is tried again. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <unistd.h>
#include <sys/eventfd.h>

#include <cmocka.h>

#include "daemon/daemon.h"
#include "dataplane/dp_held.h"

static struct {
	int error; /* that opening meets */
	unsigned tries, leases;
	int fd;
} ring;

/* In place of those of user/dataplane. */
int dp_held_open(struct dp *dp, dp_held_fn each, void *arg, struct dp_held **ret, struct err *err)
{
	(void)dp;
	(void)each;
	(void)arg;
	ring.tries++;
	if (ring.error)
		return err_set(err, ring.error, "no ring");
	*ret = (struct dp_held *)&ring;
	return 0;
}

void dp_held_close(struct dp_held *held)
{
	(void)held;
}

int dp_held_send(struct dp_held *held, uint32_t ifindex, const void *frame, size_t len)
{
	(void)held;
	(void)ifindex;
	(void)frame;
	(void)len;
	return 0;
}

int dp_held_fd(const struct dp_held *held)
{
	(void)held;
	return ring.fd;
}

void dp_held_read(struct dp_held *held, size_t max)
{
	(void)held;
	(void)max;
}

int dp_held_lease(struct dp *dp, bool is_on, struct err *err)
{
	(void)dp;
	(void)is_on;
	(void)err;
	ring.leases++;
	return 0;
}

static void test_ring_is_opened_when_it_can_be(void **state)
{
	struct daemon *d = calloc(1, sizeof(*d)); /* large */
	struct err err;

	(void)state;
	assert_non_null(d);
	uv_loop_init(&d->loop);
	ring.fd = eventfd(0, EFD_CLOEXEC);
	ring.error = -ENOMEM;
	assert_int_equal(hold_start(d, &err), 0);
	hold_renew(d);
	assert_int_equal(ring.tries, 2);
	assert_int_equal(ring.leases, 0);
	ring.error = 0;
	for (unsigned second = 0; second < 3; second++)
		hold_renew(d);
	assert_int_equal(ring.tries, 3);
	assert_int_equal(ring.leases, 3);
	hold_close(d);
	uv_run(&d->loop, UV_RUN_DEFAULT);
	assert_int_equal(uv_loop_close(&d->loop), 0);
	hold_free(d);
	close(ring.fd);
	free(d);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_ring_is_opened_when_it_can_be) };

	return cmocka_run_group_tests_name("hold", tests, NULL, NULL);
}
