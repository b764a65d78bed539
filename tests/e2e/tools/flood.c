/* SPDX-License-Identifier: GPL-2.0-only */
/* Sends packets from random sources out of a port, as many as one processor can (BPF_PROG_TEST_RUN on live frames, the
 * frames made by flood.bpf.c). For a port of this network namespace, with an XDP program, at whose other end the balancer
 * is. While it runs, what comes back of the flood in tunnels ends at that port.
 *
 *	flood --from IFNAME --to ADDRESS --port N --packets syn|ack|data|fin|rst|udp --seconds N [--flows N]
 *
 * Each packet is of a flow of its own, or of one of --flows. Prints one JSON object: packets sent, and how many a second.
 * What finds no room at the other end is lost.
 */
#include <getopt.h>
#include <linux/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "e2e/tools/frame.h"
#include "flood.skel.h"
#include "util/number.h"

/* In one system call, and between two naps of the softirq that takes them. */
#define PER_RUN 65536
#define PER_BATCH 64

struct flood_options {
	unsigned ifindex;
	struct addr to;
	uint64_t port;
	uint64_t seconds;
	uint64_t flows; /* 0: any */
	enum frame_kind kind;
};

static void die(const char *what)
{
	fprintf(stderr, "flood: %s\n", what);
	exit(EXIT_FAILURE);
}

static void parse_options(int argc, char **argv, struct flood_options *ret)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'i' },
		{ "to", required_argument, NULL, 't' },
		{ "port", required_argument, NULL, 'p' },
		{ "packets", required_argument, NULL, 'k' },
		{ "seconds", required_argument, NULL, 's' },
		{ "flows", required_argument, NULL, 'f' },
		{ 0 },
	};
	int option, r = 0;

	while (!r && (option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (option == 'i')
			ret->ifindex = if_nametoindex(optarg);
		else if (option == 't')
			r = addr_parse(optarg, &ret->to);
		else if (option == 'p')
			r = number_parse(optarg, &ret->port);
		else if (option == 'k')
			r = frame_kind_parse(optarg, &ret->kind);
		else if (option == 's')
			r = number_parse(optarg, &ret->seconds);
		else if (option == 'f')
			r = number_parse(optarg, &ret->flows);
		else
			r = -1;
	}
	if (r || !ret->ifindex || !ret->port || !ret->seconds)
		die("see the top of flood.c for its options");
}

static struct flood *load(const struct flood_options *options)
{
	bool is_v4 = addr_is_v4(&options->to), is_udp = options->kind == FRAME_UDP;
	struct flood *skel = flood__open();
	struct frame frame = { .len = 0 };
	struct addr client;

	if (!skel || addr_parse(is_v4 ? "0.0.0.0" : "2001:db8:f::", &client))
		die("the program cannot be opened");
	frame_make(options->kind, &client, 0, &options->to, (uint16_t)options->port, &frame);
	memcpy((void *)skel->rodata->flood_template, frame.byte, frame.len);
	skel->rodata->flood_source = (uint32_t)(frame.ip + (is_v4 ? 12 : 20));
	skel->rodata->flood_port = (uint32_t)frame.l4;
	skel->rodata->flood_seq = is_udp ? 0 : (uint32_t)frame.l4 + 4;
	skel->rodata->flood_ip_check = is_v4 ? (uint32_t)frame.ip + 10 : 0;
	skel->rodata->flood_l4_check = (uint32_t)frame.l4 + (is_udp ? 6 : 16);
	skel->rodata->flood_mark = FRAME_MARK;
	skel->rodata->flood_flows = (uint32_t)options->flows;
	if (flood__load(skel))
		die("the kernel refused the program");
	return skel;
}

/* Puts another program on the port. Returns the one that was there. */
static int exchange_program(unsigned ifindex, int program)
{
	LIBBPF_OPTS(bpf_xdp_attach_opts, opts);
	__u32 id;

	if (bpf_xdp_query_id((int)ifindex, XDP_FLAGS_DRV_MODE, &id) || !id)
		die("the port has no XDP program");
	opts.old_prog_fd = bpf_prog_get_fd_by_id(id);
	if (opts.old_prog_fd < 0 ||
	    bpf_xdp_attach((int)ifindex, program, XDP_FLAGS_DRV_MODE | XDP_FLAGS_REPLACE, &opts))
		die("the program of the port cannot be replaced");
	return opts.old_prog_fd;
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

int main(int argc, char **argv)
{
	struct flood_options options = { 0 };
	uint8_t frame[FRAME_MAX_LEN] = { 0 };
	struct xdp_md ctx = { .data_end = sizeof(frame) };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = sizeof(frame), .ctx_in = &ctx,
		    .ctx_size_in = sizeof(ctx), .repeat = PER_RUN, .flags = BPF_F_TEST_XDP_LIVE_FRAMES,
		    .batch_size = PER_BATCH);
	double started, now;
	struct flood *skel;
	uint64_t sent = 0;
	int old;

	parse_options(argc, argv, &options);
	skel = load(&options);
	ctx.ingress_ifindex = options.ifindex;
	old = exchange_program(options.ifindex, bpf_program__fd(skel->progs.cv_sink));
	started = now = seconds();
	while (now < started + (double)options.seconds) {
		if (bpf_prog_test_run_opts(bpf_program__fd(skel->progs.cv_flood), &opts))
			die("the program cannot be run");
		sent += PER_RUN;
		now = seconds();
	}
	exchange_program(options.ifindex, old);
	flood__destroy(skel);
	printf("{\"sent\": %ju, \"seconds\": %.2f, \"per_second\": %.0f}\n", (uintmax_t)sent, now - started,
	       (double)sent / (now - started));
	return EXIT_SUCCESS;
}
