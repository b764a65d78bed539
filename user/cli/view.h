/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's documents (status and its parts), read for the terminal. What a daemon of another version
 * leaves out counts as zero or "-". */
#ifndef CLI_VIEW_H
#define CLI_VIEW_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cli/cli.h"
#include "cli/out.h"

const char *view_text(const json_t *object, const char *key);
double view_number(const json_t *object, const char *key);
uint64_t view_count(const json_t *object, const char *key);

/* "192.0.2.10:443", "[2001:db8::1]:8000-8099", "10.0.0.11" (no port, or port 0), of an object with `address`
 * and `port`. Returns `text`. */
#define VIEW_ENDPOINT_LEN 80
const char *view_endpoint(const json_t *object, char *text);

/* Whether an operator should look at this backend: it does not serve as it could. */
bool view_is_troubled(const json_t *backend);

/* A row of a table of backends. `pool` is the pool's name; table_size its slots, or 0 to show slots as a
 * number, and before the note what the path carries: a column more. */
#define VIEW_BACKEND_COLUMNS 10
extern const struct out_column view_backend_columns[VIEW_BACKEND_COLUMNS];
void view_backend(struct out_table *table, const json_t *backend, const char *pool, uint64_t table_size);

/* A command that shows one list of the daemon: the list, the daemon's command for it and our command have one
 * name. */
struct view_list {
	struct cli_spec spec;
	const struct out_column *columns;
	size_t columns_nr;
	void (*add)(struct out_table *table, const json_t *item); /* one row */
};

int view_run_list(const struct view_list *list, int argc, char **argv);

/* How many backends of a pool are in `state`. */
unsigned view_count_state(const json_t *pool, const char *state);

#endif
