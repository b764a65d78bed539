/* SPDX-License-Identifier: GPL-2.0-only */
/* The packets that the program hands to user space (include/cv_held.h). One reader at a time: the writer of the data plane. */
#ifndef DATAPLANE_DP_HELD_H
#define DATAPLANE_DP_HELD_H

#include <stddef.h>

#include "cv_held.h"
#include "dataplane/dp.h"

struct dp_held;

/* Gets each record; `frame` has record->bytes bytes, none for CV_HELD_FIRST. Both are gone when it returns. */
typedef void (*dp_held_fn)(const struct cv_held *record, const void *frame, void *arg);

/* What is in the ring already is old, and is thrown away. `dp` may go before the reader does. */
int dp_held_open(struct dp *dp, dp_held_fn each, void *arg, struct dp_held **ret, struct err *err);
void dp_held_close(struct dp_held *held); /* takes NULL */

/* A descriptor that is readable when there are records. */
int dp_held_fd(const struct dp_held *held);

/* Hands out what there is, `max` records at most. */
void dp_held_read(struct dp_held *held, size_t max);

/* Sends a frame by a port. -ENODEV if there is none, -EMSGSIZE if the frame is longer than this kernel takes (about 3,500
 * bytes, or more). */
int dp_held_send(struct dp_held *held, uint32_t ifindex, const void *frame, size_t len);

/* From now on the program hands packets over, for CV_HOLDER_LEASE_S seconds; or no more. */
int dp_held_lease(struct dp *dp, bool is_on, struct err *err);

#endif
