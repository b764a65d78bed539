/* SPDX-License-Identifier: GPL-2.0-only */
/* Runs packets through real programs; see harness.h. */
#include "bpf/harness.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

/* More leaves no room for an outer header: XDP has 256 bytes of headroom, of which the kernel wants 40. */
#define HARNESS_MAX_METADATA 208

void harness_need_root(void)
{
	if (geteuid() == 0)
		return;
	puts("1..1\nok 1 # SKIP loading BPF programs needs root");
	exit(EXIT_SUCCESS);
}

/* The kernel clears the headroom, but lets us fill some of it with metadata right before the packet. */
static int run(int prog_fd, const struct pkt *in, uint32_t ifindex, uint32_t metadata,
	       struct harness_result *ret)
{
	uint8_t frame[HARNESS_MAX_METADATA + PKT_MAX_LEN], out[HARNESS_MAX_METADATA + sizeof(ret->data)];
	struct xdp_md ctx = { .data = metadata,
			      .data_end = metadata + (uint32_t)in->len,
			      .ingress_ifindex = ifindex };
	struct xdp_md after = { 0 };
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = frame, .data_size_in = ctx.data_end, .data_out = out,
		    .data_size_out = sizeof(out), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx),
		    .ctx_out = &after, .ctx_size_out = sizeof(after), .repeat = 1);
	int r;

	memset(frame, 0xff, metadata);
	memcpy(frame + metadata, in->data, in->len);
	r = bpf_prog_test_run_opts(prog_fd, &opts);
	if (r)
		return r;
	assert_int_equal(after.data, metadata);
	ret->action = opts.retval;
	ret->len = opts.data_size_out - metadata;
	memcpy(ret->data, out + metadata, ret->len);
	return 0;
}

void harness_run(int prog_fd, const struct pkt *in, struct harness_result *ret)
{
	harness_run_on(prog_fd, in, 0, ret);
}

/* Metadata moves along with the head and leaves its old bytes behind: what the program forgets to write
 * shows. Every kernel takes 32 bytes; with the distance they move that is all the room of an outer IPv6
 * header but its first 8 bytes, where the Ethernet header goes. */
void harness_run_on(int prog_fd, const struct pkt *in, uint32_t ifindex, struct harness_result *ret)
{
	assert_return_code(run(prog_fd, in, ifindex, 32, ret), 0);
}

bool harness_run_crowded(int prog_fd, const struct pkt *in, struct harness_result *ret)
{
	return run(prog_fd, in, 0, HARNESS_MAX_METADATA, ret) == 0;
}

/* Room for one value of every possible processor. */
static uint64_t *values_new(int map_fd, struct bpf_map_info *ret_info, int *ret_cpus)
{
	__u32 size = sizeof(*ret_info);
	uint64_t *values;

	memset(ret_info, 0, sizeof(*ret_info));
	assert_return_code(bpf_obj_get_info_by_fd(map_fd, ret_info, &size), 0);
	*ret_cpus = libbpf_num_possible_cpus();
	assert_true(*ret_cpus > 0 && ret_info->value_size % sizeof(uint64_t) == 0);
	values = calloc((size_t)*ret_cpus, ret_info->value_size);
	assert_non_null(values);
	return values;
}

void harness_sum(int map_fd, uint32_t key, uint64_t *ret_sums, size_t nr)
{
	struct bpf_map_info info;
	uint64_t *values;
	int cpus;

	values = values_new(map_fd, &info, &cpus);
	assert_int_equal(info.value_size, nr * sizeof(uint64_t));
	assert_return_code(bpf_map_lookup_elem(map_fd, &key, values), 0);
	memset(ret_sums, 0, nr * sizeof(*ret_sums));
	for (size_t i = 0; i < (size_t)cpus * nr; i++)
		ret_sums[i % nr] += values[i];
	free(values);
}

void harness_clear(int map_fd)
{
	struct bpf_map_info info;
	uint64_t *values;
	int cpus;

	values = values_new(map_fd, &info, &cpus);
	for (uint32_t key = 0; key < info.max_entries; key++)
		assert_return_code(bpf_map_update_elem(map_fd, &key, values, BPF_ANY), 0);
	free(values);
}
