/* SPDX-License-Identifier: GPL-2.0-only */
/* What stands behind a network interface: its driver, and what that can and does. For `culvert doctor`; read only. */
#ifndef NET_DEVICE_H
#define NET_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

enum device_xdp {
	DEVICE_XDP_UNKNOWN,
	DEVICE_XDP_NONE, /* the kernel would have to run programs after it made a packet of its own: generic mode */
	DEVICE_XDP_NATIVE,
};

/* Whether the driver's XDP takes frames that come in several pieces, as those longer than a page do. */
enum device_frames {
	DEVICE_FRAMES_UNKNOWN, /* kernels before 6.3 do not say */
	DEVICE_FRAMES_SHORT,
	DEVICE_FRAMES_LONG,
};

struct device {
	char driver[32]; /* "" if the kernel does not say */
	unsigned queues; /* that receive; 0: not known */
	unsigned queues_max;
	bool has_combined;  /* each of them sends as well: `ethtool -L … combined N`, else `rx N` */
	bool merges_lro;    /* the device makes one large packet of many small ones, */
	bool merges_gro_hw; /* which XDP cannot take apart again */
	enum device_xdp xdp;
	enum device_frames frames;
};

/* 0, or -ENODEV or another -errno if there is no such interface or nothing can be asked. */
int device_read(const char *ifname, uint32_t ifindex, struct device *ret);

#endif
