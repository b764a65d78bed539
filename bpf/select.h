/* SPDX-License-Identifier: GPL-2.0-only */
/* A backend for a new flow: hash of the tuple, slot of the pool's Maglev table, backend record. */
#ifndef SELECT_H
#define SELECT_H

#include "cv_maps.h"
#include "pkt.h"

static __always_inline struct cv_backend *backend_get(__u32 id)
{
	return bpf_map_lookup_elem(&cv_backends, &id);
}

/* Hash of what the listener's `hash` names. The same on every host with the same seed. */
static __always_inline __u64 select_hash(const struct cv_directory *dir, const struct cv_listener *listener,
					 const struct pkt *pkt)
{
	const __u32 *c = pkt->client, *a = pkt->address;
	__u64 sum;

	if (listener->hash == CV_HASH_SOURCE) {
		sum = cv_hash_nh(dir->hash_key, c, 4);
	} else if (pkt->family == CV_FAMILY_IPV4) {
		__u32 words[4] = { c[3], a[3], pkt_ports(pkt), pkt->protocol };

		sum = cv_hash_nh(dir->hash_key, words, 4);
	} else {
		__u32 words[10] = { c[0], c[1], c[2], c[3],	      a[0],
				    a[1], a[2], a[3], pkt_ports(pkt), pkt->protocol };

		sum = cv_hash_nh(dir->hash_key, words, 10);
	}
	return cv_hash_mix(sum);
}

/* The slot of such a hash; NULL while a change of the table's size is on its way, at worst. */
static __always_inline struct cv_slot *slot_get(__u32 pool, __u32 table_size, __u64 hash)
{
	__u32 slot = cv_hash_slot(hash, table_size);
	__u32 line_index = slot / CV_SLOTS_PER_LINE;
	void *table = bpf_map_lookup_elem(&cv_maglev, &pool);
	struct cv_slot_line *line = table ? bpf_map_lookup_elem(table, &line_index) : NULL;

	return line ? &line->slot[slot % CV_SLOTS_PER_LINE] : NULL;
}

#endif
