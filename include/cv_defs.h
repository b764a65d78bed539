/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Compiler helpers that both the BPF side and the user side of Culvert use. */
#ifndef CV_DEFS_H
#define CV_DEFS_H

#include <linux/types.h>

#define CV_ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* A result that must not be dropped on the floor. */
#define CV_MUST_CHECK __attribute__((warn_unused_result))

/* Layout of what lies in maps is a contract: every size and every offset behind a gap is asserted. */
#define CV_ASSERT_SIZE(type, size) _Static_assert(sizeof(type) == (size), #type " is not " #size " bytes")
#define CV_ASSERT_OFFSET(type, field, at) \
	_Static_assert(__builtin_offsetof(type, field) == (at), #type "." #field " is not at " #at)

/* An enum of one byte: bpftool prints its names, a struct stays small. */
#define CV_BYTE_ENUM __attribute__((packed))

#endif
