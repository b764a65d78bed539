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

void harness_need_root(void)
{
	if (geteuid() == 0)
		return;
	puts("1..1\nok 1 # SKIP loading BPF programs needs root");
	exit(EXIT_SUCCESS);
}

static void run(int prog_fd, const struct pkt *in, struct xdp_md *ctx, struct harness_result *ret)
{
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = in->data, .data_size_in = (__u32)in->len,
		    .data_out = ret->data, .data_size_out = sizeof(ret->data), .ctx_in = ctx,
		    .ctx_size_in = ctx ? sizeof(*ctx) : 0, .repeat = 1);

	assert_return_code(bpf_prog_test_run_opts(prog_fd, &opts), 0);
	ret->action = opts.retval;
	ret->len = opts.data_size_out;
}

void harness_run(int prog_fd, const struct pkt *in, struct harness_result *ret)
{
	run(prog_fd, in, NULL, ret);
}

void harness_run_on(int prog_fd, const struct pkt *in, uint32_t ifindex, struct harness_result *ret)
{
	struct xdp_md ctx = { .data_end = (__u32)in->len, .ingress_ifindex = ifindex };

	run(prog_fd, in, &ctx, ret);
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
