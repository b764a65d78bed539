/* SPDX-License-Identifier: GPL-2.0-only */
/* The daemon's log; see log.h. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "util/log.h"

#define LINE_LEN 1024 /* with what stands in front and the newline */

/* Priorities are those of syslog (RFC 5424 6.2.1). */
static const struct {
	const char *name;
	int priority;
} levels[] = {
	[LOG_LEVEL_ERR] = { "err", 3 },
	[LOG_LEVEL_WARN] = { "warn", 4 },
	[LOG_LEVEL_INFO] = { "info", 6 },
	[LOG_LEVEL_DEBUG] = { "debug", 7 },
};

static enum log_level threshold = LOG_LEVEL_INFO;

void log_set_level(enum log_level level)
{
	threshold = level;
}

/* The variable alone does not say it: whoever is started from a service and has its output redirected
 * inherits it too. */
static bool is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	unsigned long long device, inode;
	struct stat st;

	return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 && !fstat(STDERR_FILENO, &st) &&
	       st.st_dev == device && st.st_ino == inode;
}

static size_t print_head(enum log_level level, char *line)
{
	struct timespec now;
	struct tm utc;
	size_t used;

	if (is_journal())
		return (size_t)snprintf(line, LINE_LEN, "<%d>", levels[level].priority);
	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &utc);
	used = strftime(line, LINE_LEN, "%Y-%m-%dT%H:%M:%S", &utc);
	used += (size_t)snprintf(line + used, LINE_LEN - used, ".%03ldZ %s ", now.tv_nsec / 1000000,
				 levels[level].name);
	return used;
}

void log_write(enum log_level level, const char *format, ...)
{
	int saved_errno = errno;
	char line[LINE_LEN];
	va_list args;
	ssize_t written;
	size_t used;

	if (level > threshold)
		return;
	used = print_head(level, line);
	va_start(args, format);
	vsnprintf(line + used, sizeof(line) - used - 1, format, args);
	va_end(args);
	for (; line[used]; used++)
		if ((unsigned char)line[used] < ' ' || line[used] == 0x7f)
			line[used] = '?';
	line[used++] = '\n';
	written = write(STDERR_FILENO, line, used);
	(void)written; /* there is nowhere to report that the log itself cannot be written */
	errno = saved_errno;
}

bool log_limit_pass(struct log_limit *limit, uint64_t now_ms, uint64_t *ret_suppressed)
{
	if (now_ms - limit->started_ms >= limit->interval_ms) {
		limit->started_ms = now_ms;
		limit->passed = 0;
	}
	if (limit->passed == limit->lines) {
		limit->suppressed++;
		return false;
	}
	limit->passed++;
	*ret_suppressed = limit->suppressed;
	limit->suppressed = 0;
	return true;
}
