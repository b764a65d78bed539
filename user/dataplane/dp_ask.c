// SPDX-License-Identifier: GPL-2.0-only
/* Questions to the program; see dp_ask.h. */
#include <errno.h>
#include <net/if.h>
#include <string.h>

#include <bpf/bpf.h>

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
