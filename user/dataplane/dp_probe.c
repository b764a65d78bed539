/* SPDX-License-Identifier: GPL-2.0-only */
/* Kernel features by libbpf's probes; see dp_probe.h. */
#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"
#include "dataplane/dp_probe.h"
#include "cv_types.h"

void dp_probe(dp_probe_fn each, void *arg)
{
	static const struct {
		enum bpf_prog_type type;
		const char *name;
	} programs[] = { { BPF_PROG_TYPE_XDP, "xdp programs" },
			 { BPF_PROG_TYPE_SYSCALL, "syscall programs" } };
	static const struct {
		enum bpf_map_type type;
		const char *name;
	} maps[] = {
		{ BPF_MAP_TYPE_ARRAY, "arrays" },
		{ BPF_MAP_TYPE_PERCPU_ARRAY, "per-CPU arrays" },
		{ BPF_MAP_TYPE_ARRAY_OF_MAPS, "arrays of maps" },
		{ BPF_MAP_TYPE_HASH, "hashes" },
		{ BPF_MAP_TYPE_LRU_HASH, "LRU hashes" },
		{ BPF_MAP_TYPE_LPM_TRIE, "prefix tries" },
		{ BPF_MAP_TYPE_DEVMAP_HASH, "hashes of devices" },
	};

	bpf_log_capture();
	for (size_t i = 0; i < CV_ARRAY_SIZE(programs); i++)
		each(programs[i].name, libbpf_probe_bpf_prog_type(programs[i].type, NULL), arg);
	for (size_t i = 0; i < CV_ARRAY_SIZE(maps); i++)
		each(maps[i].name, libbpf_probe_bpf_map_type(maps[i].type, NULL), arg);
}
