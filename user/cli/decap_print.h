/* SPDX-License-Identifier: GPL-2.0-only */
/* How culvert decap shows what it read. For cmd_decap.c only. */
#ifndef CLI_DECAP_PRINT_H
#define CLI_DECAP_PRINT_H

#include <jansson.h>

#include "dataplane/decap.h"

/* Tables on standard output. */
void decap_status_print(const struct decap_status *status);

/* A document that the caller decrefs; NULL when out of memory. */
json_t *decap_status_json(const struct decap_status *status);

#endif
