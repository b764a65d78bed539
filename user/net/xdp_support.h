/* SPDX-License-Identifier: GPL-2.0-only */
/* Whether a device runs XDP programs in its driver, and on which frames. For device.c only. */
#ifndef NET_XDP_SUPPORT_H
#define NET_XDP_SUPPORT_H

#include "net/device.h"

/* Fills in `xdp` and `frames`. Asks the kernel (from 6.3 on it knows); of an older one the driver's name, which is there,
 * must tell. */
void xdp_support_find(uint32_t ifindex, struct device *device);

#endif
