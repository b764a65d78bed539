/* SPDX-License-Identifier: GPL-2.0-only */
/* Writes pcapng (draft-ietf-opsawg-pcapng): what tcpdump, tshark and Wireshark read, with a comment on each packet. Blocks
 * go to a stdio stream one after the other: the section, then interfaces, each before its first packet, and packets, and
 * at the end statistics. Always little-endian. Errors stay in the stream (ferror). Texts may be NULL: then they are left out. */
#ifndef UTIL_PCAPNG_H
#define UTIL_PCAPNG_H

#include <stdint.h>
#include <stdio.h>

/* Which program wrote it, and on what. */
struct pcapng_section {
	const char *hardware;
	const char *os;
	const char *application;
};

/* Interfaces are numbered from 0, in their order in the file. Ethernet; times in nanoseconds. */
struct pcapng_interface {
	const char *name;
	const char *description;
	uint32_t snaplen; /* 0: no limit */
};

enum pcapng_direction { PCAPNG_INBOUND = 1, PCAPNG_OUTBOUND = 2 };

/* What an XDP program decided, by the kernel's numbers. */
enum pcapng_xdp { PCAPNG_XDP_DROP = 1, PCAPNG_XDP_PASS = 2, PCAPNG_XDP_TX = 3, PCAPNG_XDP_REDIRECT = 4 };

struct pcapng_packet {
	uint32_t interface;
	uint64_t time_ns; /* since 1970 */
	const uint8_t *data;
	uint32_t saved; /* bytes in `data` */
	uint32_t bytes; /* of the whole packet */
	const char *comment;
	enum pcapng_direction direction;
	uint64_t id;	/* the same for one packet that is there twice, on its way in and out */
	uint32_t queue; /* it was received on; of inbound packets */
	enum pcapng_xdp xdp;
};

/* Of one interface, from start to end. */
struct pcapng_statistics {
	uint32_t interface;
	uint64_t start_ns;
	uint64_t end_ns;
	uint64_t dropped;   /* wanted, and lost for want of memory */
	uint64_t delivered; /* in the file */
};

void pcapng_write_section(FILE *to, const struct pcapng_section *section);
void pcapng_write_interface(FILE *to, const struct pcapng_interface *interface);
void pcapng_write_packet(FILE *to, const struct pcapng_packet *packet);
void pcapng_write_statistics(FILE *to, const struct pcapng_statistics *statistics);

#endif
