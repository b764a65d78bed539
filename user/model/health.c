/* SPDX-License-Identifier: GPL-2.0-only */
/* Rise and fall; see health.h. Called by the daemon for each result of a check. */
#include "model/health.h"

void health_init(struct health *health)
{
	*health = (struct health){ .up = true };
}

bool health_result(struct health *health, bool success, unsigned rise, unsigned fall)
{
	if (success == health->up) {
		health->known = true; /* a success, if it was not: unknown counts as up */
		health->streak = 0;
		return false;
	}
	health->streak++;
	if (health->streak < (health->up ? fall : rise))
		return false;
	health->known = true;
	health->up = success;
	health->streak = 0;
	return true;
}
