/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets as a pcapng file: each twice, as it came in and as it left, on two interfaces for each of the
 * kernel's, with a comment that says what became of it and why. */
#include <errno.h>
#include <string.h>
#include <sys/utsname.h>

#include "cli/capture_print.h"
#include "util/addr.h"
#include "util/pcapng.h"

#define COMMENT_LEN 512

static void add_interface(struct capture_print *print, struct capture_port *port, enum capture_side side)
{
	char name[32], description[600];

	if (port->side[side].is_in_file)
		return;
	port->side[side].is_in_file = true;
	port->side[side].number = print->interfaces++;
	snprintf(name, sizeof(name), "%s %s", port->name, side == CAPTURE_IN ? "in" : "out");
	snprintf(description, sizeof(description), "packets as they %s; filter: %.500s",
		 side == CAPTURE_IN ? "came in" : "left", *print->filter ? print->filter : "none");
	pcapng_write_interface(print->to, &(struct pcapng_interface){ .name = name,
								      .description = description,
								      .snaplen = print->snaplen });
}

int capture_file_begin(struct capture_print *print)
{
	struct pcapng_section section = { .application = "culvert " CV_VERSION };
	struct utsname host;
	char os[2 * sizeof(host.release)];

	if (!uname(&host)) {
		snprintf(os, sizeof(os), "%s %s", host.sysname, host.release);
		section.os = os;
		section.hardware = host.machine;
	}
	pcapng_write_section(print->to, &section);
	for (size_t i = 0; i < print->ports; i++) {
		add_interface(print, &print->port[i], CAPTURE_IN);
		add_interface(print, &print->port[i], CAPTURE_OUT);
	}
	return 0;
}

static enum pcapng_xdp xdp_action(enum cv_verdict_class class)
{
	switch (class) {
	case CV_CLASS_PASS:
		return PCAPNG_XDP_PASS;
	case CV_CLASS_TX:
		return PCAPNG_XDP_TX;
	case CV_CLASS_REDIRECT:
		return PCAPNG_XDP_REDIRECT;
	case CV_CLASS_DROP:
		break;
	}
	return PCAPNG_XDP_DROP;
}

/* "drop too_big: does not fit …; listener web, backend 10.0.0.11, cpu 3" */
static void write_comment(const struct cv_captured *captured, char *text)
{
	const enum cv_verdict verdict = (enum cv_verdict)captured->verdict;
	char listener[CV_NAME_LEN + 16] = "", backend[ADDR_TEXT_LEN + 16] = "", number[ADDR_TEXT_LEN];
	struct addr address;

	memcpy(address.byte, captured->backend, sizeof(address.byte));
	if (*captured->listener)
		snprintf(listener, sizeof(listener), "listener %s, ", captured->listener);
	if (!addr_is_zero(&address))
		snprintf(backend, sizeof(backend), "backend %s, ", addr_format(&address, number));
	snprintf(text, COMMENT_LEN, "%s %s: %s; %s%scpu %u", dp_class_name(dp_verdict_class(verdict)),
		 dp_verdict_name(verdict), dp_verdict_meaning(verdict), listener, backend, captured->cpu);
}

int capture_file_packet(struct capture_print *print, const struct cv_captured *captured,
			const uint8_t *before, const uint8_t *after)
{
	struct capture_port *port = capture_print_port(print, captured->ifindex);
	struct pcapng_packet packet;
	char comment[COMMENT_LEN];

	if (!port)
		return -ENOMEM;
	add_interface(print, port, CAPTURE_IN);
	write_comment(captured, comment);
	packet = (struct pcapng_packet){
		.interface = port->side[CAPTURE_IN].number,
		.time_ns = captured->time_ns + print->realtime_ns,
		.data = before,
		.saved = captured->saved_before,
		.bytes = captured->bytes_before,
		.comment = comment,
		.direction = PCAPNG_INBOUND,
		.id = captured->packet,
		.queue = captured->queue,
		.xdp = xdp_action(dp_verdict_class((enum cv_verdict)captured->verdict)),
	};
	port->side[CAPTURE_IN].packets++;
	pcapng_write_packet(print->to, &packet);
	if (!captured->out_ifindex)
		return 0;
	port = capture_print_port(print, captured->out_ifindex);
	if (!port)
		return -ENOMEM;
	add_interface(print, port, CAPTURE_OUT);
	packet.interface = port->side[CAPTURE_OUT].number;
	packet.data = after;
	packet.saved = captured->saved_after;
	packet.bytes = captured->bytes_after;
	packet.direction = PCAPNG_OUTBOUND;
	port->side[CAPTURE_OUT].packets++;
	pcapng_write_packet(print->to, &packet);
	return 0;
}

void capture_file_end(struct capture_print *print, uint64_t end_ns, const uint64_t *lost)
{
	for (size_t i = 0; i < print->ports; i++) {
		for (enum capture_side side = CAPTURE_IN; side <= CAPTURE_OUT; side++) {
			if (!print->port[i].side[side].is_in_file)
				continue;
			pcapng_write_statistics(print->to,
						&(struct pcapng_statistics){
							.interface = print->port[i].side[side].number,
							.start_ns = print->start_ns,
							.end_ns = end_ns,
							.dropped = side == CAPTURE_IN ? lost[i] : 0,
							.delivered = print->port[i].side[side].packets,
						});
		}
	}
}
