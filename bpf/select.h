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

/* Sets pkt->backend to the owner of the flow's slot. */
STAGE select_backend(const struct cv_listener *listener, struct pkt *pkt)
{
	__u32 slot = cv_hash_slot(pkt->hash, listener->table_size);
	__u32 line_index = slot / CV_SLOTS_PER_LINE;
	__u32 pool = listener->pool;
	struct cv_slot_line *line;
	void *table = bpf_map_lookup_elem(&cv_maglev, &pool);

	if (!table)
		return CV_DROP_INTERNAL;
	/* a table of another size, while a change of size is on its way, ends at worst behind its last line */
	line = bpf_map_lookup_elem(table, &line_index);
	if (!line)
		return CV_DROP_NO_BACKEND;
	pkt->backend = line->slot[slot % CV_SLOTS_PER_LINE].backend;
	return pkt->backend ? CV_CONTINUE : CV_DROP_NO_BACKEND;
}

#endif
