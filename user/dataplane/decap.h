/* SPDX-License-Identifier: GPL-2.0-only */
/* The backend side: the decapsulating program on interfaces of this host, its maps and links pinned below
 * one directory, so that it outlives the command. For the command line; nothing here logs.
 *
 * What is attached below one directory shares its maps: the addresses of this host at which tunnels end, the
 * prefixes from which they are taken, and the counters. */
#ifndef DATAPLANE_DECAP_H
#define DATAPLANE_DECAP_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cv_decap.h"
#include "model/model.h"
#include "util/addr.h"
#include "util/err.h"

#define DECAP_DEFAULT_PIN_DIR "/sys/fs/bpf/culvert-decap"

struct decap_prefix {
	struct addr address;
	unsigned length; /* bits of the address's own family */
};

/* --- attaching (decap.c) --- */

struct decap_options {
	enum attach_mode mode;
	const struct decap_prefix *from; /* replace those of the directory; */
	size_t from_nr;			 /* 0: they stay as they are, which at first is any source */
	int gue_port; /* likewise; 0: GUE is left alone; -1: as it is, at first CV_GUE_PORT */
};

/* Attaches the program, or, where it is attached already, replaces it by this binary's in one instant. Reads
 * the addresses of this host anew.
 *
 * *ret_mode is what came of ATTACH_AUTO: native, or generic if the driver has no XDP. -ENODEV: no such
 * interface; -EBUSY: another program sits there (it is never thrown out), or ours in the other mode;
 * -EOPNOTSUPP: no native XDP in this driver; -EPROTO: the pinned maps are of another version. */
int decap_attach(const char *pin_dir, const char *ifname, const struct decap_options *options,
		 enum attach_mode *ret_mode, struct err *err);

/* Takes it off; with the last interface the maps go, and the directory if it is empty then. -ENODEV: no such
 * interface; -ENOENT: not attached there. */
int decap_detach(const char *pin_dir, const char *ifname, struct err *err);

/* Takes it off everywhere, interfaces that are gone or in other network namespaces included. 0 also when
 * nothing was there. */
int decap_detach_all(const char *pin_dir, struct err *err);

/* --- reading (decap_status.c) --- */

struct decap_interface {
	char name[IF_NAMESIZE]; /* now; "" if it is gone or in another network namespace */
	uint32_t ifindex;	/* 0: gone */
	enum attach_mode mode;	/* ATTACH_AUTO: not known, as there is no name */
	uint32_t program_id;
};

struct decap_status {
	struct decap_interface *interfaces;
	size_t interfaces_nr;
	struct addr *addresses; /* at which tunnels end; sorted */
	size_t addresses_nr;
	bool addresses_changed;	   /* they are not those this host has now: attach again */
	struct decap_prefix *from; /* sorted */
	size_t from_nr;
	uint16_t gue_port; /* 0: GUE is left alone */
	struct cv_verdict_stats verdicts[CV_DECAP_VERDICT_COUNT];
};

/* What is there; all empty if nothing is attached. The caller frees it. */
int decap_status_read(const char *pin_dir, struct decap_status **ret, struct err *err);
void decap_status_free(struct decap_status *status); /* takes NULL */

/* Texts of the verdict list, for 1 to CV_DECAP_VERDICT_COUNT - 1. */
const char *decap_verdict_name(enum cv_decap_verdict verdict);
const char *decap_verdict_meaning(enum cv_decap_verdict verdict);
enum cv_decap_class decap_verdict_class(enum cv_decap_verdict verdict);

#endif
