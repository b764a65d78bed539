/* SPDX-License-Identifier: GPL-2.0-only */
/* The command's side of the control socket: one question, one answer; see ctl.h. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "ctl/ctl.h"
#include "ctl/proto.h"
#include "ctl/sock.h"

/* No answer of 16,384 backends comes near; a stream without an end is not culvertd. */
#define MAX_ANSWER (256UL << 20)

static int fail(struct err *err, int code)
{
	if (code == EAGAIN)
		return err_set(err, -ETIMEDOUT, "culvertd does not answer for %d s", CTL_TIMEOUT_S);
	return err_set(err, -code, "the connection to culvertd broke: %s", strerror(code));
}

static int send_line(int fd, const char *line, struct err *err)
{
	size_t left = strlen(line);

	while (left) {
		ssize_t n = send(fd, line, left, MSG_NOSIGNAL);

		/* A server that hangs up may have said why: the answer tells. */
		if (n < 0 && (errno == EPIPE || errno == ECONNRESET))
			return 0;
		if (n < 0 && errno != EINTR)
			return fail(err, errno);
		if (n > 0) {
			line += n;
			left -= (size_t)n;
		}
	}
	return 0;
}

/* Reads one line, without its newline. The caller frees it. */
static int receive_line(int fd, char **ret, size_t *ret_size, struct err *err)
{
	size_t used = 0, room = 0;
	char *line = NULL;
	int r;

	for (;;) {
		const char *newline;
		ssize_t n;

		if (used == room) {
			char *more = room < MAX_ANSWER ? realloc(line, room = room ? 2 * room : 65536) : NULL;

			if (!more) {
				r = err_set(err, -ENOMEM, "no memory for the answer of culvertd");
				break;
			}
			line = more;
		}
		n = recv(fd, line + used, room - used, 0);
		newline = n > 0 ? memchr(line + used, '\n', (size_t)n) : NULL;
		if (newline) {
			*ret = line;
			*ret_size = (size_t)(newline - line);
			return 0;
		}
		if (!n) {
			r = err_set(err, -EPROTO, "culvertd hung up without an answer; its log may say why");
			break;
		}
		if (n < 0 && errno != EINTR) {
			r = fail(err, errno);
			break;
		}
		if (n > 0)
			used += (size_t)n;
	}
	free(line);
	return r;
}

int ctl_call(const char *path, const char *command, json_t *args, json_t **ret, struct err *err)
{
	char *request = proto_format_request(command, args);
	char *answer = NULL;
	size_t size = 0;
	int fd = -1, r;

	if (!request) {
		r = err_set(err, -ENOMEM, "out of memory");
		goto out;
	}
	r = sock_connect(path, &fd, err);
	if (!r)
		r = send_line(fd, request, err);
	if (!r)
		r = receive_line(fd, &answer, &size, err);
	if (!r)
		r = proto_parse_answer(answer, size, ret, err);
out:
	if (fd >= 0)
		close(fd);
	free(request);
	free(answer);
	return r;
}
