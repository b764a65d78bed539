/* SPDX-License-Identifier: GPL-2.0-only */
/* The programs that are measured; see subjects.h. */
#include "bench/subjects.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "bench/drive.h"
#include "bench/rivals.h"
#include "cv_clock.h"
#include "cv_balance.skel.h" /* uses the types of cv_clock.h */
#include "dataplane/dp_capture.h"
#include "dataplane/dp_object.h"
#include "drive.skel.h"
#include "rivals.skel.h"

#define BACKENDS 16
#define FLOWS_MAX 1048576
/* Below what culvert begins in a second on one processor. */
#define WARM_AT_ONCE 150000u
#define CAPTURE_RING (4u << 20)

const char *const subject_name[SUBJECT_COUNT] = {
	"floor", "culvert", "without captures", "capture of others", "capture of all", "classic", "stateless",
};

static struct world *world;
static struct drive *drive;
static struct rivals *rivals;
static struct drive_plan *plan;
static int bare;       /* cv_balance without captures */
static uint32_t fresh; /* the first flow that was never used */

static void stay_here(void)
{
	cpu_set_t cpus;

	CPU_ZERO(&cpus);
	CPU_SET(sched_getcpu(), &cpus);
	assert_int_equal(sched_setaffinity(0, sizeof(cpus), &cpus), 0);
}

/* --- culvert --- */

static void configure(size_t more_listeners, bool has_shortcut)
{
	size_t len = 0, size = 16384 + more_listeners * 96;
	char *yaml = malloc(size);

	assert_non_null(yaml);
#define ADD(...) (len += (size_t)snprintf(yaml + len, size - len, __VA_ARGS__))
	ADD("flow_table: { max_flows: %d, shortcut: %s }\nseed: bench\nlisteners:\n", FLOWS_MAX,
	    has_shortcut ? "on" : "off");
	for (int six = 0; six < 2; six++) {
		const char *address = six ? "2001:db8:a::10" : "192.0.2.10";

		for (int udp = 0; udp < 2; udp++)
			ADD("  - { name: %s%d, address: '%s', protocol: %s, port: 443, pool: pool%d }\n",
			    udp ? "udp" : "tcp", six ? 6 : 4, address, udp ? "udp" : "tcp", six ? 6 : 4);
		ADD("  - { name: gue%d, address: '%s', protocol: tcp, port: 444, pool: pool%d, forward: gue }\n",
		    six ? 6 : 4, address, six ? 6 : 4);
		ADD("  - { name: l2-%d, address: '%s', protocol: tcp, port: 445, pool: pool%d, forward: l2 }\n",
		    six ? 6 : 4, address, six ? 6 : 4);
	}
	for (size_t i = 0; i < more_listeners; i++)
		ADD("  - { name: more%zu, address: 192.0.3.%zu, protocol: tcp, port: %zu, pool: pool4 }\n", i,
		    i % 200 + 1, 1000 + i / 200);
	ADD("pools:\n");
	for (int six = 0; six < 2; six++) {
		ADD("  - { name: pool%d, table_size: 65537, health: { type: none }, backends: [",
		    six ? 6 : 4);
		for (int i = 1; i <= BACKENDS; i++)
			ADD("%s{ address: '%s%d' }", i > 1 ? ", " : "", six ? "2001:db8:b::" : "10.0.0.", i);
		ADD("] }\n");
	}
#undef ADD
	assert_in_range(len, 1, size - 1);
	world_configure(world, yaml);
	free(yaml);
}

/* The program once more over the same maps, as if there were no captures. */
static void bare_up(void)
{
	struct bpf_object *object;
	struct cv_balance__rodata *knobs;
	struct bpf_map *map;
	struct err err;
	size_t size;

	assert_ok(dp_object_open_over(world->dp, &object, &err), err);
	map = bpf_object__find_map_by_name(object, ".rodata");
	knobs = (void *)(uintptr_t)bpf_map__initial_value(map, &size);
	assert_int_equal(size, sizeof(*knobs));
	knobs->cv_has_capture = false;
	assert_int_equal(bpf_object__load(object), 0);
	bare = dup(bpf_program__fd(dp_object_program(object, DP_PROGRAM_balance)));
	assert_return_code(bare, errno);
	bpf_object__close(object);
}

/* NULL if nobody captures. */
static struct dp_capture *capture_start(enum subject subject)
{
	struct cv_capture want = { .client_port_last = 65535, .port_last = 65535, .snaplen = 256 };
	struct dp_capture *capture;
	struct err err;

	if (subject != SUBJECT_WATCHED && subject != SUBJECT_CAPTURED)
		return NULL;
	memset(want.verdicts, 0xff, sizeof(want.verdicts));
	if (subject == SUBJECT_WATCHED) {
		want.client.address[15] = 1;
		want.client.mask[15] = want.client.mask[0] = 0xff;
		want.client.address[0] = 0x20;
	}
	assert_ok(dp_capture_start(world->dp, &want, CAPTURE_RING, &capture, &err), err);
	return capture;
}

/* --- the rivals --- */

static void rivals_add_listener(const char *address, uint16_t port, uint8_t protocol, uint32_t number)
{
	struct rival_listener_key key = { .port = htons(port), .protocol = protocol };
	struct rival_listener listener = { number };
	struct addr addr = world_addr(address);

	memcpy(key.address, addr_is_v4(&addr) ? addr.byte + 12 : addr.byte, addr_is_v4(&addr) ? 4 : 16);
	assert_int_equal(
		bpf_map_update_elem(bpf_map__fd(rivals->maps.rival_listeners), &key, &listener, BPF_ANY), 0);
}

static void rivals_add_backends(void)
{
	for (uint32_t i = 0; i < BACKENDS; i++) {
		struct rival_backend backend = {
			.address = { htonl(0x0a000001 + i), 1, 2, 3 },
			.source = { htonl(0x0a000102), 1, 2, 3 },
			.next_hop_mac = { 2, 0, 0, 0, 1, (uint8_t)i },
			.port_mac = { 2, 0, 0, 0, 0, 2 },
			.mtu = 1500,
		};

		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(rivals->maps.rival_backends), &i, &backend, 0), 0);
	}
	for (uint32_t slot = 0; slot < RIVAL_SLOTS; slot++) {
		uint32_t backend = slot % BACKENDS;

		assert_int_equal(
			bpf_map_update_elem(bpf_map__fd(rivals->maps.rival_maglev), &slot, &backend, 0), 0);
	}
}

static void rivals_up(size_t more_listeners)
{
	uint32_t cpu = (uint32_t)sched_getcpu();
	int flows;

	rivals = rivals__open();
	assert_non_null(rivals);
	assert_int_equal(rivals__load(rivals), 0);
	flows = bpf_map_create(BPF_MAP_TYPE_LRU_HASH, "rival_flows", sizeof(struct rival_flow_key),
			       sizeof(struct rival_flow), FLOWS_MAX, NULL);
	assert_return_code(flows, -flows);
	assert_int_equal(bpf_map_update_elem(bpf_map__fd(rivals->maps.rival_flows), &cpu, &flows, 0), 0);
	rivals_add_backends();
	rivals_add_listener("192.0.2.10", 443, IPPROTO_TCP, 1);
	rivals_add_listener("192.0.2.10", 443, IPPROTO_UDP, 2);
	rivals_add_listener("2001:db8:a::10", 443, IPPROTO_TCP, 3);
	rivals_add_listener("2001:db8:a::10", 443, IPPROTO_UDP, 4);
	for (size_t i = 0; i < more_listeners; i++) {
		char address[32];

		snprintf(address, sizeof(address), "192.0.3.%zu", i % 200 + 1);
		rivals_add_listener(address, (uint16_t)(1000 + i / 200), IPPROTO_TCP,
				    (uint32_t)(5 + i % 1000));
	}
}

/* --- the driver --- */

static void drive_up(void)
{
	drive = drive__open();
	assert_non_null(drive);
	assert_int_equal(drive__load(drive), 0);
	plan = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED,
		    bpf_map__fd(drive->maps.cv_plan), 0);
	assert_ptr_not_equal(plan, MAP_FAILED);
}

void subjects_up(size_t more_listeners, bool has_shortcut)
{
	void *state;

	stay_here();
	world_up_unconfigured(&state);
	world = state;
	configure(more_listeners, has_shortcut);
	bare_up();
	rivals_up(more_listeners);
	drive_up();
}

void subjects_send(enum frame_kind kind, const struct target *target)
{
	struct addr address = world_addr(target->address);
	bool is_v4 = addr_is_v4(&address);
	struct addr client = world_addr(is_v4 ? "10.128.0.0" : "2001:db8:c::");
	struct frame frame;

	frame_make(kind, &client, 1024, &address, target->port, &frame);
	assert_in_range(frame.len, 1, DRIVE_SLOT);
	memset(plan->template, 0, sizeof(plan->template));
	memcpy(plan->template, frame.byte, frame.len);
	plan->source = (uint32_t)(frame.ip + (is_v4 ? 12 : 20));
	plan->flags = kind == FRAME_UDP ? 0 : (uint32_t)frame.l4 + 13;
}

void subjects_set_gate(bool is_full)
{
	struct cv_gate gate = { .second = world_clock(world), .begun = is_full ? CV_BEGUN_PER_S : 0 };

	world_set_gate(world, &gate);
}

static int program_of(enum subject subject)
{
	switch (subject) {
	case SUBJECT_CULVERT:
	case SUBJECT_WATCHED:
	case SUBJECT_CAPTURED:
		return world->program;
	case SUBJECT_BARE:
		return bare;
	case SUBJECT_CLASSIC:
		return bpf_program__fd(rivals->progs.cv_classic);
	case SUBJECT_STATELESS:
		return bpf_program__fd(rivals->progs.cv_stateless);
	default:
		return bpf_program__fd(drive->progs.cv_floor);
	}
}

/* Calls the subject for so many packets, rounded up to whole runs. Returns nanoseconds a packet. */
static double run(enum subject subject, uint64_t packets)
{
	static uint8_t frame[DRIVE_SLOT];
	uint32_t zero = 0, runs = (uint32_t)((packets + DRIVE_PACKETS - 1) / DRIVE_PACKETS);
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame),
		    .repeat = (int)runs);
	int program = program_of(subject);

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(drive->maps.cv_under_test), &zero, &program, 0), 0);
	assert_int_equal(bpf_prog_test_run_opts(bpf_program__fd(drive->progs.cv_drive), &opts), 0);
	assert_int_equal(opts.retval, XDP_PASS);
	return (double)opts.duration / DRIVE_PACKETS;
}

void subject_warm(enum subject subject, uint32_t flows)
{
	plan->in_order = 1;
	plan->per_flow = 2;
	for (uint32_t first = 0; first < flows; first += WARM_AT_ONCE) {
		plan->first = first;
		plan->next = 0;
		subjects_set_gate(false);
		run(subject, 2 * (uint64_t)(flows - first < WARM_AT_ONCE ? flows - first : WARM_AT_ONCE));
	}
	if (subject == SUBJECT_CULVERT)
		world_settle(world);
	if (fresh < flows)
		fresh = flows;
}

static void check_actions(uint32_t action, uint64_t packets)
{
	if (plan->action[action & 7] >= packets)
		return;
	for (size_t i = 0; i < CV_ARRAY_SIZE(plan->action); i++)
		print_error("action %zu: %llu packets\n", i, (unsigned long long)plan->action[i]);
	fail_msg("%llu packets should have had action %u", (unsigned long long)packets, action);
}

double subject_run(enum subject subject, uint32_t flows, uint32_t per_flow, uint64_t packets, uint32_t action)
{
	struct dp_capture *capture = capture_start(subject);
	double ns;

	memset(plan->action, 0, sizeof(plan->action));
	plan->in_order = !flows;
	plan->flows = flows;
	plan->per_flow = per_flow;
	plan->first = flows ? 0 : fresh;
	plan->next = flows ? plan->next : 0;
	ns = run(subject, packets);
	dp_capture_free(capture);
	check_actions(subject == SUBJECT_FLOOR ? XDP_TX : action, packets);
	if (!flows)
		fresh += (uint32_t)(packets / per_flow + 1);
	return ns;
}
