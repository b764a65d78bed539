/* SPDX-License-Identifier: GPL-2.0-only */
/* Two raw sockets that hear what routers say of packets that were too long (too_big.h). The filters on them keep all other
 * ICMP in the kernel. Opening needs CAP_NET_RAW, reading does not. */
#ifndef NET_ICMP_ERRORS_H
#define NET_ICMP_ERRORS_H

#include "net/too_big.h"
#include "util/err.h"

/* Descriptors to poll for reading; -1: not open. */
struct icmp_errors {
	int fd4;
	int fd6;
};

/* 0, or -errno and nothing is open: -EPERM without the capability. A host without IPv6 gets fd6 -1. */
int icmp_errors_open(struct icmp_errors *ret, struct err *err);
void icmp_errors_close(struct icmp_errors *errors); /* more than once, if need be */

/* Reads one message. 0 and *ret; -EBADMSG if it is none about a tunnel; -EAGAIN if there is none left; or another
 * -errno of recv(2). */
int icmp_errors_read(int fd, enum cv_family family, struct too_big *ret);

#endif
