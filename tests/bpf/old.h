/* SPDX-License-Identifier: GPL-2.0-only */
/* The data plane of an older version in the place of a world's: its program, built with other records (old.sed), over maps
 * that hold what the world's held, on the same ports and under the same pins. */
#ifndef TESTS_OLD_H
#define TESTS_OLD_H

#include "bpf/world.h"

#define OLD_VERSION "0.0.9"
#define OLD_SCHEMA 1

/* Closes world->dp; world->program is the old program from now on. */
void old_lay_down(struct world *world);

/* Takes over from it, as a daemon of this version does at its start. */
int old_take_over(struct world *world, struct err *err);

/* Makes the meta record say another schema, or version. */
void old_set_meta(struct world *world, uint32_t schema, const char *version);

#endif
