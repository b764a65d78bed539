/* SPDX-License-Identifier: GPL-2.0-only */
/* The file that the control socket is: where it lies, who may use it, whether somebody listens. */
#ifndef CTL_SOCK_H
#define CTL_SOCK_H

#include "util/err.h"

/* A bound socket, not listening yet, as ctl_server_new promises it. 0 and a descriptor, or -errno. */
int sock_bind(const char *path, int *ret_fd, struct err *err);

/* A connected, blocking socket whose every step ends after CTL_TIMEOUT_S. 0, or -errno as for ctl_call. */
int sock_connect(const char *path, int *ret_fd, struct err *err);

#endif
