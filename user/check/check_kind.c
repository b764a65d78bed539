/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kinds of checks share; see check_kind.h. */
#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "check/check_kind.h"

/* What others wrote, say in a certificate, and what was cut within a character is neither JSON nor fit for a log. */
static void keep_ascii(char *text)
{
	for (; *text; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

void check_end_set(struct check_end *end, enum check_verdict verdict, const char *format, ...)
{
	va_list args;

	end->verdict = verdict;
	va_start(args, format);
	vsnprintf(end->reason, sizeof(end->reason), format, args);
	va_end(args);
	keep_ascii(end->reason);
}

/* EADDRNOTAVAIL and EAGAIN are what connect() says when no local port is left, ENOSPC what epoll says at
 * fs.epoll.max_user_watches; EPERM comes of a mark without the right to set one, or of this host's firewall. */
static bool is_own_trouble(int error)
{
	switch (error) {
	case EPERM:
	case EMFILE:
	case ENFILE:
	case ENOMEM:
	case ENOBUFS:
	case ENOSPC:
	case EAGAIN:
	case EADDRNOTAVAIL:
		return true;
	default:
		return false;
	}
}

void check_end_errno(struct check_end *end, int error)
{
	check_end_set(end, is_own_trouble(error) ? CHECK_UNDONE : CHECK_FAILED, "%s", strerror(error));
	end->reason[0] = (char)tolower((unsigned char)end->reason[0]);
}

int check_socket_new(uv_loop_t *loop, int family, uint32_t mark, struct check_socket **ret)
{
	const struct linger reset = { .l_onoff = 1, .l_linger = 0 };
	struct check_socket *sock;
	int r;

	sock = malloc(sizeof(*sock));
	if (!sock)
		return -ENOMEM;
	sock->fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_TCP);
	if (sock->fd < 0) {
		r = -errno;
		goto out_free;
	}
	if (setsockopt(sock->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) < 0 ||
	    (mark && setsockopt(sock->fd, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) < 0)) {
		r = -errno;
		goto out_close;
	}
	r = uv_poll_init(loop, &sock->poll, sock->fd);
	if (r < 0)
		goto out_close;
	*ret = sock;
	return 0;
out_close:
	close(sock->fd);
out_free:
	free(sock);
	return r;
}

static void on_closed(uv_handle_t *handle)
{
	free((struct check_socket *)handle);
}

void check_socket_close(struct check_socket *sock)
{
	if (!sock)
		return;
	uv_close((uv_handle_t *)&sock->poll, on_closed);
	close(sock->fd); /* after uv_close: the loop must not watch whoever gets this number next */
}
