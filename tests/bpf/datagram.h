/* SPDX-License-Identifier: GPL-2.0-only */
/* A probe's datagram in two fragments, and the note that the first one leaves, as the map holds it. */
#ifndef TESTS_DATAGRAM_H
#define TESTS_DATAGRAM_H

#include "bpf/world.h"

struct probe datagram_first(struct probe probe);
struct probe datagram_later(struct probe probe);

/* The note of its datagram; of state NONE if there is none. */
struct cv_fragment datagram_note(struct world *world, const struct probe *probe);
void datagram_write_note(struct world *world, const struct probe *probe, const struct cv_fragment *note);

/* Sends both; the second must be led to the backend of the first, or share its fate. */
uint16_t datagram_send(struct world *world, const struct probe *probe);

#endif
