/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes packets of random traffic from front to back: each call puts something at the end, numbers in network order. For
 * traffic_layers.c only. */
#ifndef TESTS_TRAFFIC_PUT_H
#define TESTS_TRAFFIC_PUT_H

#include "bpf/traffic.h"

void put(struct pkt *p, const void *bytes, size_t nr);
void put8(struct pkt *p, uint32_t value);
void put16(struct pkt *p, uint32_t value);
void put32(struct pkt *p, uint32_t value);
void put_random(struct traffic *traffic, struct pkt *p, size_t nr);

/* In place of two bytes that are there. */
void set16(struct pkt *p, size_t at, uint32_t value);

#endif
