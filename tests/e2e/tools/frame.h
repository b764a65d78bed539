/* SPDX-License-Identifier: GPL-2.0-only */
/* Ethernet frames as clients send them, for the traffic tools. No options, right checksums. */
#ifndef TOOLS_FRAME_H
#define TOOLS_FRAME_H

#include <stddef.h>
#include <stdint.h>

#include "util/addr.h"

enum frame_kind { FRAME_SYN, FRAME_ACK, FRAME_DATA, FRAME_FIN, FRAME_RST, FRAME_UDP };

#define FRAME_MAX_LEN 80

/* What they are known by: identification of IPv4, flow label of IPv6. */
#define FRAME_MARK 0xf10d

struct frame {
	uint8_t byte[FRAME_MAX_LEN];
	size_t len;
	size_t ip; /* where its headers are */
	size_t l4;
};

/* "syn", "ack", "data", "fin", "rst", "udp". -EINVAL. */
int frame_kind_parse(const char *text, enum frame_kind *ret);

/* Both addresses are of one family. Ports are in host order. */
void frame_make(enum frame_kind kind, const struct addr *client, uint16_t client_port,
		const struct addr *address, uint16_t port, struct frame *ret);

#endif
