/* SPDX-License-Identifier: GPL-2.0-only */
/* Maglev hashing (Eisenbud et al., "Maglev: A Fast and Reliable Software Network Load Balancer", NSDI 2016,
 * section 3.4), with weights. The table is a pure function of the set of (name, weight), its size and the
 * seed: every host and every restart builds the same one, whatever the order of the backends. */
#ifndef MODEL_MAGLEV_H
#define MODEL_MAGLEV_H

#include <stddef.h>
#include <stdint.h>

struct maglev_backend {
	const char *name; /* identity: unique, e.g. "10.0.0.11" */
	uint16_t id;	  /* what is written to the slots; 1 to 65535 */
	uint16_t weight;  /* share of the slots relative to the others; 0 takes none */
};

/* Fills slots[0..size-1] with ids; 0 in all of them when no backend has weight. `size` is a prime and at
 * least the number of backends; `seed` is any text. 0, -EINVAL (size, a name twice) or -ENOMEM. */
int maglev_build(const struct maglev_backend *backends, size_t backends_nr, const char *seed, uint16_t *slots,
		 uint32_t size);

/* Whether a table may have this size: a prime within the limits of cv_limits.h. */
_Bool maglev_is_size(uint32_t size);

#endif
