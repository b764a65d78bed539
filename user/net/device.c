/* SPDX-License-Identifier: GPL-2.0-only */
/* Driver, queues and offloads by ethtool's ioctl, XDP by xdp_support.c; see device.h. */
#include <errno.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>

#include "net/device.h"
#include "net/xdp_support.h"

/* One question; `data` begins with its number. 0 or -errno. */
static int ask(int fd, const char *ifname, void *data)
{
	struct ifreq request = { .ifr_data = data };

	memcpy(request.ifr_name, ifname, strnlen(ifname, IFNAMSIZ - 1));
	return ioctl(fd, SIOCETHTOOL, &request) < 0 ? -errno : 0;
}

static void read_queues(int fd, const char *ifname, struct device *device)
{
	struct ethtool_channels channels = { .cmd = ETHTOOL_GCHANNELS };

	if (ask(fd, ifname, &channels))
		return;
	device->has_combined = channels.max_combined > 0;
	device->queues = channels.combined_count + channels.rx_count;
	device->queues_max = device->has_combined ? channels.max_combined : channels.max_rx;
}

/* Names of the offloads, `*ret_nr` times ETH_GSTRING_LEN bytes; NULL if there are none. The caller frees them. */
static struct ethtool_gstrings *read_names(int fd, const char *ifname)
{
	/* struct ethtool_sset_info, with room for the one number that is asked for */
	struct {
		uint32_t cmd;
		uint32_t reserved;
		uint64_t sset_mask;
		uint32_t nr;
	} sets = { .cmd = ETHTOOL_GSSET_INFO, .sset_mask = 1ULL << ETH_SS_FEATURES };
	struct ethtool_gstrings *names;

	if (ask(fd, ifname, &sets) || !sets.sset_mask)
		return NULL;
	names = calloc(1, sizeof(*names) + (size_t)sets.nr * ETH_GSTRING_LEN);
	if (!names)
		return NULL;
	names->cmd = ETHTOOL_GSTRINGS;
	names->string_set = ETH_SS_FEATURES;
	names->len = sets.nr;
	if (ask(fd, ifname, names)) {
		free(names);
		return NULL;
	}
	return names;
}

static bool is_active(const struct ethtool_gfeatures *features, const struct ethtool_gstrings *names,
		      const char *name)
{
	for (uint32_t i = 0; i < names->len; i++)
		if (!strncmp((const char *)names->data + (size_t)i * ETH_GSTRING_LEN, name, ETH_GSTRING_LEN))
			return features->features[i / 32].active >> (i % 32) & 1;
	return false;
}

static void read_offloads(int fd, const char *ifname, struct device *device)
{
	struct ethtool_gstrings *names = read_names(fd, ifname);
	struct ethtool_gfeatures *features = NULL;
	uint32_t blocks = names ? (names->len + 31) / 32 : 0;

	if (names)
		features = calloc(1, sizeof(*features) + blocks * sizeof(features->features[0]));
	if (features) {
		features->cmd = ETHTOOL_GFEATURES;
		features->size = blocks;
		if (!ask(fd, ifname, features)) {
			device->merges_lro = is_active(features, names, "rx-lro");
			device->merges_gro_hw = is_active(features, names, "rx-gro-hw");
		}
	}
	free(features);
	free(names);
}

int device_read(const char *ifname, uint32_t ifindex, struct device *ret)
{
	struct ethtool_drvinfo driver = { .cmd = ETHTOOL_GDRVINFO };
	struct device device = { .driver = "" };
	int fd, r;

	fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	r = ask(fd, ifname, &driver);
	if (!r)
		memcpy(device.driver, driver.driver, strnlen(driver.driver, sizeof(device.driver) - 1));
	if (r == -EOPNOTSUPP)
		r = 0;
	if (!r) {
		read_queues(fd, ifname, &device);
		read_offloads(fd, ifname, &device);
		xdp_support_find(ifindex, &device);
		*ret = device;
	}
	close(fd);
	return r;
}
