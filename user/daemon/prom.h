/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes the Prometheus text format, version 0.0.4. Pure. Whoever writes keeps to the format's order: a family,
 * then all its samples, no two with the same labels; and looks at ferror(out) at the end. */
#ifndef DAEMON_PROM_H
#define DAEMON_PROM_H

#include <stdint.h>
#include <stdio.h>

#include "daemon/histogram.h"

#define PROM_CONTENT_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum prom_type { PROM_COUNTER, PROM_GAUGE, PROM_HISTOGRAM };

/* The labels of a sample, written out and escaped once, to be used for many samples. Room for a pool and a backend
 * of which every character needs an escape, and a state. All zero: no labels. */
struct prom_labels {
	char text[232];
};

/* A label that does not fit is left out. */
void prom_label(struct prom_labels *labels, const char *name, const char *value);

/* HELP and TYPE. Names have 64 bytes at most; the help text is one line without backslashes. */
void prom_family(FILE *out, const char *name, enum prom_type type, const char *help);
/* `labels` may be NULL. */
void prom_sample(FILE *out, const char *name, const struct prom_labels *labels, uint64_t value);
void prom_sample_seconds(FILE *out, const char *name, const struct prom_labels *labels, uint64_t ns);
/* All samples of one histogram, in seconds. */
void prom_histogram(FILE *out, const char *name, const struct prom_labels *labels,
		    const struct histogram *histogram);

#endif
