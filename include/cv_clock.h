/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The data plane's clock: whole seconds since the kernel started, from its tick counter, which costs
 * one instruction to read. User space asks it by running the cv_clock program. */
#ifndef CV_CLOCK_H
#define CV_CLOCK_H

#include <linux/types.h>

/* Facts that cannot change while a kernel runs; in .rodata of the program. */
struct cv_clock_base {
	__u64 first_tick; /* value of the tick counter at boot: the kernel starts it at -300 s */
	__u64 tick_q32;	  /* length of a tick in units of 2^-32 s */
};

/* Ticks a second are 1 to 10000; see cv_clock_base for the two numbers. */
static inline __attribute__((always_inline)) struct cv_clock_base cv_clock_base(__u32 hz)
{
	struct cv_clock_base base = {
		.first_tick = (__u32)(-300 * (__s32)hz),
		.tick_q32 = ((1ULL << 32) + hz - 1) / hz,
	};

	return base;
}

static inline __attribute__((always_inline)) __u32 cv_clock_seconds(__u64 ticks, __u64 first_tick,
								    __u64 tick_q32)
{
	return (__u32)(((ticks - first_tick) * tick_q32) >> 32);
}

/* Seconds from `then` to `now`; a `then` that another processor has just set ahead of us is now. */
static inline __attribute__((always_inline)) __u32 cv_clock_idle(__u32 now, __u32 then)
{
	__s32 idle = (__s32)(now - then);

	return idle > 0 ? (__u32)idle : 0;
}

#endif
