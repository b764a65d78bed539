/* SPDX-License-Identifier: GPL-2.0-only */
/* What lies pinned below the directory of the decapsulating program: four maps by their names, and one link
 * an interface, as cv_decap_link_IFINDEX (names of interfaces change). For decap*.c only. */
#ifndef DATAPLANE_DECAP_PINS_H
#define DATAPLANE_DECAP_PINS_H

#include <limits.h>
#include <stdint.h>

#include "dataplane/decap.h"

enum decap_map { DECAP_MAP_LOCAL, DECAP_MAP_FROM, DECAP_MAP_CONF, DECAP_MAP_STATS, DECAP_MAP_COUNT };
extern const char *const decap_map_names[DECAP_MAP_COUNT];

/* Path of a pin; -ENAMETOOLONG. */
int decap_pin_path(const char *pin_dir, const char *name, char ret[PATH_MAX]);
int decap_link_path(const char *pin_dir, uint32_t ifindex, char ret[PATH_MAX]);

/* Reads what an XDP link is attached to, and looks its interface up; -EINVAL if it is no XDP link. */
int decap_link_read(int link_fd, struct decap_interface *ret);

/* Calls `each` with the path of every link's pin and a descriptor that is closed afterwards. `each` ends the
 * walk by returning non-zero, which is returned. 0 also if there is no directory. */
typedef int (*decap_link_fn)(const char *path, int link_fd, void *arg);
int decap_links_walk(const char *pin_dir, decap_link_fn each, void *arg);

/* Removes the maps' pins, and the directory if it is empty then, unless a link is left. */
void decap_pins_tidy(const char *pin_dir);

#endif
