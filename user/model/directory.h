/* SPDX-License-Identifier: GPL-2.0-only */
/* Builder of the listener directory (include/cv_directory.h), and the same lookup the program does. */
#ifndef MODEL_DIRECTORY_H
#define MODEL_DIRECTORY_H

#include "cv_directory.h"
#include "model/model.h"

/* Key of all hashes from the seed of the configuration (any text). */
void directory_hash_key(const char *seed, uint32_t ret_key[CV_HASH_KEY_WORDS]);

/* Builds the directory of listeners[1..nr] (index is the id; a record of protocol none is a gap). They must
 * not contradict each other (model_validate). 0; -ENOSPC if no salt of 1,000 keeps all buckets within their
 * size, which the limits of cv_limits.h make next to impossible; *ret is undefined then. */
int directory_build(const struct cv_listener *listeners, size_t nr, const char *seed,
		    const struct encapsulation_conf *encapsulation, struct cv_directory *ret);

/* Listener id for a destination (port in host order), 0 if none: the narrowest of exact port, range, any. */
uint16_t directory_find(const struct cv_directory *directory, const struct cv_listener *listeners,
			const struct addr *address, enum cv_protocol protocol, uint16_t port);

#endif
