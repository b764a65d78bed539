/* SPDX-License-Identifier: GPL-2.0-only */
/* Which packet comes next, and what is broken about it; see traffic.h. */
#include "bpf/traffic.h"

#include <string.h>

#include "cv_defs.h"

/* Behind it a frame's headers may lie in its second piece, where the program cannot read them, and nothing is changed. */
#define LONGEST_MUTATED 3000

/* --- random numbers: splitmix64 --- */

static uint64_t mix(uint64_t z)
{
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ULL;
	z = (z ^ z >> 27) * 0x94d049bb133111ebULL;
	return z ^ z >> 31;
}

uint64_t traffic_random(struct traffic *traffic)
{
	return mix(traffic->state += 0x9e3779b97f4a7c15ULL);
}

uint32_t traffic_below(struct traffic *traffic, uint32_t limit)
{
	return (uint32_t)((traffic_random(traffic) >> 32) * limit >> 32);
}

bool traffic_one_in(struct traffic *traffic, uint32_t n)
{
	return traffic_below(traffic, n) == 0;
}

/* --- tuples --- */

static struct traffic_tuple new_tuple(struct traffic *traffic)
{
	static const uint16_t ports[] = { 443, 443, 443, 444, 80, 53, 1, 0, 450, 65535 };

	return (struct traffic_tuple){
		.is_v4 = traffic_one_in(traffic, 2),
		.is_tcp = !traffic_one_in(traffic, 3),
		.client = (uint8_t)traffic_below(traffic, 24),
		.vip = traffic_one_in(traffic, 24) ? 2 : (uint8_t)traffic_below(traffic, 2),
		.client_port = (uint16_t)(40000 + traffic_below(traffic, 32)),
		.port = ports[traffic_below(traffic, CV_ARRAY_SIZE(ports))],
	};
}

void traffic_seed(struct traffic *traffic, uint64_t seed, uint64_t round)
{
	traffic->state = mix(seed) + mix(round + 0x5851f42d4c957f2dULL);
	for (size_t i = 0; i < TRAFFIC_TUPLES; i++)
		traffic->tuple[i] = new_tuple(traffic);
}

/* --- changes --- */

/* Within the headers more often than behind them. */
static void mutate(struct traffic *traffic, struct pkt *p)
{
	static const uint8_t telling[] = { 0, 1, 0x7f, 0x80, 0xff, 4, 5, 6, 17, 44, 58 };
	size_t reach = traffic_one_in(traffic, 4) || p->len < 100 ? p->len : 100;
	size_t at = traffic_below(traffic, (uint32_t)reach), from, bytes;

	switch (traffic_below(traffic, 6)) {
	case 0:
		p->data[at] ^= (uint8_t)(1 << traffic_below(traffic, 8));
		break;
	case 1:
		p->data[at] = (uint8_t)traffic_random(traffic);
		break;
	case 2:
		p->data[at] = telling[traffic_below(traffic, CV_ARRAY_SIZE(telling))];
		break;
	case 3: /* a length, or what is taken for one */
		p->data[at] = 0;
		p->data[at + 1 < p->len ? at + 1 : at] = (uint8_t)traffic_below(traffic, (uint32_t)p->len);
		break;
	case 4:
		p->len = 14 + traffic_below(traffic, (uint32_t)p->len - 13);
		break;
	case 5: /* some bytes of it once more */
		from = traffic_below(traffic, (uint32_t)reach);
		bytes = traffic_below(traffic, 32);
		if (at + bytes <= p->len && from + bytes <= p->len)
			memmove(p->data + at, p->data + from, bytes);
		break;
	}
}

static void noise(struct traffic *traffic, struct pkt *p)
{
	p->len = 14 + traffic_below(traffic, 200);
	for (size_t i = 0; i < p->len; i++)
		p->data[i] = (uint8_t)traffic_random(traffic);
}

void traffic_packet(struct traffic *traffic, struct pkt *ret)
{
	struct traffic_tuple *tuple = &traffic->tuple[traffic_below(traffic, TRAFFIC_TUPLES)];
	uint32_t kind = traffic_below(traffic, 64);

	ret->layers_nr = 0;
	if (traffic_one_in(traffic, 48))
		*tuple = new_tuple(traffic);
	if (kind == 0)
		noise(traffic, ret);
	else if (kind < 12)
		traffic_fragment(traffic, tuple, ret);
	else if (kind < 20)
		traffic_error(traffic, tuple, ret);
	else if (kind < 23)
		traffic_ping(traffic, tuple, ret);
	else
		traffic_plain(traffic, tuple, ret);
	if (ret->len > LONGEST_MUTATED || !traffic_one_in(traffic, 3))
		return;
	for (uint32_t changes = 1 + traffic_below(traffic, 3); changes; changes--)
		mutate(traffic, ret);
}
