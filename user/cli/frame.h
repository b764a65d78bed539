/* SPDX-License-Identifier: GPL-2.0-only */
/* What the first bytes of a frame say, in a few words for people. Pure; takes any bytes. */
#ifndef CLI_FRAME_H
#define CLI_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

#define FRAME_WHAT_LEN 32

struct frame {
	bool has_addresses;
	bool has_ports;
	struct addr client; /* source */
	struct addr address;
	uint8_t protocol;
	uint16_t client_port;
	uint16_t port;
	char what
		[FRAME_WHAT_LEN]; /* "tcp SYN", "udp", "icmp 3/4", "fragment at 1480", "ethertype 0806", "cut short" */
};

void frame_read(const uint8_t *bytes, size_t nr, struct frame *ret);

#endif
