/* SPDX-License-Identifier: GPL-2.0-only */
/* The check of type tcp: a connection is made and reset at once. Not a byte is sent. Binds nothing: the
 * kernel chooses the source as for any connection of this host. */
#include <errno.h>
#include <stdlib.h>

#include "check/check_kind.h"

struct tcp_check {
	struct check_socket *sock;
	check_done done;
	void *arg;
};

static void cancel(struct check_op *op)
{
	struct tcp_check *check = (struct tcp_check *)op;

	check_socket_close(check->sock);
	free(check);
}

/* libuv reports a refused connection as a status of its own making; SO_ERROR has the reason. */
static void on_connected(uv_poll_t *poll, int status, int events)
{
	struct tcp_check *check = poll->data;
	socklen_t len = sizeof(int);
	check_done done = check->done;
	void *arg = check->arg;
	struct check_end end;
	int error = 0;

	(void)events;
	if (getsockopt(check->sock->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
		error = errno;
	else if (!error && status < 0)
		error = -status;
	cancel((struct check_op *)check);
	if (error)
		check_end_errno(&end, error);
	else
		check_end_set(&end, CHECK_PASSED, "connected");
	done(&end, arg);
}

static int start(const struct check_env *env, const struct check_target *target, void **memory,
		 check_done done, void *arg, struct check_op **ret)
{
	struct sockaddr_storage to;
	struct tcp_check *check;
	socklen_t to_len;
	int r;

	(void)memory;
	check = calloc(1, sizeof(*check));
	if (!check)
		return -ENOMEM;
	check->done = done;
	check->arg = arg;
	addr_to_sockaddr(&target->address, target->port, &to, &to_len);
	r = check_socket_new(env->loop, to.ss_family, target->mark, &check->sock);
	if (r < 0)
		goto out;
	check->sock->poll.data = check;
	if (connect(check->sock->fd, (struct sockaddr *)&to, to_len) < 0 && errno != EINPROGRESS) {
		r = -errno;
		goto out;
	}
	r = uv_poll_start(&check->sock->poll, UV_WRITABLE, on_connected);
out:
	if (r < 0)
		cancel((struct check_op *)check);
	else
		*ret = (struct check_op *)check;
	return r;
}

const struct check_kind check_tcp = { .start = start, .cancel = cancel };
