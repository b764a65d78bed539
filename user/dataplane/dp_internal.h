/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of the data plane share with each other, and with nobody else. */
#ifndef DATAPLANE_DP_INTERNAL_H
#define DATAPLANE_DP_INTERNAL_H

#include <limits.h>

#include "dataplane/dp.h"

/* clang-format off */
/* Every pinned map, and every pinned program, by the part of its name behind cv_. */
#define DP_MAPS_TYPED(X) \
	X(meta) X(listeners) X(pools) X(backends) \
	X(flows) X(flows6) X(half_open) X(expired) X(touched) X(fragments) X(holder) X(live) X(gate) \
	X(per_verdict) X(per_listener) X(per_backend) X(probes) X(sweep) X(listener_use) X(backend_use) \
	X(capture) X(captures)

/* Maps of maps, of ports, and the ring: the kernel takes no BTF for them, so they lie apart from those that dump with names. */
#define DP_MAPS_UNTYPED(X) \
	X(directory) X(maglev) X(ports) X(captured) X(held)

#define DP_MAPS(X) DP_MAPS_TYPED(X) DP_MAPS_UNTYPED(X)

#define DP_PROGRAMS(X) \
	X(balance) X(clock) X(correct) X(sweep_flows) X(sweep_flows6) X(sweep_half)

enum dp_map {
#define DP_X(name) DP_MAP_##name,
	DP_MAPS(DP_X)
#undef DP_X
	DP_MAP_COUNT
};

enum dp_program {
#define DP_X(name) DP_PROGRAM_##name,
	DP_PROGRAMS(DP_X)
#undef DP_X
	DP_PROGRAM_COUNT
};
/* clang-format on */

/* A Maglev table that this object made and put in force: its memory, shared with the kernel (dp_settle.c). */
struct dp_table {
	struct cv_slot_line *line; /* NULL: none */
	uint32_t slots;
	uint32_t unsettled; /* of those that have an owner */
	uint64_t changed;   /* number of the last change of this table, or of listeners that count on it */
};

struct dp {
	char pin_dir[PATH_MAX];
	int lock; /* the open directory, locked by the one writer; else -1 */
	int map[DP_MAP_COUNT];
	int program[DP_PROGRAM_COUNT];
	int egress; /* cv_probe, once dp_egress_attach needed it; else -1 */
	struct dp_table table[CV_MAX_POOLS + 1];
	uint64_t changes;   /* how many are in force: written by the one writer, read by the sweep */
	bool has_unsettled; /* likewise */
	uint64_t
		swept_from; /* changes in force before the last sweep began that marked slots; 0: it marked none */
	uint8_t swept_mark; /* its mark */
	unsigned recounted; /* tables that dp_settle has looked at once more */
	bool has_shortcut;  /* flow_table.shortcut is on */
	unsigned cpus;	    /* possible ones: how many values a per-CPU map has */
	/* BTF for inner maps, so that they dump with names */
	int btf;
	uint32_t btf_key;
	uint32_t btf_slot_line;
	uint32_t btf_directory;
	struct dp_migrated migration; /* of the load; schema 0: none */
};

const char *dp_map_pin(enum dp_map map);  /* "cv_flows", "tables/cv_maglev": below the pin directory */
const char *dp_map_name(enum dp_map map); /* "cv_flows" */
const char *dp_program_name(enum dp_program prog); /* "cv_balance" */

/* An object with no descriptors yet. */
int dp_alloc(const char *pin_dir, struct dp **ret);

/* dp_load.c: this binary's program over the maps pinned there (made now if there are none), pinned, and in force
 * on every attached interface. flow_table NULL keeps what is there, or takes the defaults. */
int dp_load(struct dp *dp, const struct flow_table_conf *flow_table, struct err *err);

/* dp_open.c: takes the lock, waiting up to `wait_ms`. -EBUSY. */
int dp_lock(struct dp *dp, unsigned wait_ms, struct err *err);

/* dp_settle.c: puts a new table in force in the books of `dp`, in place of that of `pool`; takes the memory over. The settled
 * bits come from the old one: see dp_table_inherit. NULL: the pool has no table any more. */
void dp_table_set(struct dp *dp, uint16_t pool, struct cv_slot_line *line, uint32_t slots);
/* Settles slots of a new table that are so in the old one, and have the same owner. */
void dp_table_inherit(const struct dp *dp, const struct plan *plan, uint16_t pool, struct cv_slot_line *line,
		      uint32_t slots);
/* Takes every settled bit of the pool's table off. */
void dp_table_unsettle(struct dp *dp, uint16_t pool);
/* The change that is at work is in force from now on. */
void dp_tables_changed(struct dp *dp);
/* Moves the books over to another object for the same maps. */
void dp_tables_move(struct dp *from, struct dp *to);
void dp_tables_done(struct dp *dp);

/* dp_apply.c: waits until no program runs that began before the call. */
int dp_wait_programs(struct dp *dp);

/* dp_open.c: the cv_meta record behind a descriptor, whoever laid it down. -EPROTO if that was a newer schema than ours. */
int dp_read_meta(const char *pin_dir, int map, struct cv_meta *ret, struct err *err);

/* Tables to be put into cv_maglev with one system call: the kernel waits once for all of them until no program holds an old
 * one any more. */
#define DP_TABLE_BATCH 64

/* dp_apply.c: an inner map of cv_directory, or of cv_maglev with so many lines. A descriptor or -errno. */
int dp_make_directory(const struct dp *dp);
int dp_make_table(const struct dp *dp, __u32 lines);

/* dp_flows.c: calls `each` for the entries of a hash map, some thousands at a time. Ends at the first result that is not
 * 0, and returns it. */
typedef int (*dp_batch_fn)(const void *keys, const void *values, __u32 nr, void *arg);
int dp_each_batch(int map, size_t key_size, size_t value_size, dp_batch_fn each, void *arg);

#endif
