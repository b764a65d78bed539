/* SPDX-License-Identifier: GPL-2.0-only */
/* The maps that say which tunnels are taken off: cv_decap_local, cv_decap_from and cv_decap_conf. They are changed
 * under traffic: what is wanted goes in before what is not wanted any more goes out. For decap*.c only. */
#ifndef DATAPLANE_DECAP_FILTER_H
#define DATAPLANE_DECAP_FILTER_H

#include "dataplane/decap.h"

/* Makes the map hold the addresses that this host has now, loopback's left out. -E2BIG if they are more than
 * CV_DECAP_MAX_LOCAL. */
int decap_filter_local(int map_fd, struct err *err);

/* Whether it holds just these. */
int decap_filter_local_is_current(int map_fd, bool *ret);

/* Makes the map hold these prefixes (-E2BIG above CV_DECAP_MAX_FROM). With nr 0 it stays as it is, or
 * if it is empty gets the prefixes of length 0, which stand for any source. */
int decap_filter_from(int map_fd, const struct decap_prefix *from, size_t nr, struct err *err);

/* Makes the map hold this port; with -1 it stays as it is, or if nobody has chosen yet gets CV_GUE_PORT. */
int decap_filter_gue(int map_fd, int port, struct err *err);

#endif
