/* SPDX-License-Identifier: GPL-2.0-only */
/* One rtnetlink socket (RFC 3549), for requests with their answers or for notifications. The tables and the
 * question for a route in this folder stand on it; it knows no message but those that end an answer. */
#ifndef NET_RTNL_H
#define NET_RTNL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <libmnl/libmnl.h>
#include <linux/rtnetlink.h>

#include "util/addr.h"

/* The kernel fills what a reader offers, up to 32 KiB at a time. */
#define RTNL_BUFFER_SIZE 32768

struct rtnl {
	struct mnl_socket *socket;
	uint32_t seq;
	_Alignas(struct nlmsghdr) char buffer[RTNL_BUFFER_SIZE];
};

/* Takes one message; 0, or -errno, which does not keep the messages after it from being read. */
typedef int (*rtnl_handler)(const struct nlmsghdr *nlh, void *data);

/* Opens a socket for requests, or one that hears `count` groups (RTNLGRP_*) and never blocks. 0 or -errno;
 * either way the caller ends with rtnl_done, which also takes one never opened (all zero). */
int rtnl_open(struct rtnl *rtnl);
int rtnl_listen(struct rtnl *rtnl, const enum rtnetlink_groups *groups, size_t count);
void rtnl_done(struct rtnl *rtnl);

int rtnl_fd(const struct rtnl *rtnl);

/* Begins a request in the socket's buffer. The caller adds to it and makes rtnl_call at once. */
struct nlmsghdr *rtnl_request(struct rtnl *rtnl, uint16_t type, uint16_t flags);

/* Sends the request and reads its answer to the end; `handler` may be NULL if only the success matters. 0,
 * the kernel's or the handler's first error, or -EINTR for a dump that a change made inconsistent. */
int rtnl_call(struct rtnl *rtnl, struct nlmsghdr *request, rtnl_handler handler, void *data);

/* Reads a whole table of the kernel (RTM_GETLINK, RTM_GETNEIGH), anew while it changes under the reader, so
 * that the handler may meet an object twice. 0 or -errno; -EAGAIN if it never holds still. */
int rtnl_dump(struct rtnl *rtnl, uint16_t type, rtnl_handler handler, void *data);

/* Hands over the next waiting notifications. -EAGAIN if there are none, -ENOBUFS if the kernel had to throw
 * some away, or the handler's first error. */
int rtnl_receive(struct rtnl *rtnl, rtnl_handler handler, void *data);

/* The fixed part of a message, or NULL if the message is shorter than that. */
const void *rtnl_body(const struct nlmsghdr *nlh, size_t size);

/* The attribute's value, if it has exactly that size, or that of an address of `family`. */
bool rtnl_copy(const struct nlattr *attr, void *ret, size_t size);
bool rtnl_copy_addr(const struct nlattr *attr, int family, struct addr *ret);

#endif
