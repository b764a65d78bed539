/* SPDX-License-Identifier: GPL-2.0-only */
/* What the tests of images share: a maker's model with its image, which each test finds fresh, and the step to the next
 * image when the model has changed. */
#ifndef UNIT_IMAGE_FIXTURE_H
#define UNIT_IMAGE_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cv_defs.h"
#include "unit/model_maker.h"

#define SIZE 1021

static struct maker maker;
static struct image *empty, *image;

/* One listener over one pool of four IPv4 backends of weight 100, 100, 200, 0. */
static inline int image_setup(void **state)
{
	static const uint16_t weights[] = { 100, 100, 200, 0 };

	(void)state;
	maker_init(&maker);
	maker_pool(&maker, "web", SIZE);
	for (size_t i = 0; i < CV_ARRAY_SIZE(weights); i++)
		maker_backend(&maker, 0, maker_v4(10, 0, 1, (uint8_t)(i + 1)), weights[i]);
	maker_listener(&maker, "https", maker_v4(192, 0, 2, 10), 443, 443, 0);
	empty = image_new();
	return maker_build(&maker, empty, &image);
}

static inline int image_teardown(void **state)
{
	(void)state;
	image_free(image);
	image_free(empty);
	return 0;
}

/* Puts the maker's present state in the place of `image`. */
static inline void rebuild(void)
{
	struct image *old = image;

	assert_int_equal(maker_build(&maker, old, &image), 0);
	image_free(old);
}

static inline uint16_t id_of(size_t pool, size_t backend)
{
	return image_backend_id(image, image_pool_id(image, maker.pools[pool].name),
				&maker.backends[pool][backend].address, 0);
}

#define IMAGE_TEST(name) cmocka_unit_test_setup_teardown(name, image_setup, image_teardown)

#endif
