/* SPDX-License-Identifier: GPL-2.0-only */
/* Captured packets as a table, and as JSON; see capture_print.h. */
#include <errno.h>
#include <inttypes.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cli/capture_print.h"
#include "cli/capture_frame.h"
#include "util/vec.h"

#define NS_PER_S 1000000000

/* Wide enough for most of what will come, so that columns keep their places, and yet within 100. The words of the last
 * one need no places of their own. */
static const struct out_column columns[] = {
	{ "TIME           ", OUT_LEFT },
	{ "IN/CPU", OUT_LEFT },
	{ "FROM               ", OUT_LEFT },
	{ "TO           ", OUT_LEFT },
	{ "WHAT       ", OUT_LEFT },
	{ "BYTES", OUT_RIGHT },
	{ "VERDICT LISTENER BACKEND", OUT_LEFT },
};

static struct capture_port *add_port(struct capture_print *print, uint32_t ifindex, const char *name)
{
	struct capture_port *more = vec_grow(print->port, print->ports, sizeof(*more));

	if (!more)
		return NULL;
	print->port = more;
	more += print->ports++;
	*more = (struct capture_port){ .ifindex = ifindex };
	snprintf(more->name, sizeof(more->name), "%s", name);
	return more;
}

int capture_print_init(struct capture_print *print, FILE *to, const struct dp_interface *ports, size_t nr)
{
	struct timespec real, monotonic;

	clock_gettime(CLOCK_REALTIME, &real);
	clock_gettime(CLOCK_MONOTONIC, &monotonic);
	*print = (struct capture_print){
		.to = to,
		.realtime_ns = (uint64_t)((real.tv_sec - monotonic.tv_sec) * NS_PER_S + real.tv_nsec -
					  monotonic.tv_nsec),
	};
	out_table_init(&print->table, columns, CV_ARRAY_SIZE(columns));
	print->table.gap = 1;
	for (size_t i = 0; i < nr; i++) {
		if (!add_port(print, ports[i].ifindex, ports[i].name))
			return -ENOMEM;
	}
	return 0;
}

void capture_print_done(struct capture_print *print)
{
	out_table_done(&print->table);
	free(print->port);
	print->port = NULL;
	print->ports = 0;
}

struct capture_port *capture_print_port(struct capture_print *print, uint32_t ifindex)
{
	char name[IF_NAMESIZE];

	if (!ifindex)
		return NULL;
	for (size_t i = 0; i < print->ports; i++)
		if (print->port[i].ifindex == ifindex)
			return &print->port[i];
	if (!if_indextoname(ifindex, name))
		snprintf(name, sizeof(name), "%u", ifindex);
	return add_port(print, ifindex, name);
}

static const char *port_name(struct capture_print *print, uint32_t ifindex)
{
	const struct capture_port *port = capture_print_port(print, ifindex);

	return port ? port->name : "-";
}

uint64_t capture_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

const char *capture_time(uint64_t realtime_ns, char *text)
{
	time_t s = (time_t)(realtime_ns / NS_PER_S);
	struct tm tm;

	localtime_r(&s, &tm);
	snprintf(text, CAPTURE_TIME_LEN, "%02d:%02d:%02d.%06" PRIu64, tm.tm_hour, tm.tm_min, tm.tm_sec,
		 realtime_ns % NS_PER_S / 1000);
	return text;
}

const char *capture_time_utc(uint64_t realtime_ns, char *text)
{
	time_t s = (time_t)(realtime_ns / NS_PER_S);
	char date[24];
	struct tm tm;

	gmtime_r(&s, &tm);
	strftime(date, sizeof(date), "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(text, CAPTURE_TIME_LEN, "%s.%09" PRIu64 "Z", date, realtime_ns % NS_PER_S);
	return text;
}

static struct addr to_addr(const uint8_t *bytes)
{
	struct addr addr;

	memcpy(addr.byte, bytes, sizeof(addr.byte));
	return addr;
}

static void address_cell(struct out_table *table, const struct capture_frame *frame, const struct addr *addr,
			 uint16_t port)
{
	char text[ADDR_PORT_TEXT_LEN];

	if (!frame->has_addresses)
		out_cell(table, "-");
	else if (frame->has_ports)
		out_cell(table, "%s", addr_format_port(addr, port, text));
	else
		out_cell(table, "%s", addr_format(addr, text));
}

/* "74", or "74+20" of a packet that left with a header of 20 bytes more. */
static void bytes_cell(struct out_table *table, const struct cv_captured *captured)
{
	if (captured->out_ifindex && captured->bytes_after != captured->bytes_before)
		out_cell(table, "%u%+d", captured->bytes_before,
			 (int)(captured->bytes_after - captured->bytes_before));
	else
		out_cell(table, "%u", captured->bytes_before);
}

/* "tx web 10.0.0.11", "drop ttl web 10.0.0.11", "tx reset_late web -", "redirect eth1 web 10.0.0.11", "pass not_vip - -". */
static void verdict_cell(struct capture_print *print, const struct cv_captured *captured)
{
	const struct addr backend = to_addr(captured->backend);
	char text[ADDR_TEXT_LEN];
	const enum cv_verdict verdict = (enum cv_verdict)captured->verdict;
	const char *class = dp_class_name(dp_verdict_class(verdict)), *reason = dp_verdict_name(verdict);

	if (verdict == CV_REDIRECT)
		reason = port_name(print, captured->out_ifindex);
	else if (!strcmp(class, reason))
		reason = "";
	out_cell(&print->table, "%s%s%s %s %s", class, *reason ? " " : "", reason,
		 *captured->listener ? captured->listener : "-",
		 addr_is_zero(&backend) ? "-" : addr_format(&backend, text));
}

int capture_print_row(struct capture_print *print, const struct cv_captured *captured, const uint8_t *before)
{
	struct out_table *table = &print->table;
	char time[CAPTURE_TIME_LEN];
	struct capture_frame frame;

	capture_frame_read(before, captured->saved_before, &frame);
	out_cell(table, "%s", capture_time(captured->time_ns + print->realtime_ns, time));
	out_cell(table, "%s/%u", port_name(print, captured->ifindex), captured->cpu);
	address_cell(table, &frame, &frame.client, frame.client_port);
	address_cell(table, &frame, &frame.address, frame.port);
	out_cell(table, "%s", frame.what);
	bytes_cell(table, captured);
	verdict_cell(print, captured);
	return 0;
}

int capture_print_flush(struct capture_print *print)
{
	int r = 0;

	if (print->is_table && out_table_rows(&print->table))
		r = out_table_print(&print->table, print->to);
	fflush(print->to);
	return r;
}

static void print_hex(FILE *to, const char *key, const uint8_t *bytes, size_t nr)
{
	fprintf(to, ",\"%s\":\"", key);
	for (size_t i = 0; i < nr; i++)
		fprintf(to, "%02x", bytes[i]);
	fputc('"', to);
}

/* By hand, as in cmd_flows: a line for each packet. Nothing of it needs escapes but an interface's name, which may hold
 * any byte but a space and a slash. */
static void print_name(FILE *to, const char *key, const char *name)
{
	fprintf(to, ",\"%s\":\"", key);
	for (; *name; name++) {
		if (*name == '"' || *name == '\\' || (unsigned char)*name < ' ' || (unsigned char)*name > '~')
			fprintf(to, "\\u%04x", (unsigned char)*name);
		else
			fputc(*name, to);
	}
	fputc('"', to);
}

static void print_frame(FILE *to, const struct capture_frame *frame)
{
	char text[ADDR_TEXT_LEN];

	if (frame->has_addresses) {
		fprintf(to, ",\"client\":\"%s\"", addr_format(&frame->client, text));
		fprintf(to, ",\"address\":\"%s\",\"protocol\":%u", addr_format(&frame->address, text),
			frame->protocol);
	}
	if (frame->has_ports)
		fprintf(to, ",\"client_port\":%u,\"port\":%u", frame->client_port, frame->port);
	fprintf(to, ",\"what\":\"%s\"", frame->what);
}

int capture_print_json(struct capture_print *print, const struct cv_captured *captured, const uint8_t *before,
		       const uint8_t *after)
{
	const enum cv_verdict verdict = (enum cv_verdict)captured->verdict;
	const struct addr backend = to_addr(captured->backend);
	char time[CAPTURE_TIME_LEN], text[ADDR_TEXT_LEN];
	struct capture_frame frame;
	FILE *to = print->to;

	capture_frame_read(before, captured->saved_before, &frame);
	fprintf(to, "{\"time\":\"%s\",\"packet\":%ju,\"cpu\":%u,\"queue\":%u",
		capture_time_utc(captured->time_ns + print->realtime_ns, time), (uintmax_t)captured->packet,
		captured->cpu, captured->queue);
	print_name(to, "interface", port_name(print, captured->ifindex));
	print_frame(to, &frame);
	fprintf(to, ",\"bytes\":%u,\"verdict\":\"%s\",\"reason\":\"%s\"", captured->bytes_before,
		dp_class_name(dp_verdict_class(verdict)), dp_verdict_name(verdict));
	if (*captured->listener)
		print_name(to, "listener", captured->listener);
	if (!addr_is_zero(&backend))
		fprintf(to, ",\"backend\":\"%s\"", addr_format(&backend, text));
	print_hex(to, "before", before, captured->saved_before);
	if (captured->out_ifindex) {
		print_name(to, "out_interface", port_name(print, captured->out_ifindex));
		fprintf(to, ",\"out_bytes\":%u", captured->bytes_after);
		print_hex(to, "after", after, captured->saved_after);
	}
	fputs("}\n", to);
	return 0;
}
