/* SPDX-License-Identifier: GPL-2.0-only */
/* Blocks and options of pcapng; see pcapng.h. Numbers of sections below are those of the draft. */
#include <stdlib.h>
#include <string.h>

#include "util/pcapng.h"

enum { BLOCK_INTERFACE = 1, BLOCK_STATISTICS = 5, BLOCK_PACKET = 6, BLOCK_SECTION = 0x0a0d0d0a };

enum {
	OPTION_END = 0,
	OPTION_COMMENT = 1,
	/* of a section (4.1), */
	OPTION_HARDWARE = 2,
	OPTION_OS = 3,
	OPTION_APPLICATION = 4,
	/* an interface (4.2), */
	OPTION_NAME = 2,
	OPTION_DESCRIPTION = 3,
	OPTION_RESOLUTION = 9,
	/* a packet (4.3), */
	OPTION_FLAGS = 2,
	OPTION_PACKET_ID = 5,
	OPTION_QUEUE = 6,
	OPTION_VERDICT = 7,
	/* and statistics (4.6) */
	OPTION_START = 2,
	OPTION_FINISH = 3,
	OPTION_OS_DROPPED = 7,
	OPTION_DELIVERED = 8,
};

#define BYTE_ORDER_MAGIC 0x1a2b3c4d
#define LENGTH_UNKNOWN UINT64_MAX
#define LINK_ETHERNET 1
#define RESOLUTION_NS 9	 /* 10^-9 s */
#define VERDICT_OF_XDP 2 /* kind of epb_verdict: Linux eBPF XDP */

#define MAX_OPTIONS 8
#define MAX_NUMBER 9 /* bytes of the longest option that is no text */

struct option {
	uint16_t code;
	uint16_t length;
	const char *text; /* NULL: it lies in `number` */
	uint8_t number[MAX_NUMBER];
};

/* A block in the making: what comes before the data, the data, and options. */
struct block {
	uint32_t type;
	uint8_t head[20];
	uint32_t head_length;
	const uint8_t *data;
	uint32_t data_length;
	struct option option[MAX_OPTIONS];
	size_t options;
};

static void put(uint8_t *to, uint64_t value, size_t size)
{
	for (size_t i = 0; i < size; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

static void add_head(struct block *block, uint64_t value, uint32_t size)
{
	put(block->head + block->head_length, value, size);
	block->head_length += size;
}

/* Times, and numbers of that kind, have their upper half first (4.3). */
static void add_head_time(struct block *block, uint64_t time_ns)
{
	add_head(block, time_ns >> 32, 4);
	add_head(block, time_ns & UINT32_MAX, 4);
}

static struct option *add_option(struct block *block, uint16_t code, uint16_t length)
{
	struct option *option = &block->option[block->options++];

	*option = (struct option){ .code = code, .length = length };
	return option;
}

static void add_text(struct block *block, uint16_t code, const char *text)
{
	size_t length = text ? strnlen(text, UINT16_MAX) : 0;

	if (length)
		add_option(block, code, (uint16_t)length)->text = text;
}

static void add_number(struct block *block, uint16_t code, uint64_t value, uint16_t size)
{
	put(add_option(block, code, size)->number, value, size);
}

static void add_time(struct block *block, uint16_t code, uint64_t time_ns)
{
	struct option *option = add_option(block, code, 8);

	put(option->number, time_ns >> 32, 4);
	put(option->number + 4, time_ns & UINT32_MAX, 4);
}

static uint32_t padded(uint32_t length)
{
	return (length + 3) & ~3u;
}

static void write_number(FILE *to, uint64_t value, size_t size)
{
	uint8_t bytes[8];

	put(bytes, value, size);
	fwrite(bytes, 1, size, to);
}

/* Everything begins at a multiple of four bytes. */
static void write_padded(FILE *to, const void *bytes, uint32_t length)
{
	static const uint8_t zeroes[3];

	if (length)
		fwrite(bytes, 1, length, to);
	fwrite(zeroes, 1, padded(length) - length, to);
}

static void write_block(FILE *to, const struct block *block)
{
	uint32_t length = 12 + block->head_length + padded(block->data_length);

	for (size_t i = 0; i < block->options; i++)
		length += 4 + padded(block->option[i].length);
	length += block->options ? 4 : 0;
	write_number(to, block->type, 4);
	write_number(to, length, 4);
	fwrite(block->head, 1, block->head_length, to);
	write_padded(to, block->data, block->data_length);
	for (size_t i = 0; i < block->options; i++) {
		const struct option *option = &block->option[i];

		write_number(to, option->code, 2);
		write_number(to, option->length, 2);
		write_padded(to, option->text ? (const void *)option->text : option->number, option->length);
	}
	if (block->options)
		write_number(to, OPTION_END, 4);
	write_number(to, length, 4);
}

void pcapng_write_section(FILE *to, const struct pcapng_section *section)
{
	struct block block = { .type = BLOCK_SECTION };

	add_head(&block, BYTE_ORDER_MAGIC, 4);
	add_head(&block, 1, 2); /* version 1.0 */
	add_head(&block, 0, 2);
	add_head(&block, LENGTH_UNKNOWN, 8);
	add_text(&block, OPTION_HARDWARE, section->hardware);
	add_text(&block, OPTION_OS, section->os);
	add_text(&block, OPTION_APPLICATION, section->application);
	write_block(to, &block);
}

void pcapng_write_interface(FILE *to, const struct pcapng_interface *interface)
{
	struct block block = { .type = BLOCK_INTERFACE };

	add_head(&block, LINK_ETHERNET, 2);
	add_head(&block, 0, 2);
	add_head(&block, interface->snaplen, 4);
	add_text(&block, OPTION_NAME, interface->name);
	add_text(&block, OPTION_DESCRIPTION, interface->description);
	add_number(&block, OPTION_RESOLUTION, RESOLUTION_NS, 1);
	write_block(to, &block);
}

void pcapng_write_packet(FILE *to, const struct pcapng_packet *packet)
{
	struct block block = {
		.type = BLOCK_PACKET,
		.data = packet->data,
		.data_length = packet->saved,
	};
	uint8_t *verdict;

	add_head(&block, packet->interface, 4);
	add_head_time(&block, packet->time_ns);
	add_head(&block, packet->saved, 4);
	add_head(&block, packet->bytes, 4);
	add_text(&block, OPTION_COMMENT, packet->comment);
	add_number(&block, OPTION_FLAGS, packet->direction, 4);
	add_number(&block, OPTION_PACKET_ID, packet->id, 8);
	if (packet->direction == PCAPNG_INBOUND)
		add_number(&block, OPTION_QUEUE, packet->queue, 4);
	verdict = add_option(&block, OPTION_VERDICT, 9)->number;
	verdict[0] = VERDICT_OF_XDP;
	put(verdict + 1, packet->xdp, 8);
	write_block(to, &block);
}

void pcapng_write_statistics(FILE *to, const struct pcapng_statistics *statistics)
{
	struct block block = { .type = BLOCK_STATISTICS };

	add_head(&block, statistics->interface, 4);
	add_head_time(&block, statistics->end_ns);
	add_time(&block, OPTION_START, statistics->start_ns);
	add_time(&block, OPTION_FINISH, statistics->end_ns);
	add_number(&block, OPTION_OS_DROPPED, statistics->dropped, 8);
	add_number(&block, OPTION_DELIVERED, statistics->delivered, 8);
	write_block(to, &block);
}
