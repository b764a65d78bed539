/* SPDX-License-Identifier: GPL-2.0-only */
/* What the verifier has to do for each program, and the stack it takes: prints both, and fails when they
 * grow towards the kernel's limits of a million instructions and 512 bytes. A number that fails here wants
 * a reason, not another limit. */
#include "bpf/harness.h"

#include <linux/bpf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "cv_clock.h"
#include "cv_types.h"
#include "cv_balance.skel.h" /* uses the types of both */
#include "cv_decap.skel.h"
#include "cv_defs.h"

struct budget {
	const char *program;
	unsigned instructions; /* that the verifier walks */
	unsigned stack;	       /* bytes, over functions that call each other */
};

#define MAX_FUNCTIONS 32

/* A program and the functions it calls, in the order of their instructions. */
struct functions {
	unsigned start[MAX_FUNCTIONS]; /* index of the first instruction */
	unsigned stack[MAX_FUNCTIONS]; /* bytes of its own */
	size_t nr;
};

static size_t function_at(const struct functions *functions, unsigned start)
{
	size_t i = 0;

	while (i < functions->nr && functions->start[i] < start)
		i++;
	return i;
}

/* Of a function by itself, or by a helper that is told of it. */
static bool is_call(const struct bpf_insn *insn)
{
	return (insn->code == (BPF_JMP | BPF_CALL) && insn->src_reg == BPF_PSEUDO_CALL) ||
	       (insn->code == (BPF_LD | BPF_IMM | BPF_DW) && insn->src_reg == BPF_PSEUDO_FUNC);
}

static void find_functions(const struct bpf_insn *insns, size_t nr, struct functions *ret)
{
	*ret = (struct functions){ .nr = 1 };
	for (unsigned i = 0; i < nr; i++) {
		unsigned start = i + 1 + (unsigned)insns[i].imm;
		size_t at;

		if (!is_call(&insns[i]))
			continue;
		at = function_at(ret, start);
		if (at < ret->nr && ret->start[at] == start)
			continue;
		assert_true(ret->nr < MAX_FUNCTIONS);
		memmove(&ret->start[at + 1], &ret->start[at], (ret->nr - at) * sizeof(ret->start[0]));
		ret->start[at] = start;
		ret->nr++;
	}
}

/* The log says "stack depth 328+0+24": of the program, and of each function. */
static void read_stacks(const char *log, struct functions *functions)
{
	const char *at = strstr(log, "stack depth ");
	char *end;

	assert_non_null(at);
	at += strlen("stack depth ");
	for (size_t i = 0; i < functions->nr; i++) {
		functions->stack[i] = (unsigned)strtoul(at, &end, 10);
		assert_true(*end == (i + 1 < functions->nr ? '+' : '\n'));
		at = end + 1;
	}
}

/* Of one function and those that it calls, at the deepest. */
static unsigned deepest(const struct bpf_insn *insns, size_t nr, const struct functions *functions,
			size_t which)
{
	size_t end = which + 1 < functions->nr ? functions->start[which + 1] : nr;
	unsigned most = 0;

	for (size_t i = functions->start[which]; i < end; i++) {
		unsigned below;

		if (!is_call(&insns[i]))
			continue;
		below = deepest(insns, nr, functions,
				function_at(functions, (unsigned)i + 1 + (unsigned)insns[i].imm));
		most = below > most ? below : most;
	}
	return functions->stack[which] + most;
}

static unsigned stack_depth(const struct bpf_program *program, const char *log)
{
	const struct bpf_insn *insns = bpf_program__insns(program);
	size_t nr = bpf_program__insn_cnt(program);
	struct functions functions;

	find_functions(insns, nr, &functions);
	read_stacks(log, &functions);
	return deepest(insns, nr, &functions, 0);
}

static void check_program(const struct bpf_program *program, const char *log, const struct budget *budget,
			  const char *variant)
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);

	assert_return_code(bpf_obj_get_info_by_fd(bpf_program__fd(program), &info, &size), 0);
	print_message("# %s%s: %u instructions, %u walked by the verifier (limit %u), stack %u (limit %u)\n",
		      budget->program, variant, info.xlated_prog_len / (unsigned)sizeof(struct bpf_insn),
		      info.verified_insns, budget->instructions, stack_depth(program, log), budget->stack);
	assert_in_range(info.verified_insns, 1, budget->instructions);
	assert_in_range(stack_depth(program, log), 0, budget->stack);
}

/* Loads all of an object, and looks at the programs one by one. */
static void check_object(struct bpf_object *object, const struct budget *budgets, size_t nr,
			 const char *variant)
{
	enum { LOG_SIZE = 16384, LOG_STATISTICS = 4 };
	char *logs = calloc(nr, LOG_SIZE);
	struct bpf_program *program;
	size_t programs = 0;

	assert_non_null(logs);
	for (size_t i = 0; i < nr; i++) {
		program = bpf_object__find_program_by_name(object, budgets[i].program);
		assert_non_null(program);
		bpf_program__set_log_level(program, LOG_STATISTICS);
		bpf_program__set_log_buf(program, logs + i * LOG_SIZE, LOG_SIZE);
	}
	bpf_object__for_each_program(program, object) programs++;
	assert_int_equal(programs, nr);
	assert_return_code(bpf_object__load(object), 0);
	for (size_t i = 0; i < nr; i++)
		check_program(bpf_object__find_program_by_name(object, budgets[i].program),
			      logs + i * LOG_SIZE, &budgets[i], variant);
	free(logs);
}

static void check_balance(bool is_reject)
{
	/* room for the verifier of 6.1, which walks 530,000; that of 6.18 does with 85,000 */
	static const struct budget budgets[] = {
		{ "cv_balance", 600000, 440 },	 { "cv_clock", 100, 64 },
		{ "cv_sweep_flows", 8000, 416 }, { "cv_sweep_flows6", 8000, 416 },
		{ "cv_sweep_half", 8000, 416 },	 { "cv_correct", 500, 128 },
	};
	struct cv_balance *skel = cv_balance__open();

	assert_non_null(skel);
	skel->rodata->cv_reject_when_full = is_reject;
	skel->rodata->cv_max_flows = 1024;
	skel->rodata->cv_shortcut = CV_SHORTCUT_ON;
	check_object(skel->obj, budgets, CV_ARRAY_SIZE(budgets), is_reject ? " (reject)" : "");
	cv_balance__destroy(skel);
}

static void the_balancer_stays_small(void **state)
{
	(void)state;
	check_balance(false);
}

static void the_refusing_balancer_stays_small(void **state)
{
	(void)state;
	check_balance(true);
}

static void the_decapsulator_stays_small(void **state)
{
	static const struct budget budgets[] = { { "cv_decap", 40000, 400 } };
	struct cv_decap *skel = cv_decap__open();

	(void)state;
	assert_non_null(skel);
	check_object(skel->obj, budgets, CV_ARRAY_SIZE(budgets), "");
	cv_decap__destroy(skel);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_balancer_stays_small),
		cmocka_unit_test(the_refusing_balancer_stays_small),
		cmocka_unit_test(the_decapsulator_stays_small),
	};

	harness_need_root();
	return cmocka_run_group_tests_name("budget", tests, NULL, NULL);
}
