/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's generic netlink family "netdev" says what a device does for XDP; see xdp_support.h. */
#include <string.h>
#include <libmnl/libmnl.h>
#include <linux/genetlink.h>

#include "cv_types.h"
#include "net/rtnl.h"
#include "net/xdp_support.h"

/* Of linux/netdev.h, which Debian 12 does not have yet. */
enum { NETDEV_CMD_DEV_GET = 1 };
enum { NETDEV_A_DEV_IFINDEX = 1, NETDEV_A_DEV_XDP_FEATURES = 3 };
enum { NETDEV_XDP_ACT_BASIC = 1, NETDEV_XDP_ACT_RX_SG = 32 };

/* Drivers with native XDP in Linux 6.1. */
static const char *const drivers[] = {
	"atlantic", "bnxt_en",	 "dpaa",    "ena",	 "fec",	   "fsl_dpaa2_eth", "fsl_enetc",  "funeth",
	"gve",	    "hv_netvsc", "i40e",    "ice",	 "igb",	   "igc",	    "ixgbe",	  "ixgbevf",
	"lan966x",  "mana",	 "mlx4_en", "mlx5_core", "mvneta", "mvpp2",	    "netsec",	  "nfp",
	"nicvf",    "qede",	 "sfc",	    "st_gmac",	 "tun",	   "veth",	    "virtio_net",
};

/* What one answer holds: the attribute `type` of it. */
struct wanted {
	uint16_t type;
	uint64_t value;
	bool is_found;
};

static int take(const struct nlmsghdr *nlh, void *data)
{
	struct wanted *wanted = data;
	const struct nlattr *attr;

	mnl_attr_for_each(attr, nlh, sizeof(struct genlmsghdr))
	{
		uint16_t id;

		if (mnl_attr_get_type(attr) != wanted->type)
			continue;
		if (rtnl_copy(attr, &id, sizeof(id)))
			wanted->value = id;
		else if (!rtnl_copy(attr, &wanted->value, sizeof(wanted->value)))
			continue;
		wanted->is_found = true;
	}
	return MNL_CB_OK;
}

static struct nlmsghdr *begin(char *buffer, uint16_t family, uint8_t command)
{
	struct nlmsghdr *nlh = mnl_nlmsg_put_header(buffer);
	struct genlmsghdr *genl;

	nlh->nlmsg_type = family;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = command;
	genl->version = 1;
	return nlh;
}

/* Sends the question that lies in the buffer, and looks for `wanted` in what comes. */
static bool call(struct mnl_socket *socket, char *buffer, size_t size, struct wanted *wanted)
{
	struct nlmsghdr *nlh = (struct nlmsghdr *)buffer;
	ssize_t n;
	int r = MNL_CB_OK;

	if (mnl_socket_sendto(socket, nlh, nlh->nlmsg_len) < 0)
		return false;
	while (r == MNL_CB_OK) {
		n = mnl_socket_recvfrom(socket, buffer, size);
		r = n < 0 ? MNL_CB_ERROR
			  : mnl_cb_run(buffer, (size_t)n, 0, mnl_socket_get_portid(socket), take, wanted);
	}
	return r == MNL_CB_STOP && wanted->is_found;
}

static bool ask_kernel(struct mnl_socket *socket, uint32_t ifindex, uint64_t *ret_features)
{
	struct wanted family = { .type = CTRL_ATTR_FAMILY_ID };
	struct wanted features = { .type = NETDEV_A_DEV_XDP_FEATURES };
	_Alignas(struct nlmsghdr) char buffer[8192];
	struct nlmsghdr *nlh;

	if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0)
		return false;
	nlh = begin(buffer, GENL_ID_CTRL, CTRL_CMD_GETFAMILY);
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, "netdev");
	if (!call(socket, buffer, sizeof(buffer), &family))
		return false;
	nlh = begin(buffer, (uint16_t)family.value, NETDEV_CMD_DEV_GET);
	mnl_attr_put_u32(nlh, NETDEV_A_DEV_IFINDEX, ifindex);
	if (!call(socket, buffer, sizeof(buffer), &features))
		return false;
	*ret_features = features.value;
	return true;
}

static enum device_xdp ask_list(const char *driver)
{
	for (size_t i = 0; i < CV_ARRAY_SIZE(drivers); i++)
		if (!strcmp(drivers[i], driver))
			return DEVICE_XDP_NATIVE;
	return DEVICE_XDP_UNKNOWN;
}

void xdp_support_find(uint32_t ifindex, struct device *device)
{
	struct mnl_socket *socket = mnl_socket_open(NETLINK_GENERIC);
	uint64_t features;
	bool is_known = socket && ask_kernel(socket, ifindex, &features);

	if (socket)
		mnl_socket_close(socket);
	device->frames = DEVICE_FRAMES_UNKNOWN;
	if (!is_known) {
		device->xdp = ask_list(device->driver);
		return;
	}
	device->xdp = features & NETDEV_XDP_ACT_BASIC ? DEVICE_XDP_NATIVE : DEVICE_XDP_NONE;
	if (device->xdp == DEVICE_XDP_NATIVE)
		device->frames = features & NETDEV_XDP_ACT_RX_SG ? DEVICE_FRAMES_LONG : DEVICE_FRAMES_SHORT;
}
