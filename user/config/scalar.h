/* SPDX-License-Identifier: GPL-2.0-only */
/* The types of single values, for the tables of schema.c: each a key_parse (see keys.h). */
#ifndef CONFIG_SCALAR_H
#define CONFIG_SCALAR_H

#include "config/keys.h"

/* Names of listeners and pools, to a char array; a reference to one is only checked, not stored. */
int scalar_name(const struct key *key, const char *text, void *target, struct err *err);
int scalar_reference(const struct key *key, const char *text, void *target, struct err *err);
/* Name of a network interface, as the kernel allows them. */
int scalar_interface(const struct key *key, const char *text, void *target, struct err *err);
/* Any text that fits the char array. */
int scalar_text(const struct key *key, const char *text, void *target, struct err *err);
/* Name of a host, as in a URL (RFC 1123 2.1). */
int scalar_hostname(const struct key *key, const char *text, void *target, struct err *err);
/* Path of a URL. */
int scalar_path(const struct key *key, const char *text, void *target, struct err *err);
/* Of a file, absolute. */
int scalar_file(const struct key *key, const char *text, void *target, struct err *err);

/* One of key->choices, to an enum of any size. */
int scalar_choice(const struct key *key, const char *text, void *target, struct err *err);

/* From min to max, to an unsigned integer of any size. */
int scalar_number(const struct key *key, const char *text, void *target, struct err *err);
int scalar_prime(const struct key *key, const char *text, void *target, struct err *err);
int scalar_seconds(const struct key *key, const char *text, void *target, struct err *err);
int scalar_milliseconds(const struct key *key, const char *text, void *target, struct err *err);

/* N or N-M from min to max, to the pair of fields; scalar_ports also takes `any` for min to max. */
int scalar_range(const struct key *key, const char *text, void *target, struct err *err);
int scalar_ports(const struct key *key, const char *text, void *target, struct err *err);

/* From min to max, or `path` for CV_MSS_PATH. */
int scalar_mss(const struct key *key, const char *text, void *target, struct err *err);

/* A unicast address, to a struct addr. */
int scalar_host(const struct key *key, const char *text, void *target, struct err *err);
/* The same, but none of one link: which link that is there is no way to say. */
int scalar_backend(const struct key *key, const char *text, void *target, struct err *err);
/* address/length of min to max bits (IPv4 if max is 32), to a struct addr and an integer. */
int scalar_prefix(const struct key *key, const char *text, void *target, struct err *err);
/* address:port to listen on, not of one link either, to a struct addr and an integer. */
int scalar_endpoint(const struct key *key, const char *text, void *target, struct err *err);

#endif
