/* SPDX-License-Identifier: GPL-2.0-only */
/* This binary's programs and maps, sized and with their constants, before they are in the kernel. For dp_load.c, and for
 * libxdp, which loads cv_balance by itself. */
#ifndef DATAPLANE_DP_OBJECT_H
#define DATAPLANE_DP_OBJECT_H

#include "dataplane/dp_internal.h"

struct bpf_map;
struct bpf_object;
struct bpf_program;

/* The object as `meta` wants it. The caller closes it. */
int dp_object_open(const struct cv_meta *meta, struct bpf_object **ret, struct err *err);

/* The object over the maps of `dp`, with nothing but cv_balance to load. The caller closes it. */
int dp_object_open_over(struct dp *dp, struct bpf_object **ret, struct err *err);

struct bpf_map *dp_object_map(struct bpf_object *object, enum dp_map map);
struct bpf_program *dp_object_program(struct bpf_object *object, enum dp_program program);

/* The kernel's ticks a second. */
__u32 dp_kernel_hz(void);

#endif
