/* SPDX-License-Identifier: GPL-2.0-only */
/* Which way the content of a pinned map goes into the map that this binary's program wants, if that is another one. What
 * the old records look like is asked of the kernel: every map knows its types (BTF). For dp_load.c. */
#ifndef DATAPLANE_DP_MIGRATE_H
#define DATAPLANE_DP_MIGRATE_H

#include "dataplane/dp_copy.h"

struct bpf_map;
struct bpf_object;

/* What is pinned, and what is wanted in its place. */
struct dp_migration {
	enum dp_map which;
	int from; /* a descriptor */
	const struct bpf_object *object;
	const struct bpf_map *map; /* of that object, sized */
	bool is_other_schema;
};

/* DP_COPY_NOTHING and from -1 in *ret if the pinned map can be used as it is. Else *ret takes the descriptor over. On an
 * error it stays the caller's: -EPERM without CAP_SYS_ADMIN, if records of another make are to be read. */
int dp_migration_find(const struct dp_migration *migration, struct dp_copy *ret, struct err *err);

#endif
