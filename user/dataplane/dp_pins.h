/* SPDX-License-Identifier: GPL-2.0-only */
/* What lies below a pin directory. The maps lie in it by name, everything else in folders; what belongs to one
 * interface is named after its number, as an interface can be renamed, and may have a dot in its name, which the BPF
 * file system does not take. A pin directory serves the interfaces of one network namespace. */
#ifndef DATAPLANE_DP_PINS_H
#define DATAPLANE_DP_PINS_H

#include <dirent.h>
#include <stddef.h>
#include <stdint.h>

#define DP_PROGRAM_DIR "programs"
#define DP_TABLE_DIR "tables"	 /* dp_map_pin: maps that cannot have BTF */
#define DP_LINK_DIR "links"	 /* dp_link.c */
#define DP_MARK_DIR "dispatched" /* dp_dispatch.c */

/* Joins pin_dir, an optional folder (NULL), and a name or the number of an interface. -ENAMETOOLONG. */
int dp_path(char *ret, size_t size, const char *pin_dir, const char *folder, const char *name);
int dp_ifindex_path(char *ret, size_t size, const char *pin_dir, const char *folder, uint32_t ifindex);

/* Opens a pin: a descriptor to close, or -errno. */
int dp_get_pin(const char *pin_dir, const char *folder, const char *name);

/* Removes the pins of maps and programs, of whatever version, and the folder they are in (NULL: pin_dir itself). 0 also if
 * there is none; somebody else's file in the folder is left alone (-ENOTEMPTY). */
int dp_remove_pins(const char *pin_dir, const char *folder);
int dp_remove_folder(const char *pin_dir, const char *folder);

/* Goes over a folder that is named by interfaces: start, next until it returns 0, and end. A folder that does not
 * exist is an empty one. What was returned last may be removed. */
struct dp_walk {
	DIR *dir;
};

int dp_walk_start(struct dp_walk *walk, const char *pin_dir, const char *folder);
uint32_t dp_walk_next(struct dp_walk *walk);
void dp_walk_end(struct dp_walk *walk);

#endif
