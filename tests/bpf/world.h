/* SPDX-License-Identifier: GPL-2.0-only */
/* A balancer of a test program's own: the program that gets attached, over maps pinned in a BPF file system
 * of its own, in a network namespace of its own. All of it goes away with the process. Configured as the
 * daemon does it: text, model, image, plan, maps; only the facts about backends are made up.
 *
 * Whatever goes wrong in here fails the test that called. */
#ifndef TESTS_WORLD_H
#define TESTS_WORLD_H

#include "bpf/harness.h"
#include "bpf/probe.h"

#include "dataplane/dp.h"

/* Fails with the sentence of the error unless the call gives 0. */
#define assert_ok(call, err)                        \
	do {                                        \
		if (call)                           \
			fail_msg("%s", (err).text); \
	} while (0)

/* What packets come in by unless a test says otherwise: lo. */
#define WORLD_IFINDEX 1

#define WORLD_MAX_BACKENDS 32

struct world_backend {
	struct addr address;
	struct backend_facts facts;
};

struct world {
	struct dp *dp;
	struct model *model;
	struct image *image;
	struct world_backend backend[WORLD_MAX_BACKENDS];
	size_t backends_nr;
	int program;	  /* cv_balance */
	uint64_t packets; /* sent so far */
	uint64_t bytes;
	bool is_unwatched; /* packets were sent by other means */
	uint64_t tick_ns;  /* when a second of its clock began, on CLOCK_MONOTONIC */
	struct cv_verdict_stats counted[CV_VERDICT_COUNT]; /* as of the last packet */
};

/* The configuration of most tests: listeners tcp4, udp4, tcp6 and udp6 at VIP4 and VIP6, port 443, of one
 * pool `web` with two backends of each family. A variant has other text in some places. */
struct world_variant {
	const char *top;	/* more lines before the listeners */
	const char *flow_table; /* max_flows: 4096 */
	const char *tcp;	/* more keys of the TCP listeners, and of the UDP ones */
	const char *udp;
	const char *pool;     /* table_size: 251 */
	const char *backends; /* a flow sequence: 10.0.0.11 and .12, 2001:db8:b::13 and ::14 */
};

/* The listener there for each kind of probe (probe_kind). */
extern const char *const world_listener[PROBE_KINDS];

/* cmocka fixtures of a group: a world with the ordinary configuration; its end, which checks that the
 * counters of the verdicts add up to all that was ever sent. world_forget, for each test: flows, their
 * notes and all other counters are forgotten, the ordinary configuration is in force again. */
int world_up(void **state);
int world_up_unconfigured(void **state);
int world_down(void **state);
int world_forget(void **state);

/* A new configuration, as with a reload: any text, or a variant of the ordinary one. */
void world_configure(struct world *world, const char *yaml);
#define world_vary(world, ...) world_configure_variant((world), &(struct world_variant){ __VA_ARGS__ })
void world_configure_variant(struct world *world, const struct world_variant *variant);

/* Facts about a backend, to be changed. They are in force after world_apply. The default: up; behind
 * WORLD_IFINDEX, on link, MTU 1500; next hop 02:00:00:00:01:xx, where xx is the last byte of the address. */
struct backend_facts *world_backend(struct world *world, const char *address);
struct backend_facts *world_backend_by_id(struct world *world, uint16_t backend);
void world_apply(struct world *world);
void world_change(struct world *world); /* without the sweep behind it */

/* Runs a group of tests in worlds whose flow_table.shortcut is off, on, blind (every flow is taken for any other one on
 * its backend), and narrow (so few tags that they push out each other), where their configuration does not say "off".
 * CULVERT_TEST_SHORTCUT names the only one to run; world_shortcut tells which it is. */
#define WORLD_SHORTCUT_ON (1U << CV_SHORTCUT_ON)
#define WORLD_ON_AND_OFF (WORLD_SHORTCUT_ON | 1U << CV_SHORTCUT_OFF)
#define WORLD_EVEN_BLIND (WORLD_ON_AND_OFF | 1U << CV_SHORTCUT_BLIND)
#define WORLD_EVEN_NARROW (WORLD_ON_AND_OFF | 1U << CV_SHORTCUT_NARROW)
#define world_run_tests(name, tests, modes) world_run_group(name, tests, CV_ARRAY_SIZE(tests), modes)
const char *world_shortcut(void);
int world_run_group(const char *name, const struct CMUnitTest *tests, size_t nr, unsigned modes);

/* Sweeps and settles, as the daemon does from time to time, and world_apply. world_untouch forgets which flows were touched,
 * as the next epoch does; world_touched is the highest set of their tags that is not empty, counted from 1. */
void world_settle(struct world *world);
void world_untouch(struct world *world);
size_t world_touched(struct world *world);

/* Changes the weight of a backend, or back to that of the file (-1), and applies it: with 0 it keeps its
 * flows, and gets no new ones. */
void world_set_weight(struct world *world, uint16_t backend, int weight);

/* Makes an interface, attaches the balancer to it, and returns its ifindex. */
uint32_t world_add_port(struct world *world, const char *name);

/* --- sending (world_send.c) --- */

/* Runs the program on a packet. Returns the verdict, which must be the only one counted, with the packet's
 * bytes, and agree with the action. A packet that passes must come out as it went in. The program is asked about it
 * first (dp_ask.h), and what it answers must be what happens. */
enum cv_verdict world_run(struct world *world, const struct pkt *in, struct harness_result *ret);
enum cv_verdict world_run_on(struct world *world, const struct pkt *in, uint32_t ifindex,
			     struct harness_result *ret);

/* The same without headroom for an outer header; CV_CONTINUE if this kernel has no means for that. */
enum cv_verdict world_run_crowded(struct world *world, const struct pkt *in);

/* The verdict on a probe. When it is forwarded, the bytes must be exactly those that some backend is due,
 * whose id world_route returns; 0 if it was not forwarded. (Not those of a probe with a poke.) */
enum cv_verdict world_probe(struct world *world, const struct probe *probe);
uint16_t world_route(struct world *world, const struct probe *probe);

/* Fails unless that is the verdict. world_expect_of_nobody: of the probe in both families from all addresses that are no
 * single host's, which nothing is answered (RFC 1122 3.2.2, RFC 4443 2.4 e). */
void world_expect(struct world *world, const struct probe *probe, enum cv_verdict verdict);
void world_expect_of_nobody(struct world *world, const struct probe *probe, enum cv_verdict verdict);

/* --- looking (world_look.c) --- */

struct addr world_addr(const char *text);
uint16_t world_listener_id(const struct world *world, const char *name);
uint16_t world_backend_id(const struct world *world, const char *address);
struct cv_listener_stats world_listener_stats(struct world *world, const char *name);
struct cv_backend_stats world_backend_stats(struct world *world, uint16_t backend);
int64_t world_live(struct world *world, const char *listener); /* NULL: all of them */
void world_set_live(struct world *world, uint16_t listener, int64_t flows);

/* Sets what this second allows still. The gate is one of each processor: the process stays on this one. */
void world_set_gate(struct world *world, const struct cv_gate *gate);
uint32_t world_clock(struct world *world);

/* Waits until a second begins, so that what follows happens within one. Returns the clock. */
uint32_t world_tick(struct world *world);

/* The same, unless more than half of this second is left still. */
uint32_t world_young_second(struct world *world);

/* A pinned map, by name. */
int world_map(struct world *world, const char *name);

/* Entries of a hash map. */
size_t world_count(struct world *world, const char *map_name);

#endif
