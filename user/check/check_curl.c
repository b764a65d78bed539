/* SPDX-License-Identifier: GPL-2.0-only */
/* libcurl in a libuv loop; see check_curl.h. libcurl says which sockets to watch and when it wants to be
 * woken; the loop tells it what happened.
 *
 * Sockets, with all they need of the loop, are made where libcurl opens them: that may fail and harms one
 * transfer only, while a failing socket callback would end them all. They are found by their descriptor
 * and know no transfer, because libcurl may keep one to close TLS in good order when its transfer is over
 * and gone. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "check/check_curl.h"
#include "check/check_kind.h"

struct check_curl {
	uv_loop_t *loop;
	uv_timer_t timer;
	CURLM *multi;
	struct check_socket **sockets; /* by descriptor; NULL: none of libcurl's */
	size_t sockets_nr;
};

static void finish_transfers(struct check_curl *curl)
{
	struct check_transfer *transfer;
	CURLMsg *msg;
	int left;

	while ((msg = curl_multi_info_read(curl->multi, &left))) {
		CURLcode code = msg->data.result;

		if (msg->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(msg->easy_handle, CURLINFO_PRIVATE, &transfer);
		transfer->done(transfer, code);
	}
}

/* On an error libuv stops watching and tells no more than that. libcurl then finds, by trying, the answer
 * that may have come before it, and the errno. */
static void on_socket_event(uv_poll_t *poll, int status, int events)
{
	struct check_socket *sock = (struct check_socket *)poll;
	struct check_curl *curl = poll->data;
	int happened = 0, running;

	if (status < 0 || events & UV_READABLE)
		happened |= CURL_CSELECT_IN;
	if (status < 0 || events & UV_WRITABLE)
		happened |= CURL_CSELECT_OUT;
	curl_multi_socket_action(curl->multi, sock->fd, happened, &running);
	finish_transfers(curl);
}

static void on_timer(uv_timer_t *timer)
{
	struct check_curl *curl = timer->data;
	int running;

	curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
	finish_transfers(curl);
}

static int set_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct check_curl *curl = arg;

	(void)multi;
	if (timeout_ms < 0)
		uv_timer_stop(&curl->timer);
	else
		uv_timer_start(&curl->timer, on_timer, (uint64_t)timeout_ms, 0);
	return 0;
}

/* CURL_POLL_REMOVE has neither bit: no events, and uv_poll_start then stops watching. */
static int watch_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *assigned)
{
	struct check_curl *curl = arg;
	struct check_socket *sock = (size_t)fd < curl->sockets_nr ? curl->sockets[fd] : NULL;

	(void)easy;
	(void)assigned;
	if (!sock)
		return 0; /* closed already, and with it no longer watched */
	uv_poll_start(&sock->poll,
		      ((what & CURL_POLL_IN) ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) ? UV_WRITABLE : 0),
		      on_socket_event);
	return 0;
}

static int keep_socket(struct check_curl *curl, struct check_socket *sock)
{
	size_t fd = (size_t)sock->fd, nr = fd + 256;
	struct check_socket **sockets;

	if (fd >= curl->sockets_nr) {
		sockets = realloc(curl->sockets, nr * sizeof(*sockets));
		if (!sockets)
			return -ENOMEM;
		memset(sockets + curl->sockets_nr, 0, (nr - curl->sockets_nr) * sizeof(*sockets));
		curl->sockets = sockets;
		curl->sockets_nr = nr;
	}
	curl->sockets[fd] = sock;
	return 0;
}

static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
	struct check_transfer *transfer = arg;
	struct check_socket *sock = NULL;
	int r;

	(void)purpose;
	r = check_socket_new(transfer->curl->loop, address->family, transfer->mark, &sock);
	if (r < 0)
		goto out;
	sock->poll.data = transfer->curl;
	r = keep_socket(transfer->curl, sock);
out:
	if (r < 0) {
		check_socket_close(sock);
		transfer->error = -r;
		return CURL_SOCKET_BAD;
	}
	return sock->fd;
}

static int close_socket(void *arg, curl_socket_t fd)
{
	struct check_curl *curl = arg;

	check_socket_close(curl->sockets[fd]);
	curl->sockets[fd] = NULL;
	return 0;
}

int check_curl_start(struct check_curl *curl, struct check_transfer *transfer)
{
	CURL *easy = transfer->easy;
	CURLcode code = CURLE_OK;

	transfer->curl = curl;
	code |= curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	code |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	code |= curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, transfer);
	code |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	code |= curl_easy_setopt(easy, CURLOPT_CLOSESOCKETDATA, curl);
	return code || curl_multi_add_handle(curl->multi, easy) ? -ENOMEM : 0;
}

void check_curl_stop(struct check_transfer *transfer)
{
	curl_multi_remove_handle(transfer->curl->multi, transfer->easy);
}

int check_curl_new(uv_loop_t *loop, struct check_curl **ret, struct err *err)
{
	struct check_curl *curl;

	if (curl_global_init(CURL_GLOBAL_DEFAULT))
		return err_set(err, -EIO, "libcurl cannot be initialised");
	curl = calloc(1, sizeof(*curl));
	if (!curl)
		goto out;
	curl->multi = curl_multi_init();
	if (!curl->multi)
		goto out;
	curl->loop = loop;
	uv_timer_init(loop, &curl->timer);
	curl->timer.data = curl;
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, watch_socket);
	curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, set_timer);
	curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
	*ret = curl;
	return 0;
out:
	free(curl);
	curl_global_cleanup();
	return err_set(err, -ENOMEM, "out of memory");
}

static void on_timer_closed(uv_handle_t *handle)
{
	struct check_curl *curl = handle->data;

	curl_multi_cleanup(curl->multi);
	curl_global_cleanup();
	free(curl->sockets);
	free(curl);
}

/* It may be a transfer's `done` that calls this, so libcurl is in use until the loop's next turn. */
void check_curl_close(struct check_curl *curl)
{
	if (!curl)
		return;
	uv_close((uv_handle_t *)&curl->timer, on_timer_closed);
}
