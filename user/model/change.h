/* SPDX-License-Identifier: GPL-2.0-only */
/* What a new file changes, by name, as people think of it: what `culvert plan` promises and `culvert reload`
 * reports. The difference of two models, where plan.h is that of two images. Pure. */
#ifndef MODEL_CHANGE_H
#define MODEL_CHANGE_H

#include "model/model.h"

enum change_what {
	CHANGE_INTERFACE, /* named by its name, as listeners and pools are */
	CHANGE_LISTENER,
	CHANGE_POOL,	/* its own keys; backends count for themselves */
	CHANGE_BACKEND, /* "pool/10.0.0.11", "pool/[2001:db8::1]:8080" */
	CHANGE_SETTING, /* "flow_table", "encapsulation", "gue", "icmp", "seed", "metrics": never added or removed */
	CHANGE_WHAT_COUNT
};

enum change_how { CHANGE_ADDED, CHANGE_CHANGED, CHANGE_REMOVED, CHANGE_HOW_COUNT };

/* "interfaces", "added" and so on. */
const char *change_what_name(enum change_what what);
const char *change_how_name(enum change_how how);

/* Room for the longest name with its closing NUL. */
#define CHANGE_NAME_LEN (CV_NAME_LEN + ADDR_PORT_TEXT_LEN)

/* Calls `each` for everything that differs, sorted by what it is and by name. 0 or -ENOMEM. */
typedef void (*change_fn)(enum change_what what, enum change_how how, const char *name, void *arg);
int change_list(const struct model *from, const struct model *to, change_fn each, void *arg);

#endif
