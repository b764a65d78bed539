/* SPDX-License-Identifier: GPL-2.0-only */
/* Small ids that stay what they are from image to image: listeners and pools are known again by name,
 * backends by pool, address and port. Used by image_build.c only. */
#ifndef MODEL_IDS_H
#define MODEL_IDS_H

#include "model/image.h"

/* By index in the model; backends are numbered through all pools. */
struct ids {
	uint16_t listener[CV_MAX_LISTENERS];
	uint16_t pool[CV_MAX_POOLS];
	uint16_t backend[CV_MAX_BACKENDS];
	bool is_new_listener[CV_MAX_LISTENERS]; /* it was not in the old image */
	bool is_new_backend[CV_MAX_BACKENDS];
	size_t backends_nr;
};

/* Ids of everything in a model within the limits. Who is new gets an id that the old image does not use as
 * long as there is one, so that it takes nobody's place while the old maps are still in force; among these,
 * listeners and backends get the one that had the fewest users: flows may still hold it. A listener at another address or of
 * another protocol is new. 0 or -ENOMEM. */
int ids_assign(const struct model *model, const struct image *old, struct ids *ret);

#endif
