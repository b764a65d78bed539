/* SPDX-License-Identifier: GPL-2.0-only */
/* Bytes at the end of a packet; see traffic_put.h. */
#include "bpf/traffic_put.h"

#include <string.h>

void put(struct pkt *p, const void *bytes, size_t nr)
{
	memcpy(p->data + p->len, bytes, nr);
	p->len += nr;
}

void put8(struct pkt *p, uint32_t value)
{
	p->data[p->len++] = (uint8_t)value;
}

void put16(struct pkt *p, uint32_t value)
{
	put8(p, value >> 8);
	put8(p, value);
}

void put32(struct pkt *p, uint32_t value)
{
	put16(p, value >> 16);
	put16(p, value);
}

void set16(struct pkt *p, size_t at, uint32_t value)
{
	p->data[at] = (uint8_t)(value >> 8);
	p->data[at + 1] = (uint8_t)value;
}

void put_random(struct traffic *traffic, struct pkt *p, size_t nr)
{
	uint64_t word = traffic_random(traffic);

	for (; nr >= sizeof(word); nr -= sizeof(word), word = word * 5 + 1)
		put(p, &word, sizeof(word));
	put(p, &word, nr);
}
