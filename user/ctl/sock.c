/* SPDX-License-Identifier: GPL-2.0-only */
/* The control socket's file; see sock.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/sock.h"

static int set_path(struct sockaddr_un *sun, const char *path, struct err *err)
{
	size_t len = strlen(path);

	memset(sun, 0, sizeof(*sun));
	if (!len || len >= sizeof(sun->sun_path))
		return err_set(err, -ENAMETOOLONG, "a socket's path has 1 to %zu bytes, not %zu: %s",
			       sizeof(sun->sun_path) - 1, len, path);
	sun->sun_family = AF_UNIX;
	memcpy(sun->sun_path, path, len + 1);
	return 0;
}

static int make_directory(const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir;
	int r = 0;

	if (!slash || slash == path)
		return 0;
	dir = strndup(path, (size_t)(slash - path));
	if (!dir)
		return err_set(err, -ENOMEM, "out of memory");
	if (mkdir(dir, 0755) < 0 && errno != EEXIST)
		r = err_set(err, -errno, "cannot make %s: %s", dir, strerror(errno));
	free(dir);
	return r;
}

/* Takes the file of a daemon that has gone out of the way; touches nothing else. */
static int remove_stale(const struct sockaddr_un *sun, struct err *err)
{
	struct stat st;
	int fd, code;

	if (lstat(sun->sun_path, &st) < 0)
		return 0; /* bind will say what is wrong, if it is not that nothing is there */
	if (!S_ISSOCK(st.st_mode))
		return err_set(err, -EEXIST, "%s is no socket; it is left alone", sun->sun_path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	code = connect(fd, (const struct sockaddr *)sun, sizeof(*sun)) < 0 ? errno : 0;
	close(fd);
	if (!code || code == EAGAIN)
		return err_set(err, -EADDRINUSE, "another daemon listens at %s", sun->sun_path);
	if (code != ECONNREFUSED)
		return err_set(err, -code, "cannot tell whether a daemon listens at %s: %s", sun->sun_path,
			       strerror(code));
	if (unlink(sun->sun_path) < 0)
		return err_set(err, -errno, "cannot remove %s of an earlier daemon: %s", sun->sun_path,
			       strerror(errno));
	return 0;
}

int sock_bind(const char *path, int *ret_fd, struct err *err)
{
	struct sockaddr_un sun;
	int fd, r;

	r = set_path(&sun, path, err);
	if (!r)
		r = make_directory(path, err);
	if (!r)
		r = remove_stale(&sun, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* Linux gives the file the mode of the socket, so it is never open to more people than this; the
	 * umask may take away, never add. */
	if (fd < 0 || fchmod(fd, 0660) < 0 || bind(fd, (struct sockaddr *)&sun, sizeof(sun)) < 0) {
		r = err_set(err, -errno, "cannot make the socket %s: %s", path, strerror(errno));
		if (fd >= 0)
			close(fd);
		return r;
	}
	*ret_fd = fd;
	return 0;
}

int sock_connect(const char *path, int *ret_fd, struct err *err)
{
	const struct timeval patience = { .tv_sec = CTL_TIMEOUT_S };
	struct sockaddr_un sun;
	int fd, r;

	r = set_path(&sun, path, err);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return err_set(err, -errno, "cannot make a socket: %s", strerror(errno));
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience)) == 0 &&
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)) == 0 &&
	    connect(fd, (struct sockaddr *)&sun, sizeof(sun)) == 0) {
		*ret_fd = fd;
		return 0;
	}
	r = -errno;
	close(fd);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return err_set(err, r,
			       "no culvertd listens at %s: start it, or name its socket with --socket", path);
	if (r == -EACCES)
		return err_set(err, r, "not allowed to use %s: become root or a member of its group", path);
	if (r == -EAGAIN)
		return err_set(err, -ETIMEDOUT, "culvertd at %s takes no connection for %d s", path,
			       CTL_TIMEOUT_S);
	return err_set(err, r, "cannot connect to %s: %s", path, strerror(-r));
}
