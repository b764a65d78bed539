/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeps the warnings of libbpf and libxdp; see bpf_log.h. One buffer a thread, as sweeps run in a thread of their own. */
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <bpf/libbpf.h>
#include <xdp/libxdp.h>

#include "dataplane/bpf_log.h"

static _Thread_local char first_warning[512];
static _Thread_local bool is_libxdp; /* who said it */

/* libbpf tries such maps again by itself; it is no fault. */
static const char harmless[] = "Retrying without BTF";

static void keep_line(const char *text)
{
	static const char *const prefixes[] = { "libbpf: ", "libxdp: " };

	for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
		if (!strncmp(text, prefixes[i], strlen(prefixes[i])))
			text += strlen(prefixes[i]);
	snprintf(first_warning, sizeof(first_warning), "%.*s", (int)strcspn(text, "\n"), text);
}

/* The verifier's last words before its statistics are why it refused. */
static void keep_reason(char *log)
{
	size_t used = strlen(first_warning);
	char *end = strstr(log, "\nprocessed "), *line;

	if (!end)
		end = strstr(log, "\n-- END PROG LOAD LOG");
	if (!end || is_libxdp)
		return;
	*end = '\0';
	line = strrchr(log, '\n');
	if (line)
		snprintf(first_warning + used, sizeof(first_warning) - used, ": %s", line + 1);
}

static int keep_libbpf(enum libbpf_print_level level, const char *format, va_list args)
{
	char *text;

	if (level != LIBBPF_WARN || vasprintf(&text, format, args) < 0)
		return 0;
	if (strstr(text, "-- BEGIN PROG LOAD LOG --"))
		keep_reason(text);
	else if (!first_warning[0] && !strstr(text, harmless))
		keep_line(text);
	free(text);
	return 0;
}

/* libxdp has no words for some failures, and for others the better ones: they go before libbpf's. */
static int keep_libxdp(enum libxdp_print_level level, const char *format, va_list args)
{
	char *text;

	if (level == LIBXDP_DEBUG || is_libxdp || vasprintf(&text, format, args) < 0)
		return 0;
	keep_line(text);
	is_libxdp = true;
	free(text);
	return 0;
}

void bpf_log_capture(void)
{
	first_warning[0] = '\0';
	is_libxdp = false;
	libbpf_set_print(keep_libbpf);
	libxdp_set_print(keep_libxdp);
}

const char *bpf_log_last(void)
{
	return first_warning[0] ? first_warning : "no message from libbpf";
}
