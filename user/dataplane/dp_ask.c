// SPDX-License-Identifier: GPL-2.0-only
/* Questions to the program; see dp_ask.h. */
#include <errno.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>

#include "cv_flow.h"
#include "dataplane/dp_ask.h"
#include "dataplane/dp_internal.h"

/* A frame with its metadata in front of it, as BPF_PROG_TEST_RUN wants it. */
struct told_frame {
	struct cv_ask ask;
	uint8_t frame[DP_FRAME_MAX];
};

static int run(int program, uint32_t ifindex, struct told_frame *told, size_t len, size_t *ret_len)
{
	struct xdp_md ctx = {
		.data = sizeof(told->ask),
		.data_end = (__u32)(sizeof(told->ask) + len),
		.ingress_ifindex = ifindex,
	};
	struct told_frame in = *told;
	LIBBPF_OPTS(bpf_test_run_opts, opts, .data_in = &in, .data_size_in = ctx.data_end, .data_out = told,
		    .data_size_out = sizeof(*told), .ctx_in = &ctx, .ctx_size_in = sizeof(ctx), .repeat = 1);
	int r = bpf_prog_test_run_opts(program, &opts);

	if (r)
		return r;
	*ret_len = opts.data_size_out - sizeof(told->ask);
	return 0;
}

int dp_ask(struct dp *dp, const struct dp_question *question, struct dp_answer *ret, struct err *err)
{
	struct told_frame told = { .ask.mode = question->mode };
	struct cv_meta meta;
	char name[IF_NAMESIZE];
	size_t len = 0;
	int r;

	if (!if_indextoname(question->ifindex, name))
		return err_set(err, -ENODEV, "no interface has the index %u", question->ifindex);
	if (question->len > sizeof(told.frame))
		return err_set(err, -EMSGSIZE, "a frame of %zu bytes is too long", question->len);
	r = dp_meta(dp, &meta, err);
	if (r)
		return r;
	told.ask.key = meta.ask_key;
	memcpy(told.frame, question->frame, question->len);
	r = run(dp->program[DP_PROGRAM_balance], question->ifindex, &told, question->len, &len);
	if (r == -EINVAL)
		return err_set(err, -EMSGSIZE, "this kernel runs no frame of %zu bytes through the program",
			       question->len);
	if (r)
		return err_set(err, r, "running the program: %s", strerror(-r));
	ret->ask = told.ask;
	ret->len = len;
	memcpy(ret->frame, told.frame, len);
	return 0;
}

/* --- looking up --- */

static int find(struct dp *dp, enum dp_map map, const void *key, void *ret, struct err *err)
{
	int r = bpf_map_lookup_elem(dp->map[map], key, ret);

	return r && r != -ENOENT ? err_set(err, r, "reading %s: %s", dp_map_name(map), strerror(-r)) : r;
}

int dp_find_flow(struct dp *dp, const struct cv_flow6_key *key, struct cv_flow *ret, struct err *err)
{
	struct cv_flow4_key key4;
	int r = cv_flow_short_key(key, &key4) ? find(dp, DP_MAP_flows, &key4, ret, err)
					      : find(dp, DP_MAP_flows6, key, ret, err);

	return r == -ENOENT ? find(dp, DP_MAP_half_open, key, ret, err) : r;
}

int dp_find_expired(struct dp *dp, const struct cv_flow6_key *key, struct cv_expired *ret, struct err *err)
{
	return find(dp, DP_MAP_expired, key, ret, err);
}

int dp_slot_owner(struct dp *dp, uint16_t pool, uint32_t slot, uint16_t *ret_backend, struct err *err)
{
	__u32 key = pool, line = slot / CV_SLOTS_PER_LINE, id;
	struct cv_slot_line lines;
	int table, r = find(dp, DP_MAP_maglev, &key, &id, err);

	if (r)
		return r;
	table = bpf_map_get_fd_by_id(id);
	r = table < 0 ? table : bpf_map_lookup_elem(table, &line, &lines);
	if (table >= 0)
		close(table);
	if (r)
		return err_set(err, r, "reading the Maglev table of pool %u: %s", pool, strerror(-r));
	*ret_backend = lines.slot[slot % CV_SLOTS_PER_LINE].backend;
	return 0;
}
