/* SPDX-License-Identifier: GPL-2.0-only */
/* Learning and forgetting; see path_mtu.h. Called by the daemon. */
#include "model/path_mtu.h"

uint16_t path_mtu_of(const struct path_mtu *path, uint16_t way)
{
	return path->mtu && path->mtu < way ? path->mtu : way;
}

bool path_mtu_learn(struct path_mtu *path, uint16_t way, enum cv_family outer, uint32_t told, uint64_t now_ms)
{
	uint32_t floor = outer == CV_FAMILY_IPV4 ? PATH_MTU_FLOOR4 : PATH_MTU_FLOOR6;

	if (told < floor)
		told = floor;
	if (told >= path_mtu_of(path, way))
		return false;
	path->mtu = (uint16_t)told;
	path->until_ms = now_ms + PATH_MTU_LIFE_MS;
	return true;
}

bool path_mtu_age(struct path_mtu *path, uint64_t now_ms)
{
	if (!path->mtu || now_ms < path->until_ms)
		return false;
	*path = (struct path_mtu){ 0 };
	return true;
}
