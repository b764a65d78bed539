/* SPDX-License-Identifier: GPL-2.0-only */
/* What a daemon may do that talks to the network: as little as it can do with. By hand, as there are just two system
 * calls; see capabilities(7). */
#include <errno.h>
#include <string.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "daemon/daemon.h"

#define BIT(capability) (1ULL << (capability))

/* Maps and programs; interfaces, routes and neighbours, marked sockets; programs that read kernel memory by BTF, as those
 * of the sweep do. */
#define NEEDED (BIT(CAP_BPF) | BIT(CAP_NET_ADMIN) | BIT(CAP_PERFMON))

int privileges_drop(struct err *err)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[2] = { 0 };
	uint64_t keep = NEEDED, had;

	if (syscall(SYS_capget, &header, data))
		return err_set(err, -errno, "reading our capabilities: %s", strerror(errno));
	had = (uint64_t)data[1].permitted << 32 | data[0].permitted;
	/* a container that was made for older kernels has this one in place of the first and the last */
	if ((had & NEEDED) != NEEDED)
		keep |= BIT(CAP_SYS_ADMIN);
	keep &= had;
	memset(data, 0, sizeof(data));
	data[0].permitted = data[0].effective = (uint32_t)keep;
	data[1].permitted = data[1].effective = (uint32_t)(keep >> 32);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || syscall(SYS_capset, &header, data))
		return err_set(err, -errno, "giving up capabilities: %s", strerror(errno));
	return 0;
}
