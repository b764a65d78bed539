/* SPDX-License-Identifier: GPL-2.0-only */
/* The image: what the maps of one data plane are to hold, as plain values. Every change, be it a new file,
 * a health result, a drain or a new MAC address of a router, builds a new image from the model and the facts
 * about each backend, and goes to the kernel as the difference of two images (plan.h). Pure: no kernel, no
 * clock. */
#ifndef MODEL_IMAGE_H
#define MODEL_IMAGE_H

#include "cv_directory.h"
#include "cv_types.h"
#include "model/model.h"
#include "util/err.h"

struct image_share {
	uint16_t backend; /* id */
	uint32_t slots;
};

/* A Maglev table as the inner map holds it. Images share tables that did not change. */
struct image_table {
	unsigned refs;
	uint32_t size;		   /* slots */
	uint32_t lines;		   /* (size + 15) / 16 entries of line[] */
	uint64_t inputs;	   /* hash of all that it was made from */
	struct image_share *share; /* of each backend that it was made from */
	size_t shares;
	struct cv_slot_line line[]; /* slots behind the last are zero */
};

struct image {
	struct cv_listener listener[CV_MAX_LISTENERS + 1];
	struct cv_pool pool[CV_MAX_POOLS + 1];
	struct cv_backend backend[CV_MAX_BACKENDS + 1];
	struct image_table *table[CV_MAX_POOLS + 1]; /* NULL: no such pool, or (read back) not known */
	struct cv_directory directory;
	/* Ids in use, sorted by name, or by pool, address and port: image_index makes them. */
	uint16_t listeners[CV_MAX_LISTENERS];
	size_t listeners_nr;
	uint16_t pools[CV_MAX_POOLS];
	size_t pools_nr;
	uint16_t backends[CV_MAX_BACKENDS];
	size_t backends_nr;
	uint16_t in_file
		[CV_MAX_BACKENDS]; /* backends in the model's order: where to look first next time; or 0 */
};

/* What is known of a backend besides the file: found by the network code, health checks and commands. */
struct backend_facts {
	/* way there; ifindex 0: none is known */
	uint32_t ifindex;
	uint8_t next_hop_mac[6];
	uint8_t port_mac[6];
	struct addr source;
	uint16_t mtu;
	bool on_link;
	/* state */
	enum cv_backend_state state; /* up, down, draining, disabled */
	int weight;		     /* that a command set, or -1: the file's */
};

/* Facts of backend `backend` of pool `pool` (indices in the model). */
typedef void (*image_facts)(const struct model *model, size_t pool, size_t backend, struct backend_facts *ret,
			    void *arg);

/* An empty image: nothing is balanced. NULL when out of memory. */
struct image *image_new(void);
void image_free(struct image *image); /* takes NULL */

/* Sorts out which ids are in use. For who fills in records by hand, as reading them back from maps does;
 * image_build needs it done on `old`, and has done it on its result. */
void image_index(struct image *image);

/* The image of a valid model (model_validate). Ids stay what they are in `old`: listeners and pools are
 * known again by name, backends by pool, address and port. The freed id of a listener or backend is given again last,
 * after all that had fewer users, and with another generation. Only tables whose pool, size, seed or serving backends
 * and weights differ from `old` are built anew; the others are shared.
 *
 * Serving are the backends that are up with weight above 0. If there are none: with all_down open, all that
 * are neither disabled nor of weight 0 serve as if they were up (and keep their flows); with reject nobody,
 * the table is empty. keeps_flows is 1 for backends that are up or draining, and for those that serve
 * because all are down.
 *
 * 0 and an image that the caller frees; -ENOSPC (err says which limit), -ENOMEM. */
int image_build(const struct model *model, const struct image *old, image_facts facts, void *arg,
		struct image **ret, struct err *err);

/* Ids in an image, by its index; 0 if there is none. */
uint16_t image_listener_id(const struct image *image, const char *name);
uint16_t image_pool_id(const struct image *image, const char *name);
uint16_t image_backend_id(const struct image *image, uint16_t pool, const struct addr *address,
			  uint16_t port);

/* Whether that backend has this id, which may be 0. */
bool image_is_backend(const struct image *image, uint16_t id, uint16_t pool, const struct addr *address,
		      uint16_t port);

/* Slots of pool `pool` that backend id `backend` owns. */
uint32_t image_slots(const struct image *image, uint16_t pool, uint16_t backend);

/* The same of every backend, by id. The tables know it: nothing is counted. */
void image_all_slots(const struct image *image, uint32_t ret[CV_MAX_BACKENDS + 1]);

/* Sum of the constant words of the outer IPv4 header towards `backend` (see struct cv_backend). */
uint32_t image_outer_sum(const struct addr *backend);

#endif
