/* SPDX-License-Identifier: GPL-2.0-only */
/* What a packet costs in the kernel: our program as it gets attached, beside two rivals of ours (rivals.bpf.c) and the floor,
 * a program that returns at once. Packets of all flows in random order, each written anew; rounds of all subjects one after the
 * other, so that what disturbs the machine disturbs all of them. Prints the nanoseconds a packet over the floor.
 *
 * Each group is a process of its own, with a data plane of its own.
 */
#include "bench/subjects.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

#define ROUNDS_MAX 99
/* Packets of a sample: enough to visit each flow so often, within an epoch of the shortcut (8 s). */
#define VISITS 16
#define SAMPLE_MIN 400000u
/* Without the shortcut nothing happens only once in a while: fewer do. */
#define SAMPLE_MAX_STEADY 2000000u
#define NEW_FLOWS 50000u

struct scenario {
	const char *name;
	enum frame_kind kind;
	struct target target;
	uint32_t flows;	   /* 0: new ones */
	uint32_t per_flow; /* packets, of new ones */
	uint32_t action;
	unsigned beside; /* subjects besides ours and the floor, a bit each */
	bool is_gate_full;
};

#define OURS4 "192.0.2.10"
#define OURS6 "2001:db8:a::10"
#define FOREIGN4 "203.0.113.1"
#define FOREIGN6 "2001:db8:ff::1"

#define ESTABLISHED(name_, kind_, address_, port_, flows_, ...)                                         \
	{                                                                                               \
		.name = (name_), .kind = (kind_), .target = { (address_), (port_) }, .flows = (flows_), \
		.action = XDP_TX, __VA_ARGS__                                                           \
	}
#define NEW(name_, kind_, address_, per_flow_, ...)                                                       \
	{                                                                                                 \
		.name = (name_), .kind = (kind_), .target = { (address_), 443 }, .per_flow = (per_flow_), \
		.action = XDP_TX, .beside = RIVALS, __VA_ARGS__                                           \
	}
#define FOREIGN(name_, address_)                                                                  \
	{                                                                                         \
		.name = (name_), .kind = FRAME_ACK, .target = { (address_), 443 }, .flows = 1000, \
		.action = XDP_PASS, .beside = RIVALS                                              \
	}
#define RIVALS (1U << SUBJECT_CLASSIC | 1U << SUBJECT_STATELESS)
#define CAPTURES (1U << SUBJECT_BARE | 1U << SUBJECT_WATCHED | 1U << SUBJECT_CAPTURED)

static const struct scenario ipv4[] = {
	ESTABLISHED("IPv4 TCP, 1 flow", FRAME_ACK, OURS4, 443, 1, .beside = RIVALS),
	ESTABLISHED("IPv4 TCP, 1,000 flows", FRAME_ACK, OURS4, 443, 1000, .beside = RIVALS),
	ESTABLISHED("IPv4 TCP, 100,000 flows", FRAME_ACK, OURS4, 443, 100000, .beside = RIVALS),
	ESTABLISHED("IPv4 TCP, 1,000,000 flows", FRAME_ACK, OURS4, 443, 1000000, .beside = RIVALS),
	NEW("IPv4 TCP, new flows: SYN, ACK", FRAME_ACK, OURS4, 2),
	{ 0 },
};

static const struct scenario ipv6[] = {
	ESTABLISHED("IPv6 TCP, 1 flow", FRAME_ACK, OURS6, 443, 1, .beside = RIVALS),
	ESTABLISHED("IPv6 TCP, 1,000 flows", FRAME_ACK, OURS6, 443, 1000, .beside = RIVALS),
	ESTABLISHED("IPv6 TCP, 100,000 flows", FRAME_ACK, OURS6, 443, 100000, .beside = RIVALS),
	ESTABLISHED("IPv6 TCP, 1,000,000 flows", FRAME_ACK, OURS6, 443, 1000000, .beside = RIVALS),
	NEW("IPv6 TCP, new flows: SYN, ACK", FRAME_ACK, OURS6, 2),
	{ 0 },
};

static const struct scenario others[] = {
	ESTABLISHED("IPv4 UDP, 100,000 flows", FRAME_UDP, OURS4, 443, 100000, .beside = RIVALS),
	ESTABLISHED("IPv6 UDP, 100,000 flows", FRAME_UDP, OURS6, 443, 100000, .beside = RIVALS),
	ESTABLISHED("IPv4 TCP over GUE, 1,000 flows", FRAME_ACK, OURS4, 444, 1000),
	ESTABLISHED("IPv6 TCP over GUE, 1,000 flows", FRAME_ACK, OURS6, 444, 1000),
	ESTABLISHED("IPv4 TCP by L2, 1,000 flows", FRAME_ACK, OURS4, 445, 1000),
	ESTABLISHED("IPv6 TCP by L2, 1,000 flows", FRAME_ACK, OURS6, 445, 1000),
	ESTABLISHED("IPv4 TCP, captures", FRAME_ACK, OURS4, 443, 1000, .beside = CAPTURES),
	FOREIGN("foreign IPv4", FOREIGN4),
	FOREIGN("foreign IPv6", FOREIGN6),
	NEW("IPv4 flood of SYNs", FRAME_SYN, OURS4, 1),
	NEW("IPv4 flood of SYNs, over the limit", FRAME_SYN, OURS4, 1, .is_gate_full = true),
	NEW("IPv6 flood of SYNs, over the limit", FRAME_SYN, OURS6, 1, .is_gate_full = true),
	{ 0 },
};

/* Without the shortcut. */
static const struct scenario table_first[] = {
	ESTABLISHED("IPv4 TCP, 1 flow", FRAME_ACK, OURS4, 443, 1),
	ESTABLISHED("IPv4 TCP, 1,000 flows", FRAME_ACK, OURS4, 443, 1000),
	ESTABLISHED("IPv4 TCP, 100,000 flows", FRAME_ACK, OURS4, 443, 100000),
	ESTABLISHED("IPv4 TCP, 1,000,000 flows", FRAME_ACK, OURS4, 443, 1000000),
	ESTABLISHED("IPv6 TCP, 1,000,000 flows", FRAME_ACK, OURS6, 443, 1000000),
	{ 0 },
};

static const struct scenario crowded[] = {
	ESTABLISHED("IPv4 TCP, 1,000 flows", FRAME_ACK, OURS4, 443, 1000, .beside = RIVALS),
	FOREIGN("foreign IPv4", FOREIGN4),
	{ 0 },
};

/* What is measured over one data plane; our program is called `name` in it. */
static const struct group {
	const char *name;
	const struct scenario *scenarios;
	size_t more_listeners;
	bool has_shortcut;
} groups[] = {
	{ "culvert", ipv4, 0, true },
	{ "culvert", ipv6, 0, true },
	{ "culvert", others, 0, true },
	{ "culvert, shortcut off", table_first, 0, false },
	{ "culvert, 1,000 listeners", crowded, 992, true },
};

struct samples {
	size_t nr;
	double ns[ROUNDS_MAX];
};

static size_t rounds = 7;
static const char *wanted = ""; /* only scenarios with this in their name */
static FILE *lines;		/* for people */

static uint64_t sample_packets(enum subject subject, const struct scenario *scenario)
{
	uint64_t packets = (uint64_t)scenario->flows * VISITS;

	if (!scenario->flows)
		return (uint64_t)NEW_FLOWS * scenario->per_flow;
	if (packets < SAMPLE_MIN)
		packets = SAMPLE_MIN;
	if (subject != SUBJECT_CULVERT && packets > SAMPLE_MAX_STEADY)
		packets = SAMPLE_MAX_STEADY;
	return packets;
}

static void report(const struct scenario *scenario, const char *subject, struct samples *samples,
		   double floor)
{
	double median, least, most;

	qsort(samples->ns, samples->nr, sizeof(samples->ns[0]), bench_compare);
	median = samples->ns[samples->nr / 2] - floor;
	least = samples->ns[0] - floor;
	most = samples->ns[samples->nr - 1] - floor;
	fprintf(lines, "%-34s %-26s %7.1f ns (%.1f to %.1f) %7.2f Mpps\n", scenario->name, subject, median,
		least, most, 1e3 / median);
	fflush(lines);
	bench_json("{\"bench\": \"%s\", \"subject\": \"%s\", \"rounds\": %zu, \"median_ns\": %.1f, "
		   "\"min_ns\": %.1f, \"max_ns\": %.1f, \"mpps\": %.3f}",
		   scenario->name, subject, samples->nr, median, least, most, 1e3 / median);
}

static bool is_measured(const struct scenario *scenario, enum subject subject)
{
	return (scenario->beside | 1U << SUBJECT_FLOOR | 1U << SUBJECT_CULVERT) & 1U << subject;
}

static void measure(const struct scenario *scenario, const char *culvert)
{
	struct samples samples[SUBJECT_COUNT] = { 0 };
	double floor;

	subjects_send(scenario->kind, &scenario->target);
	for (enum subject i = 0; i < SUBJECT_COUNT; i++)
		if (is_measured(scenario, i) && i != SUBJECT_FLOOR)
			subject_warm(i, scenario->flows);
	for (size_t round = 0; round < rounds; round++) {
		for (enum subject i = 0; i < SUBJECT_COUNT; i++) {
			if (!is_measured(scenario, i))
				continue;
			subjects_set_gate(scenario->is_gate_full);
			samples[i].ns[samples[i].nr++] =
				subject_run(i, scenario->flows, scenario->per_flow,
					    sample_packets(i, scenario), scenario->action);
		}
	}
	qsort(samples[SUBJECT_FLOOR].ns, rounds, sizeof(double), bench_compare);
	floor = samples[SUBJECT_FLOOR].ns[rounds / 2];
	for (enum subject i = SUBJECT_CULVERT; i < SUBJECT_COUNT; i++)
		if (samples[i].nr)
			report(scenario, i == SUBJECT_CULVERT ? culvert : subject_name[i], &samples[i],
			       floor);
}

static void measure_group(void **state)
{
	const struct group *group = *state;

	subjects_up(group->more_listeners, group->has_shortcut);
	for (const struct scenario *scenario = group->scenarios; scenario->name; scenario++)
		if (strstr(scenario->name, wanted))
			measure(scenario, group->name);
}

/* In a process of its own, whose standard output is ours: `lines`. What cmocka has to say goes to a file, and is shown if
 * something failed. */
static void run_group(const struct group *group)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_prestate(measure_group, (void *)(uintptr_t)group),
	};
	FILE *report = tmpfile();
	int failed;
	char line[256];

	if (!report || dup2(fileno(report), STDOUT_FILENO) < 0 || dup2(fileno(report), STDERR_FILENO) < 0)
		exit(EXIT_FAILURE);
	failed = cmocka_run_group_tests_name(group->name, tests, NULL, NULL);
	fflush(NULL);
	rewind(report);
	while (failed && fgets(line, sizeof(line), report))
		fputs(line, lines);
	fflush(lines);
	_exit(failed ? EXIT_FAILURE : EXIT_SUCCESS);
}

int main(int argc, char **argv)
{
	int status, failed = 0;

	if (argc > 1)
		rounds = strtoul(argv[1], NULL, 10);
	if (argc > 2)
		wanted = argv[2];
	if (!rounds || rounds > ROUNDS_MAX || geteuid()) {
		fprintf(stderr,
			"usage: bench_packets [ROUNDS [TEXT]]     1 to %d rounds of what has TEXT in its name; as root\n",
			ROUNDS_MAX);
		return 2;
	}
	lines = fdopen(dup(STDOUT_FILENO), "w");
	if (!lines)
		return 1;
	fprintf(lines, "%-34s %-26s over the floor: median (min to max)\n", "", "");
	for (size_t i = 0; i < CV_ARRAY_SIZE(groups); i++) {
		pid_t pid;

		fflush(lines);
		pid = fork();
		if (!pid)
			run_group(&groups[i]);
		if (pid < 0 || waitpid(pid, &status, 0) != pid || status)
			failed = 1;
	}
	return failed;
}
