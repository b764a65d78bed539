/* SPDX-License-Identifier: GPL-2.0-only */
/* Feeds numbered flows to the pinned program, without a network (BPF_PROG_TEST_RUN): no packet is ever lost, so what
 * must be counted is known exactly, and a million flows take seconds.
 *
 *	feed --program PIN --to ADDRESS --port N --flows FIRST-LAST --packets syn,ack,data,fin,rst,udp [--rate N]
 *
 * Flow n comes from the n-th of 60,000 ports and as many client addresses as it takes. Each flow's packets go in one
 * after the other, then the next flow's. --rate is in flows a second (100,000): above what the balancer admits in a
 * second no entries are made. Prints one JSON object: packets by what became of them. A packet that is forwarded counts
 * as `forwarded`; one that comes back the way it came, as `answered`.
 */
#include <getopt.h>
#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>

#include "e2e/tools/frame.h"
#include "util/number.h"

#define PORTS 60000
#define FIRST_PORT 1024
#define MAX_PACKETS 16

struct feed {
	int program;
	struct addr to;
	uint64_t port;
	uint64_t first, last;
	uint64_t rate;
	enum frame_kind packet[MAX_PACKETS];
	size_t packets;
	uint64_t action[XDP_REDIRECT + 1];
};

static void die(const char *what)
{
	fprintf(stderr, "feed: %s\n", what);
	exit(EXIT_FAILURE);
}

static void parse_packets(char *text, struct feed *feed)
{
	char *rest = NULL;

	for (char *name = strtok_r(text, ",", &rest); name; name = strtok_r(NULL, ",", &rest)) {
		if (feed->packets == MAX_PACKETS || frame_kind_parse(name, &feed->packet[feed->packets++]))
			die("packets are up to 16 of syn, ack, data, fin, rst, udp");
	}
}

static void parse_options(int argc, char **argv, struct feed *feed)
{
	static const struct option options[] = {
		{ "program", required_argument, NULL, 'P' },
		{ "to", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ "flows", required_argument, NULL, 'f' },
		{ "packets", required_argument, NULL, 'k' },
		{ "rate", required_argument, NULL, 'r' },
		{ 0 },
	};
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'P')
			feed->program = bpf_obj_get(optarg);
		else if (option == 't')
			r = addr_parse(optarg, &feed->to);
		else if (option == 'p')
			r = number_parse(optarg, &feed->port);
		else if (option == 'f')
			r = number_parse_range(optarg, &feed->first, &feed->last);
		else if (option == 'r')
			r = number_parse(optarg, &feed->rate);
		else if (option == 'k')
			parse_packets(optarg, feed);
		else
			r = -1;
	}
	if (r || feed->program < 0 || !feed->port || !feed->packets || !feed->rate)
		die("see the top of feed.c for its options");
}

/* RFC 2544 and RFC 3849 keep these networks for tests. */
static struct addr client_of(const struct feed *feed, uint64_t flow)
{
	struct addr client;
	uint32_t host = (uint32_t)(flow / PORTS + 1);

	if (addr_parse(addr_is_v4(&feed->to) ? "198.18.0.0" : "2001:db8:f::", &client))
		die("no client address");
	client.byte[14] = (uint8_t)(host >> 8);
	client.byte[15] = (uint8_t)host;
	return client;
}

static void feed_flow(struct feed *feed, uint64_t flow)
{
	const struct addr client = client_of(feed, flow);
	struct frame frame;

	for (size_t i = 0; i < feed->packets; i++) {
		LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame.byte, .repeat = 1);

		frame_make(feed->packet[i], &client, (uint16_t)(FIRST_PORT + flow % PORTS), &feed->to,
			   (uint16_t)feed->port, &frame);
		opts.data_size_in = (uint32_t)frame.len;
		if (bpf_prog_test_run_opts(feed->program, &opts) || opts.retval > XDP_REDIRECT)
			die("the program cannot be run");
		feed->action[opts.retval]++;
	}
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* Waits until flow number `done` is due. */
static void pace(const struct feed *feed, double started, uint64_t done)
{
	double early = started + (double)done / (double)feed->rate - seconds();
	struct timespec pause = { .tv_nsec = (long)(early * 1e9) };

	if (early > 0 && early < 1)
		nanosleep(&pause, NULL);
}

int main(int argc, char **argv)
{
	struct feed feed = { .program = -1, .rate = 100000 };
	double started = seconds();

	parse_options(argc, argv, &feed);
	for (uint64_t flow = feed.first; flow <= feed.last; flow++) {
		if (flow % 256 == 0)
			pace(&feed, started, flow - feed.first);
		feed_flow(&feed, flow);
	}
	/* run like this a packet comes in by the loopback, so that every backend is at another port */
	printf("{\"flows\": %ju, \"seconds\": %.1f, \"passed\": %ju, \"dropped\": %ju, \"answered\": %ju, "
	       "\"forwarded\": %ju}\n",
	       (uintmax_t)(feed.last - feed.first + 1), seconds() - started, (uintmax_t)feed.action[XDP_PASS],
	       (uintmax_t)feed.action[XDP_DROP], (uintmax_t)feed.action[XDP_TX],
	       (uintmax_t)feed.action[XDP_REDIRECT]);
	return feed.action[XDP_ABORTED] ? EXIT_FAILURE : EXIT_SUCCESS;
}
