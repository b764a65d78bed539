/* SPDX-License-Identifier: GPL-2.0-only */
/* What the kernel of this host can do for us, found by trying. For `culvert doctor`; leaves nothing behind. */
#ifndef DATAPLANE_DP_PROBE_H
#define DATAPLANE_DP_PROBE_H

/* Tries each kind of program and map that the data plane is made of. Calls `each` with its name and 1 (it is there), 0
 * (it is not) or -errno (it cannot be told; -EPERM without the rights). */
typedef void (*dp_probe_fn)(const char *name, int r, void *arg);
void dp_probe(dp_probe_fn each, void *arg);

#endif
