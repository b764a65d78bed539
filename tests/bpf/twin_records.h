/* SPDX-License-Identifier: GPL-2.0-only */
/* The part of the twins that knows the maps; for twin.c only. */
#ifndef TESTS_TWIN_RECORDS_H
#define TESTS_TWIN_RECORDS_H

#include "bpf/twin.h"

/* Nothing is in the tables of the program, and what it counted so far is known. */
void twin_records_clear(struct twin *twin);
void twin_records_begin(struct twin *twin);

/* All times of both, in records, are so many seconds earlier. */
void twin_records_age(struct twin *twin, uint32_t seconds);

#endif
