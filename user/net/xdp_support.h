/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a device runs XDP programs in its driver. For device.c only. */
#ifndef NET_XDP_SUPPORT_H
#define NET_XDP_SUPPORT_H

#include "net/device.h"

/* Asks the kernel (from 6.3 on it knows); of an older one the driver's name must tell. */
enum device_xdp xdp_support_find(uint32_t ifindex, const char *driver);

#endif
