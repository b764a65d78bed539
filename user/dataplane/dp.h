/* SPDX-License-Identifier: GPL-2.0-only */
/* One data plane: the balancing program, its maps and links, as they lie pinned below one directory.
 * The only code that calls libbpf and libxdp. Nothing here logs; errors come back as values. Not thread safe,
 * except dp_sweep, which may run in another thread. */
#ifndef DATAPLANE_DP_H
#define DATAPLANE_DP_H

#include <stdbool.h>
#include <stdint.h>

#include "cv_probe.h"
#include "cv_types.h"
#include "cv_verdict.h"
#include "model/image.h"
#include "model/model.h"
#include "model/plan.h"
#include "util/err.h"

#define DP_DEFAULT_PIN_DIR "/sys/fs/bpf/culvert"

struct dp;

struct dp_interface {
	char name[16]; /* now; interfaces can be renamed */
	uint32_t ifindex;
	enum attach_mode mode; /* native or generic */
	uint32_t program_id;
	bool dispatcher; /* attached through libxdp's dispatcher, beside other programs */
	bool outdated;	 /* an older program of ours is there still: see dp_take, dp_renew */
};

/* What came over from maps of an older schema. */
struct dp_migrated {
	uint32_t schema;	   /* of the old maps */
	char version[CV_NAME_LEN]; /* that laid them down */
	uint64_t flows;		   /* open and closing ones */
	uint64_t took_ms;
	bool verdicts_lost; /* the counters of verdicts began anew: their names were not known yet */
};

/* --- opening (dp_open.c) --- */

/* Opens what is pinned below pin_dir to look at it and to attach or detach interfaces. -ENOENT if nothing
 * is pinned there; -EPROTO if another schema version laid it down (err says which, and what to do). */
int dp_open(const char *pin_dir, struct dp **ret, struct err *err);

/* Opens it as its one writer, for the daemon: takes the lock of the directory (-EBUSY if another daemon has
 * it), mounts the BPF file system if none is there, loads this binary's program over the pinned maps (made
 * now if there are none), copies flows where the table's size or policy differs from `flow_table` (NULL: keeps both), and
 * replaces the program on every attached interface atomically. What maps of an older schema hold goes over into new ones
 * (dp_migration tells); -EPROTO if they are of a newer one. Without CAP_SYS_ADMIN a dispatcher goes on with an
 * older program of ours over the same maps; -EPERM if the maps would be others, or are of an older schema. */
int dp_take(const char *pin_dir, const struct flow_table_conf *flow_table, struct dp **ret, struct err *err);

/* Whether that brought over maps of an older schema. */
bool dp_migration(const struct dp *dp, struct dp_migrated *ret);

/* Changes size or policy of the flow table of an object that dp_take gave: loads anew as dp_take does and replaces
 * *dp. On an error *dp is what it was. No dp_sweep may be running. */
int dp_retake(struct dp **dp, const struct flow_table_conf *flow_table, struct err *err);

/* Whether what is pinned is still what this object has open, and all of it: somebody may have removed it, or laid down
 * another. */
bool dp_is_pinned(struct dp *dp);

/* Gives the lock of dp_take up, so that dp_take can be called once more when the pins are gone. */
void dp_unlock(struct dp *dp);

/* Closes descriptors. What is attached stays attached. Takes NULL. */
void dp_free(struct dp *dp);

/* --- interfaces (dp_attach.c) --- */

/* Attaches to an interface; loads and pins program and maps first where nothing is pinned yet. Where libxdp's dispatcher
 * calls the programs of others, ours joins them. *ret_mode is what came of ATTACH_AUTO. 0 also when it is attached
 * already in that mode, after what may be missing is made good; -EBUSY if somebody else's program sits there and cannot be
 * shared with; -EPERM if to join takes CAP_SYS_ADMIN, which we have not; -ENODEV; -EOPNOTSUPP if the driver has no native
 * XDP. */
int dp_attach(const char *pin_dir, const char *ifname, enum attach_mode mode, enum attach_mode *ret_mode,
	      struct err *err);
/* Makes good what came of a dp_attach while dp_take or dp_retake put another program in force: an interface without a
 * dispatcher that is outdated gets the program and the ports of `dp`, which is what is pinned. */
int dp_renew(struct dp *dp, const struct dp_interface *interface, struct err *err);
/* Takes it off. -ENOENT if we are not attached there, -EPERM as above. */
int dp_detach(const char *pin_dir, const char *ifname, struct err *err);
/* Takes it off everywhere and removes every pin and the directory. 0 also when nothing was there. */
int dp_detach_all(const char *pin_dir, struct err *err);

/* What is attached now: fills up to `max` and returns how many there are, or -errno. */
int dp_interfaces(const char *pin_dir, struct dp_interface *ret, size_t max, struct err *err);

/* --- tags (dp_tag.c) --- */

/* The kernel's tag of a program, as bpftool shows it: equal tags, equal instructions. In both, -EPERM without
 * CAP_SYS_ADMIN. */
#define DP_TAG_LEN 17 /* 16 hexadecimal digits */
int dp_program_tag(uint32_t program_id, char ret[DP_TAG_LEN], struct err *err);
/* That of this binary's program. Loads it for that, which takes a fifth of a second, and lets it go. */
int dp_own_tag(char ret[DP_TAG_LEN], struct err *err);

/* --- writing (dp_apply.c) --- */

/* Carries out a plan. On an error (-errno) what was done so far stays done; the caller rebuilds. */
int dp_apply(struct dp *dp, const struct plan *plan, struct err *err);

/* The image as the maps hold it, tables left out (NULL): how a daemon finds its ids again. */
int dp_read_image(struct dp *dp, struct image **ret, struct err *err);

/* --- reading (dp_read.c) --- */

int dp_meta(struct dp *dp, struct cv_meta *ret, struct err *err);
int dp_clock(struct dp *dp, uint32_t *ret_now_s, struct err *err);

/* Per-CPU counters, summed, for ids or verdicts 0 to nr-1, read in batches. */
int dp_verdict_stats(struct dp *dp, struct cv_verdict_stats *ret, size_t nr, struct err *err);
int dp_listener_stats(struct dp *dp, struct cv_listener_stats *ret, size_t nr, struct err *err);
int dp_backend_stats(struct dp *dp, struct cv_backend_stats *ret, size_t nr, struct err *err);
int dp_probe_stats(struct dp *dp, struct cv_probe_stats *ret, size_t nr, struct err *err);

/* Goes over the flow tables, in pieces of a few thousand entries: counts what lives, then removes what has ended, if
 * there is any. It also takes off cv_live what left the table without a word. */
int dp_sweep(struct dp *dp, struct cv_sweep *ret, struct err *err);
/* Makes of the last sweep what it found out: slots all of whose flows are on their owner are settled, so that packets
 * there need not look at the flow table. Only slots of pools that nothing was applied to since before that sweep
 * began. Call it after dp_sweep, in the thread that applies. */
void dp_settle(struct dp *dp);
/* Slots of the pool's table that have an owner and are not settled. 0 for a pool without a table. */
uint32_t dp_unsettled(const struct dp *dp, uint16_t pool);
/* Flows in the table now, for ids 0 (all) to nr-1, as the program counts them. */
int dp_live(struct dp *dp, struct cv_live *ret, size_t nr, struct err *err);
/* What the last sweep counted, for ids 0 to nr-1; records of older sweeps come back as zero. Waits for a sweep that counts
 * just now, for a second at most. */
int dp_listener_use(struct dp *dp, struct cv_flow_counts *ret, size_t nr, struct err *err);
int dp_backend_use(struct dp *dp, struct cv_flow_counts *ret, size_t nr, struct err *err);

/* Calls `each` for every entry of the flow tables (and of half-open flows), read in batches so that memory
 * stays bounded; an entry that comes or goes meanwhile may or may not be met. `each` ends the walk by returning
 * non-zero, which is then returned. Keys come in the long form for both families. */
typedef int (*dp_flow_fn)(const struct cv_flow6_key *key, const struct cv_flow *flow, void *arg);
int dp_flows(struct dp *dp, dp_flow_fn each, void *arg, struct err *err);

/* Names and texts of the verdict list. */
const char *dp_verdict_name(enum cv_verdict verdict);
const char *dp_verdict_meaning(enum cv_verdict verdict);
const char *dp_verdict_remedy(enum cv_verdict verdict);
enum cv_verdict_class dp_verdict_class(enum cv_verdict verdict);
const char *dp_class_name(enum cv_verdict_class class); /* "pass", "tx", "redirect", "drop" */

#endif
