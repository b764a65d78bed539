/* SPDX-License-Identifier: GPL-2.0-only */
/* Sockets, requests and answers of rtnetlink; see rtnl.h. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "net/rtnl.h"

/* Room for some thousands of changes at once: a switch that restarts, a routing daemon that learns. */
#define LISTEN_BUFFER_BYTES (4 << 20)

#define DUMP_TRIES 8

static int open_socket(struct rtnl *rtnl, int flags)
{
	rtnl->seq = (uint32_t)time(NULL);
	rtnl->socket = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC | flags);
	if (!rtnl->socket || mnl_socket_bind(rtnl->socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return -errno;
	return 0;
}

int rtnl_open(struct rtnl *rtnl)
{
	return open_socket(rtnl, 0);
}

int rtnl_listen(struct rtnl *rtnl, const enum rtnetlink_groups *groups, size_t count)
{
	int bytes = LISTEN_BUFFER_BYTES;
	int r = open_socket(rtnl, SOCK_NONBLOCK);

	if (r)
		return r;
	/* Beyond the host's limit if that is allowed, else up to it: a small buffer is no fault, only slower. */
	if (setsockopt(rtnl_fd(rtnl), SOL_SOCKET, SO_RCVBUFFORCE, &bytes, sizeof(bytes)))
		setsockopt(rtnl_fd(rtnl), SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes));
	for (size_t i = 0; i < count; i++) {
		int group = groups[i];

		if (mnl_socket_setsockopt(rtnl->socket, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0)
			return -errno;
	}
	return 0;
}

void rtnl_done(struct rtnl *rtnl)
{
	if (rtnl->socket)
		mnl_socket_close(rtnl->socket);
	rtnl->socket = NULL;
}

int rtnl_fd(const struct rtnl *rtnl)
{
	return mnl_socket_get_fd(rtnl->socket);
}

struct nlmsghdr *rtnl_request(struct rtnl *rtnl, uint16_t type, uint16_t flags)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(rtnl->buffer);

	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | flags;
	return nlh;
}

/* Bytes of the datagram now in the buffer, or -errno. */
static int receive(struct rtnl *rtnl)
{
	ssize_t n;

	do
		n = mnl_socket_recvfrom(rtnl->socket, rtnl->buffer, sizeof(rtnl->buffer));
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : (int)n;
}

struct answer {
	rtnl_handler handler;
	void *data;
	bool interrupted;
	int result;
};

/* What NLMSG_ERROR and NLMSG_DONE both begin with: 0 or a negative errno. */
static int closing_error(const struct nlmsghdr *nlh)
{
	const int *error = rtnl_body(nlh, sizeof(*error));

	return error ? *error : -EBADMSG;
}

/* Reads a datagram; true if it ends the answer. After an error it goes on, so that nothing of this answer is
 * left in the socket for the next request to trip over. */
static bool take_answer(const struct rtnl *rtnl, int length, struct answer *answer)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)rtnl->buffer;

	for (; mnl_nlmsg_ok(nlh, length); nlh = mnl_nlmsg_next(nlh, &length)) {
		int r = 0;

		if (nlh->nlmsg_seq != rtnl->seq)
			continue;
		if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
			answer->interrupted = true;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			r = closing_error(nlh);
		else if (answer->handler)
			r = answer->handler(nlh, answer->data);
		if (!answer->result)
			answer->result = r;
		if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE)
			return true;
	}
	return false;
}

int rtnl_call(struct rtnl *rtnl, struct nlmsghdr *request, rtnl_handler handler, void *data)
{
	struct answer answer = { .handler = handler, .data = data };
	int length;

	/* The acknowledgement ends an answer that has no end of its own. */
	request->nlmsg_flags |= NLM_F_ACK;
	request->nlmsg_seq = ++rtnl->seq;
	if (mnl_socket_sendto(rtnl->socket, request, request->nlmsg_len) < 0)
		return -errno;
	do {
		length = receive(rtnl);
		if (length < 0)
			return length;
	} while (!take_answer(rtnl, length, &answer));
	return answer.interrupted && !answer.result ? -EINTR : answer.result;
}

int rtnl_dump(struct rtnl *rtnl, uint16_t type, rtnl_handler handler, void *data)
{
	for (unsigned tries = 0; tries < DUMP_TRIES; tries++) {
		struct nlmsghdr *nlh = rtnl_request(rtnl, type, NLM_F_DUMP);
		int r;

		mnl_nlmsg_put_extra_header(nlh, sizeof(struct rtgenmsg));
		r = rtnl_call(rtnl, nlh, handler, data);
		if (r != -EINTR)
			return r;
	}
	return -EAGAIN;
}

int rtnl_receive(struct rtnl *rtnl, rtnl_handler handler, void *data)
{
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)rtnl->buffer;
	int length = receive(rtnl);
	int result = 0;

	if (length < 0)
		return length == -ENOSPC ? -ENOBUFS : length; /* libmnl's word for one that was cut off */
	for (; mnl_nlmsg_ok(nlh, length); nlh = mnl_nlmsg_next(nlh, &length)) {
		int r = handler(nlh, data);

		if (!result)
			result = r;
	}
	return result;
}

const void *rtnl_body(const struct nlmsghdr *nlh, size_t size)
{
	return mnl_nlmsg_get_payload_len(nlh) >= size ? mnl_nlmsg_get_payload(nlh) : NULL;
}

bool rtnl_copy(const struct nlattr *attr, void *ret, size_t size)
{
	if (mnl_attr_get_payload_len(attr) != size)
		return false;
	memcpy(ret, mnl_attr_get_payload(attr), size);
	return true;
}

bool rtnl_copy_addr(const struct nlattr *attr, int family, struct addr *ret)
{
	size_t size = family == AF_INET ? 4 : 16;

	return mnl_attr_get_payload_len(attr) == size &&
	       !addr_from_wire(family, mnl_attr_get_payload(attr), ret);
}
