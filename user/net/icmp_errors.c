/* SPDX-License-Identifier: GPL-2.0-only */
/* Raw sockets for ICMP errors; see icmp_errors.h. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/icmpv6.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/icmp_errors.h"

/* Errors come in bursts of a few dozen at most, and what is lost is said again. */
#define QUEUE_BYTES 65536

static int fail(int fd, const char *what, struct err *err)
{
	int r = -errno;

	if (fd >= 0)
		close(fd);
	return err_set(err, r, "%s: %s", what, strerror(-r));
}

/* Of ICMP type 3 only code 4: the byte behind the type, which is behind an IP header of any length. */
static int filter_code4(int fd)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LDX | BPF_B | BPF_MSH, 0),
		BPF_STMT(BPF_LD | BPF_B | BPF_IND, 1),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, ICMP_FRAG_NEEDED, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, UINT32_MAX),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	return setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program));
}

static int open4(struct err *err)
{
	struct icmp_filter filter = { .data = ~(1U << ICMP_DEST_UNREACH) };
	int fd = socket(AF_INET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP), bytes = QUEUE_BYTES;

	if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) || filter_code4(fd) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)))
		return fail(fd, "raw socket for ICMP", err);
	return fd;
}

static int open6(struct err *err)
{
	struct icmp6_filter filter;
	int fd = socket(AF_INET6, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMPV6),
	    bytes = QUEUE_BYTES;

	memset(&filter, 0xff, sizeof(filter)); /* a bit set keeps the type out */
	filter.data[ICMPV6_PKT_TOOBIG / 32] &= ~(1U << ICMPV6_PKT_TOOBIG % 32);
	if (fd < 0 || setsockopt(fd, IPPROTO_ICMPV6, ICMPV6_FILTER, &filter, sizeof(filter)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &bytes, sizeof(bytes)))
		return fail(fd, "raw socket for ICMPv6", err);
	return fd;
}

int icmp_errors_open(struct icmp_errors *ret, struct err *err)
{
	struct icmp_errors errors;

	errors.fd4 = open4(err);
	if (errors.fd4 < 0)
		return errors.fd4;
	errors.fd6 = open6(err);
	if (errors.fd6 < 0 && errors.fd6 != -EAFNOSUPPORT) {
		close(errors.fd4);
		return errors.fd6;
	}
	if (errors.fd6 < 0)
		errors.fd6 = -1;
	*ret = errors;
	return 0;
}

void icmp_errors_close(struct icmp_errors *errors)
{
	if (errors->fd4 >= 0)
		close(errors->fd4);
	if (errors->fd6 >= 0)
		close(errors->fd6);
	errors->fd4 = errors->fd6 = -1;
}

int icmp_errors_read(int fd, enum cv_family family, struct too_big *ret)
{
	uint8_t bytes[2048]; /* an error has 1,280 at most */
	ssize_t size = recv(fd, bytes, sizeof(bytes), 0);

	if (size < 0)
		return -errno;
	return family == CV_FAMILY_IPV4 ? too_big_read4(bytes, (size_t)size, ret)
					: too_big_read6(bytes, (size_t)size, ret);
}
