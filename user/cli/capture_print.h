/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets on the way to people and programs: as lines of a table, as JSON, as a pcapng file. */
#ifndef CLI_CAPTURE_PRINT_H
#define CLI_CAPTURE_PRINT_H

#include <stdio.h>

#include "cli/out.h"
#include "cv_capture.h"
#include "dataplane/dp.h"

#define CAPTURE_TIME_LEN 40

/* An interface that packets came in or left by. In a file it is two: "eth0 in" and "eth0 out". */
struct capture_port {
	uint32_t ifindex;
	char name[16];
	struct {
		bool is_in_file;
		uint32_t number; /* in the file */
		uint64_t packets;
	} side[2];
};

enum capture_side { CAPTURE_IN, CAPTURE_OUT };

struct capture_print {
	FILE *to;
	bool is_table;
	uint64_t realtime_ns; /* what to add to CLOCK_MONOTONIC */
	struct capture_port *port;
	size_t ports;
	struct out_table table;
	/* of a file */
	const char *filter;
	uint32_t snaplen;
	uint32_t interfaces;
	uint64_t start_ns;
};

/* Begins with these interfaces; others are learnt as they come. 0 or -ENOMEM. */
int capture_print_init(struct capture_print *print, FILE *to, const struct dp_interface *ports, size_t nr);
void capture_print_done(struct capture_print *print);

/* The interface; named by the kernel if it was not known. NULL when out of memory, and for 0. */
struct capture_port *capture_print_port(struct capture_print *print, uint32_t ifindex);

/* One packet. 0 or -ENOMEM. Rows of the table wait for capture_print_flush. */
int capture_print_row(struct capture_print *print, const struct cv_captured *captured, const uint8_t *before);
int capture_print_json(struct capture_print *print, const struct cv_captured *captured, const uint8_t *before,
		       const uint8_t *after);
int capture_print_flush(struct capture_print *print);

/* The same in a file (capture_file.c): what stands at its beginning, packets, and at its end how many were lost of each
 * interface's, by capture_print.port. */
int capture_file_begin(struct capture_print *print);
int capture_file_packet(struct capture_print *print, const struct cv_captured *captured,
			const uint8_t *before, const uint8_t *after);
void capture_file_end(struct capture_print *print, uint64_t end_ns, const uint64_t *lost);

uint64_t capture_now(void); /* nanoseconds since 1970 */

/* "13:05:01.123456", local time; "2026-11-22T12:05:01.123456789Z". */
const char *capture_time(uint64_t realtime_ns, char *text);
const char *capture_time_utc(uint64_t realtime_ns, char *text);

#endif
