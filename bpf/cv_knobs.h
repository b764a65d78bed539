/* SPDX-License-Identifier: GPL-2.0-only */
/* Load-time constants: read-only globals that the loader sets, so that the verifier knows their values.
 * What can change while packets flow lies in maps instead. */
#ifndef CV_KNOBS_H
#define CV_KNOBS_H

#include "cv_clock.h"
#include "cv_types.h"

/* Never cast the volatile away: clang would fold in the zeroes of compile time. */
const volatile struct cv_clock_base cv_clock_knobs = { 0 };

/* False to measure what captures cost while nobody captures: the program is then one without them. */
const volatile bool cv_has_capture = true;

/* flow_table.when_full is reject: cv_flows and cv_flows6 are plain hash maps. */
const volatile bool cv_reject_when_full = false;
const volatile __u64 cv_max_flows = 0; /* of both together, with reject */

/* What tells a question of user space from a packet (include/cv_ask.h): random. */
const volatile __u64 cv_ask_key = 0;

/* flow_table.shortcut, and the sets of cv_touched, a power of two, less one. */
const volatile enum cv_shortcut cv_shortcut = CV_SHORTCUT_ON;
const volatile __u32 cv_touched_mask = 0;

static __always_inline __u32 now_seconds(void)
{
	return cv_clock_seconds(bpf_jiffies64(), cv_clock_knobs.first_tick, cv_clock_knobs.tick_q32);
}

#endif
