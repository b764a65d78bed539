/* SPDX-License-Identifier: GPL-2.0-only */
/* Keeps libbpf's warnings; see bpf_log.h. One buffer a thread, as sweeps run in a thread of their own. */
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <bpf/libbpf.h>

#include "dataplane/bpf_log.h"

static _Thread_local char first_warning[256];

/* libbpf tries such maps again by itself; it is no fault. */
static const char harmless[] = "Retrying without BTF";

static int keep_warning(enum libbpf_print_level level, const char *format, va_list args)
{
	char text[sizeof(first_warning)];
	const char *start = text;

	if (level != LIBBPF_WARN || first_warning[0])
		return 0;
	vsnprintf(text, sizeof(text), format, args);
	if (strstr(text, harmless))
		return 0;
	if (strncmp(start, "libbpf: ", 8) == 0)
		start += 8;
	snprintf(first_warning, sizeof(first_warning), "%.*s", (int)strcspn(start, "\n"), start);
	return 0;
}

void bpf_log_capture(void)
{
	first_warning[0] = '\0';
	libbpf_set_print(keep_warning);
}

const char *bpf_log_last(void)
{
	return first_warning[0] ? first_warning : "no message from libbpf";
}
