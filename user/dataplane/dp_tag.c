/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's tags of programs: a digest of their instructions, the same for the same program on one kernel, whatever its
 * maps. Kernels differ in how they make it, so nobody but the kernel is asked. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"
#include "dataplane/dp_internal.h"
#include "dataplane/dp_object.h"

static int read_tag(int program, char ret[DP_TAG_LEN])
{
	struct bpf_prog_info info = { 0 };
	__u32 size = sizeof(info);
	int r = bpf_obj_get_info_by_fd(program, &info, &size);

	for (size_t i = 0; !r && i < sizeof(info.tag); i++)
		snprintf(ret + 2 * i, 3, "%02x", info.tag[i]);
	return r;
}

int dp_program_tag(uint32_t program_id, char ret[DP_TAG_LEN], struct err *err)
{
	int fd = bpf_prog_get_fd_by_id(program_id);
	int r = fd < 0 ? fd : read_tag(fd, ret);

	if (fd >= 0)
		close(fd);
	return r ? err_set(err, r, "the tag of program %u: %s", program_id, strerror(-r)) : 0;
}

int dp_own_tag(char ret[DP_TAG_LEN], struct err *err)
{
	/* what is not part of the instructions: as small as it may be */
	const struct cv_meta meta = { .hz = dp_kernel_hz(),
				      .max_flows = CV_MIN_MAX_FLOWS,
				      .when_full = CV_FULL_EVICT,
				      .shortcut = CV_SHORTCUT_OFF };
	struct bpf_object *object = NULL;
	int r;

	bpf_log_capture();
	r = dp_object_open(&meta, &object, err);
	if (r)
		return r;
	for (int i = 0; !r && i < DP_PROGRAM_COUNT; i++)
		r = bpf_program__set_autoload(dp_object_program(object, i), i == DP_PROGRAM_balance);
	if (!r)
		r = bpf_object__load(object);
	if (!r)
		r = read_tag(bpf_program__fd(dp_object_program(object, DP_PROGRAM_balance)), ret);
	bpf_object__close(object);
	return r ? err_set(err, r, "loading the program to see its tag: %s", strerror(-r)) : 0;
}
