/* SPDX-License-Identifier: GPL-2.0-only */
/* Health of one backend from the results of its checks: rise and fall. Pure: fed with results. */
#ifndef MODEL_HEALTH_H
#define MODEL_HEALTH_H

#include <stdbool.h>

struct health {
	bool known; /* a first verdict was reached */
	bool up;
	unsigned streak; /* results in a row that contradict `up` */
};

/* A backend not known yet counts as up, so that a start of the daemon takes nobody out of service; its first
 * result alone decides: success, up at once; failure, it needs `fall` of them in a row like any other. */
void health_init(struct health *health);

/* Takes one result; true if `up` changed. rise and fall are at least 1. */
bool health_result(struct health *health, bool success, unsigned rise, unsigned fall);

#endif
