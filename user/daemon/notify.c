/* SPDX-License-Identifier: GPL-2.0-only */
/* Word to the service manager: started, reloading, stopping, still alive. The protocol is that of sd_notify(3),
 * datagrams of lines NAME=VALUE to the socket that it names; where nobody asked for it nothing is sent. */
#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/daemon.h"
#include "util/log.h"
#include "util/number.h"

/* Copying a million flows takes seconds; on a busy host it may take several times as long. */
#define BUSY_LEAST_US 30000000ULL
#define BUSY_US_PER_FLOW 40

struct notify {
	int fd; /* -1: nobody listens */
	bool is_ready;
	uint64_t watchdog_us; /* how long we may be silent; 0: for ever */
	uv_timer_t watchdog;
};

static int connect_to(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	size_t length = strlen(path);
	int fd;

	if ((path[0] != '/' && path[0] != '@') || length >= sizeof(to.sun_path))
		return -EINVAL;
	memcpy(to.sun_path, path, length);
	if (path[0] == '@')
		to.sun_path[0] = '\0'; /* an abstract one, see unix(7) */
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&to,
		    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + length)) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

/* A word that does not get through is not worth stopping for: the manager will miss it and say so. */
static void tell(const struct notify *notify, const char *text)
{
	if (notify->fd >= 0 && send(notify->fd, text, strlen(text), MSG_NOSIGNAL) < 0)
		log_debug("service manager not told error=\"%s\"", strerror(errno));
}

static void on_watchdog(uv_timer_t *timer)
{
	tell(timer->data, "WATCHDOG=1");
}

/* After how much silence this process is taken for dead, in microseconds. 0 if nobody watches it. */
static uint64_t watchdog_timeout(void)
{
	const char *pid_text = getenv("WATCHDOG_PID"), *usec_text = getenv("WATCHDOG_USEC");
	uint64_t pid, usec;

	if (!usec_text || number_parse(usec_text, &usec))
		return 0;
	if (pid_text && (number_parse(pid_text, &pid) || pid != (uint64_t)getpid()))
		return 0;
	return usec;
}

/* How often to say that we live, in ms: twice as often as we must. */
static uint64_t watchdog_interval(uint64_t timeout_us)
{
	return timeout_us > 2000 ? timeout_us / 2000 : 1;
}

int notify_start(struct daemon *d, struct err *err)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct notify *notify = calloc(1, sizeof(*notify));

	if (!notify)
		return err_set(err, -ENOMEM, "%s", strerror(ENOMEM));
	notify->fd = path ? connect_to(path) : -1;
	notify->watchdog_us = watchdog_timeout();
	if (path && notify->fd < 0)
		log_warn("service manager not reached socket=%s error=\"%s\"", path, strerror(-notify->fd));
	uv_timer_init(&d->loop, &notify->watchdog);
	notify->watchdog.data = notify;
	if (notify->fd >= 0 && notify->watchdog_us)
		uv_timer_start(&notify->watchdog, on_watchdog, 0, watchdog_interval(notify->watchdog_us));
	d->notify = notify;
	return 0;
}

void notify_running(struct daemon *d)
{
	const char *error = d->reload_error.text;
	char text[512];

	if (!d->notify->is_ready)
		return;
	if (*error)
		snprintf(text, sizeof(text), "READY=1\nSTATUS=configuration not changed: %.*s",
			 (int)strcspn(error, "\n"), error);
	else
		snprintf(text, sizeof(text), "READY=1\nSTATUS=listeners: %zu, pools: %zu, backends: %zu",
			 d->model->listeners_nr, d->model->pools_nr, d->runs.nr);
	tell(d->notify, text);
}

void notify_ready(struct daemon *d)
{
	d->notify->is_ready = true;
	notify_running(d);
}

void notify_reloading(struct daemon *d)
{
	char text[64];

	if (!d->notify->is_ready)
		return;
	/* libuv's clock is CLOCK_MONOTONIC; the manager tells by it which of two reloads is over */
	snprintf(text, sizeof(text), "RELOADING=1\nMONOTONIC_USEC=%ju", (uintmax_t)(uv_hrtime() / 1000));
	tell(d->notify, text);
}

static void allow_silence(const struct notify *notify, uint64_t usec)
{
	char text[64];

	snprintf(text, sizeof(text), "WATCHDOG_USEC=%ju\nWATCHDOG=1", (uintmax_t)usec);
	if (notify->watchdog_us)
		tell(notify, text);
}

void notify_busy(struct daemon *d, uint64_t flows)
{
	uint64_t usec = BUSY_LEAST_US + flows * BUSY_US_PER_FLOW;
	char text[64];

	snprintf(text, sizeof(text), "EXTEND_TIMEOUT_USEC=%ju", (uintmax_t)usec);
	if (d->notify->is_ready)
		allow_silence(d->notify, d->notify->watchdog_us + usec);
	else
		tell(d->notify, text);
}

void notify_idle(struct daemon *d)
{
	if (d->notify->is_ready)
		allow_silence(d->notify, d->notify->watchdog_us);
}

void notify_stopping(struct daemon *d)
{
	tell(d->notify, "STOPPING=1");
}

void notify_close(struct daemon *d)
{
	if (d->notify && d->notify->fd >= 0)
		close(d->notify->fd);
	free(d->notify);
	d->notify = NULL;
}
