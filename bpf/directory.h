/* SPDX-License-Identifier: GPL-2.0-only */
/* The directory in force (include/cv_directory.h). */
#ifndef DIRECTORY_H
#define DIRECTORY_H

#include "cv_maps.h"

static __always_inline struct cv_directory *directory_get(void)
{
	__u32 zero = 0;
	void *inner = bpf_map_lookup_elem(&cv_directory, &zero);

	return inner ? bpf_map_lookup_elem(inner, &zero) : NULL;
}

#endif
